package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/hint"
)

// A proxy that net/http cannot parse was ignored: requests bypassed it. No error
// shows the value, which contains a password.
func TestCheckProxy(t *testing.T) {
	for value, ok := range map[string]bool{
		"": true, "http://proxy.example:3128": true, "proxy.example:3128": true, "proxy": true, "https://u:hunter2@proxy:1": true,
		"socks5://proxy:1080": true, "socks5h://proxy:1080": true, "http://u:p%40@[::1]:1": true,
		"http://u:hunter2%Sx@proxy:1": false, "http://proxy:port": false, "http://": false, "http://u:hunter2@": false,
		"socks4://hunter2:1": false, "ftp://u:hunter2@proxy": false, "http://pro xy": false, "http://u:hunter2\x7f@proxy": false,
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			for _, n := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
				t.Setenv(n, "")
			}
			t.Setenv(name, value)
			err := CheckProxy()
			if (err == nil) != ok {
				t.Errorf("CheckProxy with %s=%q = %v", name, value, err)
			}
			if err != nil && (!strings.Contains(err.Error(), name) || hint.Of(err) == "" || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("CheckProxy with %s=%q = %v (hint %q)", name, value, err, hint.Of(err))
			}
		}
	}
	// Only the variable that net/http reads counts.
	t.Setenv("HTTP_PROXY", "")
	t.Setenv("http_proxy", "")
	t.Setenv("HTTPS_PROXY", "http://proxy:1")
	t.Setenv("https_proxy", "http://%")
	if err := CheckProxy(); err != nil {
		t.Errorf("CheckProxy = %v", err)
	}
}

// newCA makes a certificate authority in PEM.
func newCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// ca_file adds to the system's authorities, and a check reports its problems with a
// hint.
func TestRootCAs(t *testing.T) {
	pool, err := Default().RootCAs()
	if pool != nil || err != nil {
		t.Errorf("RootCAs without a file = %v, %v", pool, err)
	}
	ca := newCA(t)
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"one":            {string(ca), true},
		"two, and words": {"# internal\n" + string(ca) + "\n" + string(newCA(t)), true},
		"empty":          {"", false},
		"a key":          {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", false},
		"damaged":        {strings.Replace(string(ca), "M", "N", 3), false},
		"DER":            {"\x30\x82\x01", false},
		"too long":       {string(ca) + strings.Repeat("\n", maxCA), false},
	} {
		path := write(t, "ca_file = \"ca.pem\"\n"+minimal)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "ca.pem"), []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		pool, err := cfg.RootCAs()
		if (err == nil) != tt.ok || err == nil && (pool == nil || pool.Equal(system)) || err != nil && hint.Of(err) == "" {
			t.Errorf("%s: RootCAs = %v, %v (hint %q)", name, pool, err, hint.Of(err))
		}
		if problems := cfg.CheckSecrets(); len(problems) == 0 != tt.ok || !tt.ok && (problems[0].Line != 1 || problems[0].Hint == "") {
			t.Errorf("%s: CheckSecrets = %v", name, problems)
		}
	}
	if _, err := (&Config{CAFile: filepath.Join(t.TempDir(), "none.pem")}).RootCAs(); err == nil || hint.Of(err) == "" {
		t.Errorf("RootCAs of a missing file = %v", err)
	}
}

// A problem of the file hid missing secrets; a key given twice or a table in wrong
// brackets hid everything after it. Check reports all problems in one run, each once.
func TestCheck(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://u:%Sx@proxy:1")
	path := write(t, `operatros = ["ops"]
ca_file = "none.pem"

[account]
name = "broken"

[[account]]
name = "prod"
region = "cn-north-4"
connections = 5
connections = 6
access_key = "env:A B"
secret_key = "env:COCSYNC_TEST_UNSET"

[[watch]]
name = "jobs"
account = "prd"
schedule = "every day"
select = { all = true }

[[slack]]
name = "ops"
token = "xoxp-1"
channel = "C0123456789"

[[slack]]
name = "dev"
token = "file:none"
chanel = "C0123456789"
`)
	_, err := Check(path)
	if err == nil {
		t.Fatal("Check found nothing")
	}
	got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "")
	for _, want := range []string{
		"environment variable HTTPS_PROXY is not a valid address of a proxy\n",
		`config.toml:1: unknown key "operatros"`,
		"config.toml:2: ca_file: stat none.pem",
		"config.toml:4: account must be a list of tables",
		"config.toml:11: key connections is already defined",
		`config.toml:12: account "prod": access_key: env:A B is not the name of an environment variable`,
		`config.toml:13: account "prod": secret_key: environment variable COCSYNC_TEST_UNSET is not set`,
		`config.toml:18: watch "jobs": schedule: expected exactly 5 fields`,
		`config.toml:23: slack "ops": token: this is a person's token (xoxp-)`,
		`config.toml:28: slack "dev": token: stat none: no such file`,
		`config.toml:29: unknown key "chanel" in slack`,
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q is not once in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "hint:"); n != 11 {
		t.Errorf("%d problems, want 11:\n%s", n, got)
	}
	if _, err := Load(path); err == nil || strings.Contains(err.Error(), "UNSET") {
		t.Errorf("Load = %v, want an error that resolved no secret", err)
	}
	t.Setenv("HTTPS_PROXY", "")
	if cfg, err := Check(write(t, minimal)); err != nil || len(cfg.Watches) != 1 {
		t.Errorf("Check of a good config = %v, %v", cfg, err)
	}
}

// An unknown account is reported together with the other problems if the accounts
// themselves have none.
func TestCheckUnknownAccount(t *testing.T) {
	text := strings.Replace(minimal, `account = "prod"`, "account = \"prd\"\nschedule = \"x\"\nnotify = [\"ops\"]", 1) +
		"[[slack]]\nname = \"ops\"\ntoken = \"env:COCSYNC_TEST_UNSET\"\nchannel = \"C0123456789\"\n"
	_, err := Check(write(t, text))
	for _, want := range []string{"unknown account", "schedule: expected", "COCSYNC_TEST_UNSET"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want %s in it", err, want)
		}
	}
}

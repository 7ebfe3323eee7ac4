package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A page that other machines can reach needs a token and https.
func TestWeb(t *testing.T) {
	const token = "\ntoken = \"0123456789abcdef0123\""
	for _, tt := range []struct{ web, fault string }{
		{"", ""},
		{`listen = ""`, ""},
		{`listen = "[::1]:0"`, ""},
		{`listen = "localhost:8321"`, ""},
		{`listen = "127.0.0.1:8321"` + "\nbehind_proxy = true", ""},
		{`listen = "0.0.0.0:8321"` + "\nbehind_proxy = true" + token, ""},
		{`listen = ":8321"` + "\ncert = \"c\"\nkey = \"k\"" + token, ""},
		{`listen = "0.0.0.0:8321"`, "web: other machines can reach this address, and it has no token"},
		{`listen = ":8321"`, "web: other machines can reach this address, and it has no token"},
		{`listen = "10.1.2.3:8321"` + token,
			"web: other machines can reach this address, and without https the token and the archive are sent as plain text"},
		{`listen = "127.0.0.1"`, `web: listen: "127.0.0.1" is not a valid address`},
		{`listen = "127.0.0.1:http"`, `web: listen: "http" is not a valid port`},
		{`listen = "coc.example.com:80"`, `web: listen: "coc.example.com" is not an IP address`},
		{`token = "short"`, "web: token: the token is shorter than 20 characters"},
		{`cert = "c"`, "web: cert and key must be given together"},
		{"cert = \"c\"\nkey = \"k\"\nbehind_proxy = true", "web: behind_proxy and cert are both given"},
		{`lisen = ""`, `unknown key "lisen" in web`},
	} {
		text := minimal + "\n[web]\n" + tt.web + "\n"
		_, err := parse("config.toml", []byte(text), 0o600, nowForTests())
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("[web] %s\n%v, want %q", tt.web, err, tt.fault)
		}
	}
}

// The files that the page needs are checked.
func TestCheckSecretsOfWeb(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := load(t, minimal+"\n[web]\ntoken = \"file:"+dir+"/token\"\ncert = \"none.crt\"\nkey = \"none.key\"\n")
	var got []string
	for _, p := range cfg.CheckSecrets() {
		got = append(got, p.Fault)
	}
	if len(got) != 2 || !strings.Contains(got[0], "shorter than 20") || !strings.Contains(got[1], "none.crt: no such file") {
		t.Errorf("CheckSecrets() = %q, want a short token and a missing certificate", got)
	}
}

func TestPageHost(t *testing.T) {
	for link, want := range map[string]string{
		"": "", "https://coc.example.com/changes/{change}": "coc.example.com",
		"http://10.0.0.7:8321/{document_id}": "10.0.0.7",
	} {
		if got := (&Config{PageURL: link}).PageHost(); got != want {
			t.Errorf("PageHost() with page_url %q = %q, want %q", link, got, want)
		}
	}
}

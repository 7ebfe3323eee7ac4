package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// No format shows a key pair, alone or in a struct.
func TestKeyPairHidden(t *testing.T) {
	var out bytes.Buffer
	agency := &Agency{kept: testKey}
	client := &Client{Credentials: Static(testKey)}
	client.guard.refuse(testKey, &Error{Op: "x"}, time.Now())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+verb, testKey, &testKey, []KeyPair{testKey}, agency, client)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", testKey, "source", client.Credentials, "agency", agency)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", testKey, "keys", []KeyPair{testKey})
	_ = json.NewEncoder(&out).Encode(map[string]any{"key": testKey})
	for _, secret := range []string{testKey.AccessKey, testKey.SecretKey, testKey.SecurityToken} {
		for _, s := range []string{secret, fmt.Sprintf("%x", secret)} {
			if strings.Contains(out.String(), s) {
				i := strings.Index(out.String(), s)
				t.Errorf("%q is shown: …%s", s, out.String()[max(0, i-80):i+len(s)])
			}
		}
	}
}

func setEnv(t *testing.T, access, secret, token, profile string) {
	t.Setenv(envAccess, access)
	t.Setenv(envSecret, secret)
	t.Setenv(envToken, token)
	t.Setenv(envProfile, profile)
}

func TestEnv(t *testing.T) {
	setEnv(t, "a", "s", "t", "")
	if got, err := env(t.Context(), KeyPair{}); err != nil || !got.same(KeyPair{AccessKey: "a", SecretKey: "s", SecurityToken: "t"}) {
		t.Errorf("Env = %+v, %v, want a, s, t", got.AccessKey, err)
	}
	setEnv(t, "a", "", "", "")
	if _, err := env(t.Context(), KeyPair{}); err == nil || errors.As(err, new(absent)) {
		t.Errorf("half a key pair: error = %v, want one that ends a chain", err)
	}
}

func TestProfile(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       KeyPair
		words      string // of the error
	}{
		{"global goes first", "[basic]\nak=b\nsk=b\n[global]\nak = g\nsk = x=y\nsecurity_token = t\n",
			KeyPair{AccessKey: "g", SecretKey: "x=y", SecurityToken: "t"}, ""},
		{"basic", "\uFEFF# comment\r\n[ BASIC ]\r\n; ak=no\r\nAK=b\r\nsk=c\r\n", KeyPair{AccessKey: "b", SecretKey: "c"}, ""},
		{"half", "[basic]\nak=hunter2\n", KeyPair{}, "needs both ak and sk"},
		{"another section", "[other]\nak=hunter2\nsk=hunter2\n", KeyPair{}, "no section [global] or [basic]"},
		{"no section", "ak=hunter2\nsk=hunter2", KeyPair{}, "no section"},
		{"too long", strings.Repeat("x", maxProfile+1), KeyPair{}, "longer than 64 KB"},
	} {
		path := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(envProfile, path)
		got, err := profile(t.Context(), KeyPair{})
		if !got.same(tt.want) || (err == nil) != (tt.words == "") {
			t.Errorf("%s: Profile = %q, %v", tt.name, got.AccessKey, err)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: error %q, want %q and no secret", tt.name, err, tt.words)
		}
	}
}

// The chain tries the sources in the SDKs' order, and says what each source is
// missing.
func TestChain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "credentials")
	if err := os.WriteFile(path, []byte("[global]\nak=file\nsk=s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	agency := Static(KeyPair{AccessKey: "agency", SecretKey: "s"})
	none := Source(func(context.Context, KeyPair) (KeyPair, error) { return KeyPair{}, absent{"no agency here"} })
	source := chain(env, profile, agency)
	for _, tt := range []struct{ env, profile, want string }{
		{"env", path, "env"}, {"", path, "file"}, {"", filepath.Join(dir, "none"), "agency"},
	} {
		setEnv(t, tt.env, tt.env, "", tt.profile)
		if got, err := source(t.Context(), KeyPair{}); err != nil || got.AccessKey != tt.want {
			t.Errorf("chain = %q, %v, want %q", got.AccessKey, err, tt.want)
		}
	}
	_, err := chain(env, profile, none)(t.Context(), KeyPair{})
	for _, want := range []string{envAccess + " is not set", "file not found: " + dir, "no agency here", "set " + envAccess} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not contain %q", err, want)
		}
	}
	broken := Source(func(context.Context, KeyPair) (KeyPair, error) {
		return KeyPair{}, fmt.Errorf("half: %w", coc.ErrTemporary)
	})
	if _, err := chain(broken, agency)(t.Context(), KeyPair{}); !errors.Is(err, coc.ErrTemporary) {
		t.Errorf("a source that fails: error = %v, want it to end the chain", err)
	}
}

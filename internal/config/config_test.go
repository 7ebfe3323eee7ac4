package config

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// write writes a config file that no one else can read and returns its path.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parse is Load without the file.
func parse(path string, text []byte, mode fs.FileMode, now time.Time) (*Config, error) {
	cfg, c := decode(path, text, mode, now)
	return cfg, c.err()
}

// load loads a valid config.
func load(t testing.TB, text string) *Config {
	t.Helper()
	cfg, err := Load(write(t, text))
	if err != nil {
		t.Fatalf("Load: %v\n%s", err, text)
	}
	return cfg
}

const minimal = `
[[account]]
name = "prod"
region = "cn-north-4"

[[watch]]
name = "jobs"
account = "prod"
documents = ["DM1"]
`

// A key that is missing has its default; one that is present has its value, zero included.
func TestLoad(t *testing.T) {
	path := write(t, minimal+`
select.name_like = "x"
notify = ["ops"]
audit = ""

[[account]]
name = "test"
endpoint = "http://127.0.0.1:8080"
access_key = "env:AK"
secret_key = "file:sk"
requests_per_second = 0

[[slack]]
name = "ops"
token = "file:/run/token"
channel = "C0123456789"
kinds = ["withdrawn"]
mask = ["a+"]
thread = ""
quiet_except = []
checkpoints = "never"

[[webhook]]
name = "bus"
url = "file:url"
secret = "file:sk"
mask = ["b+"]

[[route]]
names = ["prod-*"]
risk_levels = ["high"]
notify = ["bus"]
continue = true

[people]
"li.wei" = { name = "Li Wei", slack = "U0123" }
bob.name = "Bob"
bob.slack = "W0123"

[people."COC 1234"]
name = "李伟"
`)
	dir := filepath.Dir(path)
	want := &Config{
		Database: filepath.Join(dir, "cocsync.db"),
		Accounts: []Account{
			{Name: "prod", Region: "cn-north-4", Endpoint: "https://coc.myhuaweicloud.com", RequestsPerSecond: 5, Connections: 4},
			{
				Name: "test", Endpoint: "http://127.0.0.1:8080", Connections: 4,
				AccessKey: Secret{"env:AK"}, SecretKey: Secret{"file:" + filepath.Join(dir, "sk")},
			},
		},
		Watches: []Watch{{
			Name: "jobs", Account: "prod", Schedule: "*/5 * * * *", Timezone: "UTC",
			Documents: []string{"DM1"}, Select: &Select{NameLike: "x"}, Notify: []string{"ops"},
		}},
		Slacks: []Slack{{
			Notifier: Notifier{Name: "ops", Kinds: []coc.Kind{coc.KindWithdrawn}, Detail: "full", Mask: []string{"a+"}},
			Token:    Secret{"file:/run/token"}, Channel: "C0123456789", APIURL: "https://slack.com/api/", DigestOver: 10,
			Timezone: "UTC", QuietExcept: []coc.Kind{}, Checkpoints: "never",
		}},
		Webhooks: []Webhook{{
			Notifier: Notifier{Name: "bus", Kinds: defaultKinds(), Detail: "full", Mask: []string{"b+"}},
			URL:      Secret{"file:" + filepath.Join(dir, "url")}, Secret: Secret{"file:" + filepath.Join(dir, "sk")},
		}},
		Routes: []Route{{Names: []string{"prod-*"}, RiskLevels: []string{"high"}, Notify: []string{"bus"}, Continue: true}},
		People: map[string]Person{"li.wei": {"Li Wei", "U0123"}, "bob": {"Bob", "W0123"}, "COC 1234": {Name: "李伟"}},
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmp.AllowUnexported(Secret{})); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
	masks, err := got.Slacks[0].Masks()
	if err != nil || len(masks) != 1 || !masks[0].MatchString("aaa") {
		t.Errorf("Masks() = %v, %v", masks, err)
	}
	if masks, err = got.Webhooks[0].Masks(); err != nil || len(masks) != 1 || !masks[0].MatchString("bbb") {
		t.Errorf("Masks() of the webhook = %v, %v", masks, err)
	}
	if diff := cmp.Diff([]string{"ops", "bus"}, got.Notifiers()); diff != "" {
		t.Errorf("Notifiers (-want +got):\n%s", diff)
	}
}

// Editors on Windows start a file with a byte order mark and end lines with CRLF.
func TestLoadWindowsFile(t *testing.T) {
	load(t, "\uFEFF"+strings.ReplaceAll(minimal, "\n", "\r\n"))
}

// All problems are reported at once, each with its line and its fix. Each archive in
// testdata/faults has a config and its problems.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil || len(a.Files) != 2 {
				t.Fatalf("%d files, %v", len(a.Files), err)
			}
			_, err = parse("config.toml", a.Files[0].Data, 0o644, nowForTests())
			got := "no problem\n"
			if err != nil {
				got = err.Error() + "\n"
			}
			if *update {
				a.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(a.Files[1].Data), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// Thousands of problems must not flood the terminal.
func TestFaultsAreBounded(t *testing.T) {
	_, err := Load(write(t, strings.Repeat("[[watch]]\nx = 1\n", 2000)))
	if n := strings.Count(err.Error(), "\n"); n > 2*maxShown {
		t.Errorf("%d lines", n)
	}
	if _, err := Load(write(t, strings.Repeat("#", maxFile+1))); err == nil {
		t.Error("Load accepted a file that is too long")
	}
}

// The error of a missing config says how to write one.
func TestLoadMissing(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.toml"))
	if err == nil || !strings.Contains(hint.Of(err), "cocsync init") {
		t.Errorf("Load = %v (hint %q), want one with `cocsync init`", err, hint.Of(err))
	}
}

// Offline commands read only `database`, whatever else is wrong.
func TestLoadDatabase(t *testing.T) {
	tests := []struct {
		name, text, want string // want is relative to the config; "" for an error
	}{
		{"present", `database = "x/a.db"`, "x/a.db"},
		{"absolute", `database = "/var/a.db"`, "/var/a.db"},
		{"default", "[[account]]\n", "cocsync.db"},
		{"empty file", "", "cocsync.db"},
		{"unknown keys and wrong types around it", "operators = 5\nfoo = 1\n\"database\" = 'a.db'\n[web]\nx = 1", "a.db"},
		{"misspelled", "databse = \"a.db\"\n[web]", ""},
		{"misspelled and present", "databse = \"a.db\"\ndatabase = \"b.db\"", "b.db"},
		{"invalid TOML after it", "database = \"a.db\"\n= = =", "a.db"},
		{"invalid TOML in a table", "[[account]]\n= = =", "cocsync.db"},
		{"database of a table", "[other]\ndatabase = \"b.db\"", "cocsync.db"},
		{"invalid TOML before it", "= = =\ndatabase = \"a.db\"", ""},
		{"wrong type", "database = 5", ""},
		{"empty", `database = ""`, ""},
		{"a table", "database.x = \"a\"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.text)
			want := tt.want
			if want != "" && !filepath.IsAbs(want) {
				want = filepath.Join(filepath.Dir(path), want)
			}
			got, err := LoadDatabase(path)
			if got != want || (err != nil) != (tt.want == "") {
				t.Errorf("LoadDatabase = %q, %v, want %q", got, err, want)
			}
			if err != nil && !strings.Contains(hint.Of(err), "--db") {
				t.Errorf("hint %q does not name --db", hint.Of(err))
			}
		})
	}
}

// The order is -c, the environment, the current folder, the system.
func TestFind(t *testing.T) {
	there, other := write(t, ""), write(t, "")
	none := filepath.Join(t.TempDir(), "none.toml")
	tests := []struct{ name, flag, env, here, system, want string }{
		{"flag first, whether or not it exists", "flag.toml", there, there, other, "flag.toml"},
		{"then the environment", "", "env.toml", there, other, "env.toml"},
		{"then the current folder", "", "", there, other, there},
		{"then the system", "", "", none, other, other},
	}
	for _, tt := range tests {
		if got, err := find(tt.flag, tt.env, tt.here, tt.system); got != tt.want || err != nil {
			t.Errorf("%s: find = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	_, err := find("", "", none, "/no/such/config.toml")
	for _, place := range []string{"-c", "$COCSYNC_CONFIG", "none.toml", "/no/such/config.toml"} {
		if err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("find = %v, which does not name %s", err, place)
		}
	}
	if !strings.Contains(hint.Of(err), "cocsync init") {
		t.Errorf("hint %q", hint.Of(err))
	}
}

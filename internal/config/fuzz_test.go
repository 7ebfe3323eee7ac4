package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse changed whole files of some kilobytes. The fuzzer minimizes each new input,
// which takes as many runs as the square of its length: a minute of fuzzing was spent on
// a few inputs, and most others were invalid TOML. So an input is a few edits of a config
// with every key: each has three bytes, the operation, the line and its argument; value
// is a value for a key.
//
// For any file parse reports problems or returns a config that the library's strict
// decoder accepts too and whose settings can be read.
func FuzzParse(f *testing.F) {
	base, spare := fuzzLines(f)
	f.Add([]byte{}, "")
	for _, value := range []string{
		"TZ=UTC", "0 0 31 2 *", "@every 1ns", "@every 90s", "*/5 * * * *", "Local", "UTC", "30d1h", "99999999d", "-1h",
		"22:00-07:00", "24:00-24:00",
		"[::1]:80", "0.0.0.0:1", ":", "http://[::1]:8080", "https://u@h/", "https://x/{change}?{", "xoxp-1", "whsec_", "env:", "file:", "file:.",
		"$X", "(", "a*", "HIGH", "PUBLIC", "U0123456789", "é\u202e", strings.Repeat("n", 65), "'", "\n",
	} {
		f.Add([]byte{setValue, 0, 0}, value)
	}
	for i := range base {
		line := byte(i)
		f.Add([]byte{setValue, line, 0, removeLine, line + 1, 0}, "x")
		f.Add([]byte{repeatLine, line, 0}, "")
		f.Add([]byte{insertLine, line, line * 7, replaceLine, line + 9, line * 3}, "")
	}
	f.Fuzz(func(t *testing.T, edits []byte, value string) {
		if len(edits) > 24 || len(value) > 300 {
			return
		}
		checkParse(t, []byte(edited(base, spare, edits, value)))
	})
}

// FuzzBytes is FuzzParse over short texts of any kind.
func FuzzBytes(f *testing.F) {
	for _, text := range []string{
		"", "[", "a", "a=", "a=1", "a.b.c=1", "[a]\n[a]", "[[watch]]\nselect.all = true\n[watch.select]", "x=\"\"\"\n",
		"x='''", "people.\"\".name=''", "\uFEFF",
		"[[account]]\nname='a'\nregion='cn-north-4'\n[[watch]]\nname='b'\naccount='a'\ndocuments=['c']",
		"database=1e9", "x=1979-05-27T07:32:00Z", "account=[{}]", "watch=[{select={}}]", "web={listen=''}", "people={a={}}", "#\x00", "\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 200 {
			return
		}
		checkParse(t, text)
	})
}

// The files of the other tests.
func TestParseSeeds(t *testing.T) {
	checkParse(t, []byte(example(t)))
	checkParse(t, []byte(uncomment(example(t))))
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no files:", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkParse(t, a.Files[0].Data)
	}
}

// fuzzLines returns the lines of a good config with every key, and further ones.
func fuzzLines(f *testing.F) (base, spare []string) {
	f.Helper()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(uncomment(string(text))) {
		line = strings.TrimSpace(line)
		key, _, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
		case key == "endpoint", key == "webhook", key == "behind_proxy", key == "security_token":
			spare = append(spare, line)
		default:
			base = append(base, line)
		}
	}
	if _, err := parse("config.toml", []byte(strings.Join(base, "\n")), 0o600, nowForTests()); err != nil {
		f.Fatal("the config to edit has problems:", err)
	}
	spare = append(spare, "[account]", "[[web]]", "[watch.select]", "[[watch.select]]", "[people.x]", "[x]", "[[x]]", "[", "x", "x = 1", "]")
	return base, append(spare, base...)
}

// Operations of an edit.
const (
	setValue = iota
	removeLine
	repeatLine
	insertLine
	replaceLine
	operations
)

// edited returns the lines after the edits.
func edited(base, spare []string, edits []byte, value string) string {
	lines := append([]string{}, base...)
	for ; len(edits) >= 3 && len(lines) > 1; edits = edits[3:] {
		at := int(edits[1]) % len(lines)
		other := spare[int(edits[2])%len(spare)]
		switch edits[0] % operations {
		case setValue:
			key, _, ok := strings.Cut(lines[at], " = ")
			if !ok {
				continue
			}
			lines[at] = key + " = " + []string{fmt.Sprintf("%q", value), value, fmt.Sprintf("[%q]", value)}[int(edits[2])%3]
		case removeLine:
			lines = append(lines[:at], lines[at+1:]...)
		case repeatLine:
			lines = append(lines[:at+1], lines[at:]...)
		case insertLine:
			lines = append(lines[:at], append([]string{other}, lines[at:]...)...)
		case replaceLine:
			lines[at] = other
		}
	}
	return strings.Join(lines, "\n")
}

func checkParse(t *testing.T, text []byte) {
	t.Helper()
	_, _ = databaseIn("config.toml", text)
	_, c := decode("config.toml", text, 0o600, nowForTests())
	if err := c.err(); err != nil {
		checkProblems(t, err, text)
	}
	c.checkFiles() // also of a config with problems
	if err := c.err(); err != nil {
		checkProblems(t, err, text)
	}
	cfg, err := parse("config.toml", text, 0o600, nowForTests())
	if err != nil {
		checkProblems(t, err, text)
		return
	}
	strict := toml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\uFEFF")))).DisallowUnknownFields()
	if err := strict.Decode(new(Config)); err != nil {
		t.Errorf("the library rejects what parse accepted: %v", err)
	}
	checkSettings(t, cfg)
	for _, p := range append(cfg.CheckSecrets(), cfg.Warnings()...) {
		if p.Fault == "" || p.Hint == "" {
			t.Errorf("%+v", p)
		}
	}
}

func checkProblems(t *testing.T, err error, text []byte) {
	t.Helper()
	problems, ok := errors.AsType[*Problems](err)
	if !ok || len(problems.List) == 0 || err.Error() == "" {
		t.Fatalf("%T: %v", err, err)
	}
	lines := bytes.Count(text, []byte("\n")) + 1
	for _, p := range problems.List {
		if p.Line < 0 || p.Line > lines || p.Fault == "" || p.Hint == "" {
			t.Errorf("%+v in %d lines", p, lines)
		}
	}
}

// checkSettings reads all settings of a loaded config.
func checkSettings(t *testing.T, cfg *Config) {
	t.Helper()
	cfg.PageHost()
	for _, w := range cfg.Watches {
		if s, err := w.Cron(); err != nil || s.Next(nowForTests()).IsZero() {
			t.Errorf("Cron of %q: %v", w.Schedule, err)
		}
		if d, err := w.AuditEvery(); err != nil || d < 0 {
			t.Errorf("AuditEvery of %q: %v, %v", w.Audit, d, err)
		}
	}
	for _, s := range cfg.Slacks {
		if _, err := s.Masks(); err != nil {
			t.Errorf("Masks: %v", err)
		}
		if d, err := s.ThreadFor(); err != nil || d < 0 {
			t.Errorf("ThreadFor of %q: %v, %v", s.Thread, d, err)
		}
		if q, err := s.Quiet(); err != nil || q.From == q.To && q.In != nil {
			t.Errorf("Quiet of %q: %v, %v", s.QuietHours, q, err)
		}
	}
	for _, w := range cfg.Webhooks {
		if _, err := w.Masks(); err != nil {
			t.Errorf("Masks: %v", err)
		}
		if _, err := w.Key(); err != nil && w.Secret.plain() {
			t.Errorf("Key: %v", err)
		}
	}
}

package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/txtar"
)

// Whatever a file holds, parse says what is wrong with it or returns a config
// that the library takes too, strictly, and whose settings can be read.
func FuzzParse(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte("[[watch]]\nschedule = \"TZ=UTC\"\nselect.all = true\n[watch.select]\n"))
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(uncomment(string(text))))
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = databaseIn("config.toml", text)
		cfg, err := parse("config.toml", text, 0o600, nowForTests())
		if err != nil {
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
			return
		}
		strict := toml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\uFEFF")))).DisallowUnknownFields()
		if err := strict.Decode(new(Config)); err != nil {
			t.Errorf("the library refuses what parse took: %v", err)
		}
		for _, w := range cfg.Watches {
			if _, err := w.Cron(); err != nil {
				t.Errorf("Cron: %v", err)
			}
			if _, err := w.AuditEvery(); err != nil {
				t.Errorf("AuditEvery: %v", err)
			}
		}
		for _, s := range cfg.Slacks {
			if _, err := s.Masks(); err != nil {
				t.Errorf("Masks: %v", err)
			}
			if _, err := s.ThreadFor(); err != nil {
				t.Errorf("ThreadFor: %v", err)
			}
			if q, err := s.Quiet(); err != nil || q.From == q.To && q.In != nil {
				t.Errorf("Quiet: %v, %v", q, err)
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
		cfg.Warnings()
	})
}

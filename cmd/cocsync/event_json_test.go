package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Webhook events have the documented format, and the documented examples are real events.
func TestEventSchema(t *testing.T) {
	s := readSchema(t, "event.schema.json")
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "events.md"))
	must(t, err)
	files, err := filepath.Glob(filepath.Join("..", "..", "internal", "notify", "testdata", "event-*.txt"))
	must(t, err)
	if len(files) < 4 {
		t.Fatalf("%d events, want those of each kind and detail", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		_, body, _ := bytes.Cut(text, []byte("\n"))
		var v any
		must(t, json.Unmarshal(body, &v))
		if err := s.check(s.root, v, "event"); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		shown := strings.HasSuffix(file, "event-full.txt") || strings.HasSuffix(file, "event-notice.txt")
		if shown && !bytes.Contains(doc, body) {
			t.Errorf("docs/events.md does not show %s as it is", file)
		}
	}
}

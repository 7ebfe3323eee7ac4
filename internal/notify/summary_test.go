package notify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cocsync/internal/coc"
)

// words replace a summary. None of them is in a job or in a message.
const words = "zebra quartz nimbus"

// Summaries were parsed: routing, ignore_formatting and the layout of an alert depended on
// their words. With another summary everything else is the same.
func TestSummariesAreNotRead(t *testing.T) {
	many := strings.Repeat("- name: s\n", 300)
	for name, texts := range map[string][2]string{
		"structural": {"steps:\n- name: a\n  timeout: 1\n", "steps:\n- name: a\n  timeout: 2\n"},
		"formatting": {"a: 1\n", "a: 1 # why\n"},
		"unchanged":  {"a: 1\n", "a: 1\n"},
		"unreadable": {"a: 1\n", "a: [\n"},
		"omitted":    {"steps: []\n", "steps:\n" + many},
		"cut":        {"a: 1\n", strings.Repeat("k", 100) + ": 1\n"},
	} {
		c, pair := compared(coc.Change{Key: key(7), Ref: fmt.Sprint(7), Kind: coc.KindVersion, Account: "prod",
			DocumentID: "DM1", Name: "job", Version: "v2", Previous: "v1"}, texts[0], texts[1])
		other := *c
		other.Summary = words
		for _, n := range []*Notifier{
			{}, {IgnoreFormatting: true}, {IgnorePaths: []string{"steps[*].timeout"}}, {Detail: DetailOutline}, {Detail: DetailName},
		} {
			if got, want := ignored(n, &other), ignored(n, c); got != want {
				t.Errorf("%s: ignored(%+v) = %t with other words, want %t", name, n, got, want)
			}
			w, mentions := everything()
			w.n = n
			was, is := w.change(c, pair, mentions), w.change(&other, pair, mentions)
			if got, want := unworded(t, is, words, c.Summary), unworded(t, was, words, c.Summary); got != want {
				t.Errorf("%s: with other words the message is\n%s\nwant\n%s", name, got, want)
			}
		}
		s := &Sender{Routes: []Route{{Paths: []string{"steps[a].timeout"}, Notify: []string{"ops"}},
			{Tasks: []string{"x"}, Notify: []string{"ops"}}},
			Notifiers: []Notifier{{Name: "ops"}}}
		was, is := s.judge(c, c.Items, allItems(c)), s.judge(&other, other.Items, allItems(&other))
		if was.fromWatches != is.fromWatches || !maps.EqualFunc(was.routed, is.routed, slices.Equal) {
			t.Errorf("%s: with other words it is routed to %+v, want %+v", name, is, was)
		}
	}
}

// unworded is a message without these summaries.
func unworded(t *testing.T, w rendered, summaries ...string) string {
	t.Helper()
	blocks, err := json.Marshal(w.blocks)
	if err != nil {
		t.Fatal(err)
	}
	message := string(blocks) + "\n" + w.text
	if w.file != nil {
		message += "\n" + w.file.Content
	}
	for _, summary := range summaries {
		quoted, err := json.Marshal(summary)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{strings.Trim(string(quoted), `"`), summary, escape(summary)} {
			message = strings.ReplaceAll(message, s, "…")
		}
	}
	return message
}

package query

import (
	"errors"
	"strings"
	"testing"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// Each account counts its changes. In an archive of several a number alone may name one of
// each.
func TestChangeReferences(t *testing.T) {
	h := open(t)
	first := step("test", "DM-9", "job", 12, kept("v1", 8))
	first.Changes = []coc.NewChange{compares("", "v1", 8)}
	must(t, h.db.Commit(t.Context(), first))
	for _, account := range []string{"prod", "test"} {
		c, err := h.Change(t.Context(), account+"/1")
		if err != nil || c.Account != account || c.Key.ID != 1 || c.Ref != account+"/1" {
			t.Errorf("Change(%s/1) = %s of %q, %v", account, c.Ref, c.Account, err)
		}
	}
	_, err := h.Change(t.Context(), "1")
	if advice := hint.Of(err); !errors.Is(err, ErrAmbiguous) || !strings.Contains(advice, "prod/1, test/1") {
		t.Errorf("Change(1) = %v with the hint %q, want both references", err, advice)
	}
	for ref, want := range map[string]error{
		"prod/999": coc.ErrNotFound, "nosuch/1": coc.ErrNotFound, "x": ErrBadQuery, "": ErrBadQuery, "prod/": ErrBadQuery,
		"-1": ErrBadQuery, "0": ErrBadQuery,
	} {
		if _, err := h.Change(t.Context(), ref); !errors.Is(err, want) {
			t.Errorf("Change(%q) = %v, want %v", ref, err, want)
		}
	}
	c, err := h.Change(t.Context(), "prod/2")
	must(t, err)
	before, after, err := h.Neighbours(t.Context(), c)
	if err != nil || before != "" && !strings.HasPrefix(before, "prod/") ||
		after != "" && !strings.HasPrefix(after, "prod/") || before+after == "" {
		t.Errorf("Neighbours(prod/2) = %q, %q, %v, want references with the account", before, after, err)
	}
}

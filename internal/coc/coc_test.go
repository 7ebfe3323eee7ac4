package coc

import (
	"slices"
	"testing"
	"time"
)

// A text and a raw token of the same bytes are two contents.
func TestHashTellsFormsApart(t *testing.T) {
	text := Content{Bytes: []byte(`"\ud800"`)}
	token := Content{Bytes: text.Bytes, Form: FormToken}
	if text.Hash() == token.Hash() {
		t.Errorf("text and token of %q share the hash %s", text.Bytes, text.Hash())
	}
	if got, want := (Content{}).Hash().String(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; got != want {
		t.Errorf("hash of the empty text = %s, want SHA-256's %s", got, want)
	}
}

func TestNumber(t *testing.T) {
	for label, want := range map[string]int{"v1": 1, "v100": 100, "": 0, "v": 0, "v0": 0, "v01": 0, "V1": 0, "v1a": 0, "v-1": 0, "draft": 0,
		"v99999999999999999999": 0} {
		if got, ok := Number(label); got != want && ok || ok != (want > 0) {
			t.Errorf("Number(%q) = %d, %t, want %d", label, got, ok, want)
		}
	}
}

// Versions are ordered by number; if some label is not vN, by creation time.
func TestSortListed(t *testing.T) {
	at := func(n int) time.Time { return time.UnixMilli(int64(n)) }
	for _, tt := range []struct {
		list []Listed
		want []string
	}{
		{[]Listed{{Label: "v10", MadeAt: at(1)}, {Label: "v9", MadeAt: at(2)}, {Label: "v1", MadeAt: at(3)}}, []string{"v1", "v9", "v10"}},
		{[]Listed{{Label: "v10", MadeAt: at(3)}, {Label: "draft", MadeAt: at(2)}, {Label: "v1", MadeAt: at(2)}}, []string{"draft", "v1", "v10"}},
		{nil, nil},
	} {
		SortListed(tt.list)
		var got []string
		for _, l := range tt.list {
			got = append(got, l.Label)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("SortListed = %q, want %q", got, tt.want)
		}
	}
}

// A printed label names the same content when it is typed again.
func TestRevisionLabel(t *testing.T) {
	for _, tt := range []struct {
		number, revisions int
		want              string
	}{{0, 0, "v3"}, {1, 1, "v3"}, {1, 2, "v3#1"}, {2, 2, "v3#2"}} {
		if got := RevisionLabel("v3", tt.number, tt.revisions); got != tt.want {
			t.Errorf("RevisionLabel(v3, %d of %d) = %s, want %s", tt.number, tt.revisions, got, tt.want)
		}
	}
}

// An absent field is no change and removes nothing.
func TestAbsentMetaIsKept(t *testing.T) {
	s := func(v string) *string { return &v }
	old := Meta{Name: s("job"), Description: s("text"), RiskLevel: s("LOW"), UpdatedAt: time.UnixMilli(1)}
	if got := (Meta{}).Over(old); !got.Equal(old) {
		t.Errorf("Over with nothing said = %+v, want %+v", got, old)
	}
	if items := MetaItems(old, Meta{Modifier: s("bob")}.Over(old), true); len(items) != 0 {
		t.Errorf("MetaItems of a field said for the first time = %+v, want none", items)
	}
	now := Meta{Description: s(""), RiskLevel: s("HIGH")}.Over(old)
	want := []Item{{Op: "changed", Path: "description", Old: "text"}, {Op: "changed", Path: "risk_level", Old: "LOW", New: "HIGH"}}
	if got := MetaItems(old, now, true); !slices.Equal(got, want) {
		t.Errorf("MetaItems = %+v, want %+v", got, want)
	}
	if now.Equal(old) {
		t.Error("Equal of different fields")
	}
	both := now
	both.Modifier, now.Modifier = s("ann"), s("bob")
	if got := MetaItems(both, now, false); len(got) != 0 {
		t.Errorf("MetaItems without the modifier = %+v, want none", got)
	}
}

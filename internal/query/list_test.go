package query

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

// A list as of a time has the versions that references to that time name.
func TestListAtMatchesReferences(t *testing.T) {
	h := open(t)
	all, err := Collect(h.Documents(t.Context()))
	must(t, err)
	answers := 0
	for at := on(0); at.Before(h.Now()); at = at.Add(6 * time.Hour) {
		docs, err := Collect(h.List(t.Context(), List{At: at.Format(time.RFC3339)}))
		must(t, err)
		newest := map[coc.Key]string{}
		for _, d := range docs {
			newest[d.key] = string(d.Version)
			if d.State == coc.DocDeleted {
				newest[d.key] = "deleted"
			}
		}
		for _, doc := range all {
			v, err := h.Version(t.Context(), doc, at.Format(time.RFC3339))
			got, want := newest[doc.key], v.Label
			if err != nil {
				continue // deleted or unavailable, which references report
			}
			if answers++; got != want {
				t.Errorf("at %s the newest of %s is %q, but %s@%[1]s is %q", at.Format(time.RFC3339), doc.Name, got, doc.Name, want)
			}
		}
	}
	if answers == 0 {
		t.Error("nothing was compared")
	}
}

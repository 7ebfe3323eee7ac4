package history

import (
	"testing"
	"time"

	"cocsync/internal/coc"
)

// The fleet at an instant and one document at that instant are one answer.
func TestFleetIsWhatReferencesSay(t *testing.T) {
	h := open(t)
	all, err := h.DB.Documents(t.Context())
	must(t, err)
	answers := 0
	for at := on(0); at.Before(h.Now()); at = at.Add(6 * time.Hour) {
		fleet, _, err := h.Fleet(t.Context(), at)
		must(t, err)
		newest := map[int64]string{}
		for _, d := range fleet {
			newest[d.Key] = d.Version
			if d.State == coc.Deleted {
				newest[d.Key] = "deleted"
			}
		}
		for _, doc := range all {
			v, err := h.Version(t.Context(), doc, at.Format(time.RFC3339))
			got, want := newest[doc.Key], v.Revision.Label
			if err != nil {
				continue // it may have been deleted, or not be here: references say so
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

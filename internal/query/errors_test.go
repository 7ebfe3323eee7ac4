package query

import (
	"errors"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// Errors of references have kinds that distinguish them from errors of the archive; HTTP statuses
// depend on it.
func TestErrorsOfReferencesHaveTheirKind(t *testing.T) {
	h := &Archive{Now: func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }, Local: time.UTC}
	all := []db.Revision{{Key: coc.Key{Account: 1, ID: 1}, Label: "v1", Number: 1, Revisions: 1},
		{Label: "v2", State: coc.Unavailable, Err: "400"}}
	_, far := goBack(all, "v1", "~9")
	_, word := goBack(all, "v1", "~x")
	_, gone := labelledIn(all, "v9", 0)
	_, missing := labelledIn(all, "v2", 0)
	_, _, revision := splitRevision("v3#x")
	_, tomorrow := h.Time("2027-01-01")
	_, noise := h.Since("soon")
	for _, tt := range []struct {
		what      string
		err, want error
	}{
		{"~9", far, coc.ErrNotFound}, {"~x", word, ErrAmbiguous}, {"v9", gone, coc.ErrNotFound}, {"v2, unavailable", missing, ErrUnavailable},
		{"v3#x", revision, ErrAmbiguous}, {"tomorrow", tomorrow, ErrAmbiguous}, {"soon", noise, ErrAmbiguous},
	} {
		for _, kind := range []error{coc.ErrNotFound, ErrAmbiguous, ErrUnavailable} {
			if got := errors.Is(tt.err, kind); got != errors.Is(tt.want, kind) {
				t.Errorf("%s: errors.Is(%q, %q) = %v", tt.what, tt.err, kind, got)
			}
		}
	}
}

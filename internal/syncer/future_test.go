package syncer

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver

	"cocsync/internal/coc"
)

// alter runs a statement on the archive as another program would.
func (w *world) alter(statement string) {
	w.t.Helper()
	c, err := sql.Open("sqlite", "file:"+w.db.Path())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Exec(statement); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// farFuture is a time in the database that no clock has reached.
const farFuture = `9999999999999`

// Fault: a version with a check in the future was never audited. It counts as never checked, also
// in the record of the rewrite.
func TestCheckInTheFutureIsAudited(t *testing.T) {
	for name, o := range map[string]Options{"schedule": {Trigger: coc.TriggerSchedule}, "on demand": {AuditAll: true}} {
		w := newWorld(t)
		w.coc.put("DM1", "a\n", "b\n", "c\n")
		w.cycle()
		w.alter(`UPDATE versions SET checked_at = ` + farFuture)
		w.coc.contents["DM1@v2"] = "evil\n"
		w.now = w.now.Add(time.Hour)
		w.cycle(o)
		if got := w.changes(); !slices.Contains(got, "+ rewritten v2..v2#2") {
			t.Errorf("%s: changes %q, want v2 rewritten", name, got)
		}
		key := coc.Key{Account: 1, ID: 1}
		list, err := w.db.Revisions(t.Context(), key, "v2")
		if err != nil || len(list) != 2 || !list[0].PreviousCheckedAt.IsZero() || !list[1].PreviousCheckedAt.IsZero() {
			t.Errorf("%s: Revisions = %+v, %v, want none with the time of a check before it", name, list, err)
		}
		if w.cycle(); len(w.coc.asked) != 1 {
			t.Errorf("%s: requested %q after an audit, want only the list", name, w.coc.asked)
		}
	}
}

// Fault: a document that was last confirmed in the future was never requested by id when it was
// missing from an incomplete list.
func TestConfirmedInTheFuture(t *testing.T) {
	w := newWorld(t)
	w.w.Audit = 0
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	w.coc.listed["DM4"] = false
	w.coc.total = 6
	delete(w.coc.docs, "DM4")
	w.cycle()
	w.alter(`UPDATE documents SET checked_at = ` + farFuture + ` WHERE document_id = 'DM4'`)
	w.now = w.now.Add(25 * time.Hour)
	w.cycle()
	if got := w.changes()[6:]; !slices.Equal(got, []string{"+ deleted .."}) {
		t.Errorf("changes %q, requested %q; want DM4 deleted", got, w.coc.asked)
	}
}

// Fault: a document that was missing since a time in the future was never deleted.
func TestMissingSinceTheFuture(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		w.coc.put(fmt.Sprintf("DM%d", i), "a\n")
	}
	w.cycle()
	for i := range 4 {
		delete(w.coc.docs, fmt.Sprintf("DM%d", i))
	}
	w.cycle()
	w.alter(`UPDATE memberships SET missing_at = ` + farFuture)
	w.cycle() // which starts the hour again
	w.now = w.now.Add(time.Hour)
	w.cycle()
	if got := strings.Count(strings.Join(w.changes(), " "), "deleted"); got != 4 {
		t.Errorf("%d documents deleted after an hour, want 4", got)
	}
}

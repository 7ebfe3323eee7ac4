package syncer

import (
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
)

const (
	troubleAfter   = 3         // failed cycles in a row, or
	troubleWithout = time.Hour // without a good one
	failuresTold   = 10
)

// tellings are the notices that a cycle gives rise to.
func (r *run) tellings() (list []coc.Telling) {
	c := &r.cycle
	if c.Partial {
		return nil // says nothing of the watch
	}
	// Trouble of the whole cycle is told also while some documents' trouble is.
	whole := c.Err != "" && !r.doubting
	add := func(kind coc.NoticeKind, notify []string, title string, lines []string) {
		list = append(list, coc.Telling{Notify: notify, Whole: whole,
			Notice: coc.Notice{Kind: kind, Watch: r.watch.Name, At: c.EndedAt, Title: title, Lines: lines}})
	}
	if c.Outcome != coc.Stopped && !r.state.FirstListedAt.IsZero() && r.state.GreetedAt.IsZero() {
		title, lines := r.greeting()
		add(coc.NoticeFirstContact, r.watch.Notify, title, lines)
	}
	if r.missing != nil {
		add(coc.NoticeTrouble, r.Operators, "Watch "+r.watch.Name+": most documents are gone", r.missing)
	}
	troubled := !r.state.TroubleAt.IsZero()
	told := troubled && (r.state.TroubleWhole || !whole)
	switch {
	case r.doubting: // told once, and not over
	case c.Outcome == coc.Bad && !told && r.enough():
		add(coc.NoticeTrouble, r.Operators, "Watch "+r.watch.Name+" does not work", r.trouble())
	case c.Outcome == coc.Good && troubled:
		add(coc.NoticeRecovered, r.Operators, "Watch "+r.watch.Name+" works again", nil)
	}
	return list
}

// enough reports whether the watching has failed for long enough to tell.
func (r *run) enough() bool {
	// The state is from before this cycle.
	since := r.state.FailingSince
	return r.refused || r.state.FailedInARow+1 >= troubleAfter ||
		!since.IsZero() && r.cycle.EndedAt.Sub(since) >= troubleWithout
}

// trouble says what is wrong.
func (r *run) trouble() (lines []string) {
	c := &r.cycle
	if c.Err != "" {
		lines = append(lines, c.Err)
	}
	if n := len(c.Failures); n > 0 {
		lines = append(lines, fmt.Sprintf("%s of %s failed:", count(n, "document"), fmt.Sprint(c.Listed)))
		lines = append(lines, r.failures()...)
	}
	if r.state.LastGoodAt.IsZero() {
		return append(lines, "No cycle of this watch was good so far.")
	}
	return append(lines, "The last good cycle ended at "+r.state.LastGoodAt.Format(time.RFC3339)+".")
}

func (r *run) failures() (lines []string) {
	for i, f := range r.cycle.Failures {
		if i == failuresTold {
			return append(lines, fmt.Sprintf("… and %d more; cocsync status names them", len(r.cycle.Failures)-i))
		}
		name := f.DocumentID
		if f.Name != "" {
			name = f.Name + " (" + f.DocumentID + ")"
		}
		lines = append(lines, name+": "+strings.ReplaceAll(f.Err, "\n", "; "))
	}
	return lines
}

// greeting is the one summary of a watch's first contact.
func (r *run) greeting() (title string, lines []string) {
	c := &r.cycle
	title = fmt.Sprintf("Now watching %s: %s, %s archived in this cycle",
		r.watch.Name, count(c.Listed, "document"), count(c.Versions, "version"))
	if c.Err != "" {
		lines = append(lines, c.Err)
	}
	if n := len(c.Failures); n > 0 {
		lines = append(lines, count(n, "document")+" could not be read whole and will be tried again:")
		lines = append(lines, r.failures()...)
	}
	if r.unfinished {
		lines = append(lines, "Older versions are still being fetched.")
	}
	return title, lines
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package query

import (
	"fmt"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// Health is the JSON of healthcheck.
type Health struct {
	Healthy  bool          `json:"healthy"`
	Copy     bool          `json:"copy"`   // no process is known to write the archive
	Daemon   Text          `json:"daemon"` // the process that has the archive open for writing
	Watches  []WatchHealth `json:"watches"`
	Problems []Problem     `json:"problems"`
}

// WatchHealth is the health of a watch.
type WatchHealth struct {
	Watch      string `json:"watch"`
	LastGoodAt Time   `json:"last_good_at"`
	Stale      Text   `json:"stale"` // why it does not work; null: it does
}

// Health returns the health of the archive and its watches.
func (s *Status) Health() Health {
	h := Health{Healthy: s.Healthy(), Copy: s.Copy, Problems: s.Problems}
	if w := s.Writer; w != nil {
		h.Daemon = Text(db.Process{PID: int(w.PID), Since: w.Since.Time, Command: string(w.Command)}.String())
	}
	for _, w := range s.configured() {
		h.Watches = append(h.Watches, WatchHealth{w.Watch, w.LastGoodAt, Text(s.ProblemOf(w.Watch))})
	}
	return h
}

// Healthy reports whether nothing is known to be wrong now.
func (s *Status) Healthy() bool { return !s.Copy && len(s.Problems) == 0 }

// ProblemOf returns the first problem of a watch, "" if it works.
func (s *Status) ProblemOf(watch string) string {
	for _, p := range s.Problems {
		if p.Watch == watch {
			return p.What
		}
	}
	return ""
}

// Headline returns one line: the number of problems, or for a copy its time.
func (s *Status) Headline() string {
	switch n := len(s.Problems); {
	case s.Copy:
		recorded := s.Recorded()
		return strings.ToUpper(recorded[:1]) + recorded[1:] + "."
	case n > 0:
		return text.Plural(n, "problem") + "."
	}
	return "All is well."
}

// Recorded describes a copy: its time and its number of problems.
func (s *Status) Recorded() string {
	found := "no problem was recorded"
	if n := len(s.Problems); n > 0 {
		found = text.Plural(n, "problem")
	}
	if at := s.LastGoodAt(); !at.IsZero() {
		return at.UTC().Format("as of 2006-01-02 15:04:05 UTC (last good cycle): ") + found
	}
	return "no cycle was good: " + found
}

// WriterText says which process has the archive open for writing.
func (s *Status) WriterText() string {
	w := s.Writer
	switch {
	case s.writerErr != nil:
		return "unknown: " + s.writerErr.Error()
	case w == nil:
		return "no daemon"
	case w.PID == 0:
		return "another process has the archive open for writing"
	}
	name := "daemon"
	if w.Command != "run" {
		name = strings.TrimSpace("cocsync " + string(w.Command))
	}
	return fmt.Sprintf("%s running since %s, pid %d", name, w.Since.UTC().Format("2006-01-02 15:04:05 UTC"), w.PID)
}

// Until says how far in the future a time is.
func (s *Status) Until(t time.Time) string {
	if !t.After(s.Now) {
		return "now"
	}
	return "in " + text.Age(t.Sub(s.Now))
}

// Ago says how long ago a time was, "never" for zero.
func (s *Status) Ago(t time.Time) string { return text.Ago(t, s.Now) }

// DocumentCount is the number of documents in all states.
func (s *Status) DocumentCount() (n int) {
	for _, of := range s.Documents {
		n += of
	}
	return n
}

// DocumentsText counts the documents by state.
func (s *Status) DocumentsText() string {
	return fmt.Sprintf("%d: %d present, %d listed and not yet archived, %d deleted",
		s.DocumentCount(), s.Documents[coc.DocPresent], s.Documents[coc.DocListed], s.Documents[coc.DocDeleted])
}

// VersionsText counts the versions by state.
func (s *Status) VersionsText() string {
	text := fmt.Sprintf("%d archived", s.Versions[coc.Archived])
	if n := s.Versions[coc.Pending]; n > 0 {
		text += fmt.Sprintf(", %d still to be fetched", n)
	}
	if n := s.Versions[coc.Unavailable]; n > 0 {
		text += fmt.Sprintf(", %d that COC did not serve", n)
	}
	return text
}

// LogText counts the records of the log.
func (s *Status) LogText() string {
	return fmt.Sprintf("%s, %d of them signed", text.Plural(int(s.LogRecords), "record"), s.LogSigned)
}

// SizeText says how large the archive is.
func (s *Status) SizeText() string {
	line := fmt.Sprintf("%s, for %s of contents", text.Size(s.FileBytes), text.Size(s.ContentBytes))
	if s.WALBytes > 0 {
		line += fmt.Sprintf("; %s of it write-ahead log", text.Size(s.WALBytes))
	}
	return line
}

// String says how many of the cycles that were due ran.
func (d Day) String() string {
	line := "no cycle ran"
	if d.Ran > 0 {
		line = text.Plural(d.Ran, "cycle") + " ran"
	}
	if bad := d.Ran - d.Good - d.Unattested; bad > 0 {
		line += fmt.Sprintf(", %d of them not good", bad)
	}
	if d.Unattested > 0 {
		line += fmt.Sprintf(", %d of them unattested", d.Unattested)
	}
	if d.Missed > 0 {
		line += fmt.Sprintf("; %d more were due and did not run", d.Missed)
	}
	return line
}

package answer

// Health is whether cocsync works, as healthcheck reports it.
type Health struct {
	Healthy  bool          `json:"healthy"`
	Copy     bool          `json:"copy"`   // no process is known to write the archive
	Daemon   *string       `json:"daemon"` // the process that has the archive open for writing; null: none
	Watches  []WatchHealth `json:"watches"`
	Problems []Problem     `json:"problems"`
}

// WatchHealth is whether a watch works.
type WatchHealth struct {
	Watch      string  `json:"watch"`
	LastGoodAt *string `json:"last_good_at"`
	Stale      *string `json:"stale"` // why it does not work; null: it does
}

// NewHealth makes the answer of a status.
func NewHealth(s *Standing) Health {
	h := Health{Healthy: s.Healthy(), Copy: s.Archive.Copy, Watches: []WatchHealth{}, Problems: append([]Problem{}, s.Problems...)}
	if w := s.Archive.Writer; w != nil {
		h.Daemon = orNull(w.String())
	}
	for _, w := range s.Watches {
		if !w.Retired() {
			h.Watches = append(h.Watches, WatchHealth{w.Name, Time(w.LastGoodAt), orNull(s.ProblemOf(w.Name))})
		}
	}
	return h
}

// ProblemOf returns the first problem of a watch, "" where it works.
func (s *Standing) ProblemOf(watch string) string {
	for _, p := range s.Problems {
		if p.Watch == watch {
			return p.What
		}
	}
	return ""
}

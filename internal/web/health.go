package web

import (
	"context"
	"time"

	"cocsync/internal/query"
)

// healthPage shows the status of the archive.
type healthPage struct {
	AsOf      time.Time
	Headline  pieces
	Healthy   bool
	Problems  []problem
	Missing   []missingVersion
	Watches   []watchHealth
	Notifiers []notifierHealth
	Facts     [][2]pieces
}

// missingVersion is a listed version that could not be fetched.
type missingVersion struct {
	Label, Name, ID, Why pieces
	RetryAt              time.Time
}

// watchHealth is the status of one watch.
type watchHealth struct {
	Name      pieces
	Schedule  pieces
	Good      time.Time
	Day       query.Day
	Cycles    []query.Cycle
	Unreached []unreached
}

type unreached struct {
	Name, ID, Why pieces
	At            time.Time
}

// notifierHealth is the status of one notifier.
type notifierHealth struct {
	Name            pieces
	Waiting, Failed int
	Oldest, Quiet   time.Time
	Held, LastErr   pieces
}

func (s *Site) health(ctx context.Context, q *pageRequest) (*view, error) {
	st, err := s.status.load(ctx, s)
	if err != nil {
		return nil, err
	}
	b := healthPage{AsOf: st.Now, Headline: visible(st.Headline(), ""), Healthy: st.Healthy(), Problems: problems(st.Problems)}
	for _, m := range st.Missing {
		b.Missing = append(b.Missing, missingVersion{visible(m.Version, ""), visible(m.Name, ""), visible(m.DocumentID, ""),
			visible(m.Reason, ""), m.RetryAt.Time})
	}
	for _, w := range st.Watches {
		schedule := "none, the watch is not in the configuration"
		if !w.Retired() {
			schedule = string(w.Schedule + " (" + w.Timezone + ")")
		}
		h := watchHealth{Name: visible(w.Watch, ""), Schedule: visible(schedule, ""), Good: w.LastGoodAt.Time, Day: w.Day, Cycles: w.Cycles}
		for _, u := range w.Unreached {
			h.Unreached = append(h.Unreached, unreached{visible(u.Name, ""), visible(u.DocumentID, ""), visible(u.Error, ""), u.LastCheckedAt.Time})
		}
		b.Watches = append(b.Watches, h)
	}
	for _, n := range st.Notifiers {
		b.Notifiers = append(b.Notifiers, notifierHealth{Name: visible(n.Notifier, ""), Waiting: n.Waiting, Failed: n.Failed, Oldest: n.OldestAt.Time,
			Quiet: n.QuietUntil.Time, Held: visible(string(n.Held), ""), LastErr: visible(string(n.LastError), "")})
	}
	fact := func(name, value string) { b.Facts = append(b.Facts, [2]pieces{visible(name, ""), visible(value, "")}) }
	fact("Process", st.WriterText())
	fact("Documents", st.DocumentsText())
	fact("Versions", st.VersionsText())
	fact("Log", st.LogText())
	fact("File", st.Archive+", "+st.SizeText())
	for _, note := range st.Notes {
		fact("Note", note)
	}
	return &view{Title: visible("Health", ""), Here: "health", Body: &b}, nil
}

func problems(list []query.Problem) (out []problem) {
	for _, p := range list {
		out = append(out, problem{visible(p.What, ""), visible(p.Why, ""), visible(p.Fix, "")})
	}
	return out
}

package web

import (
	"context"
	"time"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
)

// healthPage is what status shows.
type healthPage struct {
	AsOf     time.Time
	Headline pieces
	Healthy  bool
	Problems []problem
	Missing  []missingVersion
	Watches  []watchHealth
	Tellers  []teller
	Facts    [][2]pieces
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
	Day       answer.Day
	Cycles    []coc.Cycle
	Unreached []unreached
}

type unreached struct {
	Name, ID, Why pieces
	At            time.Time
}

// teller is what a notifier has still to tell.
type teller struct {
	Name                    pieces
	Waiting, Failed         int
	Oldest, HeldTill, Quiet time.Time
	Held, LastErr           pieces
}

func (s *Site) health(ctx context.Context, q *question) (*view, error) {
	st, err := s.census.of(ctx, s)
	if err != nil {
		return nil, err
	}
	b := healthPage{AsOf: st.Now, Headline: visible(st.Headline(), ""), Healthy: st.Healthy(), Problems: problems(st.Problems)}
	for _, m := range st.Missing {
		b.Missing = append(b.Missing, missingVersion{visible(m.Label, ""), visible(m.Name, ""), visible(m.DocumentID, ""),
			visible(answer.Reason(m, st.At), ""), m.RetryAt})
	}
	for _, w := range st.Watches {
		schedule := "none, the configuration does not name the watch"
		if !w.Retired() {
			schedule = w.Schedule.Spec + " (" + w.Schedule.Timezone + ")"
		}
		h := watchHealth{Name: visible(w.Name, ""), Schedule: visible(schedule, ""), Good: w.LastGoodAt, Day: w.Day, Cycles: w.Cycles}
		for _, u := range w.Unreached {
			h.Unreached = append(h.Unreached, unreached{visible(u.Name, ""), visible(u.DocumentID, ""), visible(u.Err, ""), u.CheckedAt})
		}
		b.Watches = append(b.Watches, h)
	}
	for _, x := range st.Backlogs {
		t := teller{Name: visible(x.Notifier, ""), Waiting: x.Waiting, Failed: x.Failed, Oldest: x.Oldest,
			Held: visible(x.Held, ""), HeldTill: x.HeldTill, LastErr: visible(x.LastErr, "")}
		if x.Quiet.After(st.Now) {
			t.Quiet = x.Quiet
		}
		b.Tellers = append(b.Tellers, t)
	}
	fact := func(name, value string) { b.Facts = append(b.Facts, [2]pieces{visible(name, ""), visible(value, "")}) }
	fact("Process", st.Writer())
	fact("Documents", st.DocumentsStanding())
	fact("Versions", st.VersionsStanding())
	fact("Log", st.LogStanding())
	fact("File", st.Path+", "+st.SizeStanding())
	for _, note := range st.Notes {
		fact("Note", note)
	}
	return &view{Title: visible("Health", ""), Here: "health", Body: &b}, nil
}

func problems(list []answer.Problem) (out []problem) {
	for _, p := range list {
		out = append(out, problem{visible(p.What, ""), visible(p.Why, ""), visible(p.Fix, "")})
	}
	return out
}

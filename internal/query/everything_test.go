package query

import (
	"fmt"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// everything extends logged so that each table has rows.
func everything(t *testing.T) string {
	t.Helper()
	path, _ := logged(t)
	d, err := db.Open(t.Context(), path)
	must(t, err)
	ctx := t.Context()
	_, err = d.Account(ctx, "test", "https://test.example", false)
	must(t, err)
	schedules := []coc.Schedule{{Watch: "all", Account: "prod", Endpoint: "https://coc.example", Spec: "@every 5m",
		Timezone: "UTC", Interval: 5 * time.Minute},
		{Watch: "other", Account: "test", Endpoint: "https://test.example", Spec: "@every 5m", Timezone: "UTC", Interval: 5 * time.Minute}}
	must(t, d.Configure(ctx, schedules, on(7)))
	begin := func(watch, account string, n int) coc.Cycle {
		c := coc.Cycle{Watch: watch, Account: account, Trigger: coc.TriggerSchedule, StartedAt: on(n)}
		c.Key, err = d.Begin(ctx, c)
		must(t, err)
		return c
	}
	end := func(c coc.Cycle, how coc.Outcome, notices ...coc.NewNotice) {
		c.EndedAt, c.Outcome, c.Complete, c.Requests, c.Listed, c.Total = c.StartedAt.Add(time.Minute), how, how == coc.CycleGood, 3, 2, 2
		if how == coc.CycleFailed {
			c.Failures = []coc.Failure{{DocumentID: "DM2", Name: "job", Err: "HTTP 500"}}
		}
		must(t, d.End(ctx, c, notices))
	}
	c := begin("all", "prod", 8)
	must(t, d.Follow(ctx, coc.NewMembers{Account: "prod", Watch: "all", At: on(8), ListComplete: true,
		Rows: []coc.Row{{DocumentID: "DM2", Name: "restart"}}}))
	for i := range texts() {
		must(t, d.Commit(ctx, restart(i, c.Key)))
	}
	end(c, coc.CycleGood)
	end(begin("all", "prod", 12), coc.CycleFailed, coc.NewNotice{Notice: coc.Notice{Kind: coc.NoticeFailure, Watch: "all",
		At: on(12), Title: "failed", Lines: []string{"why"}},
		Notify: []string{"ops"}, Whole: true})
	c = begin("other", "test", 8)
	twin := restart(0, c.Key)
	twin.Account, twin.DocumentID = "test", "DM3"
	must(t, d.Commit(ctx, twin, coc.Step{Account: "test", DocumentID: "DM4", SeenAt: on(8), Name: "listed", Cycle: c.Key}))
	end(c, coc.CycleGood)
	must(t, d.Refused(ctx, "prod", "a key", "a reason", on(9)))
	must(t, d.Paused(ctx, "prod", on(9)))
	must(t, d.Shortfall(ctx, "all", coc.Shortfall{Since: on(9), Listed: 1, Total: 2}))
	must(t, d.Missing(ctx, "prod", "all", []string{"DM2"}, on(9)))
	must(t, d.Hold(ctx, "ops", "channel_not_found", on(9)))
	must(t, d.Pause(ctx, "ops", coc.PauseRateLimit, on(9)))
	post(t, d)
	_, err = d.Heads(ctx, []string{"prod", "test"}, on(13))
	must(t, err)
	newTestWitness(t, "witness.example/w1").cosignAll(t, d, on(13))
	must(t, d.Close())
	note := "a checkpoint"
	d, err = db.OpenWith(ctx, path, db.Options{Trust: &db.Trust{Person: "root@host", Reason: "the head file was lost",
		Checkpoint: &note, At: on(14)}})
	must(t, err)
	must(t, d.Close())
	// The 256th block is indexed together with all before it.
	tamper(t, path, `UPDATE blocks SET id = id + 255 - (SELECT max(id) FROM blocks)`)
	d, err = db.Open(ctx, path)
	must(t, err)
	last := restart(len(texts()), coc.Key{})
	must(t, d.Commit(ctx, last))
	c = begin("all", "prod", 14)
	must(t, d.Responded(ctx, c.Key, on(14)))
	must(t, d.RotateKey(ctx, "root@host", on(14)))
	must(t, d.RequestErasure(ctx, nil, coc.Key{Account: 1, ID: 2}, "root@host", "a test", on(14)))
	must(t, d.Close())
	return path
}

// texts are versions of a job whose differences have items of all kinds.
func texts() []string {
	return []string{
		"steps:\n- name: restart\n  task: hwc:runbook:scripts@1.0.0\n  inputs:\n    timeout: 30\n    user: root\n",
		"steps:\n- name: reboot\n  task: hwc:runbook:scripts@1.0.0\n  inputs:\n    timeout: 30\n    user: root\n",
		"steps:\n- name: reboot\n  task: hwc:runbook:others@2.0.0\n  # a comment\n  inputs:\n    timeout: 60\n    user: root\n",
	}
}

// restart returns step i of a job. The last one has no text: the job is deleted, restored, and
// has a version that does not parse after one that was not available.
func restart(i int, cycle coc.Key) coc.Step {
	name, risk, description := "restart", []string{"LOW", "HIGH"}[min(i, 1)], "old"
	day := on(8 + i)
	label := fmt.Sprintf("v%d", i+1)
	print := coc.Hash{byte(i)}
	s := coc.Step{Account: "prod", DocumentID: "DM2", SeenAt: day, Name: name, Newest: label, State: coc.DocPresent,
		Cycle: cycle, Fingerprint: &print,
		Evidence: coc.Evidence{RequestID: "request", Date: day},
		Meta: &coc.Meta{Name: &name, RiskLevel: &risk, Description: &description, Creator: &name, Modifier: &name,
			ProjectID: &name, CreatedAt: day, UpdatedAt: day, Extra: `{"x":1}`}}
	version := func(label, text string) coc.VersionStep {
		return coc.VersionStep{Listed: coc.Listed{Label: label, UUID: "uuid", MadeAt: day}, State: coc.Archived, Recorded: true, Checked: true,
			Revision: &coc.NewRevision{Number: 1, UUID: "uuid", Author: "somebody", Content: coc.Content{Bytes: []byte(text)},
				Evidence: s.Evidence, PreviousCheckedAt: day}}
	}
	change := coc.NewChange{Kind: coc.KindVersion, To: coc.RevisionRef{Label: label, Number: 1}, At: day, Notify: []string{"ops", "team"}}
	if i == 0 {
		change.Kind, change.Difference = coc.KindNew, diff.Compare(nil, diff.Read([]byte(texts()[0])))
		s.Changes = []coc.NewChange{change}
	} else {
		now := "broken: [\n"
		if i < len(texts()) {
			now = texts()[i]
		}
		change.From = coc.RevisionRef{Label: fmt.Sprintf("v%d", i), Number: 1}
		change.Difference = diff.Compare(diff.Read([]byte(texts()[i-1])), diff.Read([]byte(now)))
	}
	switch {
	case i == 1:
		meta := coc.NewChange{Kind: coc.KindMetadata, At: day, Difference: coc.Difference{Summary: "risk_level LOW → HIGH",
			Items: []coc.Item{{Op: "changed", Path: "risk_level", Old: "LOW", New: "HIGH"}}}}
		s.Changes = []coc.NewChange{meta, change}
	case i == 2:
		s.Changes = []coc.NewChange{change}
	case i == len(texts()):
		label = "v5"
		s.Newest, change.To.Label, change.Skipped = label, label, []string{"v4"}
		lost := coc.VersionStep{Listed: coc.Listed{Label: "v4"}, State: coc.Unavailable, Err: "HTTP 400", Reason: "400",
			Failures: 3, FailedCycle: 1, FailedSince: day, RetryAt: day}
		first := coc.VersionStep{Listed: coc.Listed{Label: "v1", MadeAt: on(8)}, State: coc.Archived, Recorded: true, Withdrawn: true}
		s.Versions = []coc.VersionStep{first, lost, version(label, "broken: [\n")}
		s.Changes = []coc.NewChange{
			{Kind: coc.KindDeleted, At: day, Difference: coc.Difference{Summary: "deleted at COC; the archive keeps every version"}},
			{Kind: coc.KindRestored, At: day, Difference: coc.Difference{Summary: "available again"}},
			{Kind: coc.KindWithdrawn, At: day, Label: "v1",
				Difference: coc.Difference{Summary: "v1 is no longer listed by COC; the archive keeps it"}}, change}
	}
	if i < len(texts()) {
		s.Versions = []coc.VersionStep{version(label, texts()[i])}
	}
	return s
}

// post adds messages: one that was sent with a reply, and one that failed.
func post(t *testing.T, d *db.DB) {
	t.Helper()
	due, err := d.Due(t.Context(), "ops", on(40), nil, 10)
	must(t, err)
	document := due[0].Change.Document
	root := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageRoot, Document: document,
		Body: []byte(`{"a":1}`), Text: "a"}, Claims: []int64{due[0].ID}}
	reply := &coc.Draft{Message: coc.Message{Notifier: "ops", Kind: coc.MessageReply, Document: document,
		Body: []byte(`{"b":1}`), Text: "b"}, ReplyTo: root, Claims: []int64{due[1].ID}}
	_, err = d.Freeze(t.Context(), coc.Batch{Drafts: []*coc.Draft{root, reply}, Drop: []int64{due[2].ID}}, on(12))
	must(t, err)
	for i := range 2 {
		m, _, _, err := d.Next(t.Context(), "ops", on(12))
		must(t, err)
		at := on(12).Add(time.Duration(i) * time.Minute)
		m.State, m.Attempts, m.FirstAt, m.NextAt, m.SentAt, m.Channel, m.TS = coc.Sent, 1, at, at, at, "C1", fmt.Sprint("1.", i)
		must(t, d.RecordAttempt(t.Context(), m))
	}
}

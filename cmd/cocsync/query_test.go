package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
	"cocsync/internal/text"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The versions of the fixture's main document.
const (
	job1 = "meta:\n  name: restart\nsteps:\n  - name: check\n    task: hwc:runbook:executeAPI@1.0.0\n    inputs: {service: ECS, timeout: 30}\n"
	job2 = "meta:\n  name: restart\nsteps:\n  - name: check\n    task: hwc:runbook:executeAPI@1.0.0\n    inputs: {service: ECS, timeout: 60}\n"
	job3 = job2 + "  - name: restart\n    task: hwc:runbook:scripts@1.0.0\n    inputs:\n      script: |\n        systemctl stop app\n        systemctl start app\n"
	job4 = "# reviewed\n" + job3
	evil = "evil\x1b[2Jname\u202egpj\u009b31m <!channel>"
)

var first = time.Date(2026, 3, 1, 12, 0, 0, 273e6, time.UTC)

func dayOf(n int) time.Time { return first.AddDate(0, 0, n) }

// fixture fills an archive, closes it and returns its path.
//
//	restart-unhealthy-nodes  v1, v2 from before the initial sync; v3 by li, rewritten
//	                         later; v4 unavailable; v5 differs only in a comment
//	evil…                    control characters in every field
//	old-job                  deleted
//	twin, twin               two documents with the same name
func fixture(t testing.TB) string {
	t.Helper()
	d, path := newArchive(t)
	must(t, d.Configure(t.Context(), []coc.Schedule{{Watch: "runbooks", Account: "prod", Spec: "*/5 * * * *",
		Timezone: "UTC", Interval: 5 * time.Minute}}, dayOf(10)))
	cycle := coc.Cycle{Watch: "runbooks", Account: "prod", Trigger: coc.TriggerSchedule, StartedAt: dayOf(10)}
	var err error
	cycle.Key, err = d.Begin(t.Context(), cycle)
	must(t, err)
	rows := []coc.Row{{DocumentID: "DM-restart"}, {DocumentID: "DM-evil"}, {DocumentID: "DM-old"},
		{DocumentID: "DM-twin-1"}, {DocumentID: "DM-twin-2"}}
	must(t, d.Follow(t.Context(), coc.NewMembers{Account: "prod", Watch: "runbooks", Rows: rows, InitialSync: true,
		ListComplete: true, At: dayOf(10)}))
	must(t, d.Commit(t.Context(), restartSteps(cycle.Key)...))
	must(t, d.Commit(t.Context(), otherSteps(cycle.Key)...))
	cycle.EndedAt, cycle.Outcome, cycle.Complete = dayOf(20).Add(1200*time.Millisecond), coc.CycleFailed, true
	cycle.Listed, cycle.Documents, cycle.Versions, cycle.Changes, cycle.Requests = 5, 4, 8, 9, 12
	cycle.Failures = []coc.Failure{{DocumentID: "DM-restart", Name: "restart-unhealthy-nodes", Err: "v4: 503 Service Unavailable"}}
	must(t, d.End(t.Context(), cycle, []coc.NewNotice{{Notify: []string{"ops"},
		Notice: coc.Notice{Kind: coc.NoticeFailure, Watch: "runbooks", At: dayOf(20), Title: "monitoring is broken"}}}))
	outbox(t, d)
	must(t, d.Close())
	return path
}

// newArchive creates an archive with the account prod.
func newArchive(t testing.TB) (d *db.DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "archive.db")
	d, err := db.Open(t.Context(), path)
	must(t, err)
	_, err = d.Account(t.Context(), "prod", "https://coc.example", false)
	must(t, err)
	return d, path
}

// restartSteps returns the steps of the fixture's main document.
func restartSteps(cycle coc.Key) []coc.Step {
	name, risk, li, wang := "restart-unhealthy-nodes", "HIGH", "COC-li.wei", "COC-wang"
	onDay := func(day int, versions []coc.VersionStep, changes ...coc.NewChange) coc.Step {
		return coc.Step{Account: "prod", DocumentID: "DM-restart", Cycle: cycle, SeenAt: dayOf(day), Name: name, State: coc.DocPresent,
			Versions: versions, Changes: changes}
	}
	steps := []coc.Step{
		onDay(10, []coc.VersionStep{versionStep("v1", 0, job1, li), versionStep("v2", 2, job2, "")},
			change(coc.KindNew, "", "v1", 0, "", job1, true), change(coc.KindVersion, "v1", "v2", 2, job1, job2, true)),
		onDay(11, []coc.VersionStep{versionStep("v3", 11, job3, wang)}, change(coc.KindVersion, "v2", "v3", 11, job2, job3, false)),
		onDay(13, []coc.VersionStep{{Listed: coc.Listed{Label: "v4", UUID: "u4", MadeAt: dayOf(12)}, State: coc.Unavailable,
			Recorded: true, Err: "400 COC.00010002"},
			versionStep("v5", 13, job4, "")}, change(coc.KindVersion, "v3", "v5", 13, job3, job4, false)),
		onDay(15, []coc.VersionStep{rewritten("v3", 11, job2+"# altered\n", dayOf(14))}),
		onDay(16, nil, coc.NewChange{Kind: coc.KindMetadata, At: dayOf(16), Difference: coc.Difference{Summary: "risk_level LOW → HIGH",
			Items: []coc.Item{{Op: "changed", Path: "risk_level", Old: "LOW", New: "HIGH"}}}}),
	}
	steps[0].Meta = &coc.Meta{Name: &name, Creator: &li, CreatedAt: dayOf(0), UpdatedAt: dayOf(2), Extra: `{"tag":"x"}`}
	steps[4].Meta = &coc.Meta{Name: &name, Creator: &li, Modifier: &wang, RiskLevel: &risk, CreatedAt: dayOf(0), UpdatedAt: dayOf(16)}
	steps[3].Changes = []coc.NewChange{change(coc.KindRewritten, "v3", "v3#2", 15, job3, job2+"# altered\n", false)}
	steps[3].Changes[0].Notify = []string{"ops"}
	steps[2].Newest = "v5"
	return steps
}

func otherSteps(cycle coc.Key) []coc.Step {
	one := func(id, name string, day int, content string) coc.Step {
		meta := coc.Meta{Name: &name, Creator: &name, Description: &name}
		return coc.Step{Account: "prod", DocumentID: id, Cycle: cycle, SeenAt: dayOf(day), Name: name, Newest: "v1",
			State: coc.DocPresent, Meta: &meta,
			Versions: []coc.VersionStep{versionStep("v1", day, content, name)},
			Changes:  []coc.NewChange{change(coc.KindNew, "", "v1", day, "", content, false)}}
	}
	hostile := one("DM-evil", evil, 17, "a: \x1b]0;owned\x07\r\nb: \u202e1\tx")
	hostile.Changes[0].Items = []coc.Item{{Op: "changed", Path: evil, Task: evil, Old: evil, New: "x\ny"}}
	hostile.Changes[0].Notify = []string{"ops"}
	gone := coc.Step{Account: "prod", DocumentID: "DM-old", Cycle: cycle, SeenAt: dayOf(18), State: coc.DocDeleted,
		Changes: []coc.NewChange{{Kind: coc.KindDeleted, At: dayOf(18), Difference: coc.Difference{Summary: "document deleted"}}}}
	return []coc.Step{hostile, one("DM-old", "old-job", 10, "old: 1\n"), gone,
		one("DM-twin-1", "twin", 19, "twin: 1\n"), one("DM-twin-2", "twin", 19, "")}
}

func versionStep(label string, day int, content, author string) coc.VersionStep {
	return coc.VersionStep{Listed: coc.Listed{Label: label, UUID: "u-" + label, MadeAt: dayOf(day)}, State: coc.Archived,
		Recorded: true, Checked: true,
		Revision: &coc.NewRevision{Number: 1, UUID: "u-" + label, Content: coc.Content{Bytes: []byte(content)}, Author: author,
			Evidence: coc.Evidence{RequestID: "req-" + label, Date: dayOf(day)}}}
}

func rewritten(label string, day int, content string, stood time.Time) coc.VersionStep {
	v := versionStep(label, day, content, "")
	v.Revision.Number, v.Revision.PreviousCheckedAt = 2, stood
	return v
}

// change returns a recorded change with its difference; from is "" for none.
func change(kind coc.Kind, from, to string, day int, old, now string, backfill bool) coc.NewChange {
	ref := func(s string) (r coc.RevisionRef) {
		label, number, again := strings.Cut(s, "#")
		r.Label = label
		if label != "" {
			r.Number = 1
		}
		if again {
			fmt.Sscan(number, &r.Number)
		}
		return r
	}
	var was *diff.Text
	if from != "" {
		was = diff.Read([]byte(old))
	}
	return coc.NewChange{Kind: kind, From: ref(from), To: ref(to), At: dayOf(day), Backfill: backfill,
		Difference: diff.Compare(was, diff.Read([]byte(now)))}
}

// outbox stores one pending, one failed and one sent message.
func outbox(t testing.TB, d *db.DB) {
	t.Helper()
	due, err := d.Due(t.Context(), "ops", dayOf(21), nil, 10)
	must(t, err)
	if len(due) != 3 {
		t.Fatalf("%d deliveries are due, want 3", len(due))
	}
	var msgs []*coc.Draft
	for _, del := range due {
		m := coc.Message{Notifier: "ops", Kind: coc.MessageNotice, Body: []byte("{}"), Text: "text"}
		if del.Change != nil {
			m.Kind, m.Document = coc.MessageRoot, del.Change.Document
		}
		msgs = append(msgs, &coc.Draft{Message: m, Claims: []int64{del.ID}})
	}
	ids, err := d.Freeze(t.Context(), coc.Batch{Drafts: msgs}, dayOf(20))
	must(t, err)
	for i, m := range []coc.Message{
		{State: coc.Waiting, NextAt: dayOf(21), Err: "503 " + evil},
		{State: coc.Failed, NextAt: dayOf(20), Err: "invalid_blocks", Plain: true},
		{State: coc.Sent, NextAt: dayOf(20), SentAt: dayOf(20), Channel: "C1", TS: "1.1"},
	} {
		m.ID, m.Kind, m.Attempts, m.FirstAt = ids[i], msgs[i].Kind, i+1, dayOf(20)
		must(t, d.RecordAttempt(t.Context(), m))
	}
	must(t, d.Hold(t.Context(), "ops", "channel_is_archived", dayOf(20).Add(50*time.Minute)))
}

// The goldens are in UTC. The zone is set before any goroutine starts, because time.Local
// is read without a lock.
var _ = func() bool { time.Local = time.UTC; return true }()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask runs the program with buffers and returns its output and status.
func ask(t testing.TB, archive string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	status = report(&err, run(t.Context(), append([]string{"--db", archive}, args...), strings.NewReader(""), &out, &err))
	return out.String(), err.String(), status
}

// Each section of the golden file has a command line as its name, and stdout, stderr and the
// exit status as its content.
func TestAnswers(t *testing.T) {
	archive := fixture(t)
	golden := filepath.Join("testdata", "query", "answers.txtar")
	file, err := txtar.ParseFile(golden)
	must(t, err)
	for i, section := range file.Files {
		stdout, stderr, status := ask(t, archive, words(section.Name)...)
		got := stdout
		if stderr != "" {
			got += "[stderr]\n" + stderr
		}
		if status != 0 {
			got += fmt.Sprintf("[exit %d]\n", status)
		}
		got = strings.ReplaceAll(got, archive, "ARCHIVE")
		if *update {
			file.Files[i].Data = []byte(got)
		} else if diff := cmp.Diff(string(section.Data), got); diff != "" {
			t.Errorf("cocsync %s (-want +got):\n%s", section.Name, diff)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return text.Hidden(r) && r != '\n' }); i >= 0 {
			t.Errorf("cocsync %s writes %q, which a terminal would obey", section.Name, got[i:min(len(got), i+10)])
		}
	}
	if *update {
		must(t, os.WriteFile(golden, txtar.Format(file), 0o600))
	}
}

// words splits a command line; '…' quotes a word.
func words(line string) (list []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// An interrupted query fails, and does not exit with an empty result.
func TestInterruptedQueryFails(t *testing.T) {
	archive := fixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err := run(ctx, []string{"--db", archive, "list"}, strings.NewReader(""), &out, &out)
	if !errors.Is(err, context.Canceled) || out.Len() > 0 {
		t.Errorf("list in a cancelled context = %v with output %q, want context.Canceled and none", err, out.String())
	}
}

// collect returns the rows of a query as a slice; rowsOf does the reverse.
func collect[T any](rows iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range rows {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func rowsOf[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

package query

import (
	"errors"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/hint"
)

// noon is the start of the fixture; on(n) is n days later.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func on(n int) time.Time { return noon.AddDate(0, 0, n) }

// zone is nine hours ahead, so that its days are not UTC's.
var zone = time.FixedZone("ahead", 9*60*60)

// open returns an archive:
//
//	DM-1 "job"     v1, v2; v3 rewritten on day 8; v4 not served; v5; v6 withdrawn
//	               on day 12, when v5 was COC's newest again; checked until day 12
//	DM-2 "gone"    v1; deleted on day 5, restored on day 7, deleted on day 9
//	DM-22 "twin"   in prod, and DM-2 "twin" in test
//	DM-3 "a@v1"    a name with an @
//	DM-4 "empty"   listed, nothing archived
func open(t testing.TB) *Archive {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	for _, account := range []string{"prod", "test"} {
		_, err := d.Account(t.Context(), account, "https://"+account+".example", false)
		must(t, err)
	}
	must(t, d.Commit(t.Context(), job()...))
	must(t, d.Commit(t.Context(),
		step("prod", "DM-2", "gone", 1, kept("v1", 1)), notified(coc.KindDeleted, 5), notified(coc.KindRestored, 7), notified(coc.KindDeleted, 9),
		step("prod", "DM-22", "twin", 1, kept("v1", 1)), step("test", "DM-2", "twin", 1, kept("v1", 1)),
		step("prod", "DM-3", "a@v1", 1, kept("v1", 1)),
		coc.Step{Account: "prod", DocumentID: "DM-4", SeenAt: on(1), Name: "empty"}))
	return &Archive{db: d, Now: func() time.Time { return on(20) }, Local: zone}
}

// job returns the steps of the fixture's main document.
func job() []coc.Step {
	again := kept("v3", 4)
	again.Revision.Number, again.Revision.PreviousCheckedAt = 2, on(6)
	missing := coc.VersionStep{Listed: coc.Listed{Label: "v4", MadeAt: on(5)}, State: coc.Unavailable, Err: "400 COC.00010002"}
	withdrawn := kept("v6", 10)
	steps := []coc.Step{
		step("prod", "DM-1", "job", 3, kept("v1", 1), kept("v2", 2)), step("prod", "DM-1", "job", 4, kept("v3", 4)),
		step("prod", "DM-1", "job", 7, missing, kept("v5", 7)), step("prod", "DM-1", "job", 8, again),
		step("prod", "DM-1", "job", 10, withdrawn), step("prod", "DM-1", "job", 12),
	}
	withdrawn.Withdrawn, withdrawn.Revision = true, nil
	steps[5].Versions, steps[5].Newest = []coc.VersionStep{withdrawn}, "v5"
	steps[0].Changes = []coc.NewChange{compares("", "v1", 1), compares("v1", "v2", 2)}
	steps[1].Changes = []coc.NewChange{compares("v2", "v3", 4)}
	steps[2].Changes = []coc.NewChange{compares("v3", "v5", 7)}
	return steps
}

func step(account, id, name string, day int, versions ...coc.VersionStep) coc.Step {
	s := coc.Step{Account: account, DocumentID: id, SeenAt: on(day), Name: name, State: coc.DocPresent, Versions: versions}
	for _, v := range versions {
		s.Newest = v.Label
	}
	return s
}

func kept(label string, day int) coc.VersionStep {
	return coc.VersionStep{Listed: coc.Listed{Label: label, MadeAt: on(day)}, State: coc.Archived, Recorded: true, Checked: true,
		Revision: &coc.NewRevision{Number: 1, Content: coc.Content{Bytes: []byte(label)}}}
}

func notified(kind coc.Kind, day int) coc.Step {
	state := map[coc.Kind]coc.DocState{coc.KindDeleted: coc.DocDeleted, coc.KindRestored: coc.DocPresent}[kind]
	return coc.Step{Account: "prod", DocumentID: "DM-2", SeenAt: on(day), State: state, Changes: []coc.NewChange{{Kind: kind, At: on(day)}}}
}

func compares(from, to string, day int) coc.NewChange {
	c := coc.NewChange{Kind: coc.KindVersion, To: coc.RevisionRef{Label: to, Number: 1}, At: on(day)}
	if from != "" {
		c.From = coc.RevisionRef{Label: from, Number: 1}
	}
	return c
}

// archive returns the query archive of a database with time zone UTC.
func archive(d *db.DB) *Archive {
	a := New(d)
	a.Local = time.UTC
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDocumentReferences(t *testing.T) {
	h := open(t)
	for _, tt := range []struct {
		spec, want, ref string // account/id, or words of the error and hint
	}{
		{"job", "prod/DM-1", ""},
		{"DM-1", "prod/DM-1", ""},
		{"DM-22", "prod/DM-22", ""}, // an id has precedence over a prefix
		{"prod/DM-2", "prod/DM-2", ""},
		{"test/twin", "test/DM-2", ""},
		{"test/DM", "test/DM-2", ""},
		{"job@v3#2", "prod/DM-1", "v3#2"},
		{"job@", "prod/DM-1", ""},
		{"a@v1", "prod/DM-3", ""}, // the name of a document, not v1 of a
		{"a@v1@v1..v2", "prod/DM-3", "v1..v2"},
		{"DM-2", `"DM-2" names 2 documents: say which: prod/DM-2 (gone), test/DM-2 (twin)`, ""},
		{"twin", `"twin" names 2 documents: say which: test/DM-2 (twin), prod/DM-22 (twin)`, ""},
		{"DM", `"DM" names 6 documents: say which: prod/DM-3 (a@v1), prod/DM-4 (empty), prod/DM-2 (gone), prod/DM-1 (job), test/DM-2 (twin), prod/DM-22 (twin)`, ""},
		{"jbo", "no document \"jbo\" in the archive: did you mean job? `cocsync list` shows all documents", ""},
		{"jbo@v3", "no document \"jbo\" in the archive: did you mean job? `cocsync list` shows all documents", ""},
		{"restart", "no document \"restart\" in the archive: `cocsync list` shows all documents", ""},
		{"", "no document \"\" in the archive: `cocsync list` shows all documents", ""},
		{"@v1", "no document \"\" in the archive: `cocsync list` shows all documents", ""},
	} {
		doc, ref, err := h.Split(t.Context(), tt.spec)
		got := doc.Account + "/" + doc.DocumentID
		if err != nil {
			got = err.Error() + ": " + hint.Of(err)
		}
		if got != tt.want || ref != tt.ref && err == nil {
			t.Errorf("Split(%q) = %s, %q, want %s, %q", tt.spec, got, ref, tt.want, tt.ref)
		}
	}
	if _, err := h.Document(t.Context(), "nothing like it"); !errors.Is(err, coc.ErrNotFound) {
		t.Errorf("Document of an unknown name = %v, want coc.ErrNotFound", err)
	}
}

func TestEmptyArchiveHasAHint(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	defer d.Close()
	_, err = (&Archive{db: d}).Document(t.Context(), "job")
	if want := "the archive is empty: run `cocsync sync` first"; hint.Of(err) != want {
		t.Errorf("Document in an empty archive = %v, hint %q, want %q", err, hint.Of(err), want)
	}
}

func TestVersionReferences(t *testing.T) {
	h := open(t)
	for _, tt := range []struct{ doc, ref, want string }{ // label and note, or words of the error
		{"job", "", "v5"},
		{"job", "latest", "v5"}, // COC's newest, although v6 is archived
		{"job", "~0", "v5"},
		{"job", "~1", "the content of v4 is not in the archive: COC did not serve it (400 COC.00010002)"}, // not v3
		{"job", "~2", "v3#2"},
		{"job", "~9", "there are only 4 before the newest"},
		{"job", "~", `"~" is not a valid reference`},
		{"job", "~-1", `"~-1" is not a valid reference`},
		{"job", "~99999999999999999999", "is not a valid reference"},
		{"job", "v1", "v1"},
		{"job", "v3", "v3#2"},
		{"job", "v3#1", "v3#1"},
		{"job", "v3#2", "v3#2"},
		{"job", "v3#3", "not found"},
		{"job", "v3#0", `"v3#0" is not a valid revision`},
		{"job", "v4", "the content of v4 is not in the archive: COC did not serve it (400 COC.00010002)"},
		{"job", "v6", "v6"},
		{"job", "v7", `version "v7" of job: not found`},
		{"job", "V3", "not found"},
		{"empty", "", `version "latest" of empty: not found`},
		{"empty", "2026-03-10", "not found"},

		// A date is a day in the local zone, to its end: 15:00 UTC here.
		{"job", "2026-03-02", "v1"}, // made at noon of that day
		{"job", "2026-03-01", "no version is known for that time; the first is from 2026-03-02T12:00:00Z"},
		{"job", "2026-03-02T12:00:00Z", "v1"}, // the time itself counts
		{"job", "2026-03-02T20:59:59+09:00", "no version is known for that time"},
		{"job", "2026-03-05", "v3#1"},
		{"job", "2026-03-06", "the content of v4 is not in the archive"}, // and not v3 instead
		{"job", "2026-03-08", "v5"},
		{"job", "2026-03-11", "v6"},
		{"job", "2026-03-13T12:00:00Z", "v5"}, // v6 was withdrawn just then
		{"job", "2026-03-14", "v5 (COC was last checked at 2026-03-13T12:00:00Z: there may have been a newer version)"},
		{"job", "2026-03-21", "v5 (COC was last checked at 2026-03-13T12:00:00Z: there may have been a newer version)"}, // today, so far
		{"job", "2026-03-22", "it is in the future"},
		{"job", "2026-03-21T12:00:01Z", "it is in the future"},
		{"job", "2026-03-5", `not found`},
		{"job", "2026-03-05 12:00", `"2026-03-05 12:00" is not a valid time`},
		{"job", "9999-99-99", "is not a valid time"},

		{"gone", "", "v1 (COC no longer has this document: this is the last version that was seen)"},
		{"gone", "v1", "v1"},
		{"gone", "2026-03-05", "v1"},
		{"gone", "2026-03-06", "the document was deleted then (since 2026-03-06T12:00:00Z at the latest)"},
		{"gone", "2026-03-08", "v1"},
		{"gone", "2026-03-20", "the document was deleted then (since 2026-03-10T12:00:00Z at the latest)"},
	} {
		doc, err := h.Document(t.Context(), "prod/"+tt.doc)
		must(t, err)
		v, err := h.Version(t.Context(), doc, tt.ref)
		got := v.Version
		if v.Note != "" {
			got += " (" + v.Note + ")"
		}
		switch {
		case err == nil && got != tt.want:
			t.Errorf("Version(%s, %q) = %s, want %s", tt.doc, tt.ref, got, tt.want)
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("Version(%s, %q) = %v, want %s", tt.doc, tt.ref, err, tt.want)
		case err == nil && v.Document.key != doc.key:
			t.Errorf("Version(%s, %q) is of document %d, want %d", tt.doc, tt.ref, v.Document.key, doc.key)
		}
	}
}

// Between the last check of the old content and the first of the new one it is unknown which was
// current.
func TestRewrittenVersionIsDoubtful(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
	must(t, err)
	defer d.Close()
	_, err = d.Account(t.Context(), "prod", "https://prod.example", false)
	must(t, err)
	again := kept("v1", 1)
	again.Revision.Number, again.Revision.PreviousCheckedAt = 2, on(4)
	must(t, d.Commit(t.Context(), step("prod", "DM-1", "job", 1, kept("v1", 1)), step("prod", "DM-1", "job", 6, again)))
	h := &Archive{db: d, Now: func() time.Time { return on(6) }, Local: time.UTC}
	doc, err := h.Document(t.Context(), "job")
	must(t, err)
	const doubt = "COC's copy of v1 was rewritten before 2026-03-07T12:00:00Z, and last seen unaltered at 2026-03-05T12:00:00Z: its content may have been different then"
	for ref, want := range map[string][2]string{
		"2026-03-05T12:00:00Z": {"v1#1", ""},
		"2026-03-05T12:00:01Z": {"v1#1", doubt},
		"2026-03-07T11:59:59Z": {"v1#1", doubt},
		"2026-03-07T12:00:00Z": {"v1#2", ""},
	} {
		v, err := h.Version(t.Context(), doc, ref)
		if got := [2]string{v.Version, v.Note}; got != want || err != nil {
			t.Errorf("Version(%s) = %q, %v, want %q", ref, got, err, want)
		}
	}
}

// A version is compared with the revision that its change recorded or, without one, with the
// previous version.
func TestPrevious(t *testing.T) {
	h := open(t)
	doc, err := h.Document(t.Context(), "job")
	must(t, err)
	for _, tt := range []struct{ ref, want, note string }{
		{"v1", "", ""},
		{"v2", "v1", ""},
		{"v3#1", "v2", ""},
		{"v3#2", "v3#1", ""}, // none recorded
		{"v5", "v3#1", "v4, between the two, is not in the archive: COC did not serve it (400 COC.00010002)"},
		{"v6", "v5", ""}, // none recorded
	} {
		v, err := h.Version(t.Context(), doc, tt.ref)
		must(t, err)
		previous, err := h.previous(t.Context(), v)
		var got Version
		if previous != nil {
			got = *previous
		}
		if err != nil || got.Version != tt.want || got.Note != tt.note {
			t.Errorf("previous(%s) = %s, %v with note %q, want %q with note %q", tt.ref, got.Version, err, got.Note, tt.want, tt.note)
		}
	}
}

func TestPeriods(t *testing.T) {
	h := &Archive{Now: func() time.Time { return on(20) }, Local: zone}
	for _, tt := range []struct{ text, since, until string }{ // "" for an error
		{"2026-06-01", "2026-05-31T15:00:00Z", "2026-06-01T15:00:00Z"},
		{"2026-06-01T15:04:05Z", "2026-06-01T15:04:05Z", "2026-06-01T15:04:05.001Z"},
		{"2026-06-01T15:04:05.5+09:00", "2026-06-01T06:04:05.5Z", "2026-06-01T06:04:05.501Z"},
		{"7d", "2026-03-14T12:00:00Z", "2026-03-14T12:00:00.001Z"},
		{"2w", "2026-03-07T12:00:00Z", "2026-03-07T12:00:00.001Z"},
		{"12h", "2026-03-21T00:00:00Z", "2026-03-21T00:00:00.001Z"},
		{"1h30m", "2026-03-21T10:30:00Z", "2026-03-21T10:30:00.001Z"},
		{"-7d", "", ""}, {"-1h", "", ""}, {"7", "", ""}, {"d", "", ""}, {"99999d", "", ""}, {"1e9d", "", ""},
		{"", "", ""}, {"yesterday", "", ""}, {"2026-06", "", ""}, {"2026-02-30", "", ""}, {"2026-06-01 12:00", "", ""},
	} {
		for i, want := range []string{tt.since, tt.until} {
			read, name := h.Since, "Since"
			if i == 1 {
				read, name = h.Until, "Until"
			}
			at, err := read(tt.text)
			got := at.UTC().Format(time.RFC3339Nano)
			if err != nil {
				got = ""
			}
			if got != want || err != nil && hint.Of(err) == "" {
				t.Errorf("%s(%q) = %q, %v (hint %q), want %q", name, tt.text, got, err, hint.Of(err), want)
			}
		}
	}
}

// Any reference gives a version or an error.
func FuzzVersion(f *testing.F) {
	h := open(f)
	doc, err := h.Document(f.Context(), "job")
	must(f, err)
	for _, ref := range []string{"v3#2", "~1", "latest", "2026-03-05", "2026-03-05T12:00:00Z", "~\xff", "#", "v#1"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if v, err := h.Version(t.Context(), doc, ref); err == nil && (!v.Archived || v.SHA256 == "") {
			t.Errorf("Version(%q) = %+v without a content", ref, v)
		}
		_, _ = h.Since(ref)
		_, _ = h.Until(ref)
	})
}

// rows is the inverse of collect.
func rows[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

package db

import (
	"errors"
	"testing"

	"cocsync/internal/coc"
)

// An event is not signed if the database says something else of the time before it than the log.
func TestEventsFollowTheLog(t *testing.T) {
	name := "job"
	event := func(kind coc.Kind) coc.Step {
		return coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: day, Changes: []coc.NewChange{{Kind: kind, At: day}}}
	}
	metadata := event(coc.KindMetadata)
	metadata.Meta = &coc.Meta{Name: &name}
	listed := coc.Step{Account: "prod", DocumentID: "DM1", SeenAt: day,
		Versions: []coc.VersionStep{{Listed: coc.Listed{Label: "v1", UUID: "u1", MadeAt: day}, State: coc.Archived, Recorded: true}}}
	version := step("DM1", "b\n")
	version.Versions[0].Label, version.Changes[0].Kind = "v2", coc.KindVersion
	version.Changes[0].From, version.Changes[0].To.Label = coc.RevisionRef{Label: "v1", Number: 1}, "v2"
	for _, tt := range []struct {
		name, sql string
		step      coc.Step
	}{
		{"a document that was not deleted", `UPDATE documents SET state = 'deleted'`, event(coc.KindRestored)},
		{"a version that was not withdrawn", `UPDATE versions SET withdrawn_at = 1`, listed},
		{"a field", `UPDATE document_states SET name = 'x'`, metadata},
		{"a field and its leaf", `UPDATE document_states SET name = 'x'; UPDATE leaves SET hashes = zeroblob(32) WHERE type = 'state'`, metadata},
		{"an author", `UPDATE revisions SET author = 'x'`, version},
		{"a row without a leaf", `INSERT INTO document_states SELECT account_id, 9, document_id, seen_at, 'x', description, risk_level, creator, modifier,
			enterprise_project_id, created_at, updated_at, extra, request_id, answered_at FROM document_states`, metadata},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := open(t)
			commit(t, d, step("DM1", "a\n"))
			alter(t, d.Path(), tt.sql)
			if err := d.Commit(t.Context(), tt.step); !errors.Is(err, ErrAltered) {
				t.Errorf("Commit = %v, want ErrAltered", err)
			}
		})
	}
	d, _ := open(t)
	commit(t, d, step("DM1", "a\n"))
	commit(t, d, event(coc.KindDeleted), event(coc.KindRestored), event(coc.KindDeleted))
	commit(t, d, event(coc.KindRestored), metadata, version)
	if err := d.Commit(t.Context(), event(coc.KindRestored)); !errors.Is(err, ErrAltered) {
		t.Errorf("Commit of a second return = %v, want ErrAltered", err)
	}
}

// An archive that names another key than the one that signed its head file was altered.
func TestAlteredKey(t *testing.T) {
	for _, value := range []string{"NULL", "randomblob(32)"} {
		d, _ := open(t)
		commit(t, d, step("DM1", "a\n"))
		path := d.Path()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		alter(t, path, `UPDATE archive SET public_key = `+value)
		if d, err := Open(t.Context(), path); !errors.Is(err, ErrAltered) {
			t.Errorf("Open with the key %s = %v, want ErrAltered", value, err)
			if err == nil {
				d.Close()
			}
		}
	}
}

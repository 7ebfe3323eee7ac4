package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// releaseAfter is the maximum time that a delivery is held back until the end of its cycle, so
// that many changes can be combined into a digest.
const releaseAfter = 2 * time.Minute

// Commit stores the steps in one transaction: contents, versions, changes and their
// deliveries are stored together or not at all.
func (a *Archive) Commit(ctx context.Context, steps ...coc.Step) (err error) {
	defer wrap(&err, "archive")
	return a.update(ctx, func(t tx) error {
		for _, s := range steps {
			if err := t.step(s); err != nil {
				return fmt.Errorf("document %s: %w", s.DocumentID, err)
			}
		}
		return nil
	})
}

// stepper stores one step in a transaction.
type stepper struct {
	tx
	coc.Step
	document  coc.Key
	isNew     bool                     // the document's first step
	versions  map[string]storedVersion // by label
	revisions map[coc.RevisionRef]storedRevision
	from, to  int64 // states before and after; 0 for none
}

type storedVersion struct {
	id          int64
	unavailable bool // recorded as unavailable
}

// storedRevision is a revision of this step; zero for none.
type storedRevision struct {
	id     int64
	hash   coc.Hash
	erased bool // its content was erased
}

func (t tx) step(s coc.Step) error {
	w := &stepper{tx: t, Step: s, versions: map[string]storedVersion{}, revisions: map[coc.RevisionRef]storedRevision{}}
	for _, put := range []func() error{w.putDocument, w.putState, w.putVersions, w.putRevisions, w.putChanges} {
		if err := put(); err != nil {
			return err
		}
	}
	return nil
}

func (w *stepper) putDocument() error {
	account, err := w.account(w.Account)
	if err != nil {
		return err
	}
	w.document, w.isNew, err = w.documentKey(account, w.DocumentID, w.Type, w.Name, w.SeenAt)
	if err != nil {
		return err
	}
	var print any
	if w.Fingerprint != nil {
		print = *w.Fingerprint
	}
	// After a deletion any listed row is requested again.
	return w.exec(`
		UPDATE documents SET checked_at = ?1,
			name = CASE ?2 WHEN '' THEN name ELSE ?2 END,
			state = CASE ?3 WHEN '' THEN state ELSE ?3 END,
			newest = CASE ?4 WHEN '' THEN newest ELSE ?4 END,
			fingerprint = CASE ?3 WHEN 'deleted' THEN NULL ELSE coalesce(?5, fingerprint) END
		WHERE account_id = ?6 AND id = ?7`,
		w.SeenAt, w.Name, w.State, w.Newest, print, w.document)
}

func (w *stepper) putState() error {
	if w.Meta == nil && !slices.ContainsFunc(w.Changes, func(c coc.NewChange) bool { return c.Kind == coc.KindMetadata }) {
		return nil
	}
	err := w.row(`SELECT coalesce(max(id), 0) FROM document_states WHERE account_id = ? AND document_id = ?`,
		w.document).Scan(&w.from)
	if err != nil {
		return err
	}
	w.to = w.from
	m := w.Meta
	if m == nil {
		return nil
	}
	key, err := w.add(w.document.Account, stateIDs, `
		INSERT INTO document_states (account_id, id, document_id, seen_at, name, description, risk_level, creator, modifier,
			enterprise_project_id, created_at, updated_at, extra, request_id, answered_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.document.ID, w.SeenAt, m, w.Evidence)
	if err != nil {
		return err
	}
	w.to = key.ID
	return w.leaf(key, w.record(audit.TypeState, "seen_at", w.SeenAt, "name", m.Name, "description", m.Description,
		"risk_level", m.RiskLevel, "creator", m.Creator, "modifier", m.Modifier, "enterprise_project_id", m.ProjectID,
		"created_at", m.CreatedAt, "updated_at", m.UpdatedAt, "others", m.Extra,
		"request_id", audit.NotEmpty(w.Evidence.RequestID), "answered_at", w.Evidence.Date))
}

// record returns a record about the step's document. records.go has the same fields.
func (w *stepper) record(typ string, fields ...any) audit.Record {
	return audit.NewRecord(typ, append([]any{"account", w.Account, "document_id", w.DocumentID}, fields...)...)
}

func (w *stepper) putVersions() error {
	if err := w.loadVersions(); err != nil {
		return err
	}
	for _, v := range w.Versions {
		before := w.versions[v.Label]
		if err := w.putVersion(v); err != nil {
			return fmt.Errorf("version %s: %w", v.Label, err)
		}
		if v.State == coc.Unavailable && !before.unavailable {
			if err := w.putUnavailable(v); err != nil {
				return fmt.Errorf("version %s: %w", v.Label, err)
			}
		}
	}
	return nil
}

// loadVersions loads the existing labels of the document.
func (w *stepper) loadVersions() error {
	if w.isNew || len(w.Versions) == 0 {
		return nil
	}
	known, err := byKey(w.ctx, w.on, func(row scanner) (label string, v storedVersion, err error) {
		err = row.Scan(&label, &v.id, &v.unavailable)
		return label, v, err
	}, `SELECT label, id, state = 'unavailable' FROM versions WHERE account_id = ? AND document_id = ?`, w.document)
	w.versions = known
	return err
}

// maxNumber is the largest N of vN by which queries order versions.
const maxNumber = 1_000_000_000

func (w *stepper) putVersion(v coc.VersionStep) error {
	progress := []any{v.State, v.Failures, v.FailedCycle, cmp.Or(v.Reason, v.Err), v.Recorded, v.FailedSince, v.RetryAt, v.Checked}
	if id := w.versions[v.Label].id; id != 0 {
		return w.exec(`
			UPDATE versions SET
				made_at = coalesce(made_at, ?1),
				withdrawn_at = CASE ?2 WHEN 1 THEN coalesce(withdrawn_at, ?3) END,
				state = ?4, failures = ?5, failed_cycle = ?6, error = ?7, recorded = ?8, failed_since = ?9, retry_at = ?10,
				checked_at = CASE WHEN ?2 = 1 THEN NULL WHEN ?11 = 1 THEN ?3
					WHEN ?4 = 'archived' THEN coalesce(checked_at, 0) ELSE checked_at END
			WHERE account_id = ?12 AND id = ?13`,
			slices.Concat([]any{v.MadeAt, v.Withdrawn, w.SeenAt}, progress, []any{w.document.Account, id})...)
	}
	key, err := w.add(w.document.Account, versionIDs, `
		INSERT INTO versions (account_id, id, document_id, label, made_at, version_uuid, listed_at, backfill, withdrawn_at,
			state, failures, failed_cycle, error, recorded, failed_since, retry_at, checked_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CASE ?9 WHEN 1 THEN ?7 END, ?10, ?11, ?12, ?13, ?14, ?15, ?16, CASE ?17 WHEN 1 THEN ?7 END)`,
		append([]any{w.document.ID, v.Label, v.MadeAt, v.UUID, w.SeenAt, v.Backfill, v.Withdrawn}, progress...)...)
	if err != nil {
		return err
	}
	w.versions[v.Label] = storedVersion{id: key.ID}
	if n, ok := coc.Number(v.Label); ok && n <= maxNumber {
		return nil
	}
	return w.exec(`UPDATE documents SET numbered = 0 WHERE account_id = ? AND id = ?`, w.document)
}

// putUnavailable records that COC did not serve a listed version.
func (w *stepper) putUnavailable(v coc.VersionStep) error {
	key, err := w.add(w.document.Account, unavailableIDs, `
		INSERT INTO unavailable_versions (account_id, id, version_id, at, error) VALUES (?, ?, ?, ?, ?)`,
		w.versions[v.Label].id, w.SeenAt, v.Err)
	if err != nil {
		return err
	}
	return w.leaf(key, w.record(audit.TypeUnavailable, "version", v.Label, "seen_at", w.SeenAt, "error", audit.NotEmpty(v.Err)))
}

func (w *stepper) putRevisions() error {
	var contents []hashed
	for _, v := range w.Versions {
		if r := v.Revision; r != nil {
			contents = append(contents, hashed{r.Content.Hash(), r.Content})
		}
	}
	stored, err := w.addContents(w.document, contents)
	if err != nil {
		return fmt.Errorf("contents: %w", err)
	}
	var kept []hashed
	for i, c := range contents {
		if !stored[i].erased {
			kept = append(kept, c)
		}
	}
	if err := w.putLines(w.document, w.isNew, kept); err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	for _, v := range w.Versions {
		if v.Revision == nil {
			continue
		}
		if err := w.putRevision(v, contents[0].hash, stored[0]); err != nil {
			return fmt.Errorf("revision %s: %w", coc.RevisionLabel(v.Label, v.Revision.Number, v.Revision.Number), err)
		}
		contents, stored = contents[1:], stored[1:]
	}
	return nil
}

func (w *stepper) putRevision(v coc.VersionStep, hash coc.Hash, content storedContent) error {
	r := v.Revision
	key, err := w.add(w.document.Account, revisionIDs, `
		INSERT INTO revisions (account_id, id, version_id, number, version_uuid, content_id, made_at, seen_at, author,
			previous_checked_at, request_id, answered_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.versions[v.Label].id, r.Number, r.UUID, content.id, v.MadeAt, w.SeenAt, noneIsNull(r.Author), r.PreviousCheckedAt, r.Evidence)
	if err != nil {
		return err
	}
	w.revisions[coc.RevisionRef{Label: v.Label, Number: r.Number}] = storedRevision{key.ID, hash, content.erased}
	return w.leaf(key, w.record(audit.TypeRevision, "version", v.Label, "revision", r.Number, "version_uuid", audit.NotEmpty(r.UUID),
		"sha256", hash[:], "size", len(r.Content.Bytes), "raw_token", r.Content.Form == coc.FormToken, "made_at", v.MadeAt,
		"seen_at", w.SeenAt, "author", audit.NotEmpty(r.Author), "previous_checked_at", r.PreviousCheckedAt,
		"request_id", audit.NotEmpty(r.Evidence.RequestID), "answered_at", r.Evidence.Date))
}

func (w *stepper) putChanges() error {
	for _, c := range w.Changes {
		if err := w.putChange(c); err != nil {
			return fmt.Errorf("%s change: %w", c.Kind, err)
		}
	}
	return nil
}

func (w *stepper) putChange(c coc.NewChange) error {
	from, err := w.revision(c.From)
	if err != nil {
		return err
	}
	to, err := w.revision(c.To)
	if err != nil {
		return err
	}
	var states [2]int64 // before and after
	if c.Kind == coc.KindMetadata {
		states = [2]int64{w.from, w.to}
	}
	key, err := w.add(w.document.Account, changeIDs, `
		INSERT INTO changes (account_id, id, document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state,
			version_id, at, seen_at, backfill, late)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.document.ID, noneIsNull(w.Cycle.ID), c.Kind, noneIsNull(from.id), noneIsNull(to.id), noneIsNull(states[0]),
		noneIsNull(states[1]), noneIsNull(w.versions[c.Label].id), c.At, w.SeenAt, c.Backfill, c.Late)
	if err != nil {
		return err
	}
	r := w.record(audit.TypeChange, "change", key.ID, "kind", c.Kind)
	if from.id != 0 {
		r.Add("from_version", c.From.Label, "from_revision", c.From.Number, "from_sha256", from.hash[:])
	}
	if to.id != 0 {
		r.Add("to_version", c.To.Label, "to_revision", c.To.Number, "to_sha256", to.hash[:])
	}
	r.Add("version", audit.NotEmpty(c.Label))
	if states[1] != 0 {
		r.Add("from_state", states[0], "to_state", states[1])
	}
	r.Add("at", c.At, "seen_at", w.SeenAt, "backfill", c.Backfill, "late", c.Late)
	if err := w.leaf(key, r); err != nil {
		return err
	}
	if from.erased || to.erased {
		c.Difference = coc.ErasedDifference(c.Algorithm, c.Skipped)
	}
	if err := w.insertDifference(key, &c.Difference); err != nil {
		return err
	}
	for i, n := range slices.Concat(c.Notify, c.Routed) {
		err := w.exec(`
			INSERT INTO deliveries (notifier, account_id, change_id, cycle_id, routed, state, due_at) VALUES (?, ?, ?, ?, ?, 'waiting', ?)`,
			n, key, noneIsNull(w.Cycle.ID), bit(i >= len(c.Notify)), w.SeenAt.Add(releaseAfter))
		if err != nil {
			return fmt.Errorf("delivery to %s: %w", n, err)
		}
	}
	return nil
}

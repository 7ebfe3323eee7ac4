package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// tellWithin is the longest that a delivery waits for the end of its cycle, so
// that a burst can become a digest.
const tellWithin = 2 * time.Minute

// Commit stores the steps in one transaction: contents, versions, changes and
// what is to be told of them land together or not at all.
func (d *DB) Commit(ctx context.Context, steps ...coc.Step) (err error) {
	defer wrap(&err, "archive")
	return d.update(ctx, func(t tx) error {
		for _, s := range steps {
			if err := t.step(s); err != nil {
				return fmt.Errorf("document %s: %w", s.DocumentID, err)
			}
		}
		return nil
	})
}

// stepper carries one step through its transaction.
type stepper struct {
	tx
	coc.Step
	document  int64
	fresh     bool                      // the document's first step
	versions  map[string]int64          // label to row
	lacking   map[string]bool           // labels that could not be had already
	revisions map[coc.RevisionRef]int64 // those of this step
	hashes    map[coc.RevisionRef][]byte
	erased    map[coc.RevisionRef]bool // those whose content a person had erased
	from, to  sql.NullInt64            // states before and after
}

func (t tx) step(s coc.Step) error {
	w := &stepper{tx: t, Step: s, versions: map[string]int64{}, lacking: map[string]bool{}, revisions: map[coc.RevisionRef]int64{}, hashes: map[coc.RevisionRef][]byte{}, erased: map[coc.RevisionRef]bool{}}
	for _, do := range []func() error{w.putDocument, w.putState, w.putVersions, w.putRevisions, w.putChanges} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (w *stepper) putDocument() error {
	var err error
	w.document, w.fresh, err = w.documentKey(w.Account, w.DocumentID, w.Type, w.Name, w.SeenAt)
	if err != nil {
		return err
	}
	var print any
	if w.Fingerprint != nil {
		print = w.Fingerprint[:]
	}
	if err := w.exec(`
		UPDATE documents SET checked_at = ?1,
			name = CASE ?2 WHEN '' THEN name ELSE ?2 END,
			state = CASE ?3 WHEN '' THEN state ELSE ?3 END,
			newest = CASE ?4 WHEN '' THEN newest ELSE ?4 END,
			fingerprint = coalesce(?5, fingerprint)
		WHERE id = ?6`, w.SeenAt.UnixMilli(), w.Name, string(w.State), w.Newest, print, w.document); err != nil {
		return err
	}
	if w.State != coc.Deleted {
		return nil
	}
	// When it comes back, its row must be asked for whatever it says.
	return w.exec(`UPDATE documents SET fingerprint = NULL WHERE id = ?`, w.document)
}

// documentKey returns the key of a document, making its row when it is new.
func (t tx) documentKey(account, documentID, typ, name string, now time.Time) (id int64, fresh bool, err error) {
	err = t.row(`
		SELECT d.id FROM documents d JOIN accounts a ON a.id = d.account_id
		WHERE a.name = ? AND d.document_id = ?`, account, documentID).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, false, err
	}
	id, err = t.insert(`
		INSERT INTO documents (account_id, document_id, document_type, first_seen_at, state, name, checked_at, lines_version)
		SELECT id, ?, ?, ?, 'listed', ?, ?, ? FROM accounts WHERE name = ?`,
		documentID, typ, now.UnixMilli(), name, now.UnixMilli(), linesAlgorithm, account)
	return id, true, err
}

func (w *stepper) putState() error {
	if w.Meta == nil && !slices.ContainsFunc(w.Changes, func(c coc.NewChange) bool { return c.Kind == coc.KindMetadata }) {
		return nil
	}
	err := w.row(`SELECT max(id) FROM document_states WHERE document_id = ?`, w.document).Scan(&w.from)
	if err != nil {
		return err
	}
	w.to = w.from
	m := w.Meta
	if m == nil {
		return nil
	}
	id, err := w.insert(`
		INSERT INTO document_states (document_id, seen_at, name, description, risk_level, creator, modifier,
			enterprise_project_id, created_at, updated_at, extra, request_id, answered_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.document, w.SeenAt.UnixMilli(), text(m.Name), text(m.Description), text(m.RiskLevel), text(m.Creator), text(m.Modifier),
		text(m.ProjectID), millis(m.CreatedAt), millis(m.UpdatedAt), m.Extra, w.Evidence.RequestID, millis(w.Evidence.Date))
	if err != nil {
		return err
	}
	w.to = sql.NullInt64{Int64: id, Valid: true}
	return w.leaf(audit.TypeState, id, stateRecord(w.Account, w.DocumentID, w.SeenAt, m, w.Evidence))
}

func (w *stepper) putVersions() error {
	if err := w.loadVersions(); err != nil {
		return err
	}
	for _, v := range w.Versions {
		if err := w.putVersion(v); err != nil {
			return fmt.Errorf("version %s: %w", v.Label, err)
		}
		if v.State == coc.Unavailable && !w.lacking[v.Label] {
			if err := w.putLack(v); err != nil {
				return fmt.Errorf("version %s: %w", v.Label, err)
			}
		}
	}
	return nil
}

// loadVersions reads which labels the document has already.
func (w *stepper) loadVersions() error {
	if w.fresh || len(w.Versions) == 0 {
		return nil
	}
	rows, err := w.rows(`SELECT id, label, state = 'unavailable' FROM versions WHERE document_id = ?`, w.document)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var label string
		var lacking bool
		if err := rows.Scan(&id, &label, &lacking); err != nil {
			return rowError(w.ctx, rows, err)
		}
		w.versions[label], w.lacking[label] = id, lacking
	}
	return rows.Err()
}

func (w *stepper) putVersion(v coc.VersionStep) (err error) {
	now := w.SeenAt.UnixMilli()
	if id := w.versions[v.Label]; id != 0 {
		return w.exec(`
			UPDATE versions SET
				made_at = coalesce(made_at, ?1),
				withdrawn_at = iif(?2, coalesce(withdrawn_at, ?3), NULL),
				state = ?4, failures = ?5, failed_cycle = ?10, error = ?6, recorded = ?7,
				failed_since = ?11, retry_at = ?12,
				checked_at = CASE WHEN ?2 THEN NULL WHEN ?8 THEN ?3
					WHEN ?4 = 'archived' THEN coalesce(checked_at, 0) ELSE checked_at END
			WHERE id = ?9`,
			millis(v.MadeAt), v.Withdrawn, now, string(v.State), v.Failures, cmp.Or(v.Reason, v.Err), v.Recorded, v.Checked, id, v.FailedCycle,
			millis(v.FailedSince), millis(v.RetryAt))
	}
	w.versions[v.Label], err = w.insert(`
		INSERT INTO versions (document_id, label, made_at, version_uuid, listed_at, backfill, withdrawn_at,
			state, failures, error, recorded, checked_at, failed_cycle, failed_since, retry_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, iif(?7, ?5, NULL), ?8, ?9, ?10, ?11, iif(?12, ?5, NULL), ?13, ?14, ?15)`,
		w.document, v.Label, millis(v.MadeAt), v.UUID, now, v.Backfill, v.Withdrawn,
		string(v.State), v.Failures, cmp.Or(v.Reason, v.Err), v.Recorded, v.Checked, v.FailedCycle, millis(v.FailedSince), millis(v.RetryAt))
	return err
}

// putLack records that a version could not be had.
func (w *stepper) putLack(v coc.VersionStep) error {
	id, err := w.insert(`INSERT INTO unavailable_versions (version_id, at, error) VALUES (?, ?, ?)`, w.versions[v.Label], w.SeenAt.UnixMilli(), v.Err)
	if err != nil {
		return err
	}
	return w.leaf(audit.TypeLack, id, lackRecord(w.Account, w.DocumentID, v.Label, w.SeenAt, v.Err))
}

func (w *stepper) putRevisions() error {
	var list []fresh
	for _, v := range w.Versions {
		if r := v.Revision; r != nil {
			list = append(list, fresh{r.Content.Hash(), r.Content})
		}
	}
	contents, erased, err := w.addContents(w.document, list)
	if err != nil {
		return fmt.Errorf("contents: %w", err)
	}
	var kept []fresh
	for i, c := range list {
		if !erased[i] {
			kept = append(kept, c)
		}
	}
	if err := w.putLines(w.document, w.fresh, kept); err != nil {
		return fmt.Errorf("lines: %w", err)
	}
	for _, v := range w.Versions {
		r := v.Revision
		if r == nil {
			continue
		}
		var author any
		if r.Author != "" {
			author = r.Author
		}
		id, err := w.insert(`
			INSERT INTO revisions (version_id, number, version_uuid, content_id, made_at, seen_at, author,
				previous_checked_at, request_id, answered_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			w.versions[v.Label], r.Number, r.UUID, contents[0], millis(v.MadeAt), w.SeenAt.UnixMilli(), author,
			millis(r.PreviousCheckedAt), r.Evidence.RequestID, millis(r.Evidence.Date))
		if err != nil {
			return fmt.Errorf("revision %s: %w", coc.RevisionLabel(v.Label, r.Number, r.Number), err)
		}
		hash := list[0].hash
		logged := loggedRevision{w.Account, w.DocumentID, v.Label, r.Number, r.UUID, hash[:], len(r.Content.Bytes), r.Content.Form,
			v.MadeAt, w.SeenAt, r.PreviousCheckedAt, r.Author, r.Evidence}
		if err := w.leaf(audit.TypeRevision, id, logged.record()); err != nil {
			return err
		}
		ref := coc.RevisionRef{Label: v.Label, Number: r.Number}
		w.revisions[ref], w.hashes[ref], w.erased[ref] = id, hash[:], erased[0]
		list, contents, erased = list[1:], contents[1:], erased[1:]
	}
	return nil
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
	from, fromHash, err := w.revision(c.From)
	if err != nil {
		return err
	}
	to, toHash, err := w.revision(c.To)
	if err != nil {
		return err
	}
	var fromState, toState, version, cycle any
	if c.Kind == coc.KindMetadata {
		fromState, toState = w.from, w.to
	}
	if c.Label != "" {
		version = w.versions[c.Label]
	}
	if w.Cycle != 0 {
		cycle = w.Cycle
	}
	id, err := w.insert(`
		INSERT INTO changes (document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state,
			version_id, at, seen_at, backfill, late)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		w.document, cycle, string(c.Kind), from, to, fromState, toState,
		version, c.At.UnixMilli(), w.SeenAt.UnixMilli(), c.Backfill, c.Late)
	if err != nil {
		return err
	}
	logged := loggedChange{w.Account, w.DocumentID, id, c.Kind, c.From, c.To, fromHash, toHash, c.Label, 0, 0, c.At, w.SeenAt, c.Backfill, c.Late}
	if c.Kind == coc.KindMetadata {
		logged.fromState, logged.toState = w.from.Int64, w.to.Int64
	}
	if err := w.leaf(audit.TypeChange, id, logged.record()); err != nil {
		return err
	}
	if w.erased[c.From] || w.erased[c.To] {
		c.Difference = coc.ErasedDifference(c.Algorithm, c.Skipped)
	}
	if err := w.insertDifference(id, &c.Difference); err != nil {
		return err
	}
	for i, n := range slices.Concat(c.Notify, c.Routed) {
		err := w.exec(`
			INSERT INTO deliveries (notifier, change_id, cycle_id, routed, state, due_at) VALUES (?, ?, ?, ?, 'waiting', ?)`,
			n, id, cycle, i >= len(c.Notify), w.SeenAt.Add(tellWithin).UnixMilli())
		if err != nil {
			return fmt.Errorf("delivery to %s: %w", n, err)
		}
	}
	return nil
}

// revision returns the row of a revision of this document and the hash of its content,
// nil for none.
func (w *stepper) revision(ref coc.RevisionRef) (id any, hash []byte, err error) {
	if ref == (coc.RevisionRef{}) {
		return nil, nil, nil
	}
	if id, ok := w.revisions[ref]; ok {
		return id, w.hashes[ref], nil
	}
	err = w.row(`
		SELECT r.id, t.sha256 FROM revisions r JOIN versions v ON v.id = r.version_id JOIN contents t ON t.id = r.content_id
		WHERE v.document_id = ? AND v.label = ? AND r.number = ?`,
		w.document, ref.Label, ref.Number).Scan(&id, &hash)
	if err != nil {
		return nil, nil, fmt.Errorf("revision %s: %w", coc.RevisionLabel(ref.Label, ref.Number, ref.Number), err)
	}
	return id, hash, nil
}

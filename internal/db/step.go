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
func (a *Archive) Commit(ctx context.Context, steps ...coc.Step) error {
	return a.update(ctx, "archive", func(t *tx) {
		for _, s := range steps {
			w := &stepper{tx: t, Step: s, versions: map[string]storedVersion{}, revisions: map[coc.RevisionRef]storedRevision{}}
			w.put()
		}
	})
}

// stepper stores one step in a transaction.
type stepper struct {
	*tx
	coc.Step
	document  coc.Key
	isNew     bool                     // the document's first step
	versions  map[string]storedVersion // by label
	revisions map[coc.RevisionRef]storedRevision
	from, to  int64 // states before and after; 0 for none
}

type storedVersion struct {
	ID          int64
	New         bool // added by this step
	UUID        string
	Unavailable bool // recorded as unavailable
	Made        bool // its create_time is known
	Withdrawn   bool
}

// storedRevision is a revision of this step; zero for none.
type storedRevision struct {
	ID         int64
	Erased     bool   // its content was erased
	Salt, Hash []byte // of its content
}

func (w *stepper) put() {
	defer w.naming("document %s", w.DocumentID)()
	w.putDocument()
	w.putState()
	w.putVersions()
	w.putRevisions()
	for _, c := range w.Changes {
		w.putChange(c)
	}
}

func (w *stepper) putDocument() {
	w.document, w.isNew = w.documentKey(w.Account, w.DocumentID, w.Type, w.Name, w.SeenAt)
	var print any
	if w.Fingerprint != nil {
		print = *w.Fingerprint
	}
	// After a deletion any listed row is requested again.
	w.exec(`
		UPDATE documents SET checked_at = ?1,
			name = CASE ?2 WHEN '' THEN name ELSE ?2 END,
			state = CASE ?3 WHEN '' THEN state ELSE ?3 END,
			newest = CASE ?4 WHEN '' THEN newest ELSE ?4 END,
			fingerprint = CASE ?3 WHEN 'deleted' THEN NULL ELSE coalesce(?5, fingerprint) END
		WHERE account_id = ?6 AND id = ?7`,
		w.SeenAt, w.Name, w.State, w.Newest, print, w.document)
}

func (w *stepper) putState() {
	m := w.Meta
	if m == nil && !slices.ContainsFunc(w.Changes, func(c coc.NewChange) bool { return c.Kind == coc.KindMetadata }) {
		return
	}
	w.from, _ = get[int64](w.tx, `SELECT coalesce(max(id), 0) FROM document_states WHERE account_id = ? AND document_id = ?`, w.document)
	w.to = w.from
	if w.from != 0 {
		w.logged(audit.TypeState, coc.Key{Account: w.document.Account, ID: w.from})
	}
	if m == nil {
		return
	}
	key := w.add(w.document.Account, "document_states", `document_id, seen_at, name, description, risk_level, creator, modifier,
		enterprise_project_id, created_at, updated_at, extra, request_id, answered_at`, w.document.ID, w.SeenAt, *m, w.Evidence)
	w.to = key.ID
	w.leaf(key, w.record(audit.TypeState, "seen_at", w.SeenAt, "name", m.Name, "description", m.Description,
		"risk_level", m.RiskLevel, "creator", m.Creator, "modifier", m.Modifier, "enterprise_project_id", m.ProjectID,
		"created_at", m.CreatedAt, "updated_at", m.UpdatedAt, "others", m.Extra,
		"request_id", audit.NotEmpty(w.Evidence.RequestID), "answered_at", w.Evidence.Date))
}

// record returns a record about the step's document. records.go has the same fields.
func (w *stepper) record(typ string, fields ...any) audit.Record {
	return audit.NewRecord(typ, append([]any{"account", w.Account, "document_id", w.DocumentID}, fields...)...)
}

func (w *stepper) putVersions() {
	if !w.isNew && len(w.Versions) > 0 {
		var err error
		w.versions, err = byKey[string, storedVersion](w.reader,
			`SELECT label, id, 0, version_uuid, state = 'unavailable', made_at IS NOT NULL, withdrawn_at IS NOT NULL
				FROM versions WHERE account_id = ? AND document_id = ?`, w.document)
		w.fail(err)
	}
	var added []coc.VersionStep
	for _, v := range w.Versions {
		if w.versions[v.Label].ID == 0 {
			added = append(added, v)
		}
	}
	for together := range slices.Chunk(added, maxListed) {
		w.addVersions(together)
	}
	for _, v := range w.Versions {
		w.putVersion(v)
	}
}

// maxListed is the maximum number of versions in one record. COC has no more of a document.
const maxListed = 100

// maxNumber is the largest N of vN by which queries order versions.
const maxNumber = 1_000_000_000

// addVersions adds versions that are listed for the first time, and their record.
func (w *stepper) addVersions(list []coc.VersionStep) {
	var first coc.Key
	records := make([]audit.ListedVersion, len(list))
	for i, v := range list {
		listed := 0
		if i == 0 {
			listed = len(list)
		}
		key := w.addVersion(v, listed)
		if i == 0 {
			first = key
		}
		records[i] = audit.NewListedVersion(v.Label, v.UUID, v.MadeAt, v.Backfill)
	}
	w.leaf(first, w.record(audit.TypeVersions, "listed_at", w.SeenAt, "versions", audit.EncodeListed(records)))
}

func (w *stepper) addVersion(v coc.VersionStep, listed int) coc.Key {
	defer w.naming("version %s", v.Label)()
	var withdrawn, checked time.Time
	if v.Withdrawn {
		withdrawn = w.SeenAt
	}
	if v.Checked {
		checked = w.SeenAt
	}
	key := w.add(w.document.Account, "versions", `document_id, label, made_at, version_uuid, listed_at, backfill, listed, withdrawn_at,
		state, failures, failed_cycle, error, recorded, failed_since, retry_at, checked_at`,
		w.document.ID, v.Label, v.MadeAt, v.UUID, w.SeenAt, v.Backfill, listed, withdrawn,
		v.State, v.Failures, v.FailedCycle, cmp.Or(v.Reason, v.Err), v.Recorded, v.FailedSince, v.RetryAt, checked)
	w.versions[v.Label] = storedVersion{ID: key.ID, New: true, UUID: v.UUID, Made: !v.MadeAt.IsZero()}
	if n, ok := coc.Number(v.Label); !ok || n > maxNumber {
		w.exec(`UPDATE documents SET numbered = 0 WHERE account_id = ? AND id = ?`, w.document)
	}
	return key
}

// putVersion stores the progress of a version, and how it is listed.
func (w *stepper) putVersion(v coc.VersionStep) {
	defer w.naming("version %s", v.Label)()
	before := w.versions[v.Label]
	if !before.New {
		w.exec(`
			UPDATE versions SET
				made_at = coalesce(made_at, ?1),
				withdrawn_at = CASE ?2 WHEN 1 THEN coalesce(withdrawn_at, ?3) END,
				state = ?4, failures = ?5, failed_cycle = ?6, error = ?7, recorded = ?8, failed_since = ?9, retry_at = ?10,
				checked_at = CASE WHEN ?2 = 1 THEN NULL WHEN ?11 = 1 THEN ?3
					WHEN ?4 = 'archived' THEN coalesce(checked_at, 0) ELSE checked_at END
			WHERE account_id = ?12 AND id = ?13`,
			v.MadeAt, v.Withdrawn, w.SeenAt, v.State, v.Failures, v.FailedCycle, cmp.Or(v.Reason, v.Err), v.Recorded, v.FailedSince, v.RetryAt,
			v.Checked, w.document.Account, before.ID)
	}
	w.putListing(v, before)
	if v.State == coc.Unavailable && !before.Unavailable {
		// COC did not serve a listed version.
		key := w.add(w.document.Account, "unavailable_versions", "version_id, at, error", before.ID, w.SeenAt, v.Err)
		w.leaf(key, w.record(audit.TypeUnavailable, "version", v.Label, "seen_at", w.SeenAt, "error", audit.NotEmpty(v.Err)))
	}
}

// putListing records how a version is listed, if that changed.
func (w *stepper) putListing(v coc.VersionStep, before storedVersion) {
	var made time.Time
	if !before.Made {
		made = v.MadeAt
	}
	if v.Withdrawn == before.Withdrawn && made.IsZero() {
		return
	}
	w.followsListing(before, v.Label)
	key := w.add(w.document.Account, "listings", "version_id, at, withdrawn, made_at", before.ID, w.SeenAt, v.Withdrawn, made)
	w.leaf(key, w.record(audit.TypeListing, "version", v.Label, "at", w.SeenAt, "withdrawn", v.Withdrawn, "made_at", made))
}

func (w *stepper) putRevisions() {
	var contents []hashed
	for _, v := range w.Versions {
		if r := v.Revision; r != nil {
			contents = append(contents, hashed{r.Content.Hash(), r.Content})
		}
	}
	stored := w.addContents(w.document, contents)
	var kept []hashed
	for i, c := range contents {
		if !stored[i].Erased {
			kept = append(kept, c)
		}
	}
	w.putLines(w.document, w.isNew, kept)
	for _, v := range w.Versions {
		if v.Revision != nil {
			w.putRevision(v, stored[0])
			stored = stored[1:]
		}
	}
}

func (w *stepper) putRevision(v coc.VersionStep, content storedContent) {
	r := v.Revision
	defer w.naming("revision %s", coc.RevisionLabel(v.Label, r.Number, r.Number))()
	version, uuid := w.versions[v.Label], any(r.UUID)
	if r.UUID == version.UUID {
		uuid = nil
	}
	key := w.add(w.document.Account, "revisions", `version_id, number, version_uuid, content_id, made_at, seen_at, author,
		previous_checked_at, request_id, answered_at`,
		version.ID, r.Number, uuid, content.ID, v.MadeAt, w.SeenAt, noneIsNull(r.Author), r.PreviousCheckedAt, r.Evidence)
	w.revisions[coc.RevisionRef{Label: v.Label, Number: r.Number}] = storedRevision{key.ID, content.Erased, content.Salt, content.Hash}
	w.leaf(key, w.record(audit.TypeRevision, "version", v.Label, "revision", r.Number, "version_uuid", audit.NotEmpty(r.UUID),
		"commitment", content.commitment(), "size", roundedSize(len(r.Content.Bytes)), "raw_token", r.Content.Form == coc.FormToken,
		"made_at", v.MadeAt,
		"seen_at", w.SeenAt, "author", audit.NotEmpty(r.Author), "previous_checked_at", r.PreviousCheckedAt,
		"request_id", audit.NotEmpty(r.Evidence.RequestID), "answered_at", r.Evidence.Date))
}

// revision returns a revision of the step's document; zero for the zero reference.
func (w *stepper) revision(ref coc.RevisionRef) storedRevision {
	r, ok := w.revisions[ref]
	if ok || ref == (coc.RevisionRef{}) {
		return r
	}
	if r, ok = get[storedRevision](w.tx, `
		SELECT r.id, c.pack_id IS NULL, c.salt, c.hash FROM versions v JOIN revisions r ON r.account_id = v.account_id AND r.version_id = v.id
		JOIN contents c ON c.account_id = r.account_id AND c.id = r.content_id
		WHERE v.account_id = ? AND v.document_id = ? AND v.label = ? AND r.number = ?`, w.document, ref); !ok {
		w.fail(fmt.Errorf("no revision %s", coc.RevisionLabel(ref.Label, ref.Number, ref.Number)))
	}
	w.logged(audit.TypeRevision, coc.Key{Account: w.document.Account, ID: r.ID})
	return r
}

func (w *stepper) putChange(c coc.NewChange) {
	defer w.naming("%s change", c.Kind)()
	w.followsState(c)
	from, to := w.revision(c.From), w.revision(c.To)
	var states [2]int64 // before and after
	if c.Kind == coc.KindMetadata {
		states = [2]int64{w.from, w.to}
	}
	key := w.add(w.document.Account, "changes", `document_id, cycle_id, kind, from_revision, to_revision, from_state, to_state,
		version_id, at, seen_at, backfill, late`,
		w.document.ID, noneIsNull(w.Cycle.ID), c.Kind, noneIsNull(from.ID), noneIsNull(to.ID), noneIsNull(states[0]),
		noneIsNull(states[1]), noneIsNull(w.versions[c.Label].ID), c.At, w.SeenAt, c.Backfill, c.Late)
	r := w.record(audit.TypeChange, "change", key.ID, "kind", c.Kind)
	if from.ID != 0 {
		r.Add("from_version", c.From.Label, "from_revision", c.From.Number, "from_commitment", commitment(from.Salt, from.Hash))
	}
	if to.ID != 0 {
		r.Add("to_version", c.To.Label, "to_revision", c.To.Number, "to_commitment", commitment(to.Salt, to.Hash))
	}
	r.Add("version", audit.NotEmpty(c.Label))
	if states[1] != 0 {
		r.Add("from_state", states[0], "to_state", states[1])
	}
	r.Add("at", c.At, "seen_at", w.SeenAt, "backfill", c.Backfill, "late", c.Late, "cycle", noneIsNull(w.Cycle.ID))
	w.leaf(key, r)
	if from.Erased || to.Erased {
		c.Difference = coc.ErasedDifference(c.Algorithm, c.Skipped)
	}
	w.insertDifference(key, &c.Difference)
	for i, n := range slices.Concat(c.Notify, c.Routed) {
		w.exec(insertInto("deliveries", "notifier, account_id, change_id, cycle_id, routed, state, due_at"),
			n, key, noneIsNull(w.Cycle.ID), i >= len(c.Notify), coc.Waiting, w.SeenAt.Add(releaseAfter))
	}
}

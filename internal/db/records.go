package db

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// docs/audit-log.md describes the records of the log and their fields. Records are built
// here from values, for writing and for verification.

// source selects the rows of one type of record: a query of all rows with a leaf, and a scan
// function for its columns. alias is the alias of the table with the rows.
type source struct {
	typ   string
	query string
	alias string
	scan  func(scanner) (ref coc.Key, r audit.Record, err error)
}

// sources returns all types except start, in the order in which adopt adds them.
func sources() []source {
	return []source{
		{audit.TypeState, stateQuery, "s", scanStateRecord},
		{audit.TypeRevision, revisionQuery, "r", scanRevisionRecord},
		{audit.TypeUnavailable, unavailableQuery, "u", scanUnavailableRecord},
		{audit.TypeChange, changeQuery, "c", scanChangeRecord},
		{audit.TypeErasure, erasureQuery, "c", scanErasureRecord},
		{audit.TypeCoverage, coverageQuery, "g", scanCoverage},
	}
}

type generation struct {
	origin, public string
	at             time.Time
	old            audit.Checkpoint
}

func (g generation) record() (r audit.Record) {
	r.Text("origin", g.origin)
	r.Text("public_key", g.public)
	r.Time("at", g.at)
	if g.old.Origin != "" {
		r.Text("old_origin", g.old.Origin)
		r.Int("old_size", g.old.Size)
		r.Hex("old_root", g.old.Root[:])
	}
	return r
}

const generationQuery = `SELECT 0, g.id, g.origin, g.public_key, g.at, coalesce(g.old_origin, ''), coalesce(g.old_size, 0), g.old_root FROM generations g`

func scanGeneration(row scanner) (ref coc.Key, r audit.Record, err error) {
	var g generation
	err = row.Scan(&ref.Account, &ref.ID, &g.origin, &g.public, at(&g.at), &g.old.Origin, &g.old.Size, (*hashColumn)(&g.old.Root))
	return ref, g.record(), err
}

// newOrigin returns a random name for a log.
func newOrigin() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return "cocsync/" + hex.EncodeToString(b), nil
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// of returns a record with the fields that identify a document.
func of(account, documentID string) (r audit.Record) {
	r.Text("account", account)
	r.Text("document_id", documentID)
	return r
}

func stateRecord(account, documentID string, seen time.Time, m *coc.Meta, e coc.Evidence) audit.Record {
	r := of(account, documentID)
	r.Time("seen_at", seen)
	r.TextIf("name", m.Name)
	r.TextIf("description", m.Description)
	r.TextIf("risk_level", m.RiskLevel)
	r.TextIf("creator", m.Creator)
	r.TextIf("modifier", m.Modifier)
	r.TextIf("enterprise_project_id", m.ProjectID)
	r.Time("created_at", m.CreatedAt)
	r.Time("updated_at", m.UpdatedAt)
	r.Text("others", m.Extra)
	r.NotEmpty("request_id", e.RequestID)
	r.Time("answered_at", e.Date)
	return r
}

const stateQuery = `
	SELECT s.account_id, s.id, a.name, d.document_id, s.seen_at, s.name, s.description, s.risk_level, s.creator, s.modifier,
		s.enterprise_project_id, s.created_at, s.updated_at, s.extra, s.request_id, s.answered_at
	FROM document_states s JOIN documents d ON d.account_id = s.account_id AND d.id = s.document_id JOIN accounts a ON a.id = d.account_id`

func scanStateRecord(row scanner) (ref coc.Key, r audit.Record, err error) {
	var account, document string
	var seen time.Time
	var m coc.Meta
	var e coc.Evidence
	err = row.Scan(&ref.Account, &ref.ID, &account, &document, at(&seen), &m.Name, &m.Description, &m.RiskLevel, &m.Creator, &m.Modifier,
		&m.ProjectID, at(&m.CreatedAt), at(&m.UpdatedAt), &m.Extra, &e.RequestID, at(&e.Date))
	return ref, stateRecord(account, document, seen, &m, e), err
}

// loggedRevision is a revision with its document and version.
type loggedRevision struct {
	account, documentID, label string
	number                     int
	uuid                       string
	hash                       coc.Hash
	size                       int
	form                       coc.Form
	made, seen, previous       time.Time
	author                     string
	coc.Evidence
}

func (v loggedRevision) record() audit.Record {
	r := of(v.account, v.documentID)
	r.Text("version", v.label)
	r.Int("revision", int64(v.number))
	r.NotEmpty("version_uuid", v.uuid)
	r.Hex("sha256", v.hash[:])
	r.Int("size", int64(v.size))
	r.Flag("raw_token", v.form == coc.FormToken)
	r.Time("made_at", v.made)
	r.Time("seen_at", v.seen)
	r.NotEmpty("author", v.author)
	r.Time("previous_checked_at", v.previous)
	r.NotEmpty("request_id", v.RequestID)
	r.Time("answered_at", v.Date)
	return r
}

const revisionQuery = `
	SELECT r.account_id, r.id, a.name, d.document_id, v.label, r.number, r.version_uuid, t.sha256, t.size, t.form, r.made_at, r.seen_at,
		coalesce(r.author, ''), r.previous_checked_at, r.request_id, r.answered_at
	FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
	JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id
	JOIN accounts a ON a.id = d.account_id JOIN contents t ON t.account_id = r.account_id AND t.id = r.content_id`

func scanRevisionRecord(row scanner) (ref coc.Key, r audit.Record, err error) {
	var v loggedRevision
	err = row.Scan(&ref.Account, &ref.ID, &v.account, &v.documentID, &v.label, &v.number, &v.uuid, (*hashColumn)(&v.hash), &v.size, &v.form,
		at(&v.made), at(&v.seen), &v.author, at(&v.previous), &v.RequestID, at(&v.Date))
	return ref, v.record(), err
}

func unavailableRecord(account, documentID, label string, seen time.Time, reason string) audit.Record {
	r := of(account, documentID)
	r.Text("version", label)
	r.Time("seen_at", seen)
	r.NotEmpty("error", reason)
	return r
}

const unavailableQuery = `
	SELECT u.account_id, u.id, a.name, d.document_id, v.label, u.at, u.error
	FROM unavailable_versions u JOIN versions v ON v.account_id = u.account_id AND v.id = u.version_id
	JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id JOIN accounts a ON a.id = d.account_id`

func scanUnavailableRecord(row scanner) (ref coc.Key, r audit.Record, err error) {
	var account, document, label, reason string
	var seen time.Time
	err = row.Scan(&ref.Account, &ref.ID, &account, &document, &label, at(&seen), &reason)
	return ref, unavailableRecord(account, document, label, seen, reason), err
}

// loggedChange is a change with the revisions and states that it names.
type loggedChange struct {
	account, documentID string
	id                  int64
	kind                coc.Kind
	from, to            coc.RevisionRef
	fromHash, toHash    coc.Hash
	label               string // of a withdrawn version
	fromState, toState  int64
	at, seen            time.Time
	backfill, late      bool
}

func (c loggedChange) record() audit.Record {
	r := of(c.account, c.documentID)
	r.Int("change", c.id)
	r.Text("kind", string(c.kind))
	for _, end := range []struct {
		name string
		coc.RevisionRef
		hash coc.Hash
	}{{"from", c.from, c.fromHash}, {"to", c.to, c.toHash}} {
		if end.Label != "" {
			r.Text(end.name+"_version", end.Label)
			r.Int(end.name+"_revision", int64(end.Number))
			r.Hex(end.name+"_sha256", end.hash[:])
		}
	}
	r.NotEmpty("version", c.label)
	if c.toState != 0 {
		r.Int("from_state", c.fromState)
		r.Int("to_state", c.toState)
	}
	r.Time("at", c.at)
	r.Time("seen_at", c.seen)
	r.Flag("backfill", c.backfill)
	r.Flag("late", c.late)
	return r
}

const changeQuery = `
	SELECT c.account_id, c.id, a.name, d.document_id, c.kind, coalesce(vf.label, ''), coalesce(rf.number, 0), tf.sha256, coalesce(vt.label, ''), coalesce(rt.number, 0), tt.sha256,
		coalesce(v.label, ''), coalesce(c.from_state, 0), coalesce(c.to_state, 0), c.at, c.seen_at, c.backfill, c.late
	FROM changes c JOIN documents d ON d.account_id = c.account_id AND d.id = c.document_id JOIN accounts a ON a.id = d.account_id
	LEFT JOIN revisions rf ON rf.account_id = c.account_id AND rf.id = c.from_revision
	LEFT JOIN versions vf ON vf.account_id = rf.account_id AND vf.id = rf.version_id
	LEFT JOIN contents tf ON tf.account_id = rf.account_id AND tf.id = rf.content_id
	LEFT JOIN revisions rt ON rt.account_id = c.account_id AND rt.id = c.to_revision
	LEFT JOIN versions vt ON vt.account_id = rt.account_id AND vt.id = rt.version_id
	LEFT JOIN contents tt ON tt.account_id = rt.account_id AND tt.id = rt.content_id
	LEFT JOIN versions v ON v.account_id = c.account_id AND v.id = c.version_id`

func scanChangeRecord(row scanner) (ref coc.Key, r audit.Record, err error) {
	var c loggedChange
	err = row.Scan(&ref.Account, &c.id, &c.account, &c.documentID, &c.kind, &c.from.Label, &c.from.Number, (*hashColumn)(&c.fromHash),
		&c.to.Label, &c.to.Number, (*hashColumn)(&c.toHash), &c.label, &c.fromState, &c.toState, at(&c.at), at(&c.seen), &c.backfill, &c.late)
	ref.ID = c.id
	return ref, c.record(), err
}

func erasureRecord(account string, hash coc.Hash, size int64, at time.Time, reason string) (r audit.Record) {
	r.Text("account", account)
	r.Hex("sha256", hash[:])
	r.Int("size", size)
	r.Time("at", at)
	r.Text("reason", reason)
	return r
}

const erasureQuery = `
	SELECT c.account_id, c.id, a.name, c.sha256, c.size, c.erased_at, coalesce(c.erased_reason, '')
	FROM contents c JOIN accounts a ON a.id = c.account_id WHERE c.erased_at IS NOT NULL`

func scanErasureRecord(row scanner) (ref coc.Key, r audit.Record, err error) {
	var account, reason string
	var hash coc.Hash
	var size int64
	var when time.Time
	err = row.Scan(&ref.Account, &ref.ID, &account, (*hashColumn)(&hash), &size, at(&when), &reason)
	return ref, erasureRecord(account, hash, size, when, reason), err
}

// A coverage summarizes the full cycles of a watch from first_cycle to last_cycle. Only
// a row of a single cycle has an error.
const coverageQuery = `
	SELECT g.account_id, g.id, g.watch, a.name, y.cycles, y.started_at, y.ended_at, y.good, y.complete, y.requests, y.listed, y.missed, y.error
	FROM coverages g JOIN accounts a ON a.id = g.account_id JOIN (
		SELECT o.account_id, o.id, count(*) AS cycles, min(c.started_at) AS started_at, max(c.ended_at) AS ended_at,
			sum(CASE c.outcome WHEN 'good' THEN 1 ELSE 0 END) AS good, sum(c.complete) AS complete,
			sum(c.requests) AS requests, max(c.listed) AS listed, sum(c.missed) AS missed, max(c.error) AS error
		FROM coverages o JOIN cycles c ON c.watch = o.watch AND c.account_id = o.account_id
			AND c.id BETWEEN o.first_cycle AND o.last_cycle AND c.partial = 0
		GROUP BY o.account_id, o.id) y ON y.account_id = g.account_id AND y.id = g.id`

func scanCoverage(row scanner) (ref coc.Key, r audit.Record, err error) {
	var watch, account, failure string
	var cycles, good, complete, requests, listed, missed int64
	var started, ended time.Time
	err = row.Scan(&ref.Account, &ref.ID, &watch, &account, &cycles, at(&started), at(&ended), &good, &complete, &requests, &listed, &missed, &failure)
	r.Text("account", account)
	r.Text("watch", watch)
	r.Time("started_at", started)
	r.Time("ended_at", ended)
	r.Int("cycles", cycles)
	r.Int("good", good)
	r.Int("complete", complete)
	r.Int("requests", requests)
	r.Int("listed", listed)
	if missed > 0 {
		r.Int("missed", missed)
	}
	r.NotEmpty("errors", failure)
	return ref, r, err
}

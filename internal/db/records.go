package db

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"io/fs"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
)

// The records of the log hold what was observed: docs/audit-log.md describes each
// field. A record is made here of values, be they on their way into the archive or read
// from it.

// source is where the records of one type come from: a query of all rows that have a
// leaf, in the order of the columns that scan reads.
type source struct {
	typ   string
	query string
	order string
	scan  func(scanner) (ref int64, r audit.Record, err error)
}

// sources are all types but start, in the order in which adopt takes them in.
func sources() []source {
	return []source{
		{audit.TypeState, stateQuery, "s.id", scanStateRecord},
		{audit.TypeRevision, revisionQuery, "r.id", scanRevisionRecord},
		{audit.TypeLack, lackQuery, "l.id", scanLackRecord},
		{audit.TypeChange, changeQuery, "c.id", scanChangeRecord},
		{audit.TypeErasure, erasureQuery, "c.erased_at, c.id", scanErasureRecord},
		{audit.TypeCoverage, coverageQuery + " GROUP BY g.id", "g.id", scanCoverage},
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

const generationQuery = `SELECT id, origin, public_key, at, coalesce(old_origin, ''), coalesce(old_size, 0), old_root FROM generations g`

func scanGeneration(row scanner) (ref int64, r audit.Record, err error) {
	var g generation
	var at sql.NullInt64
	err = row.Scan(&ref, &g.origin, &g.public, &at, &g.old.Origin, &g.old.Size, (*hashColumn)(&g.old.Root))
	g.at = instant(at)
	return ref, g.record(), err
}

// newOrigin makes a name for a log.
func newOrigin() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return "cocsync/" + hex.EncodeToString(b), nil
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// of are the fields that name a document.
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
	SELECT s.id, a.name, d.document_id, s.seen_at, s.name, s.description, s.risk_level, s.creator, s.modifier,
		s.enterprise_project_id, s.created_at, s.updated_at, s.extra, s.request_id, s.answered_at
	FROM document_states s JOIN documents d ON d.id = s.document_id JOIN accounts a ON a.id = d.account_id`

func scanStateRecord(row scanner) (ref int64, r audit.Record, err error) {
	var account, document string
	var seen, created, updated, answered sql.NullInt64
	var m coc.Meta
	var e coc.Evidence
	err = row.Scan(&ref, &account, &document, &seen, &m.Name, &m.Description, &m.RiskLevel, &m.Creator, &m.Modifier,
		&m.ProjectID, &created, &updated, &m.Extra, &e.RequestID, &answered)
	m.CreatedAt, m.UpdatedAt, e.Date = instant(created), instant(updated), instant(answered)
	return ref, stateRecord(account, document, instant(seen), &m, e), err
}

// loggedRevision is a revision with what names it.
type loggedRevision struct {
	account, documentID, label string
	number                     int
	uuid                       string
	hash                       []byte
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
	r.Hex("sha256", v.hash)
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
	SELECT r.id, a.name, d.document_id, v.label, r.number, r.version_uuid, t.sha256, t.size, t.form, r.made_at, r.seen_at,
		coalesce(r.author, ''), r.previous_checked_at, r.request_id, r.answered_at
	FROM revisions r JOIN versions v ON v.id = r.version_id JOIN documents d ON d.id = v.document_id
	JOIN accounts a ON a.id = d.account_id JOIN contents t ON t.id = r.content_id`

func scanRevisionRecord(row scanner) (ref int64, r audit.Record, err error) {
	var v loggedRevision
	var made, seen, previous, answered sql.NullInt64
	err = row.Scan(&ref, &v.account, &v.documentID, &v.label, &v.number, &v.uuid, &v.hash, &v.size, &v.form, &made, &seen,
		&v.author, &previous, &v.RequestID, &answered)
	v.made, v.seen, v.previous, v.Date = instant(made), instant(seen), instant(previous), instant(answered)
	return ref, v.record(), err
}

func lackRecord(account, documentID, label string, at time.Time, why string) audit.Record {
	r := of(account, documentID)
	r.Text("version", label)
	r.Time("seen_at", at)
	r.NotEmpty("error", why)
	return r
}

const lackQuery = `
	SELECT l.id, a.name, d.document_id, v.label, l.at, l.error FROM unavailable_versions l JOIN versions v ON v.id = l.version_id
	JOIN documents d ON d.id = v.document_id JOIN accounts a ON a.id = d.account_id`

func scanLackRecord(row scanner) (ref int64, r audit.Record, err error) {
	var account, document, label, why string
	var at sql.NullInt64
	err = row.Scan(&ref, &account, &document, &label, &at, &why)
	return ref, lackRecord(account, document, label, instant(at), why), err
}

// loggedChange is a change with the revisions and states that it names.
type loggedChange struct {
	account, documentID string
	id                  int64
	kind                coc.Kind
	from, to            coc.RevisionRef
	fromHash, toHash    []byte
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
		hash []byte
	}{{"from", c.from, c.fromHash}, {"to", c.to, c.toHash}} {
		if end.Label != "" {
			r.Text(end.name+"_version", end.Label)
			r.Int(end.name+"_revision", int64(end.Number))
			r.Hex(end.name+"_sha256", end.hash)
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
	SELECT c.id, a.name, d.document_id, c.kind, coalesce(vf.label, ''), coalesce(rf.number, 0), tf.sha256, coalesce(vt.label, ''), coalesce(rt.number, 0), tt.sha256,
		coalesce(v.label, ''), coalesce(c.from_state, 0), coalesce(c.to_state, 0), c.at, c.seen_at, c.backfill, c.late
	FROM changes c JOIN documents d ON d.id = c.document_id JOIN accounts a ON a.id = d.account_id
	LEFT JOIN revisions rf ON rf.id = c.from_revision LEFT JOIN versions vf ON vf.id = rf.version_id LEFT JOIN contents tf ON tf.id = rf.content_id
	LEFT JOIN revisions rt ON rt.id = c.to_revision LEFT JOIN versions vt ON vt.id = rt.version_id LEFT JOIN contents tt ON tt.id = rt.content_id
	LEFT JOIN versions v ON v.id = c.version_id`

func scanChangeRecord(row scanner) (ref int64, r audit.Record, err error) {
	var c loggedChange
	var at, seen sql.NullInt64
	err = row.Scan(&c.id, &c.account, &c.documentID, &c.kind, &c.from.Label, &c.from.Number, &c.fromHash, &c.to.Label, &c.to.Number, &c.toHash,
		&c.label, &c.fromState, &c.toState, &at, &seen, &c.backfill, &c.late)
	c.at, c.seen = instant(at), instant(seen)
	return c.id, c.record(), err
}

func erasureRecord(hash []byte, size int64, at time.Time, why string) (r audit.Record) {
	r.Hex("sha256", hash)
	r.Int("size", size)
	r.Time("at", at)
	r.Text("reason", why)
	return r
}

const erasureQuery = `SELECT c.id, c.sha256, c.size, c.erased_at, coalesce(c.erased_reason, '') FROM contents c WHERE c.erased_at IS NOT NULL`

func scanErasureRecord(row scanner) (ref int64, r audit.Record, err error) {
	var hash []byte
	var size int64
	var at sql.NullInt64
	var why string
	err = row.Scan(&ref, &hash, &size, &at, &why)
	return ref, erasureRecord(hash, size, instant(at), why), err
}

// A coverage sums the cycles of its watch up from the first to the last.
const coverageQuery = `
	SELECT g.id, g.watch, min(a.name), count(*), min(c.started_at), max(c.ended_at), sum(c.outcome = 'good'), sum(c.complete),
		sum(c.requests), max(c.listed), sum(c.missed), coalesce(group_concat(nullif(c.error, ''), '; '), '')
	FROM coverages g JOIN cycles c ON c.watch = g.watch AND c.id BETWEEN g.first_cycle AND g.last_cycle AND NOT c.partial JOIN accounts a ON a.id = c.account_id`

func scanCoverage(row scanner) (ref int64, r audit.Record, err error) {
	var watch, account, failures string
	var cycles, good, complete, requests, listed, missed int64
	var started, ended sql.NullInt64
	err = row.Scan(&ref, &watch, &account, &cycles, &started, &ended, &good, &complete, &requests, &listed, &missed, &failures)
	r.Text("account", account)
	r.Text("watch", watch)
	r.Time("started_at", instant(started))
	r.Time("ended_at", instant(ended))
	r.Int("cycles", cycles)
	r.Int("good", good)
	r.Int("complete", complete)
	r.Int("requests", requests)
	r.Int("listed", listed)
	if missed > 0 {
		r.Int("missed", missed)
	}
	r.NotEmpty("errors", failures)
	return ref, r, err
}

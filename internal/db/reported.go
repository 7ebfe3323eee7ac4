package db

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
	"cocsync/internal/text"
)

// Reported are the rows of an account that a report of a period prints.
type Reported struct {
	Rows map[string][]int64 // their ids by the type of their records, in order
	// Contradictions name columns that repeat what these rows say, and do not agree with them.
	Contradictions []string
	Unrecorded     int // cycles that no record covers yet
}

// add adds a row once; there is none with the id 0.
func (p *Reported) add(typ string, ids ...int64) {
	p.Rows[typ] = append(p.Rows[typ], slices.DeleteFunc(ids, func(id int64) bool { return id == 0 })...)
}

func (p *Reported) contradicts(wrong bool, format string, args ...any) {
	if wrong {
		p.Contradictions = append(p.Contradictions, fmt.Sprintf(format, args...))
	}
}

// inPeriod is the condition that a report of [?2, ?3) prints the change c of the account ?1.
const inPeriod = `c.account_id = ?1 AND c.backfill = 0 AND (c.at >= ?2 AND c.at < ?3 OR c.seen_at >= ?2 AND c.seen_at < ?3)`

// Reported returns the rows of an account that a report of [since, until) prints.
func (l *Log) Reported(ctx context.Context, account int64, since, until time.Time) (*Reported, error) {
	r := l.reading(ctx, "rows of the report")
	p := &Reported{Rows: map[string][]int64{}}
	documents := map[int64]bool{}
	args := []any{account, since.UnixMilli(), until.UnixMilli()}
	for _, read := range []func() error{
		func() error { return p.changes(r, documents, args) },
		func() error { return p.memberships(r, documents, args) },
		func() error { return p.missing(r, documents, args) },
		func() error { return p.names(r, documents, account) },
		func() error { return p.others(r, args) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	p.add(audit.TypeDocument, slices.Collect(maps.Keys(documents))...)
	for typ, ids := range p.Rows {
		slices.Sort(ids)
		p.Rows[typ] = slices.Compact(ids)
	}
	return p, nil
}

// changes adds the changes and what they compare.
func (p *Reported) changes(r reader, documents map[int64]bool, args []any) error {
	for c, err := range stream[struct {
		ID, Document, FromRevision, ToRevision, FromState, ToState, Version int64
		Others                                                              bool
	}](r, `
		SELECT c.id, c.document_id, coalesce(c.from_revision, 0), coalesce(c.to_revision, 0), coalesce(c.from_state, 0), coalesce(c.to_state, 0),
			coalesce(`+firstListed("v")+`, 0), coalesce(vf.document_id <> c.document_id, 0 = 1) OR coalesce(vt.document_id <> c.document_id, 0 = 1)
				OR coalesce(v.document_id <> c.document_id, 0 = 1) OR coalesce(sf.document_id <> c.document_id, 0 = 1)
				OR coalesce(st.document_id <> c.document_id, 0 = 1)
		FROM changes c `+compared+`
		LEFT JOIN document_states sf ON sf.account_id = c.account_id AND sf.id = c.from_state
		LEFT JOIN document_states st ON st.account_id = c.account_id AND st.id = c.to_state
		WHERE `+inPeriod+` ORDER BY c.id`, args...) {
		if err != nil {
			return err
		}
		documents[c.Document] = true
		p.add(audit.TypeChange, c.ID)
		p.add(audit.TypeRevision, c.FromRevision, c.ToRevision)
		p.add(audit.TypeState, c.FromState, c.ToState)
		p.add(audit.TypeVersions, c.Version)
		p.contradicts(c.Others, "change %d names a revision or a state of another document", c.ID)
	}
	return nil
}

// memberships adds when documents were followed.
func (p *Reported) memberships(r reader, documents map[int64]bool, args []any) error {
	for m, err := range stream[struct {
		ID, Document, End     int64
		Until, RecordedAsEnds time.Time
	}](r, `
		SELECT m.id, m.document_id, coalesce(e.id, 0), m.until, e.until
		FROM memberships m LEFT JOIN membership_ends e ON e.account_id = m.account_id AND e.membership_id = m.id
		WHERE m.account_id = ?1 AND m.since < ?3 AND (coalesce(m.until, ?3) > ?2 OR coalesce(e.until, ?3) > ?2)`, args...) {
		if err != nil {
			return err
		}
		documents[m.Document] = true
		p.add(audit.TypeMember, m.ID)
		p.add(audit.TypeMemberEnd, m.End)
		p.contradicts(!m.Until.Equal(m.RecordedAsEnds), "membership %d: its end is not the one that was recorded", m.ID)
	}
	return nil
}

// missing adds the versions without content, and how the versions that are reported are listed.
func (p *Reported) missing(r reader, documents map[int64]bool, args []any) error {
	for v, err := range stream[struct{ ID, Document, Unavailable int64 }](r, `
		SELECT coalesce(`+firstListed("v")+`, 0), v.document_id, coalesce(u.id, 0)
		FROM (SELECT * FROM versions WHERE state = 'pending' UNION ALL SELECT * FROM versions WHERE state = 'unavailable') v
		LEFT JOIN unavailable_versions u ON u.account_id = v.account_id AND u.version_id = v.id
		WHERE v.account_id = ?1 AND v.listed_at < ?3`, args...) {
		if err != nil {
			return err
		}
		documents[v.Document] = true
		p.add(audit.TypeVersions, v.ID)
		p.add(audit.TypeUnavailable, v.Unavailable)
	}
	for l, err := range stream[struct {
		ID, Version int64
		Other       bool
	}](r, `
		SELECT x.id, x.version_id, coalesce(x.made_at <> coalesce(v.made_at, -1), 0 = 1)
		FROM listings x JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id
		WHERE x.account_id = ?1 AND (v.state <> 'archived' AND v.listed_at < ?3
			OR x.version_id IN (SELECT c.version_id FROM changes c WHERE `+inPeriod+` AND c.version_id IS NOT NULL))`, args...) {
		if err != nil {
			return err
		}
		p.add(audit.TypeListing, l.ID)
		p.contradicts(l.Other, "version %d: its create_time is not the one that was recorded", l.Version)
	}
	return nil
}

// names adds the states that have the names of the documents.
func (p *Reported) names(r reader, documents map[int64]bool, account int64) error {
	for d, err := range stream[struct {
		ID, State      int64
		DocumentID     string
		Name, Recorded string
	}](r, `
		SELECT d.id, s.id, d.document_id, d.name, coalesce(s.name, '') FROM documents d
		JOIN document_states s ON s.account_id = d.account_id AND s.id = `+newestState+` WHERE d.account_id = ?`, account) {
		if err != nil {
			return err
		}
		if documents[d.ID] {
			p.add(audit.TypeState, d.State)
			p.contradicts(d.Recorded != "" && d.Recorded != d.Name, "document %s: its name is not that of its newest state",
				text.Visible(d.DocumentID))
		}
	}
	return nil
}

// others adds cycles, and the few rows that are always of interest: how the logs and the
// watches started, endpoints, erasures and decisions of persons.
func (p *Reported) others(r reader, args []any) (err error) {
	for typ, query := range map[string]string{
		audit.TypeStart:    `SELECT id FROM logs WHERE account_id = ?1`,
		audit.TypeKey:      `SELECT id FROM key_changes WHERE account_id = ?1`,
		audit.TypeWatch:    `SELECT id FROM watch_starts WHERE account_id = ?1`,
		audit.TypeEndpoint: `SELECT id FROM endpoints WHERE account_id = ?1`,
		audit.TypeErasure:  `SELECT id FROM erasures WHERE account_id = ?1`,
		audit.TypeTrust:    `SELECT id FROM trusts WHERE account_id = ?1`,
	} {
		ids, err := collect[int64](r, query, args[0])
		if err != nil {
			return err
		}
		p.add(typ, ids...)
	}
	for g, err := range stream[struct {
		ID   int64
		Type string
	}](r, `
		SELECT g.id, g.type FROM coverages g `+coverageCycles+` WHERE g.account_id = ?1 AND `+coverageWithin, args...) {
		if err != nil {
			return err
		}
		p.add(g.Type, g.ID)
	}
	p.Unrecorded, err = first[int](r, `
		SELECT count(*) FROM cycles x
		WHERE x.account_id = ?1 AND x.started_at < ?3 AND (x.started_at >= ?2 OR x.ended_at >= ?2) AND NOT CASE x.partial WHEN 0 THEN `+inRange+` ELSE `+covers+` END`, args...)
	return err
}

// inRange is covers for a cycle that is not partial: only its own record can have a partial one.
const inRange = `EXISTS (SELECT 1 FROM coverages g WHERE g.account_id = x.account_id AND g.watch = x.watch
	AND g.last_cycle >= x.id AND g.first_cycle <= x.id)`

// ChangesAround returns the numbers of the changes of an account from the last one before number
// begin that was seen before since to the first one after number end that was seen at until or
// later, in the order of recording. If there is none before, they start with the first; if
// there is none after, they end with the newest, and last is true.
func (l *Log) ChangesAround(ctx context.Context, account, begin, end int64, since, until time.Time) (ids []int64, last bool, err error) {
	r := l.reading(ctx, "changes around the period")
	before, err := first[int64](r, `
		SELECT c.id FROM changes c WHERE c.account_id = ? AND c.id < ? AND c.seen_at < ? ORDER BY c.id DESC LIMIT 1`,
		account, begin, since.UnixMilli())
	if err != nil {
		return nil, false, err
	}
	after, err := first[int64](r, `
		SELECT c.id FROM changes c WHERE c.account_id = ? AND c.id > ? AND c.id > ? AND c.seen_at >= ? ORDER BY c.id LIMIT 1`,
		account, before, end, until.UnixMilli())
	if err != nil {
		return nil, false, err
	}
	last = after == 0
	ids, err = collect[int64](r, `SELECT c.id FROM changes c WHERE c.account_id = ? AND c.id >= ? AND (c.id <= ? OR ?) ORDER BY c.id`,
		account, before, after, last)
	if err != nil {
		return nil, false, err
	}
	skipped, err := collect[int64](r, `SELECT skipped_changes FROM logs WHERE account_id = ?`, account)
	want := max(before, 1)
	for _, id := range ids {
		if id != want && !slices.Contains(skipped, id-want) && err == nil {
			err = alteredError{fmt.Errorf("change %d is missing", want)}
		}
		want = id + 1
	}
	return ids, last, err
}

// Logged is the record of a row and its leaf.
type Logged struct {
	audit.Record
	Ref    int64 // the id of the row
	Exists bool  // the row
	Log    int64 // of its leaf; 0 if it has none
	Leaf   Leaf
}

// RecordsOf returns the records of rows of an account and their leaves. The ids are in order.
func (l *Log) RecordsOf(ctx context.Context, account int64, typ string, ids []int64) iter.Seq2[Logged, error] {
	return func(yield func(Logged, error) bool) {
		for page := range slices.Chunk(ids, recordsPage) {
			rows, err := l.loggedIn(ctx, account, typ, page)
			if err != nil {
				yield(Logged{}, err)
				return
			}
			for _, x := range rows {
				if !yield(x, nil) {
					return
				}
			}
		}
	}
}

func (l *Log) loggedIn(ctx context.Context, account int64, typ string, ids []int64) ([]Logged, error) {
	records, err := l.Records(ctx, account, typ, ids)
	if err != nil {
		return nil, err
	}
	in, args := idsIn(ids)
	leaves, err := collect[loggedLeaf](l.reading(ctx, "leaves of records of type %s", typ),
		leavesOfRows+in+` AND k.type = ? AND k.account_id = ? ORDER BY l.ref, l.log_id, l.id`, append(args, typ, account)...)
	page := make([]Logged, len(ids))
	for i, id := range ids {
		page[i].Ref = id
		page[i].Record, page[i].Exists = records[id]
	}
	for _, leaf := range leaves {
		if i, ok := slices.BinarySearch(ids, leaf.Ref); ok && page[i].Log == 0 {
			page[i].Log, page[i].Leaf = leaf.Log, leaf.leaf()
		}
	}
	return page, err
}

// proofBlock is the number of leaves whose hashes are read together, 1 << proofLevel. A proof
// needs up to eight hashes of the block of its leaf.
const (
	proofLevel = 8
	proofBlock = 1 << proofLevel
)

// ProofHashes is StoredHashes for the proofs of many leaves that are near each other: it keeps
// the hashes of some blocks of leaves.
func (l *Log) ProofHashes(ctx context.Context, account, log int64) tlog.HashReader {
	r := l.reading(ctx, "hashes of the log")
	single := leafHashes(r, account, log)
	blocks, known := map[int64]map[int64][]audit.Hash{}, map[int64][]audit.Hash{}
	return hashReader(func(leaf int64, level int) (list []audit.Hash, err error) {
		if level >= proofLevel {
			list, ok := known[leaf]
			if ok {
				return list, nil
			}
			if len(known) > 1<<16 {
				clear(known)
			}
			known[leaf], err = single(leaf, level)
			return known[leaf], err
		}
		number := leaf / proofBlock
		if blocks[number] == nil {
			rows, err := collect[leafRow](r, leafRows+` AND id >= ? AND id < ?`, account, log, number*proofBlock, (number+1)*proofBlock)
			if err != nil {
				return nil, err
			}
			if len(blocks) > 8 {
				clear(blocks)
			}
			blocks[number] = map[int64][]audit.Hash{}
			for _, row := range rows {
				blocks[number][row.Index] = splitHashes(row.Hashes)
			}
		}
		return blocks[number][leaf], nil
	})
}

package otherverifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// record is the hash of the record of a row.
type record struct {
	id   int64
	hash []byte
}

// recordTypes have the tables and the fields of records as in docs/audit-log.md.
func recordTypes() map[string]string {
	const (
		ofDocument = ` x JOIN documents d ON d.account_id = x.account_id AND d.id = x.document_id: document_id=d.document_id `
		ofVersion  = ` x JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id
			JOIN documents d ON d.account_id = x.account_id AND d.id = v.document_id: document_id=d.document_id version=v.label `
		ofContent  = ` JOIN contents c ON c.account_id = x.account_id AND c.id = x.content_id`
		comparison = ` LEFT JOIN revisions %[1]sr ON %[1]sr.account_id = x.account_id AND %[1]sr.id = x.%[1]s_revision
			LEFT JOIN versions %[1]sv ON %[1]sv.account_id = x.account_id AND %[1]sv.id = %[1]sr.version_id
			LEFT JOIN contents %[1]sc ON %[1]sc.account_id = x.account_id AND %[1]sc.id = %[1]sr.content_id`
	)
	return map[string]string{
		"start":      `logs x: origin public_key at=started_at old_origin old_size old_root person lost_origin lost_size lost_root skipped_changes!`,
		"endpoint":   `endpoints x: endpoint at`,
		"watch":      `watch_starts x: watch at`,
		"document":   `documents x: document_id document_type first_seen_at`,
		"member":     `memberships` + ofDocument + `watch since initial!`,
		"member_end": `(SELECT e.*, m.document_id, m.watch, m.since FROM membership_ends e JOIN memberships m ON m.account_id = e.account_id AND m.id = e.membership_id)` + ofDocument + `watch since until`,
		"state": `document_states` + ofDocument +
			`seen_at name description risk_level creator modifier enterprise_project_id created_at updated_at others=extra request_id* answered_at`,
		"listing":     `listings` + ofVersion + `at withdrawn! made_at`,
		"unavailable": `unavailable_versions` + ofVersion + `seen_at=at error*`,
		"revision": `(SELECT x.*, coalesce(x.version_uuid, w.version_uuid) AS uuid, c.salt, c.hash, (c.size + 255) / 256 * 256 AS size, c.form FROM revisions x
			JOIN versions w ON w.account_id = x.account_id AND w.id = x.version_id` + ofContent + `)` + ofVersion + `revision=number version_uuid=uuid* salt commitment=hash size raw_token=form! made_at seen_at author* previous_checked_at request_id* answered_at`,
		"change": `(SELECT x.*, fromv.label AS fv, fromr.number AS fr, fromc.salt AS fs1, fromc.hash AS fc, tov.label AS tv, tor.number AS tr, toc.salt AS ts1, toc.hash AS tc, v.label AS version,
			iif(to_state IS NULL, NULL, coalesce(from_state, 0)) AS fs FROM changes x LEFT JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id` +
			fmt.Sprintf(comparison, "from") + fmt.Sprintf(comparison, "to") + `)` + ofDocument + `change=id kind from_version=fv from_revision=fr salt=fs1 from_commitment=fc
			to_version=tv to_revision=tr salt=ts1 to_commitment=tc version from_state=fs to_state at seen_at backfill! late! cycle=cycle_id`,
		"erasure": `(SELECT x.*, c.salt, c.hash, c.size, r.version_id, r.number FROM erasures x JOIN revisions r
			ON r.account_id = x.account_id AND r.id = x.revision_id` + ofContent + `)` + ofVersion + `revision=number salt commitment=hash size keyed_hash key_id at person reason`,
		"key":   `key_changes x: at person old_key new_key lost!`,
		"trust": `trusts x: at person reason checkpoint`,
	}
}

// records returns the records of the rows of an account by type.
func (v *verifier) records(account int64) (map[string][]record, error) {
	all := map[string][]record{}
	_, found, err := v.query(`SELECT 1 FROM sqlite_master WHERE name = 'trusts'`)
	for typ, spec := range recordTypes() {
		table, fields, _ := strings.Cut(spec, ": ")
		names, columns := []string{"account"}, ""
		for _, f := range strings.Fields(fields) {
			name, column, ok := strings.Cut(f, "=")
			if !ok {
				column = name
			}
			if column = strings.TrimRight(column, "*!"); !strings.Contains(column, ".") {
				column = "x." + column
			}
			switch f[len(f)-1] {
			case '*':
				column = "nullif(" + column + ", '')"
			case '!':
				column = "nullif(" + column + ", 0)"
			}
			names, columns = append(names, strings.TrimRight(name, "*!")), columns+", "+column
		}
		if typ == "trust" && len(found) == 0 {
			continue
		}
		_, rows, err := v.query(`SELECT x.id`+columns+` FROM `+table+` WHERE x.account_id = ? ORDER BY x.id`, account)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			names, r := commitments(names, r)
			text := encode([]byte(typ+"\n"), names, append(row{v.names[account-1]}, r[1:]...))
			all[typ] = append(all[typ], record{r.int(0), hash(0, text)})
		}
	}
	return all, errors.Join(err, v.versions(account, all), v.coverages(account, all), v.deliveries(account, all))
}

// commitments replaces each salt and hash by the commitment. An erased content has only the latter.
func commitments(names []string, r row) (fields []string, values row) {
	var salt []byte
	for i, name := range names {
		switch {
		case name == "salt":
			salt, _ = r[i].([]byte)
			continue
		case strings.HasSuffix(name, "commitment") && salt != nil:
			h := sha256.Sum256(slices.Concat(salt, r.bytes(i)))
			r[i] = h[:]
		}
		fields, values = append(fields, name), append(values, r[i])
	}
	return fields, values
}

// versions adds the records of versions that were listed together.
func (v *verifier) versions(account int64, all map[string][]record) error {
	_, rows, err := v.query(`SELECT v.id, v.listed, d.document_id, v.listed_at, v.label, v.version_uuid, v.made_at, v.backfill,
		(SELECT max(made_at) FROM listings l WHERE l.account_id = v.account_id AND l.version_id = v.id)
		FROM versions v JOIN documents d ON d.account_id = v.account_id AND d.id = v.document_id WHERE v.account_id = ? ORDER BY v.id`, account)
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		first := rows[0]
		n := int(first.int(1))
		if n < 1 || n > len(rows) {
			v.fault("version %d of account %s is not listed", first.int(0), v.names[account-1])
			return nil
		}
		list := make([]struct {
			Version  string `json:"version"`
			UUID     string `json:"version_uuid,omitempty"`
			MadeAt   *int64 `json:"made_at,omitempty"`
			Backfill bool   `json:"backfill,omitempty"`
		}, n)
		for i, r := range rows[:n] {
			x := &list[i]
			x.Version, x.UUID, x.Backfill = string(r.bytes(4)), string(r.bytes(5)), r.int(7) == 1
			if ms := r.int(6); r[6] != nil && r[8] == nil {
				x.MadeAt = &ms
			}
			if i > 0 && (r.int(1) != 0 || string(r.bytes(2)) != string(first.bytes(2)) || r.int(3) != first.int(3)) {
				v.fault("version %d of account %s is not listed", r.int(0), v.names[account-1])
			}
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		all["versions"] = append(all["versions"], record{first.int(0), hash(0, encode([]byte("versions\n"),
			[]string{"account", "document_id", "listed_at", "versions"}, row{v.names[account-1], first[2], first[3], string(text)}))})
		rows = rows[n:]
	}
	return nil
}

// deliveries adds the records of what was sent.
func (v *verifier) deliveries(account int64, all map[string][]record) error {
	_, list, err := v.query(`SELECT id, at, nullif(unattested, 0) FROM delivery_records WHERE account_id = ? ORDER BY id`, account)
	if err != nil {
		return err
	}
	for _, r := range list {
		_, rows, err := v.query(`SELECT d.change_id, d.notifier, m.channel, m.ts, m.sent_at FROM deliveries d JOIN messages m ON m.id = d.message_id
			WHERE d.account_id = ? AND d.record_id = ? ORDER BY d.change_id, d.notifier`, account, r.int(0))
		if err != nil {
			return err
		}
		sent := make([]struct {
			Change   int64  `json:"change"`
			Notifier string `json:"notifier"`
			Channel  string `json:"channel,omitempty"`
			TS       string `json:"ts,omitempty"`
			SentAt   int64  `json:"sent_at"`
		}, len(rows))
		for i, d := range rows {
			s := &sent[i]
			s.Change, s.Notifier, s.Channel, s.TS, s.SentAt = d.int(0), string(d.bytes(1)), string(d.bytes(2)), string(d.bytes(3)), d.int(4)
		}
		text, err := json.Marshal(sent)
		if err != nil {
			return err
		}
		all["delivery"] = append(all["delivery"], record{r.int(0), hash(0, encode([]byte("delivery\n"),
			[]string{"account", "at", "unattested", "sent"}, row{v.names[account-1], r[1], r[2], string(text)}))})
	}
	return nil
}

func hash(prefix byte, parts ...[]byte) []byte {
	h := sha256.Sum256(append([]byte{prefix}, bytes.Join(parts, nil)...))
	return h[:]
}

// encode appends fields to a record.
func encode(text []byte, names []string, values row) []byte {
	for i, name := range names {
		value := fmt.Sprint(values[i])
		if b, ok := values[i].([]byte); ok {
			value = hex.EncodeToString(b)
		}
		if values[i] != nil {
			text = fmt.Appendf(text, "%s %d:%s\n", name, len(value), value)
		}
	}
	return text
}

// coverages adds the records of cycles.
func (v *verifier) coverages(account int64, all map[string][]record) error {
	_, list, err := v.query(`SELECT id, watch, type, first_cycle, last_cycle, accounts, names FROM coverages WHERE account_id = ? ORDER BY id`, account)
	if err != nil {
		return err
	}
	for _, g := range list {
		names, cycles, err := v.query(`SELECT a.name AS account, c.watch, c.id AS cycle, c.cause, nullif(c.partial, 0) AS partial, c.started_at, c.ended_at,
			c.outcome, c.missed, nullif(c.complete, 0) AS complete, c.requests, c.listed, c.total, c.skipped, c.documents, c.versions, c.changes,
			nullif(c.error, '') AS error, NULL AS failures FROM cycles c JOIN accounts a ON a.id = c.account_id
			WHERE c.account_id = ? AND c.watch = ? AND c.id BETWEEN ? AND ? AND (c.partial = 0 OR c.id = ?) ORDER BY c.id`,
			account, g[1], g[3], g[4], g[3])
		if err != nil {
			return err
		}
		digest := sha256.New()
		var text []byte
		for _, c := range cycles {
			if c[len(c)-1], err = v.failures(account, c.int(2)); err != nil {
				return err
			}
			text = encode([]byte("cycle\n"), names, c)
			digest.Write(text)
		}
		typ := string(g.bytes(2))
		if typ != "cycle" {
			_, sums, err := v.query(`SELECT min(id), max(id), min(iif(id = ?4, started_at, NULL)), max(ended_at), count(*), sum(outcome = 'good'), sum(complete),
				sum(requests), max(listed), NULL FROM cycles WHERE account_id = ?1 AND watch = ?2 AND id BETWEEN ?4 AND ?3 AND (partial = 0 OR id = ?4)`,
				account, g[1], g[4], g[3])
			if err != nil {
				return err
			}
			s := append(row{v.names[account-1], g[1]}, sums[0]...)
			s[len(s)-1] = digest.Sum(nil)
			text = encode([]byte(typ+"\n"),
				strings.Fields("account watch first_cycle last_cycle started_at ended_at cycles good complete requests listed cycles_sha256"), s)
		}
		all[typ] = append(all[typ], record{g.int(0), hash(0, encode(text, []string{"accounts", "accounts_sha256"}, row{g[5], g[6]}))})
		then := slices.Clone(v.names[:min(int(g.int(5)), len(v.names))])
		slices.Sort(then)
		if sum := sha256.Sum256([]byte(strings.Join(then, "\n"))); !bytes.Equal(sum[:], g.bytes(6)) {
			v.fault("there were %d accounts, and one of them was removed or renamed", g.int(5))
		}
	}
	return nil
}

// failures returns the failures of a cycle as JSON; nil for none.
func (v *verifier) failures(account, cycle int64) (any, error) {
	_, rows, err := v.query(`SELECT document_id, name, error FROM cycle_failures WHERE account_id = ? AND cycle_id = ? ORDER BY document_id`, account, cycle)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	list := make([]struct {
		DocumentID string `json:"document_id"`
		Name       string `json:"name,omitempty"`
		Error      string `json:"error"`
	}, len(rows))
	for i, r := range rows {
		list[i].DocumentID, list[i].Name, list[i].Error = string(r.bytes(0)), string(r.bytes(1)), string(r.bytes(2))
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// Verifier verifies an archive of cocsync. It shares no code with cocsync: it is written from
// docs/audit-log.md.
//
//	verifier DATABASE KEYS-FILE [CHECKPOINT-FILE…]
//
// KEYS-FILE has verifier keys, one a line, from a trusted source. A checkpoint file has signed
// checkpoints, or is a head file. The exit status is 0, 1 if something cannot be read, or 3 if
// there are faults.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintln(stderr, "usage: verifier DATABASE KEYS-FILE [CHECKPOINT-FILE…]")
		return 1
	}
	v := &verifier{out: stdout, external: map[string][]checkpoint{}}
	if err := v.verify(args[0], args[1], args[2:]); err != nil {
		fmt.Fprintln(stderr, "verifier:", err)
		return 1
	}
	if v.faults > 0 {
		return 3
	}
	fmt.Fprintln(stdout, "no faults")
	return 0
}

// verifier is a verification of one archive.
type verifier struct {
	tx       *sql.Tx
	out      io.Writer
	keys     []ed25519.PublicKey
	external map[string][]checkpoint // by origin
	archive  string
	names    []string // of the accounts, by id
	faults   int
}

func (v *verifier) fault(format string, args ...any) {
	v.faults++
	fmt.Fprintf(v.out, "FAULT "+format+"\n", args...)
}

func (v *verifier) verify(path, keys string, checkpoints []string) (err error) {
	if v.keys, err = readKeys(keys); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro", OmitHost: true}).String())
	if err != nil {
		return err
	}
	defer db.Close()
	if v.tx, err = db.Begin(); err != nil { // one snapshot
		return err
	}
	defer func() { err = errors.Join(err, v.tx.Rollback()) }()
	_, row, err := v.query(`SELECT name, application_id FROM archive, pragma_application_id`)
	if err != nil || len(row) != 1 || row[0].int(1) != 1668244274 {
		return errors.Join(fmt.Errorf("%s is not an archive of cocsync", path), err)
	}
	v.archive = string(row[0].bytes(0))
	_, accounts, err := v.query(`SELECT name, id FROM accounts ORDER BY id`)
	for i, a := range accounts {
		if v.names = append(v.names, string(a.bytes(0))); a.int(1) != int64(i+1) {
			v.fault("account %d is missing", i+1)
		}
	}
	for _, file := range checkpoints {
		err = errors.Join(err, v.readCheckpoints(file))
	}
	if err = errors.Join(err, v.contents(), v.columns()); err != nil {
		return err
	}
	for i := range accounts {
		if err := v.account(int64(i + 1)); err != nil {
			return err
		}
	}
	for origin := range v.external {
		v.fault("there is no log %s", origin)
	}
	return nil
}

// row has the values of a row: nil, int64, string or []byte.
type row []any

func (r row) int(i int) int64 { n, _ := r[i].(int64); return n }

func (r row) bytes(i int) []byte {
	if s, ok := r[i].(string); ok {
		return []byte(s)
	}
	b, _ := r[i].([]byte)
	return b
}

func (v *verifier) query(query string, args ...any) (names []string, list []row, err error) {
	rows, err := v.tx.Query(query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	names, err = rows.Columns()
	for err == nil && rows.Next() {
		r, dest := make(row, len(names)), make([]any, len(names))
		for i := range r {
			dest[i] = &r[i]
		}
		err = rows.Scan(dest...)
		list = append(list, r)
	}
	return names, list, errors.Join(err, rows.Err())
}

// contents checks that each content has its hash, and that packs have no other bytes.
func (v *verifier) contents() error {
	_, packs, err := v.query(`SELECT account_id, id, size, count, frame FROM packs`)
	if err != nil {
		return err
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return err
	}
	defer d.Close()
	for _, p := range packs {
		data, err := d.DecodeAll(p.bytes(4), nil)
		_, list, err2 := v.query(`SELECT sha256, form, start, size FROM contents WHERE account_id = ? AND pack_id = ? ORDER BY start, size`, p.int(0), p.int(1))
		if err2 != nil {
			return err2
		}
		at := int64(0)
		for _, c := range list {
			if c.int(2) != at || c.int(3) < 0 || c.int(3) > int64(len(data))-at {
				break
			}
			text := data[at : at+c.int(3)]
			if c.int(1) == 1 {
				text = slices.Concat([]byte{0xFF}, text)
			}
			if h := sha256.Sum256(text); !bytes.Equal(h[:], c.bytes(0)) {
				v.fault("content %x does not have its hash", c.bytes(0))
			}
			at += c.int(3)
		}
		if err != nil || at != p.int(2) || at != int64(len(data)) || int64(len(list)) != p.int(3) {
			v.fault("pack %d of account %d does not consist of its %d contents: %v", p.int(1), p.int(0), len(list), err)
		}
	}
	fmt.Fprintf(v.out, "%d packs of contents\n", len(packs))
	return nil
}

// columns checks the columns that repeat recorded ones, and what a row names.
func (v *verifier) columns() error {
	_, rows, err := v.query(`
		SELECT 'endpoint of account', id, id FROM accounts x WHERE endpoint IS NOT
			coalesce((SELECT endpoint FROM endpoints e WHERE e.account_id = x.id ORDER BY e.id DESC LIMIT 1), '')
		UNION ALL SELECT 'end of membership', account_id, id FROM memberships x WHERE until IS NOT
			(SELECT until FROM membership_ends e WHERE e.account_id = x.account_id AND e.membership_id = x.id)
		UNION ALL SELECT 'withdrawal of version', account_id, id FROM versions x WHERE withdrawn_at IS NOT (SELECT iif(l.withdrawn, l.at, NULL)
			FROM listings l WHERE l.account_id = x.account_id AND l.version_id = x.id ORDER BY l.id DESC LIMIT 1)
		UNION ALL SELECT 'time of version', account_id, id FROM versions x WHERE EXISTS (SELECT 1 FROM listings l
			WHERE l.account_id = x.account_id AND l.version_id = x.id AND l.made_at <> coalesce(x.made_at, -1))
		UNION ALL SELECT 'pack of content', x.account_id, x.id FROM contents x LEFT JOIN packs p ON p.account_id = x.account_id AND p.id = x.pack_id
			WHERE (p.id IS NULL) <> EXISTS (SELECT 1 FROM erasures e WHERE e.account_id = x.account_id AND e.content_id = x.id)
		UNION ALL SELECT 'revision of content', account_id, id FROM contents x WHERE NOT
			EXISTS (SELECT 1 FROM revisions r WHERE r.account_id = x.account_id AND r.content_id = x.id)
		UNION ALL SELECT 'document of change', account_id, id FROM changes c WHERE EXISTS (
			SELECT 1 FROM revisions r JOIN versions v ON v.account_id = r.account_id AND v.id = r.version_id
				WHERE r.account_id = c.account_id AND r.id IN (c.from_revision, c.to_revision) AND v.document_id <> c.document_id
			UNION ALL SELECT 1 FROM document_states s
				WHERE s.account_id = c.account_id AND s.id IN (c.from_state, c.to_state) AND s.document_id <> c.document_id
			UNION ALL SELECT 1 FROM versions v WHERE v.account_id = c.account_id AND v.id = c.version_id AND v.document_id <> c.document_id)`)
	for _, r := range rows {
		v.fault("account %d: the %s %d is not what was recorded", r.int(1), r.bytes(0), r.int(2))
	}
	return err
}

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
		"start":       `logs x: origin public_key at=started_at old_origin old_size old_root`,
		"endpoint":    `endpoints x: endpoint at`,
		"watch":       `watch_starts x: watch at`,
		"document":    `documents x: document_id document_type first_seen_at`,
		"member":      `memberships` + ofDocument + `watch since initial!`,
		"member_end":  `(SELECT e.*, m.document_id, m.watch, m.since FROM membership_ends e JOIN memberships m ON m.account_id = e.account_id AND m.id = e.membership_id)` + ofDocument + `watch since until`,
		"state":       `document_states` + ofDocument + `seen_at name description risk_level creator modifier enterprise_project_id created_at updated_at others=extra request_id* answered_at`,
		"version":     `(SELECT *, iif((SELECT max(made_at) FROM listings l WHERE l.account_id = v.account_id AND l.version_id = v.id) IS NULL, made_at, NULL) AS made FROM versions v)` + ofDocument + `version=label version_uuid* made_at=made listed_at backfill!`,
		"listing":     `listings` + ofVersion + `at withdrawn! made_at`,
		"unavailable": `unavailable_versions` + ofVersion + `seen_at=at error*`,
		"revision":    `(SELECT x.*, c.sha256, c.size, c.form FROM revisions x` + ofContent + `)` + ofVersion + `revision=number version_uuid* sha256 size raw_token=form! made_at seen_at author* previous_checked_at request_id* answered_at`,
		"change": `(SELECT x.*, fromv.label AS fv, fromr.number AS fr, fromc.sha256 AS fc, tov.label AS tv, tor.number AS tr, toc.sha256 AS tc, v.label AS version,
			iif(to_state IS NULL, NULL, coalesce(from_state, 0)) AS fs FROM changes x LEFT JOIN versions v ON v.account_id = x.account_id AND v.id = x.version_id` +
			fmt.Sprintf(comparison, "from") + fmt.Sprintf(comparison, "to") + `)` + ofDocument + `change=id kind from_version=fv from_revision=fr from_sha256=fc
			to_version=tv to_revision=tr to_sha256=tc version from_state=fs to_state at seen_at backfill! late! cycle=cycle_id`,
		"erasure": `(SELECT x.*, c.sha256, c.size FROM erasures x` + ofContent + `) x: sha256 size at reason`,
		"trust":   `trusts x: at person reason checkpoint`,
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
			text := encode([]byte(typ+"\n"), names, append(row{v.names[account-1]}, r[1:]...))
			all[typ] = append(all[typ], record{r.int(0), hash(0, text)})
		}
	}
	return all, errors.Join(err, v.coverages(account, all))
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
			WHERE c.account_id = ? AND c.watch = ? AND c.id BETWEEN ? AND ? AND (c.partial = 0 OR c.id = ?) ORDER BY c.id`, account, g[1], g[3], g[4], g[3])
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
			text = encode([]byte(typ+"\n"), strings.Fields("account watch first_cycle last_cycle started_at ended_at cycles good complete requests listed cycles_sha256"), s)
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

// log is one log, with the leaves that were read.
type log struct {
	*verifier
	origin string
	public ed25519.PublicKey
	size   int64
	peaks  [][]byte
}

// account checks the logs of an account.
func (v *verifier) account(account int64) error {
	name := v.names[account-1]
	records, err := v.records(account)
	if err != nil {
		return err
	}
	_, logs, err := v.query(`SELECT id, origin, public_key, size, peaks, note, old_origin, old_size, old_root FROM logs WHERE account_id = ? ORDER BY id`, account)
	old := log{}
	for i, r := range logs {
		l := log{verifier: v, origin: string(r.bytes(1)), public: r.bytes(2)}
		origin := "cocsync/" + v.archive + "/" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
		if i > 0 {
			origin += "/" + strconv.Itoa(i+1)
		}
		if l.origin != origin || r.int(0) != int64(i+1) {
			v.fault("the log %s should be %s", l.origin, origin)
		}
		if i > 0 && (string(r.bytes(6)) != old.origin || r.int(7) != old.size || !bytes.Equal(r.bytes(8), old.root())) {
			v.fault("the log %s does not continue %s", l.origin, old.origin)
		}
		if err := l.check(account, r, records); err != nil {
			return err
		}
		old = l
	}
	for typ, list := range records {
		for _, r := range list {
			v.fault("%s %d of account %s has no leaf", typ, r.id, name)
		}
	}
	return err
}

func (l *log) check(account int64, r row, records map[string][]record) error {
	_, leaves, err := l.query(`SELECT id, type, ref, hashes FROM leaves WHERE account_id = ? AND log_id = ? ORDER BY id`, account, r.int(0))
	_, sent, err2 := l.query(`SELECT note, size FROM checkpoints WHERE account_id = ? AND log_id = ? ORDER BY size`, account, r.int(0))
	checkpoints := append(l.external[l.origin], checkpoint{"the newest checkpoint", r.bytes(5), r.int(3)})
	delete(l.external, l.origin)
	for _, s := range sent {
		checkpoints = append(checkpoints, checkpoint{"a sent checkpoint", s.bytes(0), s.int(1)})
	}
	roots := [][]byte{l.root()}
	for _, leaf := range leaves {
		l.leaf(leaf, records)
		roots = append(roots, l.root())
	}
	for _, c := range checkpoints {
		key, text, err := l.open(c.note, l.origin)
		lines := strings.Split(text, "\n")
		switch size, _ := strconv.ParseInt(lines[min(1, len(lines)-1)], 10, 64); {
		case err != nil || len(lines) != 4 || lines[0] != l.origin || c.size >= 0 && size != c.size || l.public != nil && !l.public.Equal(key):
			l.fault("log %s: %s is not a checkpoint that its key signed: %v", l.origin, c.what, err)
		case size < 0 || size > l.size:
			l.fault("log %s has %d leaves, and %s is of %d", l.origin, l.size, c.what, size)
		case base64.StdEncoding.EncodeToString(roots[size]) != lines[2]:
			l.fault("log %s: the first %d leaves are not those of %s", l.origin, size, c.what)
		default:
			fmt.Fprintf(l.out, "log %s: the first %d of %d leaves are those of %s\n", l.origin, size, l.size, c.what)
		}
	}
	if l.size != r.int(3) || !bytes.Equal(bytes.Join(l.peaks, nil), r.bytes(4)) {
		l.fault("log %s: its size or its peaks are not those of its %d leaves", l.origin, l.size)
	}
	return errors.Join(err, err2)
}

// leaf checks a leaf against the next record of its type, and adds it to the tree.
func (l *log) leaf(r row, records map[string][]record) {
	typ, ref, hashes := string(r.bytes(1)), r.int(2), r.bytes(3)
	next := records[typ]
	if len(next) == 0 || next[0].id != ref || r.int(0) != l.size || !bytes.HasPrefix(hashes, next[0].hash) {
		l.fault("log %s: leaf %d is not that of %s %d, or one before it is missing", l.origin, r.int(0), typ, ref)
	}
	for len(next) > 0 && next[0].id <= ref {
		next = next[1:]
	}
	records[typ] = next
	h := hashes[:min(32, len(hashes))]
	all := slices.Clone(h)
	for range bits.TrailingZeros64(uint64(l.size) + 1) {
		last := len(l.peaks) - 1
		h = hash(1, l.peaks[last], h)
		l.peaks, all = l.peaks[:last], append(all, h...)
	}
	l.peaks, l.size = append(l.peaks, h), l.size+1
	if !bytes.Equal(all, hashes) {
		l.fault("log %s: the hashes of leaf %d are not those of the leaves before it", l.origin, r.int(0))
	}
}

func (l *log) root() (root []byte) {
	for i, peak := range slices.Backward(l.peaks) {
		if root = hash(1, peak, root); i == len(l.peaks)-1 {
			root = peak
		}
	}
	if root == nil {
		h := sha256.Sum256(nil)
		root = h[:]
	}
	return root
}

// checkpoint is a note and where it is from. Its size is -1 if only the note says it.
type checkpoint struct {
	what string
	note []byte
	size int64
}

// open verifies a note, and returns the key that signed it under a name.
func (v *verifier) open(note []byte, name string) (ed25519.PublicKey, string, error) {
	text, signatures, _ := strings.Cut(string(note), "\n\n")
	text += "\n"
	for line := range strings.Lines(signatures) {
		encoded, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+name+" ")
		b, err := base64.StdEncoding.DecodeString(encoded)
		for _, key := range v.keys {
			if ok && err == nil && len(b) == 4+ed25519.SignatureSize && bytes.Equal(b[:4], keyID(name, key)) && ed25519.Verify(key, []byte(text), b[4:]) {
				return key, text, nil
			}
		}
	}
	return nil, text, errors.New("no given key signed it")
}

func keyID(name string, key []byte) []byte {
	h := sha256.Sum256(slices.Concat([]byte(name), []byte{'\n', 1}, key))
	return h[:4]
}

// readKeys reads verifier keys.
func readKeys(file string) (keys []ed25519.PublicKey, err error) {
	b, err := os.ReadFile(file)
	for _, line := range strings.Fields(string(b)) {
		parts := strings.SplitN(line, "+", 3)
		key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
		if err != nil || len(parts) != 3 || len(key) != 33 || key[0] != 1 || parts[1] != hex.EncodeToString(keyID(parts[0], key[1:])) {
			return nil, fmt.Errorf("%s: %q is not a verifier key", file, line)
		}
		keys = append(keys, key[1:])
	}
	return keys, err
}

// readCheckpoints reads a file of checkpoints or a head file.
func (v *verifier) readCheckpoints(file string) error {
	b, err := os.ReadFile(file)
	var head struct{ Logs []struct{ Note string } }
	if bytes.HasPrefix(b, []byte("{")) {
		_, text, err := v.open(b, "cocsync-head/"+v.archive)
		if err = errors.Join(err, json.Unmarshal([]byte(text), &head)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		b = nil
	}
	parts := strings.Split(strings.TrimSpace(string(b)), "\n\n")
	for _, l := range head.Logs {
		parts = append(parts, strings.SplitN(strings.TrimSpace(l.Note), "\n\n", 2)...)
	}
	if len(head.Logs) > 0 {
		parts = parts[1:]
	}
	for ; len(parts) > 1; parts = parts[2:] {
		origin, _, _ := strings.Cut(parts[0], "\n")
		v.external[origin] = append(v.external[origin], checkpoint{file, []byte(parts[0] + "\n\n" + parts[1] + "\n"), -1})
	}
	return err
}

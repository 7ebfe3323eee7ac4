// Verifier verifies an unpacked bundle of "cocsync audit bundle": a report, and a proof of each record
// in it. It shares no code with cocsync: it is written from docs/audit-log.md and c2sp.org/tlog-proof.
//
//	go run verifier.go -key KEY [-checkpoint FILE] FOLDER
//
// KEY is a verifier key, or a file with some, from a source that you trust: not from the bundle. The
// exit status is 0, 3 if the bundle is not what was signed, or 1 if something cannot be checked.
package main

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	v := &verifier{heads: map[string]head{}, notes: map[string]head{}, roots: map[string]string{}, opened: map[string]string{}, index: map[string][]record{}}
	flag.Func("key", "a verifier key from a trusted source, or a `FILE` with some; may be repeated", v.addKeys)
	kept := flag.String("checkpoint", "", "a `FILE` with checkpoints that you kept")
	flag.Parse()
	err := errors.New("usage: go run verifier.go -key KEY [-checkpoint FILE] FOLDER")
	if flag.NArg() == 1 && len(v.keys) > 0 {
		v.files = os.DirFS(flag.Arg(0))
		err = v.verify(*kept)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
	}
	if v.faults > 0 {
		fmt.Printf("\nDO NOT RELY ON THIS BUNDLE. Faults: %d\n", v.faults)
		os.Exit(3)
	} else if err != nil {
		os.Exit(1)
	}
}

type verifier struct {
	files   fs.FS
	keys    []ed25519.PublicKey
	heads   map[string]head     // the checkpoint of the proofs of each log
	notes   map[string]head     // verified checkpoints
	roots   map[string]string   // that proofs lead to, by origin and size
	opened  map[string]string   // the SHA-256 of contents, by commitment
	records []record            // that are proved, in the order of the logs
	index   map[string][]record // by their subject
	faults  int
}

type head struct { // a checkpoint; its root is in base64
	Origin, Root string
	Size         int64
}

type record struct {
	typ, origin, account, line string // line is the record for people
	at                         int64  // its index in the log
	fields                     map[string]string
}

func (v *verifier) faultIf(wrong bool, format string, args ...any) {
	if wrong {
		v.faults++
		fmt.Println("FAULT " + visible(fmt.Sprintf(format, args...)))
	}
}

func visible(s string) string {
	s = strconv.Quote(s) // a terminal interprets control characters
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
}

func readFile(name string) ([]byte, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // a pipe may never end
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.ReadFile(name)
}

func (v *verifier) addKeys(arg string) error {
	if b, err := readFile(arg); err == nil {
		arg = string(b)
	}
	for _, line := range strings.Fields(arg) {
		parts := append(strings.SplitN(line, "+", 3), "", "")
		key, err := base64.StdEncoding.DecodeString(parts[2])
		if err != nil || len(key) != 33 || key[0] != 1 || hex.EncodeToString(keyID(parts[0], key[1:])) != parts[1] {
			return fmt.Errorf("%q is neither a verifier key nor a file with some", line)
		}
		v.keys = append(v.keys, key[1:])
	}
	return nil
}

func keyID(name string, key []byte) []byte { return sum([]byte(name), []byte{'\n', 1}, key)[:4] }

func sum(parts ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(parts, nil))
	return h[:]
}

func (v *verifier) verify(kept string) error {
	if err := fs.WalkDir(v.files, ".", v.file); err != nil {
		return err
	}
	slices.SortFunc(v.records, func(a, b record) int { // a later log of an account has a longer origin
		return cmp.Or(strings.Compare(a.account, b.account), len(a.origin)-len(b.origin), strings.Compare(a.origin, b.origin), cmp.Compare(a.at, b.at))
	})
	v.records = slices.CompactFunc(v.records, func(a, b record) bool { return a.origin == b.origin && a.at == b.at })
	for i, r := range v.records {
		v.add(r)
		v.content(r)
		if i == 0 || v.records[i-1].origin != r.origin {
			fmt.Printf("\nRecords of the log %s, with their numbers, of %d that were signed:\n", visible(r.origin), v.heads[r.origin].Size)
		}
		fmt.Printf("%6d %s\n", r.at, visible(r.line))
	}
	if err := v.addKept(kept); kept != "" && err != nil {
		return err
	}
	for _, h := range v.notes {
		v.faultIf(v.roots[fmt.Sprint(h.Origin, " ", h.Size)] != h.Root, "the checkpoint of %d records of the log %s "+
			"is not that of the proofs (if no proof is of so many: ask for a bundle with it)", h.Size, h.Origin)
	}
	if err := v.report(); err != nil {
		return err
	}
	fmt.Printf(`
Proven records: %d. Faults: %d. Not checked:
- the wording of report.md and report.html, gaps, numbers of cycles, names and periods: the records above are what was signed
- summaries of differences, and counts of lines and versions: no record has them
- whether COC told the truth, and what happened between two polls
- whether someone with the key rebuilt a log, except up to the checkpoints that you kept (-checkpoint)
`, len(v.records), v.faults)
	return nil
}

// addKept verifies the checkpoints in a file that are of accounts of the bundle. One must be.
func (v *verifier) addKept(name string) error {
	b, err := readFile(name)
	// The group is the account: the origin without the number of the log.
	notes := regexp.MustCompile(`(?m)^([^/\s]+/[^/\s]+/[^/\s]+)\S*\n\d+\n\S+\n\n(?:— .+\n)+`)
	text, compared := strings.ReplaceAll(string(b), "\r", "")+"\n", false
	for _, found := range notes.FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(v.records, func(r record) bool { return strings.HasPrefix(r.origin+"/", found[1]+"/") }) {
			fmt.Println("NOTE another log's checkpoint, not compared:", visible(found[1]))
			continue
		}
		h, err := v.open(found[0])
		v.faultIf(err != nil, "%s: %d records of the log %s: %v", name, h.Size, h.Origin, err)
		fmt.Printf("Compared with the checkpoint that you kept of %d records of the log %s\n", h.Size, visible(h.Origin))
		compared = true
	}
	if rest := strings.TrimSpace(notes.ReplaceAllString(text, "")); err == nil && (rest != "" || !compared) {
		err = fmt.Errorf("%s must have signed checkpoints, one of them of a log of this bundle; it also has %.50q", name, rest)
	}
	return err
}

func (v *verifier) file(name string, d fs.DirEntry, err error) error {
	if err != nil || d.IsDir() {
		return err
	} else if !d.Type().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	b, err := fs.ReadFile(v.files, name)
	if strings.HasPrefix(name, "checkpoints/") {
		_, err = v.open(string(b))
	} else if strings.HasPrefix(name, "proofs/") || strings.HasPrefix(name, "between/") {
		err = v.proof(string(b))
	}
	v.faultIf(err != nil, "%s: %v", name, err)
	return nil
}

func (v *verifier) open(note string) (h head, err error) {
	if h, ok := v.notes[note]; ok {
		return h, nil
	}
	text, signatures, _ := strings.Cut(note, "\n\n")
	fmt.Sscanf(text, "%s\n%d\n%s", &h.Origin, &h.Size, &h.Root)
	if text != fmt.Sprintf("%s\n%d\n%s", h.Origin, h.Size, h.Root) {
		return h, errors.New("it has no checkpoint")
	}
	for line := range strings.Lines(signatures) {
		encoded, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— "+h.Origin+" ")
		b, err := base64.StdEncoding.DecodeString(encoded)
		for _, key := range v.keys {
			if ok && err == nil && bytes.HasPrefix(b, keyID(h.Origin, key)) && ed25519.Verify(key, []byte(text+"\n"), b[4:]) {
				v.notes[note] = h
				return h, nil
			}
		}
	}
	return h, errors.New("no key that you gave signed its checkpoint")
}

func (v *verifier) proof(text string) error {
	extra, at := "", int64(0)
	top, note, _ := strings.Cut(text, "\n\n")
	n, _ := fmt.Sscanf(top+"\n", "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", &extra, &at)
	b, err := base64.StdEncoding.DecodeString(extra)
	h, failed := v.open(note)
	if other, ok := v.heads[h.Origin]; n != 2 || err != nil || failed != nil || ok && other != h {
		return cmp.Or(failed, errors.New("it is not a proof, or has not the checkpoint of the others"))
	}
	v.heads[h.Origin] = h
	r, rest, err := parse(string(b))
	root, before := rootOf(sum([]byte{0}, b[:len(b)-len(rest)]), at, h.Size, strings.Split(top, "\n")[3:])
	if root != h.Root || err != nil {
		return cmp.Or(err, errors.New("its record is not in the log of the signed root"))
	}
	v.roots[fmt.Sprint(h.Origin, " ", at+1)], v.roots[fmt.Sprint(h.Origin, " ", h.Size)] = before, root
	r.origin, r.at, r.account = h.Origin, at, r.fields["account"]
	v.records = append(v.records, r)
	for rest != "" && err == nil { // the contents to which the record commits
		var o record
		o, rest, err = parse(rest)
		opening, wrong := hex.DecodeString(o.fields["salt"] + o.fields["sha256"])
		v.faultIf(err != nil || wrong != nil || hex.EncodeToString(sum(opening)) != o.fields["commitment"] || len(opening) != 48, "a content is not that of a commitment")
		v.opened[o.fields["commitment"]] = o.fields["sha256"]
	}
	return err
}

// rootOf returns the root of an inclusion proof (RFC 9162, 2.1.3.2) and that of the records up to its own.
func rootOf(leaf []byte, at, size int64, hashes []string) (root, before string) {
	all, left, last := leaf, leaf, size-1
	for _, line := range hashes {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || last <= 0 {
			return "", ""
		}
		if at&1 == 1 || at == last {
			all, left = sum([]byte{1}, h, all), sum([]byte{1}, h, left)
			for ; at&1 == 0 && at != 0; at, last = at>>1, last>>1 {
			}
		} else {
			all = sum([]byte{1}, all, h)
		}
		at, last = at>>1, last>>1
	}
	if encode := base64.StdEncoding.EncodeToString; at == 0 && last == 0 {
		return encode(all), encode(left)
	}
	return "", ""
}

func parse(text string) (r record, rest string, err error) {
	r.typ, text, _ = strings.Cut(text, "\n")
	r.line, r.fields = r.typ, map[string]string{}
	for text != "" && !strings.HasPrefix(text, "content\n") {
		name, rest, _ := strings.Cut(text, " ")
		length, rest, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n >= len(rest) || rest[n] != '\n' {
			return r, "", errors.New("its record has a field without a length")
		}
		r.fields[name], text = rest[:n], rest[n+1:]
		r.line += "; " + name + " " + cmp.Or(r.time(name), r.fields[name])
	}
	return r, text, nil
}

// time returns a time as in report.json; "" if the field is absent or none.
func (r record) time(name string) string {
	ms, err := strconv.ParseInt(r.fields[name], 10, 64)
	if err != nil || name != "at" && name != "since" && name != "until" && !strings.HasSuffix(name, "_at") {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// newest returns the newest proved record about a row of the report; an empty one if there is none.
func (v *verifier) newest(typ string, x map[string]any, of string) record {
	subject := fmt.Sprintln(typ, x["account"], cmp.Or(x["document_id"], x["watch"]), of)
	return append([]record{{}}, v.index[subject]...)[len(v.index[subject])]
}

func (v *verifier) add(r record) {
	v.index[r.subject()] = append(v.index[r.subject()], r)
	var versions []map[string]any
	_ = json.Unmarshal([]byte(r.fields["versions"]), &versions) // in records of other types it is a number, or absent
	for _, x := range versions {
		v.add(record{typ: "version", account: r.account, fields: map[string]string{"document_id": r.fields["document_id"],
			"listed_at": r.fields["listed_at"], "version": fmt.Sprint(x["version"]), "made_at": fmt.Sprintf("%.0f", x["made_at"])}})
	}
}

func (r record) subject() string {
	return fmt.Sprintln(r.typ, r.account, cmp.Or(r.fields["document_id"], r.fields["watch"]), cmp.Or(r.fields["change"], r.fields["version"]+"#"+r.fields["revision"]))
}

// content checks the content of a revision. Only that of an erased one may be missing.
func (v *verifier) content(r record) {
	commitment, hash := r.fields["commitment"], v.opened[r.fields["commitment"]]
	b, err := fs.ReadFile(v.files, "contents/"+hash)
	b = append([]byte(strings.Repeat("\xff", len(r.fields["raw_token"]))), b...)
	erased := func(e record) bool {
		return e.typ == "erasure" && e.account == r.account && e.fields["commitment"] == commitment
	}
	good := err == nil && hash != "" && hex.EncodeToString(sum(b)) == hash || hash == "" && slices.ContainsFunc(v.records, erased)
	v.faultIf(r.typ == "revision" && !good, "contents/%s is not that of %s of document %s", hash, r.fields["version"], r.fields["document_id"])
}

func (v *verifier) report() error {
	b, err := fs.ReadFile(v.files, "report.json")
	var r struct {
		Since, Until                                                         string
		Changes, Rewrites, Deletions, Withdrawn, Documents, Missing, Watches []map[string]any
		Verification                                                         struct {
			Rows int
			Logs []head
		}
	}
	if err := cmp.Or(err, json.Unmarshal(b, &r)); err != nil {
		return fmt.Errorf("report.json: %w", err)
	}
	proofs, err := fs.Glob(v.files, "proofs/*/*")
	v.faultIf(err != nil || len(proofs) != r.Verification.Rows, "%d records of the report were verified, and there are %d proofs", r.Verification.Rows, len(proofs))
	for _, h := range r.Verification.Logs {
		v.faultIf(v.heads[h.Origin] != h, "no proof is of the head of %d records of the log %s", h.Size, h.Origin)
	}
	listed := map[string]bool{}
	for _, x := range slices.Concat(r.Changes, r.Rewrites, r.Deletions, r.Withdrawn) {
		c := v.newest("change", x, fmt.Sprintf("%.0f", x["id"]))
		v.row(x, c)
		listed[c.subject()] = true
	}
	for _, x := range r.Missing {
		v.faultIf(v.newest("version", x, fmt.Sprint(x["version"], "#")).time("listed_at") != x["listed_at"],
			"there is no proof of version %v of %v, which the report has as missing", x["version"], x["document_id"])
	}
	for typ, rows := range map[string][]map[string]any{"document": slices.Concat(r.Documents, r.Missing), "member": r.Documents, "watch": r.Watches} {
		for _, x := range rows {
			v.faultIf(v.newest(typ, x, "#").typ == "", "there is no proof of the %s of %v of the report", typ, cmp.Or(x["document_id"], x["watch"]))
		}
	}
	v.complete(r.Since, r.Until, listed)
	return nil
}

func (v *verifier) row(x map[string]any, c record) {
	f := c.fields
	revision := v.newest("revision", x, f["to_version"]+"#"+f["to_revision"])
	v.faultIf(c.typ == "" || f["to_revision"] != "" && revision.typ == "", "change %v of the report has no proof", x["id"])
	for name, proved := range map[string]string{"kind": f["kind"], "seen_at": c.time("seen_at"), "by": revision.fields["author"],
		"version": cmp.Or(f["to_version"], f["version"]), "previous": f["from_version"], "sha256": v.opened[f["to_commitment"]], "previous_sha256": v.opened[f["from_commitment"]],
		"made_at": cmp.Or(revision.time("made_at"), v.newest("version", x, f["version"]+"#").time("made_at"), v.newest("listing", x, f["version"]+"#").time("made_at")),
		"name":    cmp.Or(v.newest("state", x, "#").fields["name"], fmt.Sprint(x["name"])), "previous_checked_at": revision.time("previous_checked_at")} {
		value, there := x[name]
		printed, _ := value.(string) // "" for null
		if name == "version" || name == "previous" {
			printed, _, _ = strings.Cut(printed, "#")
		}
		v.faultIf(there && printed != proved, "change %v: the report has the %s %q, and the records %q", x["id"], name, printed, proved)
	}
}

// complete checks that the numbers of changes have no gaps, from before the period to after it or the end.
func (v *verifier) complete(since, until string, listed map[string]bool) {
	last, rest, seen := map[string]int64{}, map[string]int64{}, map[string]string{}
	for i, r := range v.records {
		a := r.account
		if i == 0 || v.records[i-1].origin != r.origin {
			rest[a] += v.heads[r.origin].Size
		}
		rest[a]--
		b, _ := hex.DecodeString(r.fields["old_root"])
		old := v.heads[r.fields["old_origin"]]
		v.faultIf(len(b) > 0 && (base64.StdEncoding.EncodeToString(b) != old.Root || r.fields["old_size"] != fmt.Sprint(old.Size)),
			"the log %s does not continue the log before it", r.origin)
		n, _ := strconv.ParseInt(cmp.Or(r.fields["change"], r.fields["skipped_changes"]), 10, 64)
		if r.typ != "change" {
			last[a] += n * min(last[a], 1) // numbers that a restore skipped
			continue
		}
		v.faultIf(n != last[a]+1 && (last[a] > 0 || r.time("seen_at") >= since), "account %s: changes between %d and %d are missing", a, last[a], n)
		last[a], rest[a], seen[a] = n, v.heads[r.origin].Size-r.at-1, r.time("seen_at")
		within := func(at string) bool { return at >= since && at <= until }
		v.faultIf(r.fields["backfill"] == "" && (within(r.time("at")) || within(r.time("seen_at"))) && !listed[r.subject()],
			"account %s: the report leaves out change %d", a, n)
	}
	for a, n := range rest {
		v.faultIf(n != 0 && seen[a] <= until, "account %s: %d records after change %d are missing: they may be changes", a, n, last[a])
	}
}

package fetch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"cocsync/internal/coc"
)

const (
	// maxExtra bounds the unknown fields that are kept of a document.
	maxExtra = 64 << 10
	// maxVersions bounds a document's list of versions. COC keeps a hundred.
	maxVersions = 10_000
)

// page is one page of the list of documents.
type page struct {
	rows    []coc.Row
	skipped []coc.SkippedRow
	total   int // -1: not said
}

// decodePage reads {"total": N, "data": [row…]}. Rows and total may also stand
// inside data once more. A row that names no document, or is over a limit, spoils no
// other. Of a page with more rows than a list may have the rest is not read.
func decodePage(outer envelope) (page, error) {
	p := page{total: -1}
	rows, total := outer.data, outer.total
	if isObject(rows) {
		inner := open(rows)
		rows = inner.data
		if inner.total != nil {
			total = inner.total
		}
	}
	if n, err := strconv.Atoi(coc.Said(textOf(total))); err == nil && n >= 0 {
		p.total = n
	}
	// No rows is an empty page where COC says null, or that there are none.
	if !isArray(rows) && (p.total < 0 || !isNull(rows)) && (p.total != 0 || rows != nil) {
		return p, errors.New("the answer holds no list of documents")
	}
	var c canonicalizer
	var buf []byte
	for v := range elements(rows) {
		if len(p.rows)+len(p.skipped) > maxListed {
			break
		}
		if len(v) > maxRow {
			p.skipped = append(p.skipped, coc.SkippedRow{DocumentID: rowID(v), Reason: fmt.Sprintf("its row in the list is longer than %d KiB", maxRow>>10)})
			continue
		}
		row, problem := decodeRow(c.collect(v, 0))
		if problem != "" {
			p.skipped = append(p.skipped, coc.SkippedRow{DocumentID: row.DocumentID, Reason: problem})
			continue
		}
		buf = c.object(buf[:0], 0)
		row.Fingerprint = sha256.Sum256(buf)
		p.rows = append(p.rows, row)
	}
	return p, nil
}

// decodeRow reads what cocsync uses of a row, or says why it can't be used.
func decodeRow(fields []field) (row coc.Row, problem string) {
	for _, f := range fields {
		switch string(f.name) {
		case "document_id":
			row.DocumentID = coc.Said(textOf(f.value))
		case "name":
			row.Name = coc.Said(textOf(f.value))
		case "version":
			row.Version = coc.Said(textOf(f.value))
		case "update_time":
			row.UpdatedAt = instant(f.value)
		}
	}
	switch {
	case !plainName(row.DocumentID):
		row.DocumentID = ""
		return row, "its document_id is empty, too long or not printable"
	case len(row.Name) > maxRowName:
		return row, fmt.Sprintf("its name in the list is longer than %d KiB", maxRowName>>10)
	}
	return row, ""
}

// rowID reads the document_id of a row that is too long for anything else, "" when it
// names none.
func rowID(v []byte) string {
	var id string
	for key, value := range members(v) {
		if string(name(key)) == "document_id" && len(value) <= maxRow {
			id = coc.Said(textOf(value))
		}
	}
	if !plainName(id) {
		return ""
	}
	return id
}

// decodeDocument reads an answer that was asked for by that id, and for that version if
// one is named, with or without the envelope: only the newest one's tells of the others.
// dropped is the size of its unknown fields when they are too many to be kept.
func decodeDocument(outer envelope, asked, version string) (a coc.Answer, dropped int, err error) {
	root := outer.root
	if outer.data != nil {
		root = outer.data
	}
	if !isObject(root) {
		return a, 0, errors.New("the answer holds no document")
	}
	var content, versions []byte
	var id *string
	var c canonicalizer
	for key, value := range members(root) {
		switch string(name(key)) {
		case "document_id":
			id = textOf(value)
		case "version":
			a.Version = coc.Said(textOf(value))
		case "content":
			content = value
		case "versions":
			versions = value
		case "error_code", "error_msg", "request_id": // of the flat form
		default:
			if !metaField(&a.Meta, string(name(key)), value) {
				c.fields[0] = append(c.fields[0], field{name(key), key, value})
			}
		}
	}
	a.DocumentID = asked
	if id != nil && *id != asked {
		return a, 0, errors.New("the answer is about another document") // whose id could be anything
	}
	if !plainName(a.Version) {
		return a, 0, errors.New("the answer does not say of which version it is")
	}
	if a.Content, err = decodeContent(content); err != nil {
		return a, 0, err
	}
	if version == "" {
		if a.Versions, err = decodeVersions(versions, a.Version); err != nil {
			return a, 0, err
		}
	}
	extra := c.object(nil, 0)
	switch {
	case len(extra) > maxExtra:
		dropped = len(extra)
	case len(extra) > len("{}"):
		a.Meta.Extra = string(extra)
	}
	return a, dropped, nil
}

// metaField takes a field in, or reports that it is none of Meta's.
func metaField(m *coc.Meta, name string, value []byte) bool {
	switch name {
	case "name":
		m.Name = textOf(value)
	case "description":
		m.Description = textOf(value)
	case "risk_level":
		m.RiskLevel = textOf(value)
	case "creator":
		m.Creator = textOf(value)
	case "modifier":
		m.Modifier = textOf(value)
	case "enterprise_project_id":
		m.ProjectID = textOf(value)
	case "create_time":
		m.CreatedAt = instant(value)
	case "update_time":
		m.UpdatedAt = instant(value)
	default:
		return false
	}
	return true
}

// decodeContent takes the content exactly: as its text, or as the token that COC
// sent where no text is what that says.
func decodeContent(v []byte) (coc.Content, error) {
	switch {
	case len(v) == 0 || isNull(v):
		return coc.Content{}, errors.New("answer without content")
	case v[0] != '"':
		return coc.Content{}, errors.New("answer whose content is no text")
	}
	if text, err := jsontext.AppendUnquote(make([]byte, 0, len(v)), v); err == nil {
		return coc.Content{Bytes: text}, nil
	}
	return coc.Content{Bytes: append([]byte(nil), v...), Form: coc.FormToken}, nil
}

// decodeVersions reads the list of versions, oldest first. It is nil where the
// list says nothing: absent, of another shape, or without the answer's own one.
func decodeVersions(v []byte, own string) ([]coc.Listed, error) {
	var list []coc.Listed
	seen := map[string]bool{}
	var r reader
	for e := range elements(v) {
		var l coc.Listed
		for key, value := range r.members(e) {
			switch string(name(key)) {
			case "version":
				l.Label = coc.Said(textOf(value))
			case "version_uuid":
				l.UUID = coc.Said(textOf(value))
			case "create_time":
				l.MadeAt = instant(value)
			}
		}
		if !plainName(l.Label) || seen[l.Label] {
			continue
		}
		if len(list) == maxVersions {
			return nil, fmt.Errorf("the answer lists more than %d versions", maxVersions)
		}
		seen[l.Label] = true
		list = append(list, l)
	}
	if !seen[own] {
		return nil, nil
	}
	coc.SortListed(list)
	return list, nil
}

// plainName reports whether a document id or a label can be one: not empty, not
// endless, nothing in it that does not print.
func plainName(s string) bool {
	if s == "" || len(s) > maxName || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// lastInstant is the last millisecond of the year 9999, beyond which RFC 3339
// can't write a time.
const lastInstant = 253402300799999

// instant reads epoch milliseconds, as a number or a string of one, or RFC 3339.
// It is zero for anything else and for 0: not said.
func instant(v []byte) time.Time {
	s := coc.Said(textOf(v))
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return at.UTC()
		}
		f, err := strconv.ParseFloat(s, 64) // 1.751364159273E12 is how Java writes a double
		if err != nil || !(math.Abs(f) <= lastInstant) {
			return time.Time{}
		}
		ms = int64(f)
	}
	if ms <= 0 || ms > lastInstant {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

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
	// maxExtra bounds the unknown fields of a document that are kept.
	maxExtra = 64 << 10
	// maxVersions bounds a document's list of versions. COC keeps a hundred.
	maxVersions = 10_000
)

// page is one page of the list of documents.
type page struct {
	rows    []coc.Row
	skipped []coc.SkippedRow
	total   int // -1: absent
}

// decodePage reads {"total": N, "data": [row…]}. Rows and total may also be nested in
// data once more. A row without a document id or over a limit affects no other row.
// Rows beyond the maximum of a list are not read.
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
	if n, err := strconv.Atoi(coc.OrEmpty(textOf(total))); err == nil && n >= 0 {
		p.total = n
	}
	// An empty page has null or an empty list.
	if !isArray(rows) && (p.total < 0 || !isNull(rows)) && (p.total != 0 || rows != nil) {
		return p, errors.New("the response has no list of documents")
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

// decodeRow reads the fields of a row that cocsync uses, or returns why the row is
// invalid.
func decodeRow(fields []field) (row coc.Row, problem string) {
	for _, f := range fields {
		switch string(f.name) {
		case "document_id":
			row.DocumentID = coc.OrEmpty(textOf(f.value))
		case "name":
			row.Name = coc.OrEmpty(textOf(f.value))
		case "version":
			row.Version = coc.OrEmpty(textOf(f.value))
		case "update_time":
			row.UpdatedAt = parseTime(f.value)
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

// rowID reads the document_id of a row that is too long to be read otherwise; "" if it
// has none.
func rowID(v []byte) string {
	var id string
	for key, value := range members(v) {
		if string(name(key)) == "document_id" && len(value) <= maxRow {
			id = coc.OrEmpty(textOf(value))
		}
	}
	if !plainName(id) {
		return ""
	}
	return id
}

// decodeDocument reads the response to a request for a document id and, if not "", a
// version, with or without the envelope. Only the newest version's response lists the
// others. dropped is the size of its unknown fields if they are too long to be kept.
func decodeDocument(outer envelope, asked, version string) (a coc.Response, dropped int, err error) {
	root := outer.root
	if outer.data != nil {
		root = outer.data
	}
	if !isObject(root) {
		return a, 0, errors.New("the response has no document")
	}
	var content, versions []byte
	var id *string
	var c canonicalizer
	for key, value := range members(root) {
		switch string(name(key)) {
		case "document_id":
			id = textOf(value)
		case "version":
			a.Version = coc.OrEmpty(textOf(value))
		case "content":
			content = value
		case "versions":
			versions = value
		case "error_code", "error_msg", "request_id": // in the flat form
		default:
			if !metaField(&a.Meta, string(name(key)), value) {
				c.fields[0] = append(c.fields[0], field{name(key), key, value})
			}
		}
	}
	a.DocumentID = asked
	if id != nil && *id != asked {
		return a, 0, errors.New("the response is for another document") // whose id could be anything
	}
	if !plainName(a.Version) {
		return a, 0, errors.New("the response has no version")
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

// metaField sets a field of Meta, or reports that Meta does not have it.
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
		m.CreatedAt = parseTime(value)
	case "update_time":
		m.UpdatedAt = parseTime(value)
	default:
		return false
	}
	return true
}

// decodeContent keeps the content exactly: as its text, or as the token that COC sent
// if no text can represent it.
func decodeContent(v []byte) (coc.Content, error) {
	switch {
	case len(v) == 0 || isNull(v):
		return coc.Content{}, errors.New("response without content")
	case v[0] != '"':
		return coc.Content{}, errors.New("response whose content is not a string")
	}
	if text, err := jsontext.AppendUnquote(make([]byte, 0, len(v)), v); err == nil {
		return coc.Content{Bytes: text}, nil
	}
	return coc.Content{Bytes: append([]byte(nil), v...), Form: coc.FormToken}, nil
}

// decodeVersions reads the list of versions, oldest first. It is nil if the list is
// absent, malformed, or without the response's own version.
func decodeVersions(v []byte, own string) ([]coc.Listed, error) {
	var list []coc.Listed
	seen := map[string]bool{}
	var r reader
	for e := range elements(v) {
		var l coc.Listed
		for key, value := range r.members(e) {
			switch string(name(key)) {
			case "version":
				l.Label = coc.OrEmpty(textOf(value))
			case "version_uuid":
				l.UUID = coc.OrEmpty(textOf(value))
			case "create_time":
				l.MadeAt = parseTime(value)
			}
		}
		if !plainName(l.Label) || seen[l.Label] {
			continue
		}
		if len(list) == maxVersions {
			return nil, fmt.Errorf("the response lists more than %d versions", maxVersions)
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

// plainName reports whether a text can be a document id or a label: not empty, not too
// long, and printable.
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

// lastTime is the last millisecond of the year 9999, the end of RFC 3339.
const lastTime = 253402300799999

// parseTime reads epoch milliseconds, as a number or a string of one, or RFC 3339. It
// returns the zero time for anything else and for 0, which mean absent.
func parseTime(v []byte) time.Time {
	s := coc.OrEmpty(textOf(v))
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return at.UTC()
		}
		f, err := strconv.ParseFloat(s, 64) // 1.751364159273E12 is how Java writes a double
		if err != nil || !(math.Abs(f) <= lastTime) {
			return time.Time{}
		}
		ms = int64(f)
	}
	if ms <= 0 || ms > lastTime {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

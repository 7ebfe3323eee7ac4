package fetch

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"cocsync/internal/coc"
)

// What reads responses with the old parser, for FuzzAgainstOld.

// decodePage reads {"total": N, "data": [row…]}. Rows and total may also be
// inside data once more. A row that names no document, or is over a limit, spoils no
// other. Of a page with more rows than a list may have the rest is not read.
func oldDecodePage(root []byte) (coc.List, error) {
	p := coc.List{Total: -1}
	rows, total := oldPageParts(root)
	if oldIsObject(rows) {
		if inner, n := oldPageParts(rows); n != nil {
			rows, total = inner, n
		} else {
			rows = inner
		}
	}
	if n, err := strconv.Atoi(coc.OrEmpty(oldText(total))); err == nil && n >= 0 {
		p.Total = n
	}
	// No rows is an empty page where COC says null, or that there are none.
	if !oldIsArray(rows) && (p.Total < 0 || !oldIsNull(rows)) && (p.Total != 0 || rows != nil) {
		return p, errors.New("the response has no list of documents")
	}
	var c oldCanonicalizer
	var buf []byte
	for v := range oldElements(rows) {
		if len(p.Rows)+len(p.Skipped) > maxListed {
			break
		}
		if len(v) > maxRow {
			p.Skipped = append(p.Skipped, coc.SkippedRow{DocumentID: oldRowID(v),
				Reason: fmt.Sprintf("its row in the list is longer than %d KiB", maxRow>>10)})
			continue
		}
		row, problem := oldDecodeRow(c.collect(v, 0))
		if problem != "" {
			p.Skipped = append(p.Skipped, coc.SkippedRow{DocumentID: row.DocumentID, Reason: problem})
			continue
		}
		buf = c.object(buf[:0], 0)
		row.Fingerprint = sha256.Sum256(buf)
		p.Rows = append(p.Rows, row)
	}
	return p, nil
}

func oldPageParts(v []byte) (rows, total []byte) {
	for key, value := range oldMembers(v) {
		switch string(oldName(key)) {
		case "data":
			rows = value
		case "total":
			total = value
		}
	}
	return rows, total
}

// decodeRow reads what cocsync uses of a row, or says why it cannot be used.
func oldDecodeRow(fields []oldField) (row coc.Row, problem string) {
	for _, f := range fields {
		switch string(f.name) {
		case "document_id":
			row.DocumentID = coc.OrEmpty(oldText(f.value))
		case "name":
			row.Name = coc.OrEmpty(oldText(f.value))
		case "version":
			row.Version = coc.OrEmpty(oldText(f.value))
		case "update_time":
			row.UpdatedAt = oldInstant(f.value)
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
func oldRowID(v []byte) string {
	var id string
	for key, value := range oldMembers(v) {
		if string(oldName(key)) == "document_id" && len(value) <= maxRow {
			id = coc.OrEmpty(oldText(value))
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
func oldDecodeDocument(root []byte, asked, version string) (a coc.Response, dropped int, err error) {
	for key, value := range oldMembers(root) {
		if string(oldName(key)) == "data" {
			root = value
		}
	}
	if !oldIsObject(root) {
		return a, 0, errors.New("the response has no document")
	}
	var content, versions []byte
	var id *string
	var c oldCanonicalizer
	for key, value := range oldMembers(root) {
		switch string(oldName(key)) {
		case "document_id":
			id = oldText(value)
		case "version":
			a.Version = coc.OrEmpty(oldText(value))
		case "content":
			content = value
		case "versions":
			versions = value
		case "error_code", "error_msg", "request_id": // of the flat form
		default:
			if !oldMetaField(&a.Meta, string(oldName(key)), value) {
				c.fields[0] = append(c.fields[0], oldField{oldName(key), key, value})
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
	if a.Content, err = oldDecodeContent(content); err != nil {
		return a, 0, err
	}
	if version == "" {
		if a.Versions, err = oldDecodeVersions(versions, a.Version); err != nil {
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
func oldMetaField(m *coc.Meta, oldName string, value []byte) bool {
	switch oldName {
	case "name":
		m.Name = oldText(value)
	case "description":
		m.Description = oldText(value)
	case "risk_level":
		m.RiskLevel = oldText(value)
	case "creator":
		m.Creator = oldText(value)
	case "modifier":
		m.Modifier = oldText(value)
	case "enterprise_project_id":
		m.ProjectID = oldText(value)
	case "create_time":
		m.CreatedAt = oldInstant(value)
	case "update_time":
		m.UpdatedAt = oldInstant(value)
	default:
		return false
	}
	return true
}

// decodeContent takes the content exactly: as its text, or as the token that COC
// sent where no text is what that says.
func oldDecodeContent(v []byte) (coc.Content, error) {
	switch {
	case len(v) == 0 || oldIsNull(v):
		return coc.Content{}, errors.New("response without content")
	case v[0] != '"':
		return coc.Content{}, errors.New("response whose content is not a string")
	}
	if oldText, ok := oldAppendText(make([]byte, 0, len(v)), v); ok {
		return coc.Content{Bytes: oldText}, nil
	}
	return coc.Content{Bytes: append([]byte(nil), v...), Form: coc.FormToken}, nil
}

// decodeVersions reads the list of versions, oldest first. It is nil where the
// list says nothing: absent, of another shape, or without the answer's own one.
func oldDecodeVersions(v []byte, own string) ([]coc.Listed, error) {
	var list []coc.Listed
	seen := map[string]bool{}
	for e := range oldElements(v) {
		var l coc.Listed
		for key, value := range oldMembers(e) {
			switch string(oldName(key)) {
			case "version":
				l.Label = coc.OrEmpty(oldText(value))
			case "version_uuid":
				l.UUID = coc.OrEmpty(oldText(value))
			case "create_time":
				l.MadeAt = oldInstant(value)
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

// instant parses epoch milliseconds, as a number or a string of one, or RFC 3339.
// It is zero for anything else and for 0: not said.
func oldInstant(v []byte) time.Time {
	s := coc.OrEmpty(oldText(v))
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

// readFailure finds an error in an answer; the zero failure when there is none.
// With a status of success only error_code counts: code and message may be
// anything there.
func oldReadFailure(root []byte, status int) failure {
	f, nested := oldFlatFailure(root, status >= 400)
	if f.code == "" && status >= 400 && oldIsObject(nested) {
		inner, _ := oldFlatFailure(nested, true)
		f.code, f.message = inner.code, inner.message
	}
	return f
}

func oldFlatFailure(v []byte, siblings bool) (f failure, nested []byte) {
	var code, message *string
	for key, value := range oldMembers(v) {
		switch string(oldName(key)) {
		case "error_code":
			f.code = coc.OrEmpty(oldText(value))
		case "error_msg":
			f.message = coc.OrEmpty(oldText(value))
		case "request_id":
			f.requestID = coc.OrEmpty(oldText(value))
		case "code":
			code = oldText(value)
		case "message":
			message = oldText(value)
		case "error":
			nested = value
		}
	}
	if siblings && f.code == "" {
		f.code, f.message = coc.OrEmpty(code), cmp.Or(f.message, coc.OrEmpty(message))
	}
	return f, nested
}

package fetch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cocsync/internal/coc"
)

const (
	// maxExtra bounds the unknown fields of a document that are kept.
	maxExtra = 64 << 10
	// maxVersions bounds a document's list of versions. COC keeps a hundred.
	maxVersions = 10_000
)

// decodePage reads {"total": N, "data": [row…]}. Rows and total may also be nested in
// data once more. A row without a document id or over a limit affects no other row.
// Rows beyond the maximum of a list are not read.
func decodePage(e envelope) (coc.List, error) {
	p := coc.List{Total: -1}
	rows, total := e.Data, e.Total
	if rows.Kind() == '{' {
		inner, _ := parse(rows)
		rows = inner.Data
		if inner.Total != "" {
			total = inner.Total
		}
	}
	if n, err := strconv.Atoi(total); err == nil && n >= 0 {
		p.Total = n
	}
	// An empty page has null or an empty list.
	if rows.Kind() != '[' && (p.Total < 0 || rows.Kind() != 'n') && (p.Total != 0 || rows != nil) {
		return p, errors.New("the response has no list of documents")
	}
	options := tolerant()
	for _, v := range values(rows) {
		if len(p.Rows)+len(p.Skipped) > maxListed {
			break
		}
		row, problem := decodeRow(v, options)
		if problem != "" {
			p.Skipped = append(p.Skipped, coc.SkippedRow{DocumentID: row.DocumentID, Reason: problem})
			continue
		}
		row.Fingerprint = sha256.Sum256(canonical(make([]byte, 0, len(v)), v, 0))
		p.Rows = append(p.Rows, row)
	}
	return p, nil
}

// decodeRow reads the fields of a row that cocsync uses, or returns why the row is
// invalid.
func decodeRow(v jsontext.Value, options json.Options) (row coc.Row, problem string) {
	_ = json.Unmarshal(v, &row, options) // only an object has a document_id
	named := plainName(row.DocumentID)
	if !named {
		row.DocumentID = ""
	}
	switch {
	case len(v) > maxRow:
		problem = fmt.Sprintf("its row in the list is longer than %d KiB", maxRow>>10)
	case !named:
		problem = "its document_id is empty, too long or not printable"
	case len(row.Name) > maxRowName:
		problem = fmt.Sprintf("its name in the list is longer than %d KiB", maxRowName>>10)
	}
	return row, problem
}

// decodeDocument reads the response to a request for a document id and, if not "", a
// version, with or without the envelope. Only the newest version's response lists the
// others. dropped is the size of its unknown fields if they are too long to be kept.
func decodeDocument(e envelope, id, version string) (a coc.Response, dropped int, err error) {
	root := e.root
	if e.Data != nil {
		root = e.Data
	}
	var doc struct {
		coc.Meta
		DocumentID *string        `json:"document_id"`
		Version    string         `json:"version"`
		Content    jsontext.Value `json:"content"`
		Versions   jsontext.Value `json:"versions"`
		Unknown    jsontext.Value `json:",unknown"`
		// In the flat form these are of the envelope, and not kept.
		ErrorCode string `json:"error_code"`
		ErrorMsg  string `json:"error_msg"`
		RequestID string `json:"request_id"`
	}
	if root.Kind() != '{' || json.Unmarshal(root, &doc, tolerant()) != nil {
		return a, 0, errors.New("the response has no document")
	}
	if doc.DocumentID != nil && *doc.DocumentID != id {
		return a, 0, errors.New("the response is for another document") // whose id could be anything
	}
	if !plainName(doc.Version) {
		return a, 0, errors.New("the response has no version")
	}
	a = coc.Response{DocumentID: id, Version: doc.Version, Meta: doc.Meta}
	if a.Content, err = decodeContent(doc.Content); err != nil {
		return a, 0, err
	}
	if version == "" {
		if a.Versions, err = decodeVersions(doc.Versions, a.Version); err != nil {
			return a, 0, err
		}
	}
	extra := canonical(nil, doc.Unknown, 0)
	switch {
	case len(extra) > maxExtra:
		dropped = len(extra)
	case len(extra) > len("{}"):
		a.Meta.Extra = string(extra)
	}
	return a, dropped, nil
}

// decodeContent keeps the content exactly: as its text, or as the token that COC sent
// if no text can represent it.
func decodeContent(v jsontext.Value) (coc.Content, error) {
	switch v.Kind() {
	case '"':
	case 'n', 0:
		return coc.Content{}, errors.New("response without content")
	default:
		return coc.Content{}, errors.New("response whose content is not a string")
	}
	if text, err := jsontext.AppendUnquote(make([]byte, 0, len(v)), v); err == nil {
		return coc.Content{Bytes: text}, nil
	}
	return coc.Content{Bytes: v, Form: coc.FormToken}, nil
}

// decodeVersions reads the list of versions, oldest first. It is nil if the list is
// absent, malformed, or without the response's own version.
func decodeVersions(v jsontext.Value, own string) ([]coc.Listed, error) {
	var list []coc.Listed
	seen := map[string]bool{}
	if v.Kind() != '[' {
		return nil, nil
	}
	options := tolerant()
	for _, e := range values(v) {
		var l coc.Listed
		if json.Unmarshal(e, &l, options) != nil || !plainName(l.Label) || seen[l.Label] {
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

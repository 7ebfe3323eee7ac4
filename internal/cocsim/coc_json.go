package cocsim

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// responseBody is a document's JSON: tail follows the version's own fields.
func responseBody(v Version, tail []byte) []byte {
	token := []byte(v.Raw)
	if v.Raw == "" {
		token = encode(v.Text())
	}
	return slices.Concat([]byte(`{"version":`), encode(v.Label), []byte(`,"content":`), token, []byte(`,`), tail[1:])
}

// listRow is a document's row in a list. It has no content, no versions and no
// risk level.
func (rec *record) listRow() []byte {
	if rec.row == nil {
		m := rec.common()
		if n := len(rec.Versions); n > 0 {
			m["version"] = rec.Versions[n-1].Label
		}
		rec.row = encode(m)
	}
	return rec.row
}

// responseTail is the part that the responses for all versions of a document share.
func (rec *record) responseTail() []byte {
	if rec.tail == nil {
		type listed struct {
			UUID      string `json:"version_uuid"`
			CreatedAt int64  `json:"create_time"`
			Label     string `json:"version"`
		}
		versions := make([]listed, 0, len(rec.Versions))
		for _, v := range slices.Backward(rec.Versions) {
			versions = append(versions, listed{v.UUID, millis(v.CreatedAt), v.Label})
		}
		m := rec.common()
		m["description"], m["risk_level"], m["versions"] = rec.Description, rec.RiskLevel, versions
		rec.tail = encode(m)
	}
	return rec.tail
}

func (rec *record) common() map[string]any {
	m := map[string]any{
		"document_id": rec.ID, "name": rec.Name, "creator": rec.Creator, "modifier": nil,
		"create_time": millis(rec.CreatedAt), "update_time": millis(rec.UpdatedAt),
		"enterprise_project_id": rec.Project,
	}
	if rec.Modifier != "" {
		m["modifier"] = rec.Modifier
	}
	return m
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// mangled runs the hook over one JSON object, whose content is the raw token if there
// is one. c.mu is held.
func (c *COC) mangled(path string, object []byte, raw string) []byte {
	if c.mangle == nil {
		return object
	}
	var m map[string]any
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.UseNumber()
	if dec.Decode(&m) != nil {
		return object // a raw token that is not JSON: nothing to change
	}
	if raw != "" {
		m["content"] = json.RawMessage(raw)
	}
	c.mangle(path, m)
	return encode(m)
}

// encode writes v as the service's JSON does: with "<" and "&" unescaped.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

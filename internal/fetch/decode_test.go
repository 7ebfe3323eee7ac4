package fetch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

func ptr(s string) *string { return &s }

// opened returns a valid body's envelope.
func opened(body []byte) envelope {
	e, _ := parse(body)
	return e
}

// Every spelling of a field that COC uses or may use has the same result.
func TestDecodeDocument(t *testing.T) {
	at := time.UnixMilli(1751364159273).UTC()
	listed := []coc.Listed{{Label: "v1", UUID: "u1", MadeAt: at}, {Label: "v2", UUID: "u2", MadeAt: at.Add(time.Hour)}}
	text := coc.Content{Bytes: []byte("x")}
	for _, tt := range []struct {
		name, body string
		want       coc.Response
	}{
		{"envelope", `{"data":{"document_id":"D","name":"n","content":"x","version":"v2","creator":"c","modifier":"m",
			"enterprise_project_id":"0","risk_level":"LOW","description":"","create_time":1751364159273,"update_time":1751367759273,
			"versions":[{"version_uuid":"u2","create_time":1751367759273,"version":"v2"},{"version_uuid":"u1","create_time":1751364159273,"version":"v1"}]}}`,
			coc.Response{Version: "v2", Content: text, Versions: listed, Meta: coc.Meta{
				Name: ptr("n"), Creator: ptr("c"), Modifier: ptr("m"), ProjectID: ptr("0"), RiskLevel: ptr("LOW"), Description: ptr(""),
				CreatedAt: at, UpdatedAt: at.Add(time.Hour),
			}}},
		{"flat, its request id is no field", `{"error_code":"","request_id":"r","document_id":"D","content":"x","version":"v1"}`,
			coc.Response{Version: "v1", Content: text}},
		{"no other fields", `{"data":{"content":"x","version":"v1"}}`, coc.Response{Version: "v1", Content: text}},
		{"null is absent", `{"data":{"content":"x","version":"v1","name":null,"modifier":null,"create_time":null,"versions":null,"unknown":null}}`,
			coc.Response{Version: "v1", Content: text}},
		{"numbers for texts, texts for numbers",
			`{"data":{"content":"x","version":"v1","enterprise_project_id":0,"create_time":"1751364159273","update_time":"2025-07-01T10:02:39.273Z"}}`,
			coc.Response{Version: "v1", Content: text, Meta: coc.Meta{ProjectID: ptr("0"), CreatedAt: at, UpdatedAt: at}}},
		{"invalid times are absent", `{"data":{"content":"x","version":"v1","create_time":0,"update_time":"yesterday"}}`,
			coc.Response{Version: "v1", Content: text}},
		{"other types are absent", `{"data":{"content":"x","version":"v1","name":{"a":1},"creator":["x"],"versions":"v1"}}`,
			coc.Response{Version: "v1", Content: text}},
		{"versions in any order, repeated, and invalid", `{"data":{"content":"x","version":"v2","versions":[
			{"version":"v1","version_uuid":"u1","create_time":"1751364159273"},null,{"version":""},3,
			{"version":"v2","version_uuid":"u2","create_time":1751367759273},{"version":"v1","version_uuid":"other"}]}}`,
			coc.Response{Version: "v2", Content: text, Versions: listed}},
		{"versions without its own are absent", `{"data":{"content":"x","version":"v3","versions":[{"version":"v1"}]}}`,
			coc.Response{Version: "v3", Content: text}},
		{"an empty list of versions is absent", `{"data":{"content":"x","version":"v3","versions":[]}}`,
			coc.Response{Version: "v3", Content: text}},
		{"unknown fields, in canonical form",
			`{"data":{"z":1.0,"content":"x","version":"v1","a":{"d":[1, null ,{"b":2,"a":1}],"c":null},"z":2e1}}`,
			coc.Response{Version: "v1", Content: text, Meta: coc.Meta{Extra: `{"a":{"d":[1,null,{"a":1,"b":2}]},"z":2e1}`}}},
		{"escaped keys, the last of two counts", `{"data":{"content":"y","cont\u0065nt":"x","version":"v1"}}`,
			coc.Response{Version: "v1", Content: text}},
		{"empty content", `{"data":{"content":"","version":"v1"}}`, coc.Response{Version: "v1", Content: coc.Content{Bytes: []byte{}}}},
		{"every escape", `{"data":{"content":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00é","version":"v1"}}`,
			coc.Response{Version: "v1", Content: coc.Content{Bytes: []byte("\"\\/\b\f\n\r\t\x00é😀é")}}},
		{"lone surrogate", `{"data":{"content":"a\ud800b","version":"v1"}}`,
			coc.Response{Version: "v1", Content: coc.Content{Bytes: []byte(`"a\ud800b"`), Form: coc.FormToken}}},
		{"reversed surrogates", `{"data":{"content":"\ude00\ud83d","version":"v1"}}`,
			coc.Response{Version: "v1", Content: coc.Content{Bytes: []byte(`"\ude00\ud83d"`), Form: coc.FormToken}}},
		{"invalid UTF-8", "{\"data\":{\"content\":\"a\xff\",\"version\":\"v1\",\"name\":\"b\xff\"}}",
			coc.Response{Version: "v1", Content: coc.Content{Bytes: []byte("\"a\xff\""), Form: coc.FormToken},
				Meta: coc.Meta{Name: ptr("b\uFFFD")}}},
		{"a real U+FFFD is text", `{"data":{"content":"\ufffd","version":"v1"}}`,
			coc.Response{Version: "v1", Content: coc.Content{Bytes: []byte("\uFFFD")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, ok := parse([]byte("\uFEFF" + tt.body + "\r\n"))
			if !ok {
				t.Fatal("test body is not JSON")
			}
			got, _, err := decodeDocument(root, "D", "")
			tt.want.DocumentID = "D"
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("decodeDocument error = %v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Unknown fields that are too long are counted, and affect nothing else.
func TestDecodeBounds(t *testing.T) {
	long := fmt.Sprintf(`{"data":{"content":"x","version":"v1","unknown":%q}}`, strings.Repeat("x", maxExtra))
	a, dropped, err := decodeDocument(opened([]byte(long)), "D", "")
	if err != nil || dropped <= maxExtra || a.Meta.Extra != "" || string(a.Content.Bytes) != "x" {
		t.Errorf("too long unknown fields: %d dropped, extra of %d, %v", dropped, len(a.Meta.Extra), err)
	}
	var b strings.Builder
	for i := range maxVersions + 1 {
		fmt.Fprintf(&b, `{"version":"v%d"},`, i+1)
	}
	many := `{"data":{"content":"x","version":"v1","versions":[` + strings.TrimSuffix(b.String(), ",") + `]}}`
	if _, _, err := decodeDocument(opened([]byte(many)), "D", ""); err == nil {
		t.Error("a list of too many versions is accepted")
	}
}

func print1(t *testing.T, row string) coc.Hash {
	t.Helper()
	root, ok := parse([]byte(`{"total":1,"data":[` + row + `]}`))
	if !ok {
		t.Fatalf("row %s is not JSON", row)
	}
	p, err := decodePage(root)
	if err != nil || len(p.Rows) != 1 {
		t.Fatalf("decodePage(%s) = %d rows, %v", row, len(p.Rows), err)
	}
	return p.Rows[0].Fingerprint
}

// A fingerprint depends on every field that is present, known or unknown, and on
// nothing else.
func TestFingerprint(t *testing.T) {
	base := `{"document_id":"D","name":"n","update_time":1,"tags":{"a":1,"b":[1,2]}}`
	for _, same := range []string{
		`{"name":"n", "tags" : {"b":[1, 2],"a":1},"update_time":1,"document_id":"D"}`,
		`{"document_id":"D","name":"n","modifier":null,"update_time":1,"tags":{"a":1,"b":[1,2],"c":null}}`,
		`{"document_id":"D","name":"old","name":"n","update_time":1,"tags":{"a":1,"b":[1,2]}}`,
	} {
		if print1(t, base) != print1(t, same) {
			t.Errorf("fingerprint of %s differs from that of %s", same, base)
		}
	}
	for _, other := range []string{
		`{"document_id":"D","name":"m","update_time":1,"tags":{"a":1,"b":[1,2]}}`,
		`{"document_id":"D","name":"n","update_time":2,"tags":{"a":1,"b":[1,2]}}`,
		`{"document_id":"D","name":"n","update_time":"1","tags":{"a":1,"b":[1,2]}}`,
		`{"document_id":"D","name":"n","update_time":1,"tags":{"a":1,"b":[2,1]}}`,
		`{"document_id":"D","name":"n","update_time":1}`,
		`{"document_id":"D","name":"n","update_time":1,"tags":{"a":1,"b":[1,2]},"x":""}`,
		`{"document_id":"D","name":"n\ud800","update_time":1,"tags":{"a":1,"b":[1,2]}}`,
	} {
		if print1(t, base) == print1(t, other) {
			t.Errorf("fingerprint of %s is that of %s", other, base)
		}
	}
}

func TestDecodePage(t *testing.T) {
	row := `{"document_id":"D","name":"n","version":"v2","update_time":"1751364159273"}`
	want := []coc.Row{{DocumentID: "D", Name: "n", Version: "v2", UpdatedAt: time.UnixMilli(1751364159273).UTC(), Fingerprint: print1(t, row)}}
	for _, tt := range []struct {
		body  string
		rows  []coc.Row
		total int
		good  bool
	}{
		{`{"total":1,"data":[` + row + `]}`, want, 1, true},
		{`{"total":"1","data":[` + row + `]}`, want, 1, true},
		{`{"data":{"total":1,"data":[` + row + `]}}`, want, 1, true},
		{`{"data":[` + row + `]}`, want, -1, true},
		{`{"total":0}`, nil, 0, true},
		{`{"total":3,"data":null}`, nil, 3, true},
		{`{"total":3}`, nil, 3, false},
		{`{"total":3,"data":{}}`, nil, 3, false},
		{`{"total":3,"data":"x"}`, nil, 3, false},
		{`{}`, nil, -1, false},
		{`[]`, nil, -1, false},
		{`null`, nil, -1, false},
	} {
		p, err := decodePage(opened([]byte(tt.body)))
		if diff := cmp.Diff(tt.rows, p.Rows); (err == nil) != tt.good || p.Total != tt.total || diff != "" {
			t.Errorf("decodePage(%s): total %d, error %v, want %d, good %v; rows (-want +got):\n%s", tt.body, p.Total, err, tt.total, tt.good, diff)
		}
	}
}

// For any input decoding does not panic, contents are exact, and the canonical form is
// valid, unique, of the same meaning, and canonical itself. Decoded values do not
// refer to the response's buffer, which the next response reuses.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		goodDocument, `{"total":1,"data":[{"document_id":"D","x":{"b":1,"a":[null,{}]}}]}`,
		`{"data":{"content":"\ud83d\ude00\ud800","version":"v1"}}`,
		"{\"data\":{\"content\":\"\xff\",\"version\":\"v1\"}}", `{"error":{"code":1,"message":null}}`, `[]`, ` { } `,
		`{"":{"":""},"":0}`, `"\u00zz"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := parse(body)
		readFailure(e, 400)
		if !ok {
			return
		}
		root := e.root
		buffer := bytes.Clone(root)
		p, _ := decodePage(opened(buffer))
		a, _, err := decodeDocument(opened(buffer), "DM1", "")
		for i := range buffer {
			buffer[i] = 'x'
		}
		if again, _ := decodePage(e); !reflect.DeepEqual(p, again) {
			t.Fatalf("a page of %q refers to it", root)
		}
		if again, _, _ := decodeDocument(e, "DM1", ""); !reflect.DeepEqual(a, again) {
			t.Fatalf("a document of %q refers to it", root)
		}
		if err == nil {
			checkContent(t, a.Content)
		}
		once := canonical(nil, root, 0)
		if !json.Valid(once) {
			t.Fatalf("canonical form %q is not JSON", once)
		}
		if again := canonical(nil, once, 0); !bytes.Equal(once, again) {
			t.Fatalf("canonical form of %q is %q", once, again)
		}
		if got, want := plain(t, once), plain(t, root); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q means %v, its canonical form %q means %v", root, want, once, got)
		}
	})
}

// checkContent compares a content with encoding/json.
func checkContent(t *testing.T, c coc.Content) {
	t.Helper()
	if c.Form == coc.FormText {
		if !utf8.Valid(c.Bytes) {
			t.Fatalf("text %q is not UTF-8", c.Bytes)
		}
		return
	}
	var s string
	if err := json.Unmarshal(c.Bytes, &s); err != nil || !strings.ContainsRune(s, utf8.RuneError) {
		t.Fatalf("token %q could have been the text %q (%v)", c.Bytes, s, err)
	}
}

// plain is the result of encoding/json without nulls in objects.
func plain(t *testing.T, v []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return withoutNulls(out)
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if v[k] = withoutNulls(e); e == nil {
				delete(v, k)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = withoutNulls(e)
		}
	}
	return v
}

// Every string token is read as encoding/json reads it.
func TestText(t *testing.T) {
	for _, token := range []string{`""`, `"a"`, `"\n\u0041\ud83d\ude00"`, `"\ud800\u0041"`, "\"\xff\"", `"\ufffd"`,
		"\"\xe4\xb8\"", `"\ud800\ud800\udc00"`} {
		var want string
		if err := json.Unmarshal([]byte(token), &want); err != nil {
			t.Fatal(err)
		}
		if got := textOf([]byte(token)); got == nil || *got != want {
			t.Errorf("textOf(%q) = %v, encoding/json says %q", token, got, want)
		}
	}
}

func benchPage(rows int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"total":%d,"data":[`, rows)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"document_id":"DM2025070118023%09d","name":"restart_nodes_%d","create_time":1751364159273,"update_time":1751374833988,`+
			`"version":"v12","creator":"COC-li.wei","modifier":"COC-zhang.min","enterprise_project_id":"0"}`, i, i)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// BenchmarkPage decodes a page of a hundred rows.
func BenchmarkPage(b *testing.B) {
	body := benchPage(pageSize)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		root, _ := parse(body)
		readFailure(root, 200)
		if p, err := decodePage(root); err != nil || len(p.Rows) != pageSize {
			b.Fatal(err)
		}
	}
}

// benchDocument returns a document of 64 KB with a hundred versions.
func benchDocument() []byte {
	content, _ := json.Marshal(strings.Repeat("  - name: \"task\"\n    task: hwc:runbook:executeAPI@1.0.0\n", 1180))
	var versions []string
	for i := range 100 {
		versions = append(versions, fmt.Sprintf(`{"version_uuid":"573634e7-0000-0000-0000-%012d","create_time":1751374833988,"version":"v%d"}`, i, i+1))
	}
	return []byte(`{"data":{"document_id":"D","name":"n","version":"v100","content":` + string(content) + `,"versions":[` +
		strings.Join(versions, ",") + `]}}`)
}

func BenchmarkDocument(b *testing.B) {
	body := benchDocument()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		root, _ := parse(body)
		readFailure(root, 200)
		if _, _, err := decodeDocument(root, "D", ""); err != nil {
			b.Fatal(err)
		}
	}
}

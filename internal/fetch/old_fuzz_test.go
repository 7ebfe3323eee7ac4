package fetch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// FuzzAgainstOld compares what is read of a body with what the parser before jsontext
// read. One byte of difference in a row's canonical form would make the first cycle
// after an update request every document.
func FuzzAgainstOld(f *testing.F) {
	for _, body := range comparedBodies() {
		if len(body) < 1000 { // the fuzzer takes minutes to shorten longer ones
			f.Add([]byte(body))
		}
	}
	f.Fuzz(compareWithOld)
}

func TestAgainstOld(t *testing.T) {
	for _, body := range comparedBodies() {
		compareWithOld(t, []byte(body))
	}
}

// comparedBodies returns every kind of response and of JSON text of the other tests.
func comparedBodies() []string {
	bodies := append(jsonTexts(), goodDocument, string(benchPage(2)),
		`{"total":2,"data":[{"document_id":"D","name":"n","version":"v1","update_time":1751364159273,"x":{"b":1,"a":[null,{}],"\ud800":1,"\u0061":2}},{}]}`,
		`{"data":{"total":"1","data":[{"document_id":"D","\uffff":1,"\ud83d\ude00":2,"é":null}]},"total":3,"data":null}`,
		`{"data":{"content":"\ud83d\ude00\ud800","version":"v1","z":1.0,"y":-0,"x":1E400,"versions":[{"version":"v1","create_time":"1"},3]}}`,
		"{\"data\":{\"content\":\"\xff\",\"version\":\"v1\",\"\xff\":{\"\xfe\":1,\"\xfe\":2}}}",
		`{"error":{"code":1,"message":null}}`, `{"error_code":"COC.1","error_msg":"\ud800","request_id":3}`, "\uFEFF {\"data\":[]} \u00a0",
		`{"data":{"content":"","version":"v1","deep":[[[[[[[[[[[[[[[[[[ {"b": null , "a":1} ]]]]]]]]]]]]]]]]]]}}`)
	for _, field := range jsonTexts() {
		if len(field) < 1000 {
			bodies = append(bodies, fmt.Sprintf(`{"total":1,"data":[{"document_id":"D","x":%s}]}`, field),
				fmt.Sprintf(`{"data":{"version":"v1","content":%s}}`, field))
		}
	}
	return bodies
}

func compareWithOld(t *testing.T, body []byte) {
	t.Helper()
	root, wasJSON := oldParse(body)
	e, isJSON := parse(body)
	if isJSON != wasJSON || wasJSON && !bytes.Equal(e.root, root) {
		t.Fatalf("parse(%q) = %q, %v, was %q, %v", body, e.root, isJSON, root, wasJSON)
	}
	for _, status := range []int{200, 404} {
		compare(t, body, "failure", readFailure(e, status), oldReadFailure(root, status))
	}
	if !isJSON {
		return
	}
	page, err := decodePage(e)
	oldPage, oldErr := oldDecodePage(root)
	compare(t, body, "page", page, oldPage)
	compare(t, body, "page error", err, oldErr)
	for _, version := range []string{"", "v1"} {
		answer, dropped, err := decodeDocument(e, "D", version)
		oldAnswer, oldDropped, oldErr := oldDecodeDocument(root, "D", version)
		compare(t, body, "document error", err, oldErr)
		if err == nil {
			compare(t, body, "document", answer, oldAnswer)
			compare(t, body, "dropped", dropped, oldDropped)
		}
	}
	var old oldCanonicalizer
	if got, want := canonical(nil, root, 0), old.append(nil, root, 0); !bytes.Equal(got, want) || !json.Valid(got) {
		t.Fatalf("canonical form of %q = %q, was %q", body, got, want)
	}
}

func compare(t *testing.T, body []byte, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s of %q = %+v, was %+v", what, body, got, want)
	}
}

// BenchmarkOld reads what BenchmarkPage and BenchmarkDocument read.
func BenchmarkOld(b *testing.B) {
	b.Run("page", func(b *testing.B) {
		body := benchPage(pageSize)
		for b.Loop() {
			root, _ := oldParse(body)
			oldReadFailure(root, 200)
			if p, err := oldDecodePage(root); err != nil || len(p.Rows) != pageSize {
				b.Fatal(err)
			}
		}
	})
	b.Run("document", func(b *testing.B) {
		body := benchDocument()
		for b.Loop() {
			root, _ := oldParse(body)
			oldReadFailure(root, 200)
			if _, _, err := oldDecodeDocument(root, "D", ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}

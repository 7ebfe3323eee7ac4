package fetch

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// jsonTexts are JSON and almost JSON.
func jsonTexts() []string {
	const maxNesting = 10_000
	return []string{
		``, ` `, `null`, `nul`, `nulls`, `true`, `tru`, `false`, `fals`, `x`, "\x00", "null\x00",
		`0`, `-0`, `01`, `-`, `+1`, `1.`, `.5`, `1.5`, `1e`, `1e5`, `1E+5`, `1e-`, `1e--5`, `12a`, `-12.30e05`, `0x1`,
		`""`, `"`, `"a`, `"\"`, `"\\"`, `"\n\t\b\f\r\/\""`, `"\x"`, `"\u"`, `"\u12"`, `"\u12g4"`, `"\uD800"`, `"\u00e4"`,
		"\"\n\"", "\"\x7f\"", "\"\xff\"", "\"\x1f\"",
		`[]`, `[`, `]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2]`, `[[],{}]`, `[1]]`, `[1} `,
		`{}`, `{`, `{ }`, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{"a" : [1 , {"b":null}] }`, `{a:1}`, `{1:1}`,
		`{"a":1 "b":2}`, `{,}`, `{"a":1]`,
		" \t\r\n{} \t\r\n", "\v{}", "{}{}", "{} x",
		strings.Repeat("[", maxNesting) + strings.Repeat("]", maxNesting),
		strings.Repeat("[", maxNesting+1) + strings.Repeat("]", maxNesting+1),
		strings.Repeat(`{"a":`, maxNesting+1) + "1" + strings.Repeat("}", maxNesting+1),
	}
}

func isJSON(b []byte) bool {
	_, ok := parse(b)
	return ok
}

func TestParseValidates(t *testing.T) {
	for _, text := range jsonTexts() {
		if got, want := isJSON([]byte(text)), json.Valid(bytes.TrimSpace([]byte(text))); got != want {
			t.Errorf("parse(%.60q): JSON %v, json.Valid = %v", text, got, want)
		}
	}
}

func BenchmarkValid(b *testing.B) {
	body, _ := json.Marshal(map[string]any{"data": map[string]any{"content": strings.Repeat("    key: a value of some length\n", 130), "version": "v3"}})
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !isJSON(body) {
				b.Fatal("not valid")
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !json.Valid(body) {
				b.Fatal("not valid")
			}
		}
	})
}

package diff

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseJSON parses a string that is a JSON object or array. It returns nil for
// anything else, and for what is ambiguous or too large: a repeated key, or too much
// of it.
func parseJSON(s string) *node {
	start := strings.TrimLeft(s, " \t\r\n")
	if len(s) > maxContent || start == "" || start[0] != '{' && start[0] != '[' {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var r reader
	n, err := r.json(d, 0)
	if err != nil {
		return nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return n
}

var errJSON = errors.New("not plain JSON")

// json reads one value.
func (r *reader) json(d *json.Decoder, depth int) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errJSON
	}
	n := &node{}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			n.kind, n.tag = list, "!!seq"
			for d.More() {
				item, err := r.json(d, depth+1)
				if err != nil {
					return nil, err
				}
				n.items = append(n.items, slot{value: item, lines: 1})
			}
		} else {
			n.kind, n.tag = mapping, "!!map"
			if err := r.object(d, n, depth); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil { // the end
			return nil, err
		}
	case string:
		if strings.ContainsRune(v, utf8.RuneError) {
			return nil, errJSON // half a surrogate pair, which the decoder cannot distinguish from another
		}
		n.tag, n.value = "!!str", v
	default:
		n.tag, n.value = jsonScalar(v)
	}
	if err := n.measure(); err != nil {
		return nil, err
	}
	r.seal(n)
	return n, nil
}

// jsonScalar returns the tag and the value of a number, a bool or null.
func jsonScalar(token json.Token) (tag, value string) {
	switch v := token.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "!!float", v.String()
		}
		return "!!int", v.String()
	case bool:
		return "!!bool", strconv.FormatBool(v)
	}
	return "!!null", "null"
}

func (r *reader) object(d *json.Decoder, n *node, depth int) error {
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok || strings.ContainsRune(name, utf8.RuneError) {
			return errJSON
		}
		value, err := r.json(d, depth+1)
		if err != nil {
			return err
		}
		n.pairs = append(n.pairs, pair{key{"!!str", name}, slot{value: value, lines: 1}})
	}
	if _, twice := n.index(); twice {
		return errJSON
	}
	return nil
}

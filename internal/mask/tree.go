package mask

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Bounds of what is parsed. COC accepts 64 KB of content.
const (
	maxTree      = 128 << 10 // bytes
	maxDepth     = 100       // nested collections
	maxDocuments = 200
)

// limits stops the parser early. Aliases are not expanded.
type limits struct{}

func (limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

func (limits) CheckAlias(int, int) error { return nil }

// tree applies the rules for trees. Only the rules for text apply to a text that is
// not YAML, of which JSON is a part.
func (t *scan) tree() {
	if len(t.src) > maxTree || !utf8.ValidString(t.src) || !strings.ContainsAny(t.src, ":[") {
		return
	}
	// The parser turns its own panics into errors. One that it misses must cost only the
	// tree.
	defer func() { _ = recover() }()
	loader, err := yaml.NewLoader(strings.NewReader(t.src), yaml.WithPlugin(limits{}))
	if err != nil {
		return
	}
	for i := 0; i <= len(t.src); i = lineEnd(t.src, i) + 1 {
		t.rows = append(t.rows, i)
	}
	for range maxDocuments {
		var doc yaml.Node
		if loader.Load(&doc) != nil {
			return // the end, or an error
		}
		for _, n := range doc.Content {
			t.node(n, never, false)
		}
	}
}

// node hides the secrets in a node whose name has level l. all means that every scalar
// in it is one, as in passwords: {app: …}.
func (t *scan) node(n *yaml.Node, l level, all bool) {
	switch n.Kind {
	case yaml.MappingNode:
		t.mapping(n, l, all)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			under := l
			if i > 0 && l == never { // ["--password", "…"]
				if s := n.Content[i-1].Value; strings.HasPrefix(s, "-") && !strings.ContainsAny(s, " =") {
					under = t.level(s)
				}
			}
			t.node(item, under, all)
		}
	case yaml.AliasNode:
		if l > random && n.Alias != nil && n.Alias.Kind == yaml.ScalarNode {
			t.scalar(n.Alias, l)
		}
	case yaml.ScalarNode:
		if l != never {
			t.scalar(n, l)
		}
	}
}

// mapping hides values under a secret name and next to one, and the data of a Secret
// of Kubernetes.
func (t *scan) mapping(n *yaml.Node, l level, all bool) {
	pair, isSecret := never, false
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1].Value
		if isNameKey(key) {
			pair = max(pair, t.level(value))
		}
		isSecret = isSecret || key == "kind" && value == "Secret"
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		under, every := t.keyLevel(key), all
		switch {
		case isSecret && (key == "data" || key == "stringData"):
			under, every = secret, true
		case isValueKey(key):
			under = max(under, pair, l)
		case all:
			under = max(under, l)
		case under > random && value.Kind == yaml.MappingNode:
			every = strings.HasSuffix(key, "s")
		}
		t.node(value, under, every)
	}
}

// keyLevel is the level of a key. A line of a script may parse as one.
func (t *scan) keyLevel(key string) level {
	if strings.ContainsAny(key, "\"'=|;&$(<>`") || strings.Count(key, " ") > 1 {
		return never
	}
	return t.level(key)
}

// isNameKey and isValueKey recognize the keys of a pair: param_name and param_value.
func isNameKey(key string) bool {
	key = strings.ToLower(key)
	return strings.HasSuffix(key, "name") || strings.HasSuffix(key, "key") || key == "property" || key == "variable"
}

func isValueKey(key string) bool {
	key = strings.ToLower(key)
	return strings.HasSuffix(key, "value") || strings.HasPrefix(key, "default")
}

// scalar hides a scalar of one line, unless it is code: the rules for text then apply
// to its first word.
func (t *scan) scalar(n *yaml.Node, l level) {
	v := t.offset(n)
	for v < len(t.src) && strings.IndexByte("&!", t.src[v]) >= 0 { // its anchor and tag
		v = skipSpace(t.plain, v+strings.IndexAny(t.src[v:]+" ", " \n"))
	}
	value := n.Value
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		value = strings.Trim(value, "\n")
		v = lineEnd(t.src, v)
		v += max(0, strings.Index(t.src[v:], value))
	}
	switch end := v + len(value); {
	case v >= len(t.src), isCode(value), strings.Contains(value, "\n"):
	case strings.IndexByte(`"'`, t.src[v]) >= 0 && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		t.hide(l, t.word(v, lineEnd(t.src, v)))
	case strings.HasPrefix(t.src[v:], value):
		w := word{from: v, to: end}
		w.literal(t, v, end, false)
		t.hide(l, w)
	}
}

// offset returns where a node starts in the text. The parser counts columns in
// characters.
func (t *scan) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(t.rows) {
		return len(t.src)
	}
	i := t.rows[n.Line-1]
	for c := 1; c < n.Column && i < len(t.src); c++ {
		_, size := utf8.DecodeRuneInString(t.src[i:])
		i += size
	}
	return i
}

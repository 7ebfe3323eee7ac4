package diff

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v4"
)

// shape is how a content is written, apart from what it means. It tells apart
// two contents that mean the same, and decides on a word in a summary and
// nothing else, so cheap hashes will do, and it is read only when it is asked for. All but order are sums, which don't
// depend on the order of keys.
type shape struct {
	comments, anchors, quoting, layout uint64
	order                              uint64 // of scalars
}

// see takes in one value. For a scalar, value is what it means.
func (s *shape) see(y *yaml.Node, value string) {
	for _, c := range []string{y.HeadComment, y.LineComment, y.FootComment} {
		if c != "" {
			s.comments += hash(c)
		}
	}
	if y.Anchor != "" {
		s.anchors += hash("&" + y.Anchor)
	}
	switch y.Kind {
	case yaml.AliasNode:
		s.anchors += hash("*" + value)
	case yaml.ScalarNode:
		h := hash(value)
		s.order = s.order*prime64 + h
		s.quoting += (h ^ uint64(y.Style)) * prime64
	default:
		s.layout += (uint64(y.Kind) ^ uint64(y.Style)<<8) * prime64
	}
}

// The constants of 64-bit FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

// hash is FNV-1a, without the allocation of hash/fnv.
func hash(s string) uint64 {
	h := uint64(offset64)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime64
	}
	return h
}

// formattingOnly is the summary for two contents that differ in their bytes and
// mean the same.
func formattingOnly(old, new *Text) string {
	var a, b shape
	parse(old.content, &a)
	parse(new.content, &b)
	var sorts []string
	add := func(differ bool, sort string) {
		if differ {
			sorts = append(sorts, sort)
		}
	}
	add(a.comments != b.comments, "comments")
	add(a.anchors != b.anchors, "anchors")
	// What an alias stands for may be written out on the other side: then more
	// values stand there, and the rest says nothing.
	if a.anchors == b.anchors {
		add(a.order != b.order, "key order")
		add(a.quoting != b.quoting, "quoting")
		add(a.layout != b.layout, "layout")
	}
	add(len(sorts) == 0 && bytes.Equal(ink(old.content), ink(new.content)), "white space")
	if len(sorts) == 0 {
		return "formatting only"
	}
	return "formatting only (" + strings.Join(sorts, ", ") + ")"
}

// ink is a content without its white space and byte order mark.
func ink(content []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\ufeff", r) {
			return -1
		}
		return r
	}, content)
}

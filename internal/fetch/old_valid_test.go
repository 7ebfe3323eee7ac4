package fetch

// maxNesting is how deep arrays and objects may be nested, as for
// encoding/json.
const oldMaxNesting = 10_000

// valid is json.Valid, which takes five times as long: a fifth of what a document's
// whole answer costs here. https://www.rfc-editor.org/rfc/rfc8259
func oldValid(b []byte) bool {
	c := oldChecker{b: b}
	return c.value(0) && c.next() == 0 && c.at == len(b)
}

// checker reads JSON by its grammar. Its methods start at a token's first byte, move
// after it, and report whether it was one.
type oldChecker struct {
	b  []byte
	at int
}

// next goes to the next byte that is no white space and returns it, 0 at the end.
func (c *oldChecker) next() byte {
	for ; c.at < len(c.b); c.at++ {
		switch b := c.b[c.at]; b {
		case ' ', '\t', '\n', '\r':
		default:
			return b
		}
	}
	return 0
}

func (c *oldChecker) value(depth int) bool {
	switch c.next() {
	case '"':
		return c.text()
	case '{':
		return c.list('}', depth, func() bool { return c.next() == '"' && c.text() && c.take(':') && c.value(depth+1) })
	case '[':
		return c.list(']', depth, func() bool { return c.value(depth + 1) })
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	}
	return c.number()
}

// take moves after a byte that white space may precede.
func (c *oldChecker) take(b byte) bool {
	if c.next() != b {
		return false
	}
	c.at++
	return true
}

// list reads elements up to the bracket that ends them.
func (c *oldChecker) list(end byte, depth int, element func() bool) bool {
	c.at++
	if depth == oldMaxNesting || c.take(end) {
		return depth < oldMaxNesting
	}
	for element() {
		if !c.take(',') {
			return c.take(end)
		}
	}
	return false
}

func (c *oldChecker) word(w string) bool {
	if len(c.b)-c.at < len(w) || string(c.b[c.at:c.at+len(w)]) != w {
		return false
	}
	c.at += len(w)
	return true
}

func (c *oldChecker) text() bool {
	for b := c.b[c.at+1:]; ; {
		i := 0
		for i < len(b) && oldLiteral[b[i]] {
			i++
		}
		switch {
		case i == len(b):
			return false
		case b[i] == '"':
			c.at = len(c.b) - len(b) + i + 1
			return true
		case b[i] != '\\':
			return false
		}
		n := oldEscaped(b[i+1:])
		if n == 0 {
			return false
		}
		b = b[i+1+n:]
	}
}

// literal holds of each byte whether it is unescaped in a string.
var oldLiteral = func() (is [256]bool) {
	for c := ' '; c <= 0xff; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// escaped returns how long the escape is that follows a backslash, 0 for none.
func oldEscaped(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		for i := 1; i < 5; i++ {
			if i == len(b) || !isHex(b[i]) {
				return 0
			}
		}
		return 5
	}
	return 0
}

func (c *oldChecker) number() bool {
	c.one('-')
	if !c.one('0') && !c.digits() {
		return false
	}
	if c.one('.') && !c.digits() {
		return false
	}
	if c.one('e') || c.one('E') {
		_ = c.one('+') || c.one('-')
		return c.digits()
	}
	return true
}

// one moves after that byte if it is the current one.
func (c *oldChecker) one(b byte) bool {
	if c.at == len(c.b) || c.b[c.at] != b {
		return false
	}
	c.at++
	return true
}

func (c *oldChecker) digits() bool {
	from := c.at
	for c.at < len(c.b) && c.b[c.at] >= '0' && c.b[c.at] <= '9' {
		c.at++
	}
	return c.at > from
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

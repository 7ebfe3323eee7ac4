package lines

import "bytes"

// maxIndent bounds the indentation that evenSpace keeps. A reader sees no difference
// beyond it, and repeated lines cannot make a text huge.
const maxIndent = 80

// evenSpace returns both texts without the white space of each line, so that lines
// that differ in nothing else are equal. Their indentation stays, because it shows the
// best start of a change: all equal lines get that of the first one, and the lesser
// text is first, as in Changed.
func evenSpace(old, new *Text) (evenOld, evenNew *Text) {
	if bytes.Compare(old.Content, new.Content) > 0 {
		evenNew, evenOld = evenSpace(new, old)
		return evenOld, evenNew
	}
	indents := map[string][]byte{"": nil}
	even := func(t *Text) *Text {
		var out []byte
		for _, line := range t.Lines {
			bare := string(withoutSpace(line))
			if _, ok := indents[bare]; !ok {
				indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
				indents[bare] = indent[:min(len(indent), maxIndent)]
			}
			out = append(out, indents[bare]...)
			out = append(append(out, bare...), '\n')
		}
		return Read(out)
	}
	return even(old), even(new)
}

// withoutSpace returns a line without git's white space.
func withoutSpace(line []byte) []byte {
	bare := make([]byte, 0, len(line))
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			bare = append(bare, c)
		}
	}
	return bare
}

package lines

import "bytes"

// maxIndent bounds what evenSpace keeps of an indentation. A reader sees no
// difference beyond, and lines that repeat can't blow a text up.
const maxIndent = 80

// evenSpace returns both texts with each line's white space left out, so that
// lines that differ in nothing else are equal. Their indentation stays, for it
// tells where a change had best begin: all equal lines get that of the first
// one, and the lesser text comes first, as in Changed.
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

// withoutSpace returns a line without any of what git takes for white space.
func withoutSpace(line []byte) []byte {
	bare := make([]byte, 0, len(line))
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			bare = append(bare, c)
		}
	}
	return bare
}

package notify

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

const (
	// A diff of more than maxLines lines becomes a file, if the channel has files, and the
	// message has fewLines of it: one or two screens of a phone.
	maxLines    = 60
	fewLines    = 40
	maxDiffLine = 1_000 // runes of one line in a message
	minDiff     = 400   // with less space than this no diff is added
	// maxFile bounds a diff that is sent as a file, in bytes. COC's contents are far
	// smaller; Slack accepts a gigabyte.
	maxFile = 4 << 20
)

// file is a file of a message, frozen with it.
type file struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Content string `json:"content"`
	// Instead is the text that replaces a file that was refused.
	Instead string `json:"-"`
}

// addDiff adds the diff of a change to a message with so much space left, and the file
// with the whole diff where the message cannot have it.
func (w *writer) addDiff(m *rendered, c *coc.Change, s excerpt, left int) {
	left -= weight(rich(preformatted(nil)))
	if len(s.patch) == 0 || left <= minDiff {
		return
	}
	limit, elsewhere := len(s.patch), command(c)+" shows all"
	if w.n.files() {
		elsewhere = "the whole diff is in the thread"
		if limit > maxLines {
			limit = fewLines
		}
	}
	lines, cut := fit(s.patch, limit, left-1, elsewhere)
	m.blocks = append(m.blocks, rich(preformatted(lines)))
	if (cut || w.sample && c.Kind == coc.KindVersion) && w.n.files() {
		m.file = w.diffFile(c, s)
	}
}

// fit returns as many whole lines, at most limit, as weigh no more than left, made
// visible. If lines are omitted, the last one says how many and where they are.
func fit(lines []string, limit, left int, elsewhere string) (shown []string, cut bool) {
	more := func(n int) string { return fmt.Sprintf("… %s; %s", text.Plural(n, "more line"), elsewhere) }
	left -= weight(more(len(lines)))
	for i, l := range lines {
		long := utf8.RuneCountInString(l) > maxDiffLine
		l = text.Truncate(text.VisibleExcept(text.Truncate(l, maxDiffLine), "\t"+text.Joiners), maxDiffLine)
		if left -= weight(l); left < 0 || i == limit {
			return append(shown, more(len(lines)-i)), true
		}
		shown, cut = append(shown, l), cut || long
	}
	return shown, cut
}

// diffFile returns the whole diff of a change as a file, masked as the message is.
func (w *writer) diffFile(c *coc.Change, s excerpt) *file {
	var b strings.Builder
	w.writeDiff(&b, c, s)
	name := safeName(c.Name, maxName)
	if strings.Trim(name, "_.-") == "" {
		name = safeName(c.DocumentID, maxName)
	}
	for _, v := range []string{c.Previous, c.Version} {
		if v != "" {
			name += "-" + safeName(v, maxLabel)
		}
	}
	return &file{Name: name + ".diff", Title: w.title(c) + " (" + idOf(c) + ")", Content: b.String(),
		Instead: fmt.Sprintf("The whole diff of %s is too long for a message: %s shows it", idOf(c), command(c))}
}

// writeDiff writes the unified diff of one change, up to maxFile bytes in b.
func (w *writer) writeDiff(b *strings.Builder, c *coc.Change, s excerpt) {
	doc := w.document(c)
	fmt.Fprintf(b, "--- a/%s\t%s\n+++ b/%s\t%s\n", doc, text.Line(c.Previous, maxLabel), doc, text.Line(c.Version, maxLabel))
	for i, l := range s.patch {
		if l = text.VisibleExcept(l, "\t"+text.Joiners); b.Len()+len(l) > maxFile {
			fmt.Fprintf(b, "# … %s; %s shows all\n", text.Plural(len(s.patch)-i, "more line"), command(c))
			return
		}
		b.WriteString(l)
		b.WriteByte('\n')
	}
}

// safeName replaces what a file system may refuse in a file's name.
func safeName(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (safe(string(r)) || r == '-') && r != '#' {
			return r
		}
		return '_'
	}, text.Truncate(s, limit))
	return strings.TrimLeft(s, ".-")
}

// command returns the command that shows a change, without names that a shell could
// misread.
func command(c *coc.Change) string {
	doc := c.Name
	if !safe(doc) {
		doc = c.DocumentID
	}
	switch {
	case !safe(doc) || !safe(c.Version) || len(doc)+len(c.Version)+len(c.Previous) > 2*maxName:
		return "cocsync log"
	case c.Previous == "":
		return fmt.Sprintf("cocsync show %s@%s", doc, c.Version)
	case !safe(c.Previous):
		return "cocsync log " + doc
	}
	return fmt.Sprintf("cocsync diff %s@%s..%s", doc, c.Previous, c.Version)
}

// safe reports whether a shell reads s as one plain word.
func safe(s string) bool {
	return s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._#-", r)
	}) < 0
}

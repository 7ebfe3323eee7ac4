package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// maxDigestName bounds a name in a digest, where each document has one line.
const maxDigestName = 60

// entry is one document in a digest.
type entry struct {
	name        string
	first, last string // versions that the new ones lie between
	versions    int
	words       []string // other changes than new versions, in order
	high        bool
	rank        int // of the most important change
}

// digest writes many changes as one message: a line for each document, the most important
// first, and how many did not fit.
func (w *writer) digest(changes []*coc.Change, mentions []string) rendered {
	changes = w.maskAllNames(changes)
	entries := w.entries(changes)
	title := text.Plural(len(changes), "change") + " in " + text.Plural(len(entries), "document")
	ids := changeRange(changes)
	more := func(n int) string {
		rest, command := text.Plural(n, "more document"), "cocsync log --since "+since(changes)
		if w.n.threads() {
			return fmt.Sprintf("… and %s; see the thread, or %s", rest, command)
		}
		return fmt.Sprintf("… and %s; %s shows all", rest, command)
	}
	cc := mentionBlocks(mentions)
	small := footer(plain(ids + " · " + countKinds(changes)))
	frame := []block{header(title), rich(paragraph(bold("x")), paragraph(span("x")), paragraph(cc...)), small}
	var shown, texts []string
	for _, e := range entries {
		shown, texts = append(shown, "• "+e.String()+"\n"), append(texts, escape(e.String()))
	}
	var important, rest strings.Builder
	n := fitting(shown, len(shown), maxBlocks-weight(frame)-weight(more(len(entries))), weight)
	for i, line := range shown[:n] {
		if entries[i].rank > 0 {
			important.WriteString(line)
		} else {
			rest.WriteString(line)
		}
	}
	if n < len(entries) {
		rest.WriteString(more(len(entries) - n))
	}
	length := func(line any) int { return len(line.(string)) + len("; ") }
	n = fitting(texts, len(texts), maxText-len(title)-len(ids)-len(more(len(entries)))-10, length)
	texts = texts[:n]
	if n < len(entries) {
		texts = append(texts, more(len(entries)-n))
	}
	body := rich(paragraph(bold(important.String()), span(strings.TrimSuffix(rest.String(), "\n"))))
	if len(cc) > 0 {
		body.Elements = append(body.Elements, paragraph(cc...))
	}
	return rendered{blocks: []block{header(title), body, small},
		text: fmt.Sprintf("%s: %s (%s)", title, strings.Join(texts, "; "), ids)}
}

func (w *writer) maskAllNames(changes []*coc.Change) []*coc.Change {
	list := make([]*coc.Change, len(changes))
	for i, c := range changes {
		list[i] = w.maskNames(c)
	}
	return list
}

// entries groups the changes by document, the most important first, else in order.
func (w *writer) entries(changes []*coc.Change) (list []*entry) {
	byDocument := map[coc.Key]*entry{}
	for _, c := range changes {
		e := byDocument[c.Document]
		if e == nil {
			e = &entry{}
			byDocument[c.Document] = e
			list = append(list, e)
		}
		e.add(c)
		e.name = text.Truncate(w.document(c), maxDigestName)
	}
	slices.SortStableFunc(list, func(a, b *entry) int { return b.rank - a.rank })
	return list
}

func (e *entry) add(c *coc.Change) {
	to := text.Line(c.Version, maxLabel)
	if c.Kind == coc.KindNew || c.Kind == coc.KindVersion {
		if e.versions == 0 {
			e.first = text.Line(c.Previous, maxLabel)
		}
		e.last = to
		e.versions++
	}
	word := strings.Replace(wordsFor(c.Kind).digest, "{version}", to, 1)
	// However many changes a document has, it has one line.
	if word != "" && !slices.Contains(e.words, word) && len(e.words) < 5 {
		e.words = append(e.words, word)
	}
	e.high = high(c)
	e.rank = max(e.rank, rank(c))
}

func (e *entry) String() string {
	s := e.name
	switch {
	case e.first != "" && e.last != "":
		s += " " + e.first + " → " + e.last
	case e.last != "":
		s += " " + e.last
	}
	if e.versions > 1 {
		s += fmt.Sprintf(" (%d versions)", e.versions)
	}
	words := e.words
	if e.high {
		words = append(slices.Clip(words), "HIGH RISK")
	}
	if len(words) > 0 {
		s += ": " + strings.Join(words, ", ")
	}
	return s
}

// countKinds counts the changes by kind.
func countKinds(changes []*coc.Change) string {
	n := map[coc.Kind]int{}
	for _, c := range changes {
		n[c.Kind]++
	}
	var parts []string
	for _, k := range coc.Kinds() {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k], k))
		}
	}
	return strings.Join(parts, ", ")
}

// changeRange names changes by the first and the last of their numbers, if one account
// has them.
func changeRange(changes []*coc.Change) string {
	byKey := func(a, b *coc.Change) int { return a.Key.Compare(b.Key) }
	first, last := slices.MinFunc(changes, byKey), slices.MaxFunc(changes, byKey)
	if first.Key == last.Key {
		return idOf(first)
	}
	if first.Key.Account != last.Key.Account {
		return text.Plural(len(changes), "change")
	}
	return "changes " + first.Ref + "–" + last.Ref
}

// since returns the time from which the log shows all the changes, as the log command
// reads it.
func since(changes []*coc.Change) string {
	var first time.Time
	for _, c := range changes {
		at := c.At
		if !plausible(at) {
			at = c.SeenAt
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first.UTC().Format(time.RFC3339)
}

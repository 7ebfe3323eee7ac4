package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// maxDigestName bounds a name in a digest, where a line stands for a document.
const maxDigestName = 60

// entry is what a digest says of one document.
type entry struct {
	name        string
	first, last string // versions that the new ones lie between
	versions    int
	words       []string // everything but new versions, in order
	high        bool
	rank        int // worst is highest
}

// digest puts many changes into one message: a line for each document, what is
// worst first, and how many did not fit.
func (w *writer) digest(changes []*coc.Change, mentions []string) wording {
	changes = w.maskAllNames(changes)
	entries := w.entries(changes)
	title := text.Plural(len(changes), "change") + " in " + text.Plural(len(entries), "document")
	ids := between(changes)
	more := func(n int) string {
		if w.n.threads() {
			return fmt.Sprintf("… and %s; see the thread, or cocsync log --since %s",
				text.Plural(n, "more document"), since(oldest(changes)))
		}
		return fmt.Sprintf("… and %s; cocsync log --since %s shows all",
			text.Plural(n, "more document"), since(oldest(changes)))
	}
	cc := copies(mentions)
	small := footer(plain(ids + " · " + kinds(changes) + w.logged()))
	room := maxBlocks - weight([]block{header(title), rich(paragraph(bold("x")), paragraph(span("x")), paragraph(cc...)), small}) - weight(more(len(entries)))
	left := maxText - len(title) - len(ids) - len(more(len(entries))) - 10
	var worst, rest, texts []string
	for i, e := range entries {
		l := "• " + e.String() + "\n"
		if room -= weight(l); room < 0 {
			rest = append(rest, more(len(entries)-i))
			break
		}
		if e.rank > 0 {
			worst = append(worst, l)
		} else {
			rest = append(rest, l)
		}
	}
	for i, e := range entries {
		l := escape(e.String())
		if left -= len(l) + 2; left < 0 {
			texts = append(texts, more(len(entries)-i))
			break
		}
		texts = append(texts, l)
	}
	body := rich(paragraph(bold(strings.Join(worst, "")), span(strings.TrimSuffix(strings.Join(rest, ""), "\n"))))
	if len(cc) > 0 {
		body.Elements = append(body.Elements, paragraph(cc...))
	}
	text := fmt.Sprintf("%s: %s (%s)", title, strings.Join(texts, "; "), ids)
	return wording{blocks: []block{header(title), body, small}, text: text}
}

func (w *writer) maskAllNames(changes []*coc.Change) []*coc.Change {
	list := make([]*coc.Change, len(changes))
	for i, c := range changes {
		list[i] = w.maskNames(c)
	}
	return list
}

// entries gathers the changes by document, worst first, else in order.
func (w *writer) entries(changes []*coc.Change) (list []*entry) {
	byDocument := map[int64]*entry{}
	for _, c := range changes {
		e := byDocument[c.Document]
		if e == nil {
			e = &entry{}
			byDocument[c.Document] = e
			list = append(list, e)
		}
		e.add(c)
		e.name = text.Truncate(w.document(c.Name, c.DocumentID), maxDigestName)
	}
	slices.SortStableFunc(list, func(a, b *entry) int { return b.rank - a.rank })
	return list
}

func (e *entry) add(c *coc.Change) {
	to := text.Line(c.Version, maxLabel)
	word := ""
	switch c.Kind {
	case coc.KindNew, coc.KindVersion:
		if e.versions == 0 {
			e.first = text.Line(c.Previous, maxLabel)
		}
		e.last = to
		e.versions++
		if c.Kind == coc.KindNew {
			word = "new"
		}
	case coc.KindRewritten:
		word = "REWRITTEN " + to
	case coc.KindDeleted:
		word = "DELETED"
	case coc.KindMetadata:
		word = "settings changed"
	case coc.KindWithdrawn:
		word = to + " withdrawn"
	case coc.KindRestored:
		word = "restored"
	}
	// A document that changed on and on still has one line.
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

// kinds counts the changes by kind.
func kinds(changes []*coc.Change) string {
	n := map[coc.Kind]int{}
	for _, c := range changes {
		n[c.Kind]++
	}
	var parts []string
	for _, k := range coc.Kinds {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k], k))
		}
	}
	return strings.Join(parts, ", ")
}

// between names changes by the first and the last of their ids.
func between(changes []*coc.Change) string {
	lowest, highest := changes[0].ID, changes[0].ID
	for _, c := range changes {
		lowest, highest = min(lowest, c.ID), max(highest, c.ID)
	}
	if lowest == highest {
		return idOf(changes[0])
	}
	return fmt.Sprintf("changes %d–%d", lowest, highest)
}

// oldest is the instant from which on the log shows all the changes.
func oldest(changes []*coc.Change) (t time.Time) {
	for _, c := range changes {
		at := c.At
		if !sane(at) {
			at = c.SeenAt
		}
		if t.IsZero() || at.Before(t) {
			t = at
		}
	}
	return t
}

// since is an instant as the log command reads it.
func since(t time.Time) string { return t.UTC().Format(time.RFC3339) }

package notify

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/mask"
	"cocsync/internal/text"
)

// How much of a message each part may take, in runes. Together they stay under
// maxBlocks whatever the text is; the diff gets the rest.
const (
	maxName    = 80
	maxLabel   = 20
	maxPerson  = 60
	maxSummary = 250
	maxNote    = 150
	maxPath    = 100
	maxValue   = 60
	maxItems   = 10
	// maxOutline bounds the items together, as weight.
	maxOutline = 2_500
	// A diff of more than maxLines lines goes into a file, where there can be one,
	// and fewLines of it stand in the message: a screen of a phone or two.
	maxLines = 60
	fewLines = 40
	// maxCount is kept free for the count of replies that the first message of a
	// thread gets later.
	maxCount = 250
)

// writer puts changes and notices into words for one notifier.
type writer struct {
	n      *Notifier
	mask   *mask.Masker
	people map[string]Person
	links  Links
	head   coc.Head // of the archive's log; zero for none
}

// wording is a message in words: its blocks, the text that stands for them on a
// phone, and the file that holds what didn't fit.
type wording struct {
	blocks []block
	text   string
	file   *file
}

// change puts one change into a message that mentions those people and groups.
func (w *writer) change(c *coc.Change, pair contents, mentions []string) wording {
	c = w.maskNames(c)
	head, by := w.title(c), w.who(c)
	s := w.content(c, pair)
	text := head
	if by.text != "" {
		text += ", " + by.text
	}
	if s.summary != "" {
		text += ": " + s.summary
	}
	text = escape(fmt.Sprintf("%s (%s)", text, idOf(c)))
	last := w.small(c, s)
	if c.Kind == coc.KindVersion && c.Class == coc.ClassUnchanged && s.summary != "" {
		pieces := append([]block{bold(head), span(": " + unchanged + ", ")}, by.pieces...)
		pieces = append(pieces, when(c, true)...)
		if cc := copies(mentions); len(cc) > 0 {
			pieces = append(append(pieces, span(" · ")), cc...)
		}
		return wording{blocks: []block{rich(paragraph(pieces...)), last}, text: text}
	}
	blocks := []block{header(head)}
	if l := w.lead(c, by, s, mentions); len(l.Elements) > 0 {
		blocks = append(blocks, rich(l))
	}
	blocks = append(blocks, outline(s.items, s.more)...)
	room := maxBlocks - maxCount - weight(append(blocks, last)) - weight(rich(preformatted(nil)))
	if len(s.patch) == 0 || room <= minDiff {
		return wording{blocks: append(blocks, last), text: text}
	}
	var whole *file
	most := len(s.patch)
	if w.n.files() && most > maxLines {
		most = fewLines // the file has them all
	}
	lines, cut := fit(s.patch, most, room-1, w.whole(c))
	if cut && w.n.files() {
		whole = w.diffFile(c, s)
	}
	return wording{append(blocks, rich(preformatted(lines)), last), text, whole}
}

// outline are the structural differences as bullets, as many as there is room for.
// There are more besides them that nobody kept.
func outline(items []shown, more int) (blocks []block) {
	var list []block
	room := maxOutline
	for _, it := range items {
		b := it.bullet()
		if room -= weight(b); room < 0 || len(list) == maxItems {
			break
		}
		list = append(list, b)
	}
	if len(list) > 0 {
		blocks = append(blocks, rich(bullets(list...)))
	}
	if more += len(items) - len(list); len(list) > 0 && more > 0 {
		blocks = append(blocks, rich(paragraph(span(fmt.Sprintf("… and %d more", more)))))
	}
	return blocks
}

func (s *shown) bullet() block {
	pieces := []block{span(text.Line(s.Op, maxLabel) + " "), code(text.Line(s.Path, maxPath))}
	if s.Task != "" && s.plain {
		pieces = append(pieces, span(" ("+text.Line(s.Task, maxPath)+")"))
	}
	or := func(v string) string { return cmp.Or(v, "(empty)") }
	old, now := differing(or(s.Old), or(s.New))
	switch {
	case !s.values, s.plain:
	case s.Op == "moved":
		if s.New != "" {
			pieces = append(pieces, span(", now "+text.Line(s.New, maxPath)))
		}
	case s.Op == "added":
		pieces = append(pieces, span(": "+now))
	case s.Op == "removed":
		pieces = append(pieces, span(": "+old))
	default:
		pieces = append(pieces, span(": "+old+" → "+now))
	}
	return paragraph(pieces...)
}

// title names the document, what happened and the versions; what is worst first.
func (w *writer) title(c *coc.Change) string {
	document := w.document(c.Name, c.DocumentID)
	from, to := text.Line(c.Previous, maxLabel), text.Line(c.Version, maxLabel)
	versions := to
	if from != "" && to != "" {
		versions = from + " → " + to
	}
	var s string
	switch c.Kind {
	case coc.KindNew:
		s = "New: " + document
	case coc.KindRewritten:
		s = "⚠ REWRITTEN: " + document
	case coc.KindMetadata:
		s, versions = document+": settings changed", ""
	case coc.KindWithdrawn:
		s, versions = document+": version withdrawn", cmp.Or(to, from)
	case coc.KindDeleted:
		s, versions = "⚠ DELETED: "+document, ""
	case coc.KindRestored:
		s = "Restored: " + document
	default:
		s = document
	}
	if versions != "" {
		s += " " + versions
	}
	if high(c) {
		s = "HIGH RISK · " + s
	}
	return s
}

// high reports whether a document is of high risk, or a change of its settings says
// that it was.
func high(c *coc.Change) bool {
	return slices.ContainsFunc(fieldSays(c, "risk_level", c.RiskLevel), func(s string) bool { return strings.EqualFold(s, "HIGH") })
}

// document is a document's name, or its id when it has none.
func (w *writer) document(name, id string) string {
	return cmp.Or(text.Line(name, maxName), text.Line(id, maxName), "(no name)")
}

// person is how a message names somebody: for the blocks, where the name may
// mention, and for texts.
type person struct {
	pieces []block
	text   string
}

// who says who made the change, without accusing by a guess: COC tells the last
// modifier of a document, who need not be the author of this version.
func (w *writer) who(c *coc.Change) person {
	if by := w.human(c.By); by != "" {
		p := person{[]block{span("by " + by)}, "by " + by}
		if id := w.people[c.By].Slack; id != "" {
			p.pieces = []block{span("by "), mention(id)}
		}
		return p
	}
	words := ""
	modifier := w.human(c.Modifier)
	switch c.Kind {
	case coc.KindNew, coc.KindVersion, coc.KindRewritten:
		words = "author unknown"
		if modifier != "" {
			words += ", document last modified by " + modifier
		}
	case coc.KindMetadata:
		if modifier != "" {
			words = "document last modified by " + modifier
		}
	}
	return person{[]block{span(words)}, words}
}

// human is somebody's name, as the configuration has it or as COC says it.
func (w *writer) human(id string) string {
	return text.Line(w.mask.Words(cmp.Or(w.people[id].Name, id)), maxPerson)
}

// lead is the paragraph that everybody reads: what, who, when.
func (w *writer) lead(c *coc.Change, by person, s said, mentions []string) block {
	var lines [][]block
	add := func(pieces ...block) { lines = append(lines, pieces) }
	if s.summary != "" {
		add(bold(s.summary))
	}
	switch c.Kind {
	case coc.KindRewritten:
		add(span("COC now serves something else under a version that was there before."))
	case coc.KindDeleted:
		add(span("COC no longer has this document. Its versions stay in the archive."))
	case coc.KindWithdrawn:
		add(span("COC no longer lists this version. It stays in the archive."))
	}
	if c.Late {
		add(span("Late: COC would not serve this version when its successor came."))
	}
	add(append(slices.Clip(by.pieces), when(c, by.text != "")...)...)
	for _, n := range s.notes {
		add(span(n))
	}
	if links := w.links.of(c); len(links) > 0 {
		add(links...)
	}
	if cc := copies(mentions); len(cc) > 0 {
		add(cc...)
	}
	var pieces []block
	for i, l := range lines {
		if i > 0 {
			pieces = append(pieces, span("\n"))
		}
		pieces = append(pieces, l...)
	}
	return paragraph(pieces...)
}

// when says when a version was made, or when anything else was seen.
func when(c *coc.Change, follows bool) []block {
	word, t := "seen ", c.SeenAt
	if (c.Kind == coc.KindNew || c.Kind == coc.KindVersion) && sane(c.MadeAt) {
		word, t = "made ", c.MadeAt
	}
	if !sane(t) {
		return nil
	}
	if follows {
		word = " · " + word
	}
	return []block{span(word), moment(t)}
}

// small is the small print: the change's id, where the document is, and the head of the
// log.
func (w *writer) small(c *coc.Change, masked said) block {
	s := idOf(c)
	for _, name := range []string{c.Account, c.DocumentID} {
		if name = text.Line(name, maxPerson); name != "" {
			s += " · " + name
		}
	}
	if c.Added > 0 || c.Removed > 0 {
		s += fmt.Sprintf(" · +%d −%d lines", c.Added, c.Removed)
	}
	return footer(plain(s + masked.hidden() + w.logged()))
}

// logged is the head of the archive's log as a message bears it, to be a witness of it;
// "" where there is none.
func (w *writer) logged() string {
	if w.head.KeyID == "" {
		return ""
	}
	return fmt.Sprintf(" · log %d %s key %s", w.head.Size, base64.StdEncoding.EncodeToString(w.head.Root[:]), w.head.KeyID)
}

// idOf is the change's id in words, by which a repeat is recognised.
func idOf(c *coc.Change) string {
	if c.ID == 0 {
		return "sample"
	}
	return fmt.Sprintf("change %d", c.ID)
}

// sane reports whether an instant can be shown: COC's times are its own affair.
func sane(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

// differing cuts two values to what fits, from shortly before they differ.
func differing(old, now string) (string, string) {
	a, b := []rune(old), []rune(now)
	if max(len(a), len(b)) > maxValue {
		same := 0
		for same < min(len(a), len(b)) && a[same] == b[same] {
			same++
		}
		if from := same - maxValue/3; from > 0 {
			old, now = "…"+string(a[from:]), "…"+string(b[from:])
		}
	}
	return text.Line(old, maxValue), text.Line(now, maxValue)
}

// safe reports whether a shell takes s as it stands.
func safe(s string) bool {
	return s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._#-", r)
	}) < 0
}

// urgent reports whether a change stands in the channel itself, never only in a
// thread.
func urgent(c *coc.Change) bool {
	return c.Kind == coc.KindRewritten || c.Kind == coc.KindDeleted || high(c)
}

// whole says where the whole diff of a change is.
func (w *writer) whole(c *coc.Change) string {
	if w.n.files() {
		return "the whole diff is in the thread"
	}
	return w.command(c) + " shows all"
}

// command is what shows the whole change on a terminal. What a shell could
// misread is left out of it.
func (w *writer) command(c *coc.Change) string {
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

package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/mask"
	"cocsync/internal/text"
)

// How much of a message each part may take, in runes. Together they stay under maxBlocks
// whatever the text is; the diff gets the rest.
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
)

// writer writes changes and notices as messages for one notifier.
type writer struct {
	n      *Notifier
	mask   *mask.Masker
	people map[string]Person
	links  Links
	heads  map[string]coc.Head // of the logs, by account, for events
	// sample adds the diff of a version as a file even if the message has all of it.
	sample bool
}

// rendered is a message: its blocks, the text that phones show instead of them, and the
// file with what did not fit.
type rendered struct {
	blocks []block
	text   string
	file   *file
}

// change writes one change as a message that mentions these people and groups.
func (w *writer) change(c *coc.Change, pair contents, mentions []string) rendered {
	c = w.maskNames(c)
	s := w.excerpt(c, pair)
	title, by, last := w.title(c), w.author(c), w.smallPrint(c, s)
	text := title
	if by.text != "" {
		text += ", " + by.text
	}
	if s.summary != "" {
		text += ": " + s.summary
	}
	m := rendered{text: escape(fmt.Sprintf("%s (%s)", text, idOf(c)))}
	if c.Kind == coc.KindVersion && c.Class == coc.ClassUnchanged && s.summary != "" {
		pieces := slices.Concat([]block{bold(title), span(": " + unchanged + ", ")}, by.pieces, times(c, true))
		if cc := mentionBlocks(mentions); len(cc) > 0 {
			pieces = slices.Concat(pieces, []block{span(" · ")}, cc)
		}
		m.blocks = []block{rich(paragraph(pieces...)), last}
		return m
	}
	m.blocks = []block{header(title)}
	if l := w.lead(c, by, s, mentions); len(l.Elements) > 0 {
		m.blocks = append(m.blocks, rich(l))
	}
	m.blocks = append(m.blocks, outline(s.items, s.more)...)
	w.addDiff(&m, c, s, maxBlocks-weight(append(m.blocks, last)))
	m.blocks = append(m.blocks, last)
	return m
}

// kindWords are the words for a kind of change. {doc} and {version} are replaced.
type kindWords struct {
	title  string // before the versions
	digest string // "" for a new version, of which a digest has the label
	lead   string // what the title does not say
}

func wordsFor(k coc.Kind) kindWords {
	return map[coc.Kind]kindWords{
		coc.KindNew:       {"New: {doc}", "new", ""},
		coc.KindVersion:   {"{doc}", "", ""},
		coc.KindRewritten: {"⚠ REWRITTEN: {doc}", "REWRITTEN {version}", "The content of an existing version was replaced."},
		coc.KindMetadata:  {"{doc}: settings changed", "settings changed", ""},
		coc.KindWithdrawn: {"{doc}: version withdrawn", "{version} withdrawn", "COC no longer lists this version. It stays in the archive."},
		coc.KindDeleted:   {"⚠ DELETED: {doc}", "DELETED", "COC no longer has this document. Its versions stay in the archive."},
		coc.KindRestored:  {"Restored: {doc}", "restored", ""},
	}[k]
}

// title names the document, what happened and the versions; the most important first.
func (w *writer) title(c *coc.Change) string {
	s := strings.Replace(wordsFor(c.Kind).title, "{doc}", w.document(c), 1)
	if high(c) {
		s = "HIGH RISK · " + s
	}
	from, to := text.Line(c.Previous, maxLabel), text.Line(c.Version, maxLabel)
	switch {
	case c.Kind == coc.KindMetadata, c.Kind == coc.KindDeleted, from+to == "":
		return s
	case from == "" || to == "" || c.Kind == coc.KindWithdrawn:
		return s + " " + cmp.Or(to, from)
	}
	return s + " " + from + " → " + to
}

// document returns a document's name, or its id if it has none.
func (w *writer) document(c *coc.Change) string {
	return cmp.Or(text.Line(c.Name, maxName), text.Line(c.DocumentID, maxName), "(no name)")
}

// person is how a message names a person: in blocks, where the name may be a mention, and
// in texts.
type person struct {
	pieces []block
	text   string
}

// author names who made the change, if it is known: COC reports the last modifier of a
// document, who need not be the author of this version.
func (w *writer) author(c *coc.Change) person {
	if by := w.human(c.By); by != "" {
		p := person{[]block{span("by " + by)}, "by " + by}
		if id := w.people[c.By].Slack; id != "" {
			p.pieces = []block{span("by "), mention(id)}
		}
		return p
	}
	var parts []string
	version := c.Kind == coc.KindNew || c.Kind == coc.KindVersion || c.Kind == coc.KindRewritten
	if version {
		parts = append(parts, "author unknown")
	}
	if modifier := w.human(c.Modifier); modifier != "" && (version || c.Kind == coc.KindMetadata) {
		parts = append(parts, "document last modified by "+modifier)
	}
	words := strings.Join(parts, ", ")
	return person{[]block{span(words)}, words}
}

// human returns a person's name from the configuration, or else from COC.
func (w *writer) human(id string) string {
	return text.Line(w.mask.Words(cmp.Or(w.people[id].Name, id)), maxPerson)
}

// lead is the first paragraph: what, who, when.
func (w *writer) lead(c *coc.Change, by person, s excerpt, mentions []string) block {
	lines := [][]block{{bold(s.summary)}}
	add := func(pieces ...block) { lines = append(lines, pieces) }
	add(span(wordsFor(c.Kind).lead))
	if c.Late {
		add(span("Late: it was unavailable when a newer version was archived."))
	}
	add(slices.Concat(by.pieces, times(c, by.text != ""))...)
	for _, n := range s.notes {
		add(span(n))
	}
	add(w.links.of(c)...)
	add(mentionBlocks(mentions)...)
	var pieces []block
	for _, l := range lines {
		if len(paragraph(l...).Elements) == 0 {
			continue
		}
		if len(pieces) > 0 {
			pieces = append(pieces, span("\n"))
		}
		pieces = append(pieces, l...)
	}
	return paragraph(pieces...)
}

// times says when a version was made, or when any other change was seen.
func times(c *coc.Change, follows bool) []block {
	word, t := "seen ", c.SeenAt
	if (c.Kind == coc.KindNew || c.Kind == coc.KindVersion) && plausible(c.MadeAt) {
		word, t = "made ", c.MadeAt
	}
	if !plausible(t) {
		return nil
	}
	if follows {
		word = " · " + word
	}
	return []block{span(word), dateBlock(t)}
}

// smallPrint returns the change's id and its document.
func (w *writer) smallPrint(c *coc.Change, s excerpt) block {
	line := idOf(c)
	for _, name := range []string{c.Account, c.DocumentID} {
		if name = text.Line(name, maxPerson); name != "" {
			line += " · " + name
		}
	}
	if c.Added > 0 || c.Removed > 0 {
		line += fmt.Sprintf(" · +%d −%d lines", c.Added, c.Removed)
	}
	return footer(plain(line + hidden(s.masked)))
}

// hidden says how many values are hidden; "" for none.
func hidden(n int) string {
	if n == 0 {
		return ""
	}
	return " · " + text.Plural(n, "value") + " hidden"
}

// idOf is the change's id in words, by which a repeat is recognized.
func idOf(c *coc.Change) string {
	if c.Ref == "" {
		return "sample"
	}
	return "change " + c.Ref
}

// plausible reports whether a time can be shown: COC's times are not checked.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

// high reports whether a document's risk level is HIGH, or was before a change of its
// settings.
func high(c *coc.Change) bool {
	return slices.ContainsFunc(fieldValues(c, "risk_level", c.RiskLevel), func(s string) bool { return strings.EqualFold(s, "HIGH") })
}

// urgent reports whether a change is posted to the channel, never only to a thread.
func urgent(c *coc.Change) bool { return rank(c) > 0 }

// rank orders changes by importance; the most important has the highest.
func rank(c *coc.Change) int {
	switch {
	case c.Kind == coc.KindRewritten:
		return 3
	case c.Kind == coc.KindDeleted:
		return 2
	case high(c):
		return 1
	}
	return 0
}

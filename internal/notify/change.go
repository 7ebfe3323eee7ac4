package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
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
	maxRead    = 1_000 // of a value or a summary, before anything is done with it
	// maxOutline bounds the items together, as weight.
	maxOutline = 2_500
)

// unchanged is diff's summary of two contents with the same bytes.
const unchanged = "content unchanged"

// writer puts changes and notices into words for one notifier.
type writer struct {
	n    *Notifier
	mask *mask
}

// contents are the two texts of a change. why says why they are missing.
type contents struct {
	old, now []byte
	why      string
}

// said is what a message may say of a change's content.
type said struct {
	summary string
	notes   []string
	items   []block // bullets
	more    int     // items without a bullet
	patch   []string
}

// change puts one change into blocks and into the fallback text.
func (w *writer) change(c *coc.Change, pair contents) ([]block, string) {
	head, who := w.title(c), who(c)
	s := w.content(c, pair)
	text := head
	if who != "" {
		text += ", " + who
	}
	if s.summary != "" {
		text += ": " + s.summary
	}
	text = escape(fmt.Sprintf("%s (change %d)", text, c.ID))
	if c.Kind == coc.KindVersion && s.summary == unchanged {
		pieces := append([]block{bold(head), span(": " + unchanged + ", " + who)}, when(c, true)...)
		return []block{rich(paragraph(pieces...)), small(c)}, text
	}
	blocks := []block{header(head)}
	if l := lead(c, who, s); len(l.Elements) > 0 {
		blocks = append(blocks, rich(l))
	}
	if len(s.items) > 0 {
		blocks = append(blocks, rich(bullets(s.items...)))
		if s.more > 0 {
			blocks = append(blocks, rich(paragraph(span(fmt.Sprintf("… and %d more", s.more)))))
		}
	}
	last := small(c)
	room := maxBlocks - weight(append(blocks, last)) - weight(rich(preformatted(nil)))
	if len(s.patch) > 0 && room > minDiff {
		blocks = append(blocks, rich(preformatted(fit(s.patch, room-1, w.command(c)))))
	}
	return append(blocks, last), text
}

// title names the document, what happened and the versions; what is worst first.
func (w *writer) title(c *coc.Change) string {
	name := w.name(c.Name, c.DocumentID)
	from, to := line(c.Previous, maxLabel), line(c.Version, maxLabel)
	versions := to
	if from != "" && to != "" {
		versions = from + " → " + to
	}
	var s string
	switch c.Kind {
	case coc.KindNew:
		s = "New: " + name
	case coc.KindRewritten:
		s = "⚠ REWRITTEN: " + name
	case coc.KindMetadata:
		s, versions = name+": settings changed", ""
	case coc.KindWithdrawn:
		s, versions = name+": version withdrawn", cmp.Or(to, from)
	case coc.KindDeleted:
		s, versions = "⚠ DELETED: "+name, ""
	case coc.KindRestored:
		s = "Restored: " + name
	default:
		s = name
	}
	if versions != "" {
		s += " " + versions
	}
	if high(c) {
		s = "HIGH RISK · " + s
	}
	return s
}

func high(c *coc.Change) bool { return strings.EqualFold(c.RiskLevel, "HIGH") }

// name is a document's name, or its id when it has none.
func (w *writer) name(name, id string) string {
	return cmp.Or(line(w.mask.own(name), maxName), line(w.mask.own(id), maxName), "(no name)")
}

// who says who made the change, without accusing by a guess: COC tells the last
// modifier of a document, who need not be the author of this version.
func who(c *coc.Change) string {
	by, modifier := line(c.By, maxPerson), line(c.Modifier, maxPerson)
	if by != "" {
		return "by " + by
	}
	switch c.Kind {
	case coc.KindNew, coc.KindVersion, coc.KindRewritten:
		if modifier == "" {
			return "author unknown"
		}
		return "author unknown, document last modified by " + modifier
	case coc.KindMetadata:
		if modifier != "" {
			return "document last modified by " + modifier
		}
	}
	return ""
}

// lead is the paragraph that everybody reads: what, who, when.
func lead(c *coc.Change, who string, s said) block {
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
	add(append([]block{span(who)}, when(c, who != "")...)...)
	for _, n := range s.notes {
		add(span(n))
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

// small is the small print: the change's id, by which a repeat is recognised,
// and where the document is.
func small(c *coc.Change) block {
	s := fmt.Sprintf("change %d", c.ID)
	for _, w := range []string{c.Account, c.DocumentID} {
		if w = line(w, maxPerson); w != "" {
			s += " · " + w
		}
	}
	if c.Added > 0 || c.Removed > 0 {
		s += fmt.Sprintf(" · +%d −%d lines", c.Added, c.Removed)
	}
	return footer(plain(s))
}

// sane reports whether an instant can be shown: COC's times are its own affair.
func sane(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

// content says of a change's content what the notifier's detail allows.
func (w *writer) content(c *coc.Change, pair contents) (s said) {
	if c.Kind == coc.KindDeleted || c.Kind == coc.KindWithdrawn {
		return said{} // the lead says it in words of its own
	}
	full := w.n.full()
	if !full && w.n.Detail != DetailOutline {
		return said{}
	}
	var found, old, now []string
	if full {
		s.notes = append(s.notes, line(w.mask.line(cut(c.Note, maxRead)), maxNote), pair.why)
		s.notes = slices.DeleteFunc(s.notes, func(n string) bool { return n == "" })
	}
	if full && pair.now != nil {
		var more []string
		old, found = w.mask.text(string(pair.old))
		now, more = w.mask.text(string(pair.now))
		found = append(found, more...)
		s.patch = patch(pair.old, pair.now, old, now)
	}
	values := full && len(found) <= maxFound && pair.why == ""
	summary := cut(c.Summary, maxRead)
	quoted := told(summary, found) // the summary quotes what is to be hidden
	room := maxOutline
	for i := range c.Items {
		it := &c.Items[i]
		if len(s.items) == maxItems || room < 0 {
			s.more++
			quoted = quoted || w.mask.secretPath(it.Path, it.Step) && (quotes(summary, it.Old) || quotes(summary, it.New))
			continue
		}
		b, secret := w.item(it, found, values)
		quoted = quoted || secret && (quotes(summary, it.Old) || quotes(summary, it.New))
		if room -= weight(b); room < 0 {
			s.more++
			continue
		}
		s.items = append(s.items, b)
	}
	s.summary = line(w.mask.line(summary), maxSummary)
	if !values || quoted || c.Summary == "" {
		s.summary = numbers(c)
	}
	return s
}

func quotes(summary, value string) bool { return value != "" && strings.Contains(summary, value) }

// item puts one structural difference into a bullet; secret says that a value
// was hidden, which perhaps stands in the summary too.
func (w *writer) item(it *coc.Item, found []string, values bool) (_ block, secret bool) {
	pieces := []block{span(line(it.Op, maxLabel) + " "), code(line(w.mask.own(it.Path), maxPath))}
	if it.Task != "" && it.Old == "" && it.New == "" {
		pieces = append(pieces, span(" ("+line(w.mask.own(it.Task), maxPath)+")"))
	}
	show := func(v string) string {
		v = cut(v, maxRead)
		hidden := v
		if strings.Contains(v, "\n") {
			lines, _ := w.mask.text(v)
			hidden = strings.Join(lines, "\n")
		}
		hidden = w.mask.line(hidden)
		if v != "" && !reference(v) && (w.mask.secretPath(it.Path, it.Step) || told(v, found)) {
			hidden = masked
		}
		secret = secret || hidden != v
		return cmp.Or(hidden, "(empty)")
	}
	old, now := differing(show(it.Old), show(it.New))
	switch {
	case it.Op == "moved" && it.Step != "" && it.New != "":
		pieces = append(pieces, span(", now "+line(w.mask.own(it.New), maxPath)))
	case it.Op == "moved" && values && it.New != "": // behind a value, perhaps
		pieces = append(pieces, span(", now "+now))
	case !values, it.Old == "" && it.New == "":
	case it.Op == "added":
		pieces = append(pieces, span(": "+now))
	case it.Op == "removed":
		pieces = append(pieces, span(": "+old))
	default:
		pieces = append(pieces, span(": "+old+" → "+now))
	}
	return paragraph(pieces...), secret
}

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
	return line(old, maxValue), line(now, maxValue)
}

// numbers sums a change up without a word of its content.
func numbers(c *coc.Change) string {
	var parts []string
	if c.Kind == coc.KindMetadata {
		for _, it := range c.Items {
			parts = append(parts, it.Path)
		}
		return line(strings.Join(parts, ", "), maxSummary)
	}
	for _, op := range []string{"added", "removed", "changed", "renamed", "moved"} {
		n := 0
		for _, it := range c.Items {
			if it.Op == op {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, op))
		}
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case c.Summary == unchanged:
		return unchanged
	case strings.HasPrefix(c.Summary, "formatting only"):
		return "formatting only"
	case c.Added > 0 || c.Removed > 0:
		return fmt.Sprintf("+%d −%d lines", c.Added, c.Removed)
	}
	return ""
}

// safe reports whether a shell takes s as it stands.
func safe(s string) bool {
	return s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._#-", r)
	}) < 0
}

// command is what shows the whole change on a terminal. What a shell could
// misread is left out of it.
func (w *writer) command(c *coc.Change) string {
	doc := w.mask.own(c.Name)
	if !safe(doc) || doc != c.Name {
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

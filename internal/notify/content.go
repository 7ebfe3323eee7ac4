package notify

import (
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// What is said of a change that changes nothing but the bytes, or not even those.
const (
	unchanged      = "content unchanged"
	formattingOnly = "formatting only"
)

// maxRead bounds what is read of a value or a summary, in runes, before anything
// else is done with it.
const maxRead = 1_000

// contents are the two texts of a change. why says why they are missing.
type contents struct {
	old, now []byte
	why      string
}

// said is what may leave of a change's content: masked, and no more of it than
// the notifier's detail allows.
type said struct {
	summary string
	notes   []string
	items   []shown
	more    int      // structural differences that diff counted and did not keep
	patch   []string // the lines of the unified diff
}

// shown is a structural difference of which that may be said which is there.
type shown struct {
	coc.Item
	values bool // Old and New may be shown
	plain  bool // it has neither: it is about a whole
}

// content says of a change's content what the notifier's detail allows.
func (w *writer) content(c *coc.Change, pair contents) (s said) {
	if c.Kind == coc.KindDeleted || c.Kind == coc.KindWithdrawn {
		return said{} // the kind says it all
	}
	full := w.n.full()
	if !full && w.n.Detail != DetailOutline {
		return said{}
	}
	var found, old, now []string
	if full {
		s.more = c.Omitted
		s.notes = []string{text.Line(w.mask.line(text.Truncate(c.UncountedNote(), maxRead)), maxNote), pair.why}
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
	summary := text.Truncate(c.Summary, maxRead)
	quoted := told(summary, found) // the summary quotes what is to be hidden
	for i := range c.Items {
		it, secret := w.hide(&c.Items[i], found, values)
		quoted = quoted || secret && (quotes(summary, c.Items[i].Old) || quotes(summary, c.Items[i].New))
		s.items = append(s.items, it)
	}
	s.summary = text.Line(w.mask.line(summary), maxSummary)
	if !values || quoted || c.Summary == "" {
		s.summary = w.mask.shaped(numbers(c))
	}
	return s
}

// veil hides what must not leave in the words that name a change. Everything that
// writes of one begins with it.
func (w *writer) veil(c *coc.Change) *coc.Change {
	v := *c
	for _, s := range []*string{&v.DocumentID, &v.Name, &v.Version, &v.Previous} {
		*s = w.mask.shaped(*s)
	}
	return &v
}

func quotes(summary, value string) bool { return value != "" && strings.Contains(summary, value) }

// hide masks a structural difference; secret says that a value was hidden, which
// perhaps stands in the summary too.
func (w *writer) hide(it *coc.Item, found []string, values bool) (s shown, secret bool) {
	s = shown{values: values, plain: it.Old == "" && it.New == "",
		Item: coc.Item{Op: it.Op, Path: w.mask.shaped(it.Path), Step: w.mask.shaped(it.Step), Task: w.mask.shaped(it.Task)}}
	show := func(v string) string {
		v = text.Truncate(v, maxRead)
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
		return hidden
	}
	old, now := show(it.Old), show(it.New)
	switch {
	case it.Op == "moved" && it.Step != "": // behind steps: names are no values
		s.Old, s.New, s.values = w.mask.shaped(it.Old), w.mask.shaped(it.New), true
	case values:
		s.Old, s.New = old, now
	}
	return s, secret
}

// numbers sums a change up without a word of its content.
func numbers(c *coc.Change) string {
	var parts []string
	if c.Kind == coc.KindMetadata {
		for _, it := range c.Items {
			parts = append(parts, it.Path)
		}
		return text.Line(strings.Join(parts, ", "), maxSummary)
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
	case c.Class == coc.ClassUnchanged:
		return unchanged
	case c.Class == coc.ClassFormatting:
		return formattingOnly
	case c.Added > 0 || c.Removed > 0:
		return fmt.Sprintf("+%d −%d lines", c.Added, c.Removed)
	}
	return ""
}

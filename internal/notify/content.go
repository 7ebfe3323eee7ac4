package notify

import (
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/mask"
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
	masked  int      // different values that are hidden in items and patch
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
	var old, now *mask.Text
	hidden := map[string]bool{}
	if full {
		s.more = c.Omitted
		s.notes = []string{text.Line(w.mask.Words(text.Truncate(c.UncountedNote(), maxRead)), maxNote), pair.why}
		s.notes = slices.DeleteFunc(s.notes, func(n string) bool { return n == "" })
	}
	if full && pair.now != nil {
		old, now = w.mask.Text(string(pair.old)), w.mask.Text(string(pair.now))
		s.patch = patch(pair.old, pair.now, old, now, hidden)
	}
	known := mask.NewKnown(old, now)
	values := full && known.Len() <= mask.MaxKnown && pair.why == ""
	summary := text.Truncate(c.Summary, maxRead)
	quoted := known.Hide(summary) != summary // the summary quotes what is to be hidden
	for i := range c.Items {
		it, changed := w.item(c.Items[i], known, values, hidden)
		quoted = quoted || changed && (quotes(summary, c.Items[i].Old) || quotes(summary, c.Items[i].New))
		s.items = append(s.items, it)
	}
	s.summary = text.Line(w.mask.Words(summary), maxSummary)
	if !values || quoted || c.Summary == "" {
		s.summary = w.mask.Words(numbers(c))
	}
	s.masked = len(hidden)
	return s
}

// hidden says how many values are hidden in what is shown of a change.
func (s said) hidden() string {
	if s.masked == 0 {
		return ""
	}
	return " · " + text.Plural(s.masked, "value") + " hidden"
}

// maskNames hides keys in the words that name a change. Everything that writes of one
// begins with it.
func (w *writer) maskNames(c *coc.Change) *coc.Change {
	v := *c
	for _, s := range []*string{&v.DocumentID, &v.Name, &v.Version, &v.Previous} {
		*s = w.mask.Words(*s)
	}
	return &v
}

func quotes(summary, value string) bool { return value != "" && strings.Contains(summary, value) }

// item masks a structural difference and adds to hidden what is hidden in it. changed
// says that its values are not shown as they are: the summary may quote them too.
func (w *writer) item(it coc.Item, known *mask.Known, values bool, hidden map[string]bool) (s shown, changed bool) {
	it.Old, it.New = text.Truncate(it.Old, maxRead), text.Truncate(it.New, maxRead)
	masked, parts := w.mask.Item(it, known)
	changed = masked.Old != it.Old || masked.New != it.New
	names := it.Op == "moved" && it.Step != "" // values are names of steps
	s = shown{Item: masked, values: values || names, plain: it.Old == "" && it.New == ""}
	if !s.values {
		s.Old, s.New = "", ""
		return s, changed
	}
	for _, p := range parts {
		hidden[p] = true
	}
	return s, changed
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

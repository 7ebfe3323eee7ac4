package notify

import (
	"context"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// Route sends the changes that it fits to its own notifiers, or mentions people. An empty
// condition fits everything; a condition with several values fits any of them.
type Route struct {
	Names      []string // of documents; * is any text
	Kinds      []coc.Kind
	RiskLevels []string
	Paths      []string // of the DSL, see coc.PathFits
	Tasks      []string // see coc.TaskFits

	Notify   []string // notifiers; empty for those that the document's watches name
	Mention  []string // Slack's ids of people (U…, W…) and groups (S…)
	Continue bool     // try the next route too
}

// Person is a person whose name in COC is not the one in chat.
type Person struct {
	Name  string
	Slack string // the user's id, "" for none
}

// recipients are the notifiers that are notified of a change, by the routes.
type recipients struct {
	fromWatches bool                // those that the document's watches name, and
	routed      map[string][]string // those that routes name, with the mentions for each
	mention     []string            // of the watches' notifiers
}

// match is how a route fits a change.
type match int

const (
	noMatch  match = iota
	mayMatch       // the differences are not all known, and one of the others may fit
	fullMatch
)

// decide reports whether a delivery's change is sent, whom its message mentions, and which
// other notifiers must have a delivery of it; nil for none.
func (s *Sender) decide(ctx context.Context, d *coc.Delivery) (wanted bool,
	mention []string, _ *coc.Recipients) {
	n, err := s.notifier(d.Notifier)
	if err != nil || d.Change == nil || !n.wants(d.Change.Kind) {
		return false, nil, nil
	}
	if len(s.Routes) == 0 && !d.Routed {
		return !ignored(n, d.Change), nil, nil
	}
	items, complete := s.differences(ctx, d.Change)
	to := s.judge(d.Change, items, complete)
	mention, wanted = to.routed[n.Name]
	if to.fromWatches && !d.Routed {
		wanted, mention = true, slices.Concat(mention, to.mention)
	}
	if !wanted && !d.Routed {
		s.log().Info("routed elsewhere", "notifier", d.Notifier, "change", d.Change.Ref)
	}
	others := s.others(to, d)
	return wanted && !ignored(n, d.Change), unique(mention), &others
}

// differences returns what routes compare: a change's items, and for a new document all
// that it holds. complete is false if there may be others.
func (s *Sender) differences(ctx context.Context, c *coc.Change) (items []coc.Item, complete bool) {
	byPart := slices.ContainsFunc(s.Routes, func(r Route) bool { return len(r.Paths)+len(r.Tasks) > 0 })
	if c.Kind != coc.KindNew || !byPart {
		return c.Items, allItems(c)
	}
	_, now, err := s.Outbox.Contents(ctx, c.Key)
	if err != nil || now == nil {
		return nil, false
	}
	return diff.AddedItems(diff.Read(now))
}

// allItems reports whether the items of a change are all of its differences.
func allItems(c *coc.Change) bool {
	content := c.Kind == coc.KindNew || c.Kind == coc.KindVersion || c.Kind == coc.KindRewritten
	return !content || c.Complete()
}

// judge tries the routes in order. The first that fits decides, unless it continues or
// only may match; after the last one the watches' notifiers are notified. A route to
// notifiers of which none is sent such a kind fits nothing: else no one would be notified.
func (s *Sender) judge(c *coc.Change, items []coc.Item, complete bool) recipients {
	to := recipients{routed: map[string][]string{}}
	for i := range s.Routes {
		r := &s.Routes[i]
		m := r.fits(c, items, complete)
		if m == noMatch || len(r.Notify) > 0 && !slices.ContainsFunc(r.Notify, func(n string) bool { return s.receives(n, c) }) {
			continue
		}
		if len(r.Notify) == 0 {
			to.fromWatches, to.mention = true, append(to.mention, r.Mention...)
		}
		for _, n := range r.Notify {
			to.routed[n] = append(to.routed[n], r.Mention...)
		}
		if m == fullMatch && !r.Continue {
			return to
		}
	}
	to.fromWatches = true
	return to
}

// receives reports whether a notifier exists and is sent changes of that kind.
func (s *Sender) receives(name string, c *coc.Change) bool {
	n, err := s.notifier(name)
	return err == nil && n.wants(c.Kind)
}

// fits compares the conditions with a change and its differences, which are all of them if
// complete. If they are not, a route by path or task may match.
func (r *Route) fits(c *coc.Change, items []coc.Item, complete bool) match {
	if !r.fitsDocument(c) {
		return noMatch
	}
	path := len(r.Paths) == 0 || slices.ContainsFunc(items, r.fitsPath)
	task := len(r.Tasks) == 0 || slices.ContainsFunc(items, r.fitsTask)
	switch {
	case path && task: // not necessarily of one item
		return fullMatch
	case !complete, task && slices.ContainsFunc(items, r.mayContainPath):
		return mayMatch
	}
	return noMatch
}

func (r *Route) fitsDocument(c *coc.Change) bool {
	return (len(r.Names) == 0 || fitsAny(coc.Fits, r.Names, fieldValues(c, "name", c.Name)...)) &&
		(len(r.Kinds) == 0 || slices.Contains(r.Kinds, c.Kind)) &&
		(len(r.RiskLevels) == 0 || fitsAny(strings.EqualFold, r.RiskLevels, fieldValues(c, "risk_level", c.RiskLevel)...))
}

func (r *Route) fitsPath(it coc.Item) bool { return fitsAny(coc.PathFits, r.Paths, it.Path) }

// fitsTask compares the task of an item's step, and both values if the item is the task.
func (r *Route) fitsTask(it coc.Item) bool {
	if it.Step != "" && (strings.HasSuffix(it.Path, ".task") || strings.HasSuffix(it.Path, ".action")) {
		return fitsAny(coc.TaskFits, r.Tasks, it.Task, it.Old, it.New)
	}
	return fitsAny(coc.TaskFits, r.Tasks, it.Task)
}

// mayContainPath reports whether a path may be below an item that was added or removed as
// a whole.
func (r *Route) mayContainPath(it coc.Item) bool {
	return (it.Op == "added" || it.Op == "removed") && fitsAny(coc.PathMayFit, r.Paths, it.Path)
}

// fieldValues returns the value of a document's field, and its values before and after a
// change of the settings.
func fieldValues(c *coc.Change, field, now string) []string {
	list := []string{now}
	for i := range c.Items {
		if it := &c.Items[i]; c.Kind == coc.KindMetadata && it.Path == field {
			list = append(list, it.Old, it.New)
		}
	}
	return list
}

// fitsAny reports whether any value fits any pattern. "" fits none.
func fitsAny(fits func(pattern, s string) bool, patterns []string, values ...string) bool {
	return slices.ContainsFunc(values, func(s string) bool {
		return s != "" && slices.ContainsFunc(patterns, func(p string) bool { return fits(p, s) })
	})
}

// others returns the other notifiers that must have a delivery of this one's change: the
// configuration may have changed since it was stored.
func (s *Sender) others(to recipients, d *coc.Delivery) coc.Recipients {
	c := d.Change
	list := coc.Recipients{Change: c.Key}
	for i := range s.Notifiers {
		n := &s.Notifiers[i]
		_, routed := to.routed[n.Name]
		switch {
		case n.Name == d.Notifier || !n.wants(c.Kind) || ignored(n, c):
		case routed:
			list.Routed = append(list.Routed, n.Name)
		case to.fromWatches:
			list.FromWatches = append(list.FromWatches, n.Name)
		}
	}
	return list
}

// ignored reports whether a notifier's settings exclude a change: a new version in which
// only ignored paths, or only the formatting, differ.
func ignored(n *Notifier, c *coc.Change) bool {
	if c.Kind != coc.KindVersion || len(n.IgnorePaths) == 0 && !n.IgnoreFormatting || !c.Complete() {
		return false
	}
	if len(c.Items) == 0 {
		return n.IgnoreFormatting && c.Class == coc.ClassFormatting
	}
	if slices.ContainsFunc(c.Items, func(it coc.Item) bool { return !fitsAny(coc.PathWithin, n.IgnorePaths, it.Path) }) {
		return false
	}
	return n.IgnoreFormatting || !c.Reformatted()
}

func unique(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

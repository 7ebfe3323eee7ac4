package notify

import (
	"context"
	"slices"
	"strings"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// Route sends the changes that it fits to notifiers of its own, or has people
// mentioned. An empty condition fits everything; of several words in one, any.
type Route struct {
	Names      []string // of documents; * stands for anything
	Kinds      []coc.Kind
	RiskLevels []string
	Paths      []string // of the DSL, see coc.PathFits
	Tasks      []string // see coc.TaskFits

	Notify   []string // notifiers; empty for those that the document's watches name
	Mention  []string // Slack's ids of people (U…, W…) and groups (S…)
	Continue bool     // try the next route too
}

// Person is somebody whom COC knows by another name than chat does.
type Person struct {
	Name  string
	Slack string // the user's id, "" for none
}

// verdict says who is to hear of a change, by the routes.
type verdict struct {
	own     bool     // those whom the document's watches name
	routed  []string // those whom routes name
	mention map[string][]string
	all     []string // mentions of the watches' own
}

// judge tries the routes in order: the first that fits decides, unless it says to
// go on; behind the last one stand the watches' own notifiers. A route to notifiers
// of which none is told of such a kind fits nothing: else nobody would hear.
func (s *Sender) judge(c *coc.Change, items []coc.Item, known bool) verdict {
	v := verdict{mention: map[string][]string{}}
	for i := range s.Routes {
		r := &s.Routes[i]
		fits, sure := r.fits(c, items, known)
		if !fits || len(r.Notify) > 0 && !slices.ContainsFunc(r.Notify, func(n string) bool { return s.hears(n, c) }) {
			continue
		}
		if len(r.Notify) == 0 {
			v.own, v.all = true, append(v.all, r.Mention...)
		}
		for _, n := range r.Notify {
			v.routed = append(v.routed, n)
			v.mention[n] = append(v.mention[n], r.Mention...)
		}
		// With its own notifiers alone a route that goes on takes nothing away.
		if sure && !r.Continue {
			return v
		}
	}
	v.own = true
	return v
}

// hears reports whether a notifier is there and told of changes of that kind.
func (s *Sender) hears(name string, c *coc.Change) bool {
	n, err := s.notifier(name)
	return err == nil && n.wants(c.Kind)
}

// tells reports whether a delivery is for its notifier, and whom the message is to
// mention.
func (v *verdict) tells(d *coc.Delivery) (told bool, mention []string) {
	told = slices.Contains(v.routed, d.Notifier)
	mention = v.mention[d.Notifier]
	if v.own && !d.Routed {
		told, mention = true, append(slices.Clip(mention), v.all...)
	}
	return told, unique(mention)
}

// aims are those besides its own notifier who must have a delivery of the change
// that this one is of: the configuration may be another than when it was stored.
func (s *Sender) aims(v *verdict, d *coc.Delivery) coc.Aim {
	c := d.Change
	a := coc.Aim{Change: c.ID}
	for i := range s.Notifiers {
		n := &s.Notifiers[i]
		switch {
		case n.Name == d.Notifier || !n.wants(c.Kind) || ignored(n, c):
		case slices.Contains(v.routed, n.Name):
			a.Routed = append(a.Routed, n.Name)
		case v.own:
			a.Own = append(a.Own, n.Name)
		}
	}
	return a
}

func unique(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// fits reports whether the route is for a change with these differences. It is not
// sure when they are not all known: then a route by path or task fits, for it may be
// there that somebody must hear of it, and the next ones are tried as well.
func (r *Route) fits(c *coc.Change, items []coc.Item, known bool) (fits, sure bool) {
	if len(r.Names) > 0 && !slices.ContainsFunc(fieldSays(c, "name", c.Name), func(s string) bool { return fitsAny(coc.Fits, r.Names, s) }) ||
		len(r.Kinds) > 0 && !slices.Contains(r.Kinds, c.Kind) ||
		len(r.RiskLevels) > 0 && !slices.ContainsFunc(fieldSays(c, "risk_level", c.RiskLevel), func(s string) bool {
			return slices.ContainsFunc(r.RiskLevels, func(l string) bool { return strings.EqualFold(l, s) })
		}) {
		return false, true
	}
	if len(r.Paths) == 0 && len(r.Tasks) == 0 {
		return true, true
	}
	// One difference may be at the path and another, of the same step, tell the
	// task; as everywhere, any of each will do.
	path, task, perhaps := len(r.Paths) == 0, len(r.Tasks) == 0, false
	for i := range items {
		it := &items[i]
		path = path || fitsAny(coc.PathFits, r.Paths, it.Path)
		// What came or went as a whole brought or took all that it holds.
		perhaps = perhaps || (it.Op == "added" || it.Op == "removed") && fitsAny(coc.PathMayFit, r.Paths, it.Path)
		task = task || fitsAny(coc.TaskFits, r.Tasks, it.Task) ||
			taskItem(it) && (fitsAny(coc.TaskFits, r.Tasks, it.Old) || fitsAny(coc.TaskFits, r.Tasks, it.New))
	}
	switch {
	case path && task:
		return true, true
	case !known:
		return true, false
	}
	return perhaps && task, false
}

// fieldSays is what a field of a document says: now, and before and after a change of
// its settings.
func fieldSays(c *coc.Change, field, now string) []string {
	list := []string{now}
	for i := range c.Items {
		if it := &c.Items[i]; c.Kind == coc.KindMetadata && it.Path == field {
			list = append(list, it.Old, it.New)
		}
	}
	return list
}

func fitsAny(fits func(pattern, s string) bool, patterns []string, s string) bool {
	return s != "" && slices.ContainsFunc(patterns, func(p string) bool { return fits(p, s) })
}

// taskItem reports whether an item tells what a step ran before and runs now.
func taskItem(it *coc.Item) bool {
	return it.Step != "" && (strings.HasSuffix(it.Path, ".task") || strings.HasSuffix(it.Path, ".action"))
}

// known reports whether the items of a change are all of its differences.
func known(c *coc.Change) bool {
	switch c.Kind {
	case coc.KindNew, coc.KindVersion, coc.KindRewritten:
	default:
		return true // nothing of the content differs
	}
	return c.Complete()
}

// differences are what routes go by: a change's items, and for a document that is
// new all that it holds. known is false when there may be others.
func (s *Sender) differences(ctx context.Context, c *coc.Change) (items []coc.Item, all bool) {
	byPart := slices.ContainsFunc(s.Routes, func(r Route) bool { return len(r.Paths)+len(r.Tasks) > 0 })
	if c.Kind != coc.KindNew || !byPart {
		return c.Items, known(c)
	}
	_, now, err := s.Outbox.Contents(ctx, c.ID)
	if err != nil || now == nil {
		return nil, false
	}
	return diff.AddedItems(diff.Read(now))
}

// ignored reports whether the notifier wants no word of a change: a new version in
// which nothing but ignored paths, or nothing but formatting, differs.
func ignored(n *Notifier, c *coc.Change) bool {
	if c.Kind != coc.KindVersion || len(n.IgnorePaths) == 0 && !n.IgnoreFormatting || !known(c) {
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

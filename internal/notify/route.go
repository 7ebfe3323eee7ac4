package notify

import (
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

// aim reports whether a delivery is for its notifier, and whom the message is to
// mention. The routes are tried in order, and the first that fits decides unless
// it says to go on; behind the last one stand the watches' own notifiers.
func (s *Sender) aim(d *coc.Delivery) (told bool, mention []string) {
	for i := range s.Routes {
		r := &s.Routes[i]
		fits, sure := r.fits(d.Change)
		if !fits {
			continue
		}
		if len(r.Notify) == 0 && !d.Routed || slices.Contains(r.Notify, d.Notifier) {
			told = true
			mention = append(mention, r.Mention...)
		}
		// With its own notifiers alone a route that goes on takes nothing away.
		if sure && !r.Continue {
			return told, unique(mention)
		}
	}
	return told || !d.Routed, unique(mention)
}

func unique(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// fits reports whether the route is for a change. It is not sure when the
// differences are not all known: then a route by path or task fits, for it may be
// there that somebody must hear of it, and the next ones are tried as well.
func (r *Route) fits(c *coc.Change) (fits, sure bool) {
	if len(r.Names) > 0 && !fitsAny(coc.Fits, r.Names, c.Name) ||
		len(r.Kinds) > 0 && !slices.Contains(r.Kinds, c.Kind) ||
		len(r.RiskLevels) > 0 && !slices.ContainsFunc(r.RiskLevels, func(l string) bool { return strings.EqualFold(l, c.RiskLevel) }) {
		return false, true
	}
	if len(r.Paths) == 0 && len(r.Tasks) == 0 {
		return true, true
	}
	// One difference may be at the path and another, of the same step, tell the
	// task; as everywhere, any of each will do.
	var path, task bool
	for i := range c.Items {
		it := &c.Items[i]
		path = path || fitsAny(coc.PathFits, r.Paths, it.Path)
		task = task || fitsAny(coc.TaskFits, r.Tasks, it.Task) ||
			taskItem(it) && (fitsAny(coc.TaskFits, r.Tasks, it.Old) || fitsAny(coc.TaskFits, r.Tasks, it.New))
	}
	if (path || len(r.Paths) == 0) && (task || len(r.Tasks) == 0) {
		return true, true
	}
	return !known(c), false
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
	return c.Note == "" && len(c.Items) < diff.MaxItems && !slices.ContainsFunc(c.Items, func(it coc.Item) bool {
		return strings.Contains(it.Path+it.Task, "…")
	})
}

// ignores reports whether the notifier wants no word of a change: a new version
// in which nothing but ignored paths, or nothing but formatting, differs.
func (n *Notifier) ignores(c *coc.Change) bool {
	if c.Kind != coc.KindVersion || !known(c) {
		return false
	}
	if len(c.Items) == 0 {
		return n.IgnoreFormatting && strings.HasPrefix(c.Summary, formattingOnly)
	}
	return !slices.ContainsFunc(c.Items, func(it coc.Item) bool { return !fitsAny(coc.PathFits, n.IgnorePaths, it.Path) })
}

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"cocsync/internal/hint"
)

// checker looks for faults of meaning in what was decoded.
type checker struct {
	*document
	cfg     *Config
	private bool // nobody else can read the file
	now     time.Time
	at      string // the table at hand: watch[0]
	label   string // and for people: watch "runbooks"

	again  bool            // a second check, after check
	faults map[string]bool // paths that check reported
}

func (c *checker) check() {
	c.checkDatabase()
	if len(c.cfg.Accounts) == 0 {
		c.fault("account", "there is no account", "write an [[account]] with a name and a region")
	}
	if len(c.cfg.Watches) == 0 {
		c.fault("watch", "there is nothing to watch", "write a [[watch]] with a name, an account, and documents or a selection")
	}
	accounts := names(c, "account", c.cfg.Accounts, func(a Account) string { return a.Name }, nil)
	names(c, "watch", c.cfg.Watches, func(w Watch) string { return w.Name }, nil)
	slacks := names(c, "slack", c.cfg.Slacks, func(s Slack) string { return s.Name }, nil)
	// The archive and those who name a notifier do not ask of which sort it is.
	names(c, "webhook", c.cfg.Webhooks, func(w Webhook) string { return w.Name }, slacks)
	notifiers := c.cfg.Notifiers()
	c.references("operators", "notifier", c.cfg.Operators, notifiers)
	c.wrong("page_url", checkLink(c.cfg.PageURL))
	for i, a := range c.cfg.Accounts {
		c.table("account", i, a.Name)
		c.account(a)
	}
	for i, w := range c.cfg.Watches {
		c.table("watch", i, w.Name)
		c.watch(w, accounts, notifiers)
	}
	for i, s := range c.cfg.Slacks {
		c.table("slack", i, s.Name)
		c.slack(s)
	}
	for i, w := range c.cfg.Webhooks {
		c.table("webhook", i, w.Name)
		c.webhook(w)
	}
	for i, r := range c.cfg.Routes {
		c.table("route", i, "")
		c.route(r, notifiers)
	}
	if w := c.cfg.Web; w != nil {
		c.at, c.label = "web", "the page"
		c.web(*w)
	}
	for _, user := range slices.Sorted(maps.Keys(c.cfg.People)) {
		c.at, c.label = join("people", keyPath(user)), "person "+quote(user)
		c.person(user, c.cfg.People[user])
	}
}

// table makes one table the one at hand.
func (c *checker) table(kind string, i int, name string) {
	c.at, c.label = fmt.Sprintf("%s[%d]", kind, i), fmt.Sprintf("%s %s", kind, quote(name))
	if name == "" {
		c.label = fmt.Sprintf("%s number %d", kind, i+1)
	}
}

// fault reports a fault of a key, or of what stands in it, at its line or, when
// it is missing, at its table's. It is silent where something else was wrong
// with the key already.
func (c *checker) fault(key, fault, advice string) {
	path := key
	if c.at != "" {
		path, fault = join(c.at, key), c.label+": "+fault
	}
	if c.bad[path] || c.again && c.faults[path] {
		return
	}
	if c.faults == nil {
		c.faults = map[string]bool{}
	}
	if !c.again {
		c.faults[path] = true
	}
	c.add(c.lineOf(path), fault, advice)
}

// wrong reports an error as a fault of a key.
func (c *checker) wrong(key string, err error) {
	if err != nil {
		c.fault(key, key+": "+err.Error(), hint.Of(err))
	}
}

// maxName bounds the names that people give.
const maxName = 64

// names checks the names of the tables of one kind and returns them. taken are
// names that tables of another kind have and this one may not.
func names[T any](c *checker, kind string, list []T, nameOf func(T) string, taken []string) []string {
	var all []string
	seen := map[string]bool{}
	for i, item := range list {
		name := nameOf(item)
		c.table(kind, i, name)
		switch {
		case name == "":
			c.fault("name", "it has no name", `write name = "…"`)
		case !plainName(name):
			c.fault("name", "this is no plain name", fmt.Sprintf("use letters, digits and . _ - in it, at most %d", maxName))
		case seen[name]:
			c.fault("name", "another "+kind+" has this name", "give each a name of its own")
		case slices.Contains(taken, name):
			c.fault("name", "a [[slack]] has this name", "give each notifier a name of its own")
		}
		seen[name] = true
		all = append(all, name)
	}
	c.at, c.label = "", ""
	return all
}

func plainName(s string) bool {
	return len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// references checks a list of names of other tables. Nothing is said while one
// of those has no name yet.
func (c *checker) references(key, kind string, list, known []string) {
	for i, name := range list {
		place := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case slices.Contains(list[:i], name):
			c.fault(place, fmt.Sprintf("%s names %s twice", key, quote(name)), "name it once")
		case kind == "notifier" && (c.bad["slack"] || c.bad["webhook"]): // as for accounts
		case len(known) == 0:
			c.fault(place, fmt.Sprintf("unknown %s %s", kind, quote(name)), "there is no [[slack]] and no [[webhook]] yet; write one with this name")
		case !slices.Contains(known, name) && !slices.Contains(known, ""):
			c.fault(place, fmt.Sprintf("unknown %s %s", kind, quote(name)), hint.OneOf(name, known))
		}
	}
}

func (c *checker) checkDatabase() {
	d := c.cfg.Database
	switch {
	case d == "" || strings.ContainsFunc(d, unicode.IsControl):
		c.fault("database", "database: this is no file name", "write the path of the archive, or leave the key out")
	case strings.HasPrefix(d, "~") || strings.HasPrefix(d, "file:") || strings.HasPrefix(d, ":memory:"):
		c.fault("database", "database: "+quote(d)+" is no plain path", "write a path; a relative one begins at the config file")
	}
}

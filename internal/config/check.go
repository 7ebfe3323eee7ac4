package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"cocsync/internal/audit"
	"cocsync/internal/hint"
)

// checker checks the values that were decoded.
type checker struct {
	*document
	cfg     *Config
	private bool // only the owner can read the file
	now     time.Time

	table               tableName // the current table
	accounts, notifiers []string  // names
	witnesses           map[audit.WitnessKey]bool
}

func (c *checker) check() {
	c.checkDatabase()
	if len(c.cfg.Accounts) == 0 {
		c.fault("account", "no [[account]] is configured", "write an [[account]] with a name and a region")
	}
	if len(c.cfg.Watches) == 0 {
		c.fault("watch", "no [[watch]] is configured", "write a [[watch]] with a name, an account, and documents or a selection")
	}
	for _, a := range c.cfg.Accounts {
		c.accounts = append(c.accounts, a.Name)
	}
	c.notifiers = c.cfg.Notifiers()
	c.references("operators", c.cfg.Operators)
	c.wrong("page_url", checkLink(c.cfg.PageURL))
	seen := map[string]bool{}
	c.witnesses = map[audit.WitnessKey]bool{}
	for name, table := range c.cfg.tables() {
		c.table = name
		for key, s := range secretsOf(table) {
			c.secret(key, *s)
		}
		switch t := table.(type) {
		case *Account:
			c.name(t.Name, "account", seen)
			c.account(*t)
		case *Watch:
			c.name(t.Name, "watch", seen)
			c.watch(*t)
		case *Slack:
			c.name(t.Name, "slack", seen)
			c.slack(*t)
		case *Webhook:
			c.name(t.Name, "webhook", seen)
			c.webhook(*t)
		case *Route:
			c.route(*t)
		case *Witness:
			c.witness(*t)
		case *Web:
			c.web(*t)
		}
	}
	for _, user := range slices.Sorted(maps.Keys(c.cfg.People)) {
		c.table = tableName{"people." + join("", user), "person " + quote(user)}
		c.person(user, c.cfg.People[user])
	}
}

// fault reports a problem of a key at its line, or at the line of its table if the key
// is missing. It reports nothing about a key that was reported before.
func (c *checker) fault(key, problem, advice string) {
	path := key
	if c.table.path != "" {
		path, problem = c.table.path+"."+key, c.table.label+": "+problem
	}
	if c.bad[path] || strings.HasSuffix(path, "]") && c.bad[parentOf(path)] {
		return
	}
	c.add(c.lineOf(path), problem, advice)
	c.problems[len(c.problems)-1].path = path
}

// wrong reports an error as a problem of a key.
func (c *checker) wrong(key string, err error) {
	if err != nil {
		c.fault(key, key+": "+err.Error(), hint.Of(err))
	}
}

// maxName bounds names in the config.
const maxName = 64

// name checks the name of a table. seen holds the names of all kinds so far.
func (c *checker) name(name, kind string, seen map[string]bool) {
	switch {
	case name == "":
		c.fault("name", "name is missing", `write name = "…"`)
	case len(name) > maxName || !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(name):
		c.fault("name", "the name is not valid", fmt.Sprintf("use letters, digits and . _ -, at most %d characters", maxName))
	case seen[kind+name]:
		c.fault("name", "another "+kind+" has this name", "give each a unique name")
	case kind == "webhook" && seen["slack"+name]: // notifiers are named without their kind
		c.fault("name", "a [[slack]] has this name", "give each notifier a unique name")
	}
	seen[kind+name] = true
}

// references checks a list of names of notifiers. It reports no unknown name while a
// notifier has none.
func (c *checker) references(key string, list []string) {
	for i, name := range list {
		at := element(key, i)
		switch {
		case slices.Contains(list[:i], name):
			c.fault(at, fmt.Sprintf("%s has %s twice", key, quote(name)), "write it once")
		case c.bad["slack"] || c.bad["webhook"]: // the notifier may be in the rejected table
		case len(c.notifiers) == 0:
			c.fault(at, "unknown notifier "+quote(name), "no [[slack]] or [[webhook]] is configured; write one with this name")
		case !slices.Contains(c.notifiers, name) && !slices.Contains(c.notifiers, ""):
			c.fault(at, "unknown notifier "+quote(name), hint.OneOf(name, c.notifiers))
		}
	}
}

func (c *checker) checkDatabase() {
	d := c.cfg.Database
	switch {
	case d == "" || strings.ContainsFunc(d, unicode.IsControl):
		c.fault("database", "database: not a valid file name", "write the path of the archive, or leave the key out")
	case strings.HasPrefix(d, "~") || strings.HasPrefix(d, "file:") || strings.HasPrefix(d, ":memory:"):
		c.fault("database", "database: "+quote(d)+" is not a plain path",
			"write a path; a relative path is relative to the folder of the config file")
	}
}

// oneOf checks a value that must be one of a few; what names it in the message.
func (c *checker) oneOf(key, what, value string, known []string) {
	if !slices.Contains(known, value) {
		c.fault(key, "unknown "+what+" "+quote(value), "known are "+strings.Join(known, ", "))
	}
}

// patterns checks a list of patterns in which only * is special. Each is valid unless it
// is empty.
func (c *checker) patterns(key string, list []string, advice string) {
	for i, p := range list {
		if strings.TrimSpace(p) == "" {
			c.fault(element(key, i), key+" has an empty pattern", advice)
		}
	}
}

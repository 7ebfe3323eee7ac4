package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"cocsync/internal/hint"
	"cocsync/internal/schedule"
)

func (c *checker) watch(w Watch, accounts, notifiers []string) {
	switch {
	case w.Account == "":
		c.fault("account", "it has no account", `write account = "…" with the name of an [[account]]`)
	case c.bad["account"]: // the one that is meant may be there, with a fault
	case len(accounts) > 0 && !slices.Contains(accounts, "") && !slices.Contains(accounts, w.Account):
		c.fault("account", "unknown account "+quote(w.Account), hint.OneOf(w.Account, accounts))
	}
	c.schedule(w)
	if _, err := w.AuditEvery(); err != nil {
		c.wrong("audit", err)
	}
	if w.DocumentType != "" && w.DocumentType != "PUBLIC" {
		c.fault("document_type", "unknown document_type "+quote(w.DocumentType), `write "PUBLIC" for public documents; leave it out for your own`)
	}
	c.documents(w.Documents)
	switch {
	case w.Select != nil && *w.Select == Select{}:
		c.fault("select", "select chooses nothing", "write all = true in it, or a filter")
	case w.Select == nil && len(w.Documents) == 0 && !c.bad[join(c.at, "documents")]:
		c.fault("select", "it follows no document", `write documents = ["…"], or select = { all = true }`)
	}
	c.references("notify", "notifier", w.Notify, notifiers)
}

func (c *checker) schedule(w Watch) {
	if _, err := schedule.Zone(w.Timezone); err != nil {
		c.wrong("timezone", err)
		w.Timezone = "UTC"
	}
	s, err := w.Cron()
	if err != nil {
		c.wrong("schedule", err)
	} else if s.Next(c.now).IsZero() {
		c.fault("schedule", "schedule: "+quote(w.Schedule)+" never comes", "name a day that exists")
	}
}

// maxID bounds a document id; COC's have 26 characters.
const maxID = 128

func (c *checker) documents(ids []string) {
	seen := map[string]bool{}
	for i, id := range ids {
		place := fmt.Sprintf("documents[%d]", i)
		switch {
		case id == "" || len(id) > maxID || strings.ContainsFunc(id, unprintable):
			c.fault(place, quote(id)+" is no document id", "write the document_id that COC shows, such as DM2025070118023…")
		case seen[id]:
			c.fault(place, "documents names "+quote(id)+" twice", "name it once")
		}
		seen[id] = true
	}
}

// unprintable reports whether a character has no place in an id.
func unprintable(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

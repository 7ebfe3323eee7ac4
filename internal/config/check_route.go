package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func (c *checker) route(r Route, notifiers []string) {
	c.patterns("names", r.Names, "write a document's name, in which * stands for anything, such as prod-*, or leave it out")
	c.kinds("kinds", r.Kinds)
	levels := []string{"LOW", "MEDIUM", "HIGH"}
	for i, l := range r.RiskLevels {
		if !slices.Contains(levels, strings.ToUpper(l)) {
			c.fault(fmt.Sprintf("risk_levels[%d]", i), "unknown risk level "+quote(l), "known are "+strings.Join(levels, ", "))
		}
	}
	c.patterns("paths", r.Paths, pathAdvice)
	c.patterns("tasks", r.Tasks, "write a task as `cocsync log --task` takes it, such as hwc:runbook:scripts, or leave it out")
	c.references("notify", "notifier", r.Notify, notifiers)
	for i, m := range r.Mention {
		if !slackID("UWS", m) {
			c.fault(fmt.Sprintf("mention[%d]", i), "mention: "+quote(m)+" is no ID of a person or a user group in Slack",
				"write an ID such as U0123456789 (in Slack: the person's profile, ⋮, Copy member ID) or S0123456789 (the user group's menu, Copy group ID)")
		}
	}
	if len(r.Notify) == 0 && len(r.Mention) == 0 && !c.bad[join(c.at, "mention")] {
		c.fault("notify", "it has neither notify nor mention: it would do nothing", `write notify = ["…"] with the name of a [[slack]] or [[webhook]], or mention = ["U…"]`)
	}
}

// maxPerson bounds a person's name, in characters.
const maxPerson = 60

func (c *checker) person(user string, p Person) {
	unseen := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(user) == "" || len(user) > maxID || strings.ContainsFunc(user, unseen) {
		c.at, c.label = "", "people"
		c.fault(join("people", keyPath(user)), "people: "+quote(user)+" is no user of COC", "write the user's id or name as COC shows it")
		return
	}
	switch {
	case strings.TrimSpace(p.Name) == "":
		c.fault("name", "it has no name", `write name = "…"`)
	case utf8.RuneCountInString(p.Name) > maxPerson || strings.ContainsFunc(p.Name, unseen):
		c.fault("name", quote(p.Name)+" is no plain name", fmt.Sprintf("write at most %d characters, all of them printable", maxPerson))
	}
	if p.Slack != "" && !slackID("UW", p.Slack) {
		c.fault("slack", "slack: "+quote(p.Slack)+" is no ID of a person in Slack", "write the ID, such as U0123456789 (in Slack: the person's profile, ⋮, Copy member ID), or leave it out")
	}
}

// slackID reports whether an ID of Slack begins with one of some letters. Real
// ones have nine characters and more.
func slackID(letters, s string) bool {
	ok, _ := regexp.MatchString(`^[`+letters+`][A-Z0-9]{4,31}$`, s)
	return ok
}

package config

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/schedule"
)

// regions returns the endpoints of COC by region. COC is one service for all
// regions, so each endpoint serves the documents of the whole account.
func regions() map[string]string {
	return map[string]string{
		"cn-north-4":     "https://coc.myhuaweicloud.com",
		"ap-southeast-3": "https://coc-intl.myhuaweicloud.com",
		"eu-west-101":    "https://coc-eu-west-101-open-api.myhuaweicloud.eu",
	}
}

// regionEndpoint returns the endpoint of a region, "" if it is unknown.
func regionEndpoint(region string) string { return regions()[region] }

// maxConnections is far above what the rate of COC allows to use.
const maxConnections = 64

func (c *checker) account(a Account) {
	names := slices.Sorted(maps.Keys(regions()))
	known := strings.Join(names, ", ")
	const otherwise = `write endpoint = "https://…" for another`
	switch {
	case a.Region != "" && a.Endpoint != "":
		c.fault("endpoint", "region and endpoint are both given", "keep one of them")
	case a.Region == "" && a.Endpoint == "":
		c.fault("region", "region is missing", "write region = \"…\" with one of "+known+"; "+otherwise)
	case a.Endpoint != "":
		c.wrong("endpoint", checkURL(a.Endpoint))
	case regionEndpoint(a.Region) == "":
		c.fault("region", "unknown region "+quote(a.Region), strings.TrimSpace(hint.DidYouMean(a.Region, names)+" known: "+known+"; "+otherwise))
	}
	if r := a.RequestsPerSecond; !(r >= 0) || math.IsInf(r, 0) {
		c.fault("requests_per_second", "requests_per_second must be a number, 0 or more", "0 means no limit")
	}
	if a.Connections < 1 || a.Connections > maxConnections {
		c.fault("connections", fmt.Sprintf("connections is %d", a.Connections), fmt.Sprintf("write a number from 1 to %d", maxConnections))
	}
	c.wrong("console_url", checkLink(a.ConsoleURL))
	c.wrong("access_key", checkKey(a.AccessKey.ref))
	c.wrong("secret_key", checkKey(a.SecretKey.ref))
	const both = "give both, or neither: then the environment, the profile file and the ECS agency are used"
	switch access, secret := a.AccessKey.IsSet(), a.SecretKey.IsSet(); {
	case access && !secret:
		c.fault("secret_key", "access_key is given without secret_key", both)
	case secret && !access:
		c.fault("access_key", "secret_key is given without access_key", both)
	case a.SecurityToken.IsSet() && !access:
		c.fault("access_key", "security_token is given without access_key and secret_key", both)
	}
}

// checkKey rejects a key that is the name of a region or a value of another prompt of
// init.
func checkKey(text string) error {
	region := regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`) // as in Huawei Cloud's list of regions
	switch {
	case text == "auto", text == "none", text == "all":
		return hint.Wrap(fmt.Errorf("%s is not a key", quote(text)),
			"leave access_key and secret_key out: then the environment, the profile file and the ECS agency are used")
	case region.MatchString(text):
		return hint.Wrap(fmt.Errorf("%s is a region, not a key", quote(text)),
			`write region = "`+text+`" in the account, and env:NAME or file:PATH for the key`)
	}
	return nil
}

func (c *checker) watch(w Watch) {
	switch {
	case w.Account == "":
		c.fault("account", "account is missing", `write account = "…" with the name of an [[account]]`)
	case c.bad["account"]: // the account may be in the rejected table
	case len(c.accounts) > 0 && !slices.Contains(c.accounts, "") && !slices.Contains(c.accounts, w.Account):
		c.fault("account", "unknown account "+quote(w.Account), hint.OneOf(w.Account, c.accounts))
	}
	if _, err := schedule.Zone(w.Timezone); err != nil {
		c.wrong("timezone", err)
		w.Timezone = "UTC"
	}
	if s, err := w.Cron(); err != nil {
		c.wrong("schedule", err)
	} else if s.Next(c.now).IsZero() {
		c.fault("schedule", "schedule: "+quote(w.Schedule)+" never runs", "use a date that exists")
	}
	_, err := w.AuditEvery()
	c.wrong("audit", err)
	if w.DocumentType != "" && w.DocumentType != "PUBLIC" {
		c.fault("document_type", "unknown document_type "+quote(w.DocumentType), `write "PUBLIC" for public documents; leave it out for your own`)
	}
	c.documents(w.Documents)
	switch {
	case w.Select != nil && *w.Select == Select{}:
		c.fault("select", "select is empty", "write all = true in it, or a filter")
	case w.Select == nil && len(w.Documents) == 0 && !c.bad[c.table.path+".documents"]:
		c.fault("select", "no documents are selected", `write documents = ["…"], or select = { all = true }`)
	}
	c.references("notify", w.Notify)
}

// maxID bounds a document id; COC's have 26 characters.
const maxID = 128

func (c *checker) documents(ids []string) {
	for i, id := range ids {
		switch {
		case id == "" || len(id) > maxID || strings.ContainsFunc(id, notInID):
			c.fault(element("documents", i), quote(id)+" is not a valid document id",
				"write the document_id that COC shows, such as DM2025070118023…")
		case slices.Contains(ids[:i], id):
			c.fault(element("documents", i), "documents has "+quote(id)+" twice", "write it once")
		}
	}
}

// notInID reports whether an id cannot have a character.
func notInID(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

func (c *checker) slack(s Slack) {
	const channel = "write the ID of the channel, such as C0123456789"
	switch {
	case s.Token.IsSet() && s.Webhook.IsSet():
		c.fault("webhook", "token and webhook are both given", "keep one of them")
	case s.Token.IsSet() && s.Channel == "":
		c.fault("channel", "channel is missing", channel)
	case s.Webhook.IsSet() && s.Channel != "":
		c.fault("channel", "a webhook always posts to its own channel", "leave channel out, or use a token")
	case !s.Token.IsSet() && !s.Webhook.IsSet() && !c.bad[c.table.path+".webhook"]:
		c.fault("token", "token and webhook are missing", `write token = "env:SLACK_BOT_TOKEN" or webhook = "env:SLACK_WEBHOOK_URL"`)
	}
	if strings.ContainsFunc(s.Channel, notInID) {
		c.fault("channel", quote(s.Channel)+" is not a valid channel", channel)
	}
	if s.Token.plain() {
		c.wrong("token", checkBot(s.Token, s.Token.ref))
	}
	c.notifier(s.Notifier)
	c.wrong("api_url", checkURL(s.APIURL))
	if s.DigestOver < 1 {
		c.fault("digest_over", fmt.Sprintf("digest_over is %d", s.DigestOver), "write a number, 1 or more")
	}
	_, err := s.ThreadFor()
	c.wrong("thread", err)
	if _, err = schedule.Zone(s.Timezone); err != nil {
		c.wrong("timezone", err)
		s.Timezone = "UTC"
	}
	_, err = s.Quiet()
	c.wrong("quiet_hours", err)
	c.kinds("quiet_except", s.QuietExcept)
	if s.Checkpoints != "daily" && s.Checkpoints != "never" {
		c.fault("checkpoints", "checkpoints is "+quote(s.Checkpoints), `write checkpoints = "daily" or "never"`)
	}
}

func (c *checker) webhook(w Webhook) {
	if !w.URL.IsSet() {
		c.fault("url", "url is missing", `write url = "https://…", or "env:WEBHOOK_URL" if it is a secret`)
	} else if w.URL.plain() && w.URL.check() == nil {
		c.wrong("url", checkTarget(w.URL.ref))
	}
	if !w.Secret.IsSet() {
		c.fault("secret", "secret is missing", `write secret = "env:WEBHOOK_SECRET"; `+keyAdvice)
	} else if w.Secret.plain() && w.Secret.check() == nil {
		_, err := w.Key()
		c.wrong("secret", err)
	}
	c.notifier(w.Notifier)
}

func (c *checker) notifier(n Notifier) {
	if len(n.Kinds) == 0 {
		c.fault("kinds", "kinds is empty: no change would be sent", "leave it out, or choose from "+strings.Join(knownKinds(), ", "))
	}
	c.kinds("kinds", n.Kinds)
	c.oneOf("detail", "detail", n.Detail, []string{"full", "outline", "name"})
	for i, m := range n.Mask {
		if _, err := regexp.Compile(m); err != nil || m == "" {
			c.fault(element("mask", i), "mask: "+quote(m)+" is not a valid pattern", "see https://github.com/google/re2/wiki/Syntax")
		}
	}
	c.patterns("ignore_paths", n.IgnorePaths, pathAdvice)
}

// kinds checks a list of kinds of change.
func (c *checker) kinds(key string, list []coc.Kind) {
	for i, k := range list {
		c.oneOf(element(key, i), "kind", string(k), knownKinds())
	}
}

func knownKinds() []string {
	var known []string
	for _, k := range coc.Kinds() {
		known = append(known, string(k))
	}
	return known
}

const pathAdvice = "write a path as in `cocsync log --path`, such as steps[*].inputs.timeout, or leave it out"

func (c *checker) route(r Route) {
	c.patterns("names", r.Names, "write a document's name, in which * matches any text, such as prod-*, or leave it out")
	c.kinds("kinds", r.Kinds)
	for i, l := range r.RiskLevels {
		if levels := []string{"LOW", "MEDIUM", "HIGH"}; !slices.Contains(levels, strings.ToUpper(l)) {
			c.oneOf(element("risk_levels", i), "risk level", l, levels)
		}
	}
	c.patterns("paths", r.Paths, pathAdvice)
	c.patterns("tasks", r.Tasks, "write a task as in `cocsync log --task`, such as hwc:runbook:scripts, or leave it out")
	c.references("notify", r.Notify)
	for i, m := range r.Mention {
		if !slackID("UWS", m) {
			c.fault(element("mention", i), "mention: "+quote(m)+" is not the ID of a person or a user group in Slack",
				"write an ID such as U0123456789 (in Slack: the person's profile, ⋮, Copy member ID) or S0123456789 (the user "+
					"group's menu, Copy group ID)")
		}
	}
	if len(r.Notify) == 0 && len(r.Mention) == 0 && !c.bad[c.table.path+".mention"] {
		c.fault("notify", "notify and mention are missing: the route has no effect",
			`write notify = ["…"] with the name of a [[slack]] or [[webhook]], or mention = ["U…"]`)
	}
}

func (c *checker) witness(w Witness) {
	const advice = "write the verifier key that the operator of the witness publishes, such as witness.example.com/w1+8d66cf3f+BAz…"
	if w.URL == "" {
		c.fault("url", "url is missing", `write url = "https://…": the submission prefix of the witness, without /add-checkpoint`)
	} else {
		c.wrong("url", checkURL(w.URL))
	}
	key, err := w.VerifierKey()
	switch {
	case w.Key == "":
		c.fault("key", "key is missing", advice)
	case err != nil:
		c.wrong("key", hint.Wrap(err, advice))
	case c.witnesses[key]:
		c.fault("key", "another witness has this key", "write each witness once")
	default:
		c.witnesses[key] = true
	}
}

// maxPerson bounds a person's name, in characters.
const maxPerson = 60

func (c *checker) person(user string, p Person) {
	notPrintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(user) == "" || len(user) > maxID || strings.ContainsFunc(user, notPrintable) {
		c.table = tableName{"people", "people"}
		c.fault(join("", user), quote(user)+" is not a valid COC user", "write the user's id or name as COC shows it")
		return
	}
	switch {
	case strings.TrimSpace(p.Name) == "":
		c.fault("name", "name is missing", `write name = "…"`)
	case utf8.RuneCountInString(p.Name) > maxPerson || strings.ContainsFunc(p.Name, notPrintable):
		c.fault("name", quote(p.Name)+" is not a valid name", fmt.Sprintf("write at most %d characters, all of them printable", maxPerson))
	}
	if p.Slack != "" && !slackID("UW", p.Slack) {
		c.fault("slack", "slack: "+quote(p.Slack)+" is not the ID of a person in Slack",
			"write the ID, such as U0123456789 (in Slack: the person's profile, ⋮, Copy member ID), or leave it out")
	}
}

// slackID reports whether a text is an ID of Slack with one of some letters as its
// prefix. Real ones have nine characters and more.
func slackID(letters, s string) bool {
	ok, _ := regexp.MatchString(`^[`+letters+`][A-Z0-9]{4,31}$`, s)
	return ok
}

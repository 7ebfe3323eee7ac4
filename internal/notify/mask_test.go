package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/mask"
)

// A secret shows in no part of a message: neither in the diff, nor in the items,
// the summary or the fallback, also if only the value next to it shows that it is one.
func TestNoSecretLeaves(t *testing.T) {
	const job = `steps:
  - name: login
    inputs:
      script_params:
        - param_name: db_password
          param_value: SECRET
      body: '{"user":"x","access_key":"SECRET"}'
      command: psql --password SECRET
      token: SECRET
      private_key: |
        -----BEGIN PRIVATE KEY-----
        SECRET
        -----END PRIVATE KEY-----
`
	const before, after = "swordfishOne1", "swordfishTwo2"
	for _, detail := range []Detail{DetailFull, DetailOutline, DetailName} {
		w := &writer{n: &Notifier{Detail: detail}, mask: &mask.Masker{}}
		base, _ := example("version")
		c, pair := compared(*base, strings.ReplaceAll(job, "SECRET", before), strings.ReplaceAll(job, "SECRET", after))
		c.Summary = "token " + before + " → " + after + " in login"
		got := string(write(t, w.change(c, pair, nil)))
		if strings.Contains(got, "swordfish") {
			t.Errorf("detail %s shows a secret:\n%s", detail, got)
		}
		if full := strings.Contains(got, "token: ***"); full != (detail == DetailFull) {
			t.Errorf("detail %s: the masked line is there: %v", detail, full)
		}
	}
}

// A long value that is shown from shortly before it differs may begin in the middle
// of a secret, whose name is cut off.
func TestSecretTruncatedByDiffIsMasked(t *testing.T) {
	secret := strings.Repeat("k3y", 25)
	command := func(n string) []byte {
		return []byte("steps:\n- name: a\n  command: x --pad " + strings.Repeat("y ", 300) + "--token " + secret + " " + n + "\n")
	}
	old, now := command("1"), command("2")
	r := diff.Compare(diff.Read(old), diff.Read(now))
	c := &coc.Change{Key: key(1), Ref: fmt.Sprint(1), Kind: coc.KindVersion, Name: "job"}
	c.Summary = r.Summary
	for _, it := range r.Items {
		c.Items = append(c.Items, coc.Item{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task, Old: it.Old, New: it.New})
	}
	if len(c.Items) != 1 || !strings.Contains(c.Items[0].New, secret[60:]) {
		t.Fatalf("items %+v don't cut the secret", c.Items)
	}
	w := &writer{n: &Notifier{Name: "ops"}, mask: &mask.Masker{}}
	m := w.change(c, contents{old: old, now: now}, nil)
	body, err := json.Marshal(m.blocks)
	if err != nil {
		t.Fatal(err)
	}
	if all := string(body) + m.text; strings.Contains(all, secret[60:]) {
		t.Errorf("the message shows the end of a secret:\n%s", all)
	}
}

// The position of a moved value is described by the values around it.
func TestMovedSecretsAreMasked(t *testing.T) {
	for _, detail := range []Detail{DetailFull, DetailOutline} {
		w := &writer{n: &Notifier{Name: "ops", Detail: detail}, mask: &mask.Masker{}}
		c := &coc.Change{Key: key(1), Ref: fmt.Sprint(1), Kind: coc.KindVersion, Name: "job"}
		c.Items = []coc.Item{{Op: "moved", Path: "passwords[0]", Old: "first", New: "after hunter2"}}
		m := w.change(c, contents{}, nil)
		if body, err := json.Marshal(m.blocks); strings.Contains(m.text, "hunter2") || err != nil || strings.Contains(string(body), "hunter2") {
			t.Errorf("detail %s: %s, %v", detail, body, err)
		}
	}
}

// keys look like real ones of several makers, and are none.
func keys() map[string]string {
	return map[string]string{
		"access_key":     "AKIAIOSFODNN7EXAMPLE",
		"secret_key":     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"password":       "Tr0ub4dor&3-of-the-db",
		"sk":             "oNdqYzH3X0PmB7uEXAMPLEsecretKeyOfHuawei1",
		"slack_token":    "xoxb-1234567890-abcdefghijklmnop",
		"github_token":   "ghp_0123456789abcdefghijABCDEFGHIJ012345",
		"jwt":            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s1gn4tur3",
		"Authorization":  "Bearer abcdef1234567890",
		"private_key":    "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0B\\n-----END PRIVATE KEY-----",
		"connection_url": "postgres://admin:s3cr3tP4ss@db.example.com/x",
	}
}

// Nothing that is sent contains a secret, changed or not: no message, fallback, file, digest,
// details or event.
func TestSecretsAreSentNowhere(t *testing.T) {
	secrets := []string{"AKIAIOSFODNN7", "wJalrXUtnFEMI", "Tr0ub4dor", "oNdqYzH3X0", "xoxb-1234567890-a", "ghp_0123456789",
		"eyJhbGciOiJIUzI1NiJ9", "abcdef1234567890", "MIIEvQIBADANBg", "s3cr3tP4ss"}
	job := func(changed string) []byte {
		var b strings.Builder
		b.WriteString("meta: {name: job}\nsteps:\n")
		for i := range 25 {
			fmt.Fprintf(&b, "  - name: step_%d\n    task: hwc:runbook:scripts@1.0.0\n    inputs:\n      timeout: %d%s\n", i, i, changed)
			for name, secret := range keys() {
				fmt.Fprintf(&b, "      %s: \"%s\"\n", name, secret)
			}
			fmt.Fprintf(&b, "      content: |\n        export DB_PASSWORD='Tr0ub4dor&3-of-the-db'\n        curl -H 'Authorization: Bearer abcdef1234567890' https://admin:s3cr3tP4ss@h/\n")
			fmt.Fprintf(&b, "      body: '{\"secret_key\":\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\",\"n\":%d}'\n", i)
		}
		return []byte(b.String())
	}
	old, now := job(""), job("0")
	rotated := bytes.ReplaceAll(now, []byte("Tr0ub4dor"), []byte("Tr0ub4dor-next"))
	for _, detail := range []Detail{DetailFull, DetailOutline, DetailName} {
		synctest.Test(t, func(t *testing.T) {
			ops, hook, digest := threaded(), byWebhook("plain"), threaded()
			digest.Name, digest.DigestOver = "digest", 1
			digest = bySlack(digest, func(s *Slack) { s.Channel = "C0OTHER" })
			ops.Detail, hook.Detail, digest.Detail = detail, detail, detail
			b := setUp(t, ops, hook, digest)
			for i, pair := range []contents{{old: old, now: now}, {old: now, now: rotated}, {now: now}} {
				c, _ := compared(*edit(int64(i+1), int64(i%2), i), string(pair.old), string(pair.now))
				b.out.contents[c.Key] = pair
				for _, n := range b.Notifiers {
					b.out.queue(n.Name, c)
				}
			}
			stop := b.start(t, nil)
			time.Sleep(10 * time.Minute)
			stop()
			var all strings.Builder
			for _, m := range b.out.messages { // what was frozen: blocks, files and fallbacks
				all.Write(m.Body)
				all.WriteString(m.Text)
			}
			for _, f := range b.slack.Files() {
				all.Write(f.Content)
				all.WriteString(f.Title + f.Name)
			}
			n := byHook("audit")
			n.Detail = detail
			w := b.batch(&n).write
			for id, pair := range b.out.contents {
				c, _ := compared(*edit(id.ID, 1, 1), string(pair.old), string(pair.now))
				body, text, err := w.event(c, pair)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(body)
				all.WriteString(text)
			}
			notice := &coc.Notice{Title: "broken", Lines: []string{"GET https://admin:s3cr3tP4ss@h/: AKIAIOSFODNN7EXAMPLE was refused"}}
			all.WriteString(w.notice(notice).text)
			body, _, err := w.noticeEvent(notice)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(body)
			for _, s := range secrets {
				if at := strings.Index(all.String(), s); at >= 0 {
					t.Errorf("detail %s: %s is sent: …%s…", detail, s, all.String()[max(0, at-200):min(all.Len(), at+40)])
				}
			}
			if files := len(b.slack.Files()); (files > 0) != (detail == DetailFull) || len(b.slack.Messages()) < 8 {
				t.Errorf("detail %s: %d messages and %d files", detail, len(b.slack.Messages()), files)
			}
		})
	}
}

// A notifier's patterns, and what looks like a key, are hidden wherever a change
// names something: in links and file names too.
func TestMaskEverywhere(t *testing.T) {
	n := threaded()
	n.Mask = []*regexp.Regexp{regexp.MustCompile(`acme\w*`)}
	w := &writer{n: &n, mask: &mask.Masker{Patterns: n.Mask}, links: Links{Page: "https://p.example.com/{name}/{document_id}/{version}",
		Console: map[string]string{"prod": "https://c.example.com/{name}"}}}
	for _, secret := range []string{"acmesecret", "AKIAIOSFODNN7EXAMPLE"} {
		c := edit(1, 1, 1)
		c.Account = "prod"
		for _, s := range []*string{&c.Name, &c.DocumentID, &c.By, &c.Modifier, &c.Version, &c.Previous, &c.RiskLevel, &c.Summary, &c.Reason} {
			*s = secret
		}
		c.Items = []coc.Item{{Op: "changed", Path: "steps[" + secret + "].x", Step: secret, Task: secret, Old: secret, New: secret + "2"},
			{Op: "added", Path: "steps[" + secret + "]", Step: secret, Task: secret},
			{Op: "moved", Path: "steps[b]", Step: "b", Old: "after " + secret, New: "after a"}}
		pair := contents{old: []byte("a\n"), now: []byte(secret + "\n" + strings.Repeat("x\n", 100))}
		m := w.change(c, pair, nil)
		d := w.digest([]*coc.Change{c, c}, nil)
		details, err := w.details([]*coc.Change{c, c}, func(*coc.Change) (contents, error) { return pair, nil })
		if err != nil || m.file == nil || details[0].file == nil {
			t.Fatal(err, m.file)
		}
		body, text, err := w.event(c, pair)
		if err != nil {
			t.Fatal(err)
		}
		for where, part := range map[string]any{"message": m.blocks, "text": m.text, "file": *m.file, "digest": d.blocks, "digest's text": d.text,
			"details": details[0].blocks, "details' file": *details[0].file, "event": string(body), "event's text": text} {
			raw, err := json.Marshal(part)
			if err != nil || strings.Contains(string(raw), secret) {
				t.Errorf("%s: %s is sent, %v\n%s", where, secret, err, raw)
			}
		}
	}
}

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

	"github.com/google/go-cmp/cmp"
)

// Values that look like secrets are hidden in a line, wherever they hide.
func TestMaskLine(t *testing.T) {
	m := newMask(nil)
	for _, test := range []struct{ in, want string }{
		{`password: hunter2`, `password: ***`},
		{`  - db_password: "hun\"ter2"  # old`, `  - db_password: ***`},
		{`Passwd: 'it''s me'`, `Passwd: '***'`},
		{`access_key: AKIAIOSFODNN7EXAMPLE`, `access_key: ***`},
		{`secretKey: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`, `secretKey: ***`},
		{`sk: wJalrXUtnFEMI`, `sk: ***`},
		{`x-auth-token: gAAAAABl`, `x-auth-token: ***`},
		{`body: '{"password":"hunter2","user":"bob"}'`, `body: '{"password":"***","user":"bob"}'`},
		{`body: "{\"password\":\"hunter2\",\"user\":\"bob\"}"`, `body: "{\"password\":\"***\",\"user\":\"bob\"}"`},
		{`body: '{"pin": 1, "api_key": 12345, "user": "bob"}'`, `body: '{"pin": 1, "api_key": ***, "user": "bob"}'`},
		{`p: '[{"param_name":"db_password","param_value":"hunter2"},{"param_name":"user","param_value":"bob"}]'`,
			`p: '[{"param_name":"db_password","param_value":"***"},{"param_name":"user","param_value":"bob"}]'`},
		{`p: '[{"value":"hunter2","name":"token"}]'`, `p: '[{"value":"***","name":"token"}]'`},
		{`mysql -u root --password=hunter2 -h db`, `mysql -u root --password=*** -h db`},
		{`login --token hunter2 --user bob`, `login --token *** --user bob`},
		{`export DB_PASSWORD=hunter2; run`, `export DB_PASSWORD=***; run`},
		{`url: https://bob:hunter2@db.example/x`, `url: https:***db.example/x`},
		{`curl -H "Authorization: Bearer abcdef123456"`, `curl -H "Authorization: ***"`},
		{`key is AKIAIOSFODNN7EXAMPLE here`, `key is *** here`},
		{`xoxb-1234567890-abcdefghij`, `***`},
		{`jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc`, `jwt ***`},
		{`{type: string, password: hunter2, user: bob}`, `{type: string, password: ***`},
		{`password: "{{$globals.db_password}}"`, `password: "{{$globals.db_password}}"`},
		// What is no secret stays.
		{`timeout: 30`, `timeout: 30`},
		{`name: rotate_password`, `name: rotate_password`},
		{`task: hwc:secret:get@1.0.0`, `task: hwc:secret:get@1.0.0`},
		{`bypass: true`, `bypass: true`},
		{`asked: 1`, `asked: 1`},
	} {
		if got := m.line(test.in); got != test.want {
			t.Errorf("line(%s)\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}

// In a whole content secrets also stand below their key, or beside their name.
// The number of lines is that of the content.
func TestMaskText(t *testing.T) {
	in := `inputs:
  db_password:
    type: string
    default: hunter2
  user: {default: bob}
tokens:
- first-token
- second-token
cert: |
  -----BEGIN RSA PRIVATE KEY-----
  MIIEowIBAAKCAQEA
  -----END RSA PRIVATE KEY-----
  after
private_key: |
  MIIEowIBAAKCAQEB

  more: of it
script_params:
  - param_name: admin_password
    param_value: >
      swordfish
    param_order: 1
  - param_value: rosebud
    param_name: api_token
  - param_name: user
    param_value: alice
note: "password: \"seen
  below\""
secret: 'column
zero'
end: yes`
	want := `inputs:
  db_password:
    ***
    ***
  user: {default: bob}
tokens:
***
***
cert: |
  ***
  ***
  ***
  after
private_key: ***
  ***

  ***
script_params:
  - param_name: admin_password
    param_value: ***
      ***
    param_order: 1
  - param_value: ***
    param_name: api_token
  - param_name: user
    param_value: alice
note: "password: ***
  ***
secret: ***
***
end: yes`
	lines, found := newMask(nil).text(in)
	if d := cmp.Diff(strings.Split(want, "\n"), lines); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	for _, v := range []string{"first-token", "swordfish", "rosebud"} {
		if !told("x "+v, found) {
			t.Errorf("%q is not among the hidden values", v)
		}
	}
}

// A notifier's own patterns hide across lines, and one that fits nothing hides
// nothing.
func TestMaskPatterns(t *testing.T) {
	m := newMask([]*regexp.Regexp{regexp.MustCompile(`(?s)BEGIN.*?END`), regexp.MustCompile(`x*`), regexp.MustCompile(`ACME-\d+`)})
	lines, _ := m.text("a\nBEGIN 1\n2\nEND b\nACME-42 c")
	if d := cmp.Diff([]string{"a", "***", "***", "*** b", "*** c"}, lines); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
}

// A secret shows in no part of a message: neither in the diff, nor in the items,
// the summary or the fallback, also where only its neighbour tells what it is.
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
	const before, after = "swordfish-one", "swordfish-two"
	for _, detail := range []Detail{DetailFull, DetailOutline, DetailName} {
		w := &writer{n: &Notifier{Detail: detail}, mask: newMask(nil)}
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

// What a cut at either end leaves of a hidden value is hidden too.
func TestToldOfCutValues(t *testing.T) {
	found := []string{"s3cr3t-t0ken-0123456789"}
	for s, want := range map[string]bool{
		"run s3cr3t-t0ken-0123456789 now": true,
		"…n-0123456789 --force":           true,
		"…789 --force":                    false, // too little of it to be one
		"--token s3cr3t-t0…":              true,
		"t0ken":                           true, // cut from it
		"n-0123456789 --force":            false,
		"…nothing of it…":                 false,
	} {
		if got := told(s, found); got != want {
			t.Errorf("told(%q) = %v, want %v", s, got, want)
		}
	}
}

// A long value that is shown from shortly before it differs may begin in the middle
// of a secret, whose name is cut off.
func TestSecretCutByDiffStaysHome(t *testing.T) {
	secret := strings.Repeat("k3y", 25)
	command := func(n string) []byte {
		return []byte("steps:\n- name: a\n  command: x --pad " + strings.Repeat("y ", 300) + "--token " + secret + " " + n + "\n")
	}
	old, now := command("1"), command("2")
	r := diff.Compare(diff.Read(old), diff.Read(now))
	c := &coc.Change{ID: 1, Kind: coc.KindVersion, Name: "job"}
	c.Summary = r.Summary
	for _, it := range r.Items {
		c.Items = append(c.Items, coc.Item{Op: it.Op, Path: it.Path, Step: it.Step, Task: it.Task, Old: it.Old, New: it.New})
	}
	if len(c.Items) != 1 || !strings.Contains(c.Items[0].New, secret[60:]) {
		t.Fatalf("items %+v don't cut the secret", c.Items)
	}
	w := &writer{n: &Notifier{Name: "ops"}, mask: newMask(nil)}
	m := w.change(c, contents{old: old, now: now}, nil)
	body, err := json.Marshal(m.blocks)
	if err != nil {
		t.Fatal(err)
	}
	if all := string(body) + m.text; strings.Contains(all, secret[60:]) {
		t.Errorf("the message shows the end of a secret:\n%s", all)
	}
}

// Where a value moved to is told by the values around it.
func TestMovedSecretsStayHome(t *testing.T) {
	for _, detail := range []Detail{DetailFull, DetailOutline} {
		w := &writer{n: &Notifier{Name: "ops", Detail: detail}, mask: newMask(nil)}
		c := &coc.Change{ID: 1, Kind: coc.KindVersion, Name: "job"}
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

// Nothing that leaves holds a secret, changed or not: no message, no fallback, no
// file, no digest or what is below it, no event.
func TestSecretsStayHomeEverywhere(t *testing.T) {
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
			digest.Name, digest.DigestOver, digest.Channel = "digest", 1, "C0OTHER"
			ops.Detail, hook.Detail, digest.Detail = detail, detail, detail
			b := setUp(t, ops, hook, digest)
			for i, pair := range []contents{{old: old, now: now}, {old: now, now: rotated}, {now: now}} {
				c, _ := compared(*edit(int64(i+1), int64(i%2), i), string(pair.old), string(pair.now))
				b.out.contents[c.ID] = pair
				for _, n := range b.Notifiers {
					b.out.tell(n.Name, c)
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
			w := b.writer(&n)
			for id, pair := range b.out.contents {
				c, _ := compared(*edit(id, 1, 1), string(pair.old), string(pair.now))
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
					t.Errorf("detail %s: %s leaves: …%s…", detail, s, all.String()[max(0, at-200):min(all.Len(), at+40)])
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
	w := &writer{n: &n, mask: newMask(n.Mask), links: Links{Page: "https://p.example.com/{name}/{document_id}/{version}",
		Console: map[string]string{"prod": "https://c.example.com/{name}"}}}
	for _, secret := range []string{"acmesecret", "AKIAIOSFODNN7EXAMPLE"} {
		c := edit(1, 1, 1)
		c.Account = "prod"
		for _, s := range []*string{&c.Name, &c.DocumentID, &c.By, &c.Modifier, &c.Version, &c.Previous, &c.RiskLevel, &c.Summary, &c.Reason} {
			*s = secret
		}
		c.Items = []coc.Item{{Op: "changed", Path: "steps[" + secret + "].x", Step: secret, Task: secret, Old: secret, New: secret + "2"},
			{Op: "added", Path: "steps[" + secret + "]", Step: secret, Task: secret}, {Op: "moved", Path: "steps[b]", Step: "b", Old: "after " + secret, New: "after a"}}
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
				t.Errorf("%s: %s leaves, %v\n%s", where, secret, err, raw)
			}
		}
	}
}

// In a content a secret is hidden whole, however a shell, a file format or a command
// has it.
func TestMaskEverydayShapes(t *testing.T) {
	m := newMask(nil)
	for _, s := range []string{
		"password=foo,S3cretPass", "password=S3cret&S3cretPass", `PASSWORD='abc'"S3cretPass"`, `PASSWORD=abc"S3cretPass"`,
		"PASSWORD=$(echo S3cretPass)", "PASSWORD=`echo S3cretPass`", `PASSWORD="abc $X S3cretPass"`, `{\"password\": \"S3cret\\\"S3cretPass\"}`,
		"dbpass=S3cretPass", "userPass: S3cretPass", "userpass: S3cretPass", "db.pass=S3cretPass", "user_pass: S3cretPass",
		"<password>S3cretPass</password>", `<property name="password" value="S3cretPass"/>`, `<property value="S3cretPass" name="password" />`,
		"requirepass S3cretPass", "machine x login y password S3cretPass", "password S3cretPass", `set password "S3cretPass"`, "setx PASSWORD S3cretPass",
		"password := \"S3cretPass\"", "$env:PASSWORD = 'S3cretPass'", `config["password"] = "S3cretPass"`, "CREATE USER x IDENTIFIED BY 'S3cretPass'",
		"sshpass -p 'S3cretPass' ssh x", "sshpass -pS3cretPass ssh x", "curl -u admin:S3cretPass https://x", "curl -s --user admin:S3cretPass https://x",
		"mysql -uroot -pS3cretPass", "mysqldump -u root -pS3cretPass db", "echo S3cretPass | passwd --stdin root", "echo 'root:S3cretPass' | chpasswd",
		"redis-cli -h x -a S3cretPass", "docker login -u x -p S3cretPass h", "net user bob S3cretPass /add", "read -r PASSWORD <<< S3cretPass",
		"kubectl create secret generic x --from-literal=key=S3cretPass", "ConvertTo-SecureString 'S3cretPass' -AsPlainText",
		"aws configure set aws_secret_access_key S3cretPass", "? password\n: S3cretPass", `"pass\u0077ord": S3cretPass`,
		"passcode: S3cretPass", "密码: S3cretPass", "jwt: S3cretPass", "id_rsa: S3cretPass", "x-api-key: S3cretPass",
		"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=S3cretPass", "https://oapi.dingtalk.com/robot/send?access_token=S3cretPass",
		"https://open.feishu.cn/open-apis/bot/v2/hook/S3cretPass-1234", "psql postgresql://u:S3cretPass@h/db", `["--password","S3cretPass"]`,
		"token: Bearer S3cretPass", "--password S3cretPass", "/p:Password=S3cretPass", "Server=x;Uid=y;Pwd=S3cretPass;", "X-Auth-Token: S3cretPass",
		strings.Repeat("x", maxMasked) + " password S3cretPass",
	} {
		lines, _ := m.text(s)
		if got := strings.Join(lines, "\n"); strings.Contains(got, "S3cretPass") || len(lines) != strings.Count(s, "\n")+1 {
			t.Errorf("%.200q leaves as %.200q", s, got)
		}
	}
	for _, s := range []string{
		"bypass: true", "compass: north", "keyword: x", "monkey: 1", "primary_key: id", "sort_key: name", "description: rotate the password regularly",
		"name: rotate_password", "task: hwc:secret:get@1.0.0", "curl -s https://x/health", "mysql -h db -u root", "echo done | tee log", "set -e", "timeout: 30",
		"systemctl login", "https://x/y?page=2&sort=name", "if a < b and c > d", "- run: sudo systemctl restart x",
	} {
		if lines, _ := m.text(s); lines[0] != s {
			t.Errorf("%q leaves as %q", s, lines[0])
		}
	}
	// Our own words say that a password changed, and stay whole.
	for _, s := range []string{"password changed in login, timeout 30 → 60 in wait", "set password changed in a", "requirepass changed in redis"} {
		if got := m.line(s); got != s {
			t.Errorf("line(%q) = %q", s, got)
		}
	}
}

package notify

import (
	"regexp"
	"strings"
	"testing"

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
		base, _ := sample("version")
		c, pair := compared(*base, strings.ReplaceAll(job, "SECRET", before), strings.ReplaceAll(job, "SECRET", after))
		c.Summary = "token " + before + " → " + after + " in login"
		got := string(write(t, first(w.change(c, pair)), second(w.change(c, pair))))
		if strings.Contains(got, "swordfish") {
			t.Errorf("detail %s shows a secret:\n%s", detail, got)
		}
		if full := strings.Contains(got, "token: ***"); full != (detail == DetailFull) {
			t.Errorf("detail %s: the masked line is there: %v", detail, full)
		}
	}
}

func first(b []block, _ string) []block    { return b }
func second(_ []block, text string) string { return text }

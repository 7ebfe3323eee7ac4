package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
	"cocsync/internal/mask"
	"cocsync/internal/text"
)

// The plain fallback contains nothing that could become a link.
func TestUnlink(t *testing.T) {
	got := unlink("see https://evil.example/x, www.evil.example, bob@evil.example, @here: v1 → v2. End")
	if found := regexp.MustCompile(`://|\w\.\w|@\w`).FindString(got); found != "" {
		t.Errorf("unlink left %q in %q", found, got)
	}
	if strings.ReplaceAll(got, zeroWidthSpace, "") != "see https://evil.example/x, www.evil.example, bob@evil.example, @here: v1 → v2. End" {
		t.Errorf("unlink altered the text: %q", got)
	}
}

// sound checks a message: Slack's limits, and no link or mention that is not allowed. The fake
// Slack checks in another way.
func sound(w rendered, allowed ...string) error {
	blocks, text := w.blocks, w.text
	if f := w.file; f != nil && (!regexp.MustCompile(`^\w[\w.-]*\.diff$`).MatchString(f.Name) || f.Content == "" ||
		!utf8.ValidString(f.Content+f.Title) ||
		strings.ContainsFunc(f.Title+f.Content+f.Instead, func(r rune) bool {
			return unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t'
		})) {
		return fmt.Errorf("file %q, %q, %q", f.Name, f.Title, f.Content)
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		return err
	}
	m := cocsim.Message{Text: text, Blocks: raw}
	plain := cocsim.Message{Text: unlink(text)}
	live := slices.DeleteFunc(cocsim.Mentions(m), func(s string) bool { return slices.Contains(allowed, s) })
	if live := append(live, cocsim.Mentions(plain)...); len(live) > 0 {
		return fmt.Errorf("live: %q", live)
	}
	switch {
	case strings.TrimSpace(text) == "" || !utf8.ValidString(text):
		return fmt.Errorf("text is %q", text)
	case len(utf16.Encode([]rune(text))) > 4000:
		return fmt.Errorf("text has %d characters", utf8.RuneCountInString(text))
	case strings.ContainsAny(text, "<>"):
		return fmt.Errorf("text is not escaped: %q", text)
	case len(blocks) == 0 || len(blocks) > 50:
		return fmt.Errorf("%d blocks", len(blocks))
	case len(utf16.Encode([]rune(string(raw)))) > 10_000:
		return fmt.Errorf("blocks have %d characters", len(raw))
	case strings.ContainsFunc(text+string(raw), func(r rune) bool {
		return unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cc, r) && r != '\n'
	}):
		return fmt.Errorf("control characters in %q", raw)
	}
	return soundBlocks(blocks, "")
}

func soundBlocks(blocks []block, in string) error {
	for _, b := range blocks {
		s, _ := b.Text.(string)
		switch b.Type {
		case "header":
			title := b.Text.(block)
			if n := utf8.RuneCountInString(title.Text.(string)); title.Type != "plain_text" || n == 0 || n > 150 {
				return fmt.Errorf("header of %d characters", n)
			}
		case "context", "rich_text", "rich_text_section", "rich_text_list", "rich_text_preformatted":
			if len(b.Elements) == 0 || b.Type == "context" && len(b.Elements) > 10 {
				return fmt.Errorf("%s has %d elements", b.Type, len(b.Elements))
			}
			if err := soundBlocks(b.Elements, b.Type); err != nil {
				return err
			}
		case "plain_text", "text":
			if s == "" || (b.Type == "plain_text") != (in == "context") {
				return fmt.Errorf("text %q in %s", s, in)
			}
		case "link", "user", "usergroup":
			if b.URL+b.UserID+b.GroupID == "" || b.Type == "link" && s == "" {
				return fmt.Errorf("%+v leads nowhere", b)
			}
		case "date":
			if b.Timestamp <= 0 || b.Fallback == "" {
				return fmt.Errorf("date %+v", b)
			}
		default:
			return fmt.Errorf("block of type %q", b.Type)
		}
	}
	return nil
}

// hostile are texts that may break something.
func hostile() []string {
	return []string{"", " ", "\n", "a", "<!channel> <!everyone|x> <!here>", "<@U0123> <#C0123|general>", "<https://evil.example|bank>",
		"https://evil.example/x?y www.evil.example bob@evil.example", "`code` ```block``` *b* _i_ ~s~", ":tada: &amp; & < >",
		"\u202egnp.exe\u2066", "\x00\x1b[2J\x07", "\xff\xfe", strings.Repeat("<", 5000), strings.Repeat("😀", 5000),
		strings.Repeat("a", 20_000), strings.Repeat("\"\\", 3000), "<!date^1^{date}^https://evil.example|x>", "v1\nv2", "{{$globals.x}}"}
}

// No text of a document, in whatever field, breaks a limit or becomes a link.
func TestHostileWords(t *testing.T) {
	hidden := &mask.Masker{}
	for _, bad := range hostile() {
		for _, detail := range []Detail{DetailFull, DetailOutline, DetailName} {
			for _, kind := range coc.Kinds() {
				w, mentions := everything()
				w.n.Detail, w.mask = detail, hidden
				items := slices.Repeat([]coc.Item{{Op: bad, Path: bad, Step: bad, Task: bad, Old: bad, New: bad + "x"}}, maxItems+1)
				c := &coc.Change{Key: key(1), Ref: fmt.Sprint(1), Kind: kind, Account: bad, DocumentID: bad, Name: bad, Version: bad, Previous: bad,
					MadeAt: time.UnixMilli(1 << 60), SeenAt: time.UnixMilli(1_800_000_000_000), By: bad, Modifier: bad, RiskLevel: "HIGH", Late: true,
					Difference: coc.Difference{Added: 1 << 40, Removed: 1 << 40, Summary: bad, Reason: bad, Items: items}}
				pair, may := contents{old: []byte(bad), now: []byte(bad + "\n" + bad)}, live(w, c, mentions)
				if err := sound(w.change(c, pair, mentions), may...); err != nil {
					t.Errorf("%s of %.40q, detail %s: %v", kind, bad, detail, err)
				}
				if detail != DetailFull {
					continue
				}
				if err := sound(w.digest(slices.Repeat([]*coc.Change{c}, 10), mentions), may...); err != nil {
					t.Errorf("digest of %.40q: %v", bad, err)
				}
				if kind != coc.KindVersion {
					continue
				}
				details, err := w.details(slices.Repeat([]*coc.Change{c}, 2), func(*coc.Change) (contents, error) { return pair, nil })
				for _, d := range details {
					err = errors.Join(err, sound(d))
				}
				if err != nil {
					t.Errorf("details of %.40q: %v", bad, err)
				}
			}
		}
		w := &writer{n: &Notifier{}, mask: hidden}
		n := &coc.Notice{ID: 1, Kind: coc.NoticeFailure, Watch: bad, Title: bad, Lines: slices.Repeat([]string{bad}, 100)}
		if err := sound(w.notice(n)); err != nil {
			t.Errorf("notice of %.40q: %v", bad, err)
		}
	}
}

// A digest of thousands of documents with long names fits, and says how many are
// missing.
func TestHugeDigest(t *testing.T) {
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	var changes []*coc.Change
	for i := range int64(maxDue) {
		c := edit(i+1, i, 1)
		c.Name = strings.Repeat("<&>", 100)
		if i%2 == 0 {
			c.Kind = coc.KindRewritten
		}
		changes = append(changes, c)
	}
	m := w.digest(changes, nil)
	if err := sound(m); err != nil {
		t.Error(err)
	}
	const want = "more documents; cocsync log --since 2026-07-01T13:01:00Z shows all"
	if got := string(write(t, m)); strings.Count(got, want) < 2 {
		t.Errorf("digest is missing %q:\n%s", want, got)
	}
}

// No text of a document breaks a message: limits, mentions, links.
func FuzzChange(f *testing.F) {
	for i, bad := range hostile() {
		bad = text.Truncate(bad, 2000)
		f.Add(bad, "v1", "summary "+bad, "steps[x].inputs.password", bad, "a: 1\nb: "+bad, "a: 1\n"+bad, uint8(i))
	}
	f.Fuzz(func(t *testing.T, name, version, summary, path, value, old, now string, kind uint8) {
		w, mentions := everything()
		c := &coc.Change{Key: key(812), Ref: fmt.Sprint(812), Kind: coc.Kinds()[int(kind)%len(coc.Kinds())], Account: "prod",
			Document: key(1), DocumentID: name, Name: name,
			Version: version, Previous: "v1", By: value, SeenAt: time.UnixMilli(1_800_000_000_000),
			Difference: coc.Difference{Summary: summary, Reason: value, Items: []coc.Item{{Op: "changed", Path: path, Old: value, New: old}}}}
		pair, may := contents{old: []byte(old), now: []byte(now)}, live(w, c, mentions)
		if err := sound(w.change(c, pair, mentions), may...); err != nil {
			t.Error(err)
		}
		if err := sound(w.digest([]*coc.Change{c, c}, mentions), may...); err != nil {
			t.Error(err)
		}
		details, err := w.details([]*coc.Change{c, c}, func(*coc.Change) (contents, error) { return pair, nil })
		for _, d := range details {
			err = errors.Join(err, sound(d))
		}
		if err != nil {
			t.Error(err)
		}
		if body, _, err := w.event(c, pair); err != nil || !json.Valid(body) || !utf8.Valid(body) {
			t.Errorf("event %q, %v", body, err)
		}
	})
}

// Real histories make sound messages.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("COCSYNC_CORPUS")
	if dir == "" {
		t.Skip("COCSYNC_CORPUS names no folder")
	}
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(dir, folder.Name(), "*"))
		if err != nil {
			t.Fatal(err)
		}
		old := ""
		for i, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, pair := compared(coc.Change{Key: key(1), Ref: fmt.Sprint(1), Kind: coc.KindVersion, Name: folder.Name(), DocumentID: "DM1",
				Previous: fmt.Sprintf("v%d", i), Version: fmt.Sprintf("v%d", i+1)}, old, string(raw))
			if err := sound(w.change(c, pair, nil)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			old = string(raw)
			messages++
		}
	}
	t.Logf("%d messages", messages)
}

// The cost of a message whose contents are as large as COC allows.
func BenchmarkChange64K(b *testing.B) {
	var old strings.Builder
	for i := 0; old.Len() < 64<<10; i++ {
		fmt.Fprintf(&old, "  - name: step_%d\n    inputs: {timeout: %d, password: 'abc%d'}\n", i, i, i)
	}
	w := &writer{n: &Notifier{}, mask: &mask.Masker{}}
	c, pair := compared(coc.Change{Kind: coc.KindVersion, Name: "big"}, old.String(),
		strings.Replace(old.String(), "timeout: 7", "timeout: 8", 1))
	for b.Loop() {
		w.change(c, pair, nil)
	}
}

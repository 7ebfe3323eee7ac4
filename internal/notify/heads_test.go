package notify

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"cocsync/internal/coc"
	"cocsync/internal/cocsim"
)

// signedLogs returns the heads of n logs.
func signedLogs(n int) (list []coc.Head) {
	for i := range n {
		origin := fmt.Sprintf("cocsync/0123456789abcdef/account-%02d", i)
		note := fmt.Sprintf("%s\n%d\nLGs8O6HuVe8fN1H2Dyelm/Wsw5sGLDPDnFZgvHSCzfE=\n\n— %s %s\n",
			origin, 100+i, origin, strings.Repeat("aB3+", 23))
		list = append(list, coc.Head{Origin: origin, Size: int64(100 + i), Key: "083a8bbc26f2a77ae58efd11a8274606", Note: []byte(note)})
	}
	return list
}

func notesOf(heads []coc.Head) string {
	var notes []string
	for _, h := range heads {
		notes = append(notes, string(h.Note))
	}
	return strings.Join(notes, "\n")
}

// codeBlock returns the text of the code block of a message; "" for none.
func codeBlock(t *testing.T, m cocsim.Message) string {
	t.Helper()
	var blocks []block
	if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		for _, e := range b.Elements {
			if e.Type == "rich_text_preformatted" {
				return e.Elements[0].Text.(string)
			}
		}
	}
	return ""
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sendAll(t *testing.T, b *bench) {
	t.Helper()
	if err := b.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func headsNotice() *coc.Notice {
	return &coc.Notice{ID: 7, Kind: coc.NoticeCheckpoint, Title: "Daily checkpoint", Lines: []string{}}
}

// The daily message has the complete notes in one code block, in a message of its own that is not edited.
// Alerts have no head, and none is requested for them.
func TestSignedHeads(t *testing.T) {
	for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops")} {
		for _, count := range []int{1, 5} {
			synctest.Test(t, func(t *testing.T) {
				b := setUp(t, n)
				b.out.head, b.out.logs = coc.Head{Size: 100, Key: "083a8bbc26f2a77ae58efd11a8274606"}, signedLogs(count)
				b.out.queue("ops", edit(1, 1, 1))
				sendAll(t, b)
				if m := b.slack.Messages()[0]; strings.Contains(cocsim.Render(m), b.out.head.Key) || len(b.out.headsOf) > 0 {
					t.Errorf("an alert has a head, or that of %q was requested:\n%s", b.out.headsOf, cocsim.Render(m))
				}
				b.out.add(coc.Delivery{Notifier: "ops", Notice: headsNotice()})
				sendAll(t, b)
				list := b.slack.Messages()
				m := list[len(list)-1]
				if got, want := codeBlock(t, m), notesOf(b.out.logs); got != want {
					t.Errorf("the code block has\n%s\nwant\n%s", got, want)
				}
				if len(list) != 2 || m.ThreadTS != "" || len(b.slack.Files()) > 0 || !strings.HasSuffix(m.Text, notesOf(b.out.logs)) {
					t.Errorf("%d messages, in thread %q, %d files, text %q", len(list), m.ThreadTS, len(b.slack.Files()), m.Text)
				}
				if n := b.slack.Calls("chat.update"); n > 0 {
					t.Errorf("%d messages were edited", n)
				}
			})
		}
	}
}

// Of many logs five notes are in the message, and all in a file with the SHA-256 in the message. An incoming
// webhook has no files: the message has the SHA-256.
func TestSignedHeadsOfManyLogs(t *testing.T) {
	for _, n := range []Notifier{byToken("ops", testChannel), byWebhook("ops")} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, n)
			b.out.logs = signedLogs(6)
			b.out.add(coc.Delivery{Notifier: "ops", Notice: headsNotice()})
			sendAll(t, b)
			all := notesOf(b.out.logs)
			m := b.slack.Messages()[0]
			if got, want := codeBlock(t, m), notesOf(b.out.logs[:5]); got != want {
				t.Errorf("the code block has\n%s\nwant\n%s", got, want)
			}
			sum := fmt.Sprintf("All 6 logs: cocsync audit checkpoint --at 2000-01-01T00:00:00.000Z writes their checkpoints, "+
				"as a file with the SHA-256 %x.", sha256.Sum256([]byte(all)))
			if shown := cocsim.Render(m); !strings.Contains(shown, sum) {
				t.Errorf("the message lacks %q:\n%s", sum, shown)
			}
			files := b.slack.Files()
			if b.Notifiers[0].files() != (len(files) == 1) {
				t.Fatalf("%d files", len(files))
			}
			for _, f := range files {
				if string(f.Content) != all || f.ThreadTS != m.TS || f.Name != "checkpoints-2000-01-01.txt" {
					t.Errorf("file %s below %s has\n%s\nwant below %s\n%s", f.Name, f.ThreadTS, f.Content, m.TS, all)
				}
			}
		})
	}
}

// The notes of logs with the longest names fit into a message and its text.
func TestSignedHeadsFit(t *testing.T) {
	logs := signedLogs(1000)
	for i := range logs {
		logs[i].Note = []byte(strings.ReplaceAll(string(logs[i].Note), "account", strings.Repeat("%E6%9D%8E", 64)))
	}
	n := byToken("ops", testChannel)
	w := &writer{n: &n}
	for count := range 7 {
		m := w.signedHeads(headsNotice(), logs[:count+1], edit(1, 1, 1).At)
		whole := codeBlock(t, cocsim.Message{Blocks: encoded(t, m.blocks)}) == notesOf(logs[:count+1])
		if weight(m.blocks) > maxBlocks || len(m.text) > maxText || whole == (m.file != nil) {
			t.Errorf("%d logs: blocks of %d, text of %d, file %v, whole %v", count+1, weight(m.blocks), len(m.text), m.file != nil, whole)
		}
	}
}

// Fault: without a signed head the daily message had an empty one. Only the operators get the reason.
func TestNoSignedHeads(t *testing.T) {
	for why, fix := range map[error]string{coc.ErrNoKey: "cocsync audit rotate-key --lost", coc.ErrNoHeadFile: "cocsync status"} {
		synctest.Test(t, func(t *testing.T) {
			b := setUp(t, byToken("ops", testChannel), byToken("team", "C0OTHER"))
			b.Operators, b.out.noLogs = []string{"ops"}, why
			for _, name := range []string{"ops", "team"} {
				b.out.add(coc.Delivery{Notifier: name, Notice: headsNotice()})
			}
			sendAll(t, b)
			list := b.slack.Messages()
			if len(list) != 1 || list[0].Channel != testChannel || !strings.Contains(cocsim.Render(list[0]), "No checkpoint: "+why.Error()) ||
				!strings.Contains(cocsim.Render(list[0]), fix) {
				t.Errorf("%v: messages %v", why, list)
			}
			if got := strings.Join(b.out.states(), " "); got != "sent dropped" {
				t.Errorf("%v: deliveries are %s", why, got)
			}
		})
	}
}

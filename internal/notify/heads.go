package notify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/text"
)

// maxNotes is the maximum number of signed notes in a message. More are in a file.
const maxNotes = 5

// exact is a time as `cocsync audit checkpoint --at` reads it, to the millisecond that the archive has.
const exact = "2006-01-02T15:04:05.000Z07:00"

// ofHeads reports whether a delivery is a notice of the signed heads of the logs.
func ofHeads(d coc.Delivery) bool { return d.Notice != nil && d.Notice.Kind == coc.NoticeCheckpoint }

// loadHeads loads the signed heads of the logs for the notices of them. If there are none, the operators
// get the reason, and the notices of others are dropped.
func (b *batch) loadHeads(ctx context.Context, stored *coc.Batch) (err error) {
	b.logs, err = b.Outbox.SignedHeads(ctx, b.now)
	if errors.Is(err, coc.ErrNoKey) || errors.Is(err, coc.ErrNoHeadFile) {
		b.noLogs, err = err, nil
	}
	if err != nil || len(b.logs) > 0 || b.noLogs != nil && slices.Contains(b.Operators, b.n.Name) {
		return err
	}
	b.notices = slices.DeleteFunc(b.notices, func(d coc.Delivery) bool {
		if ofHeads(d) {
			stored.Drop = append(stored.Drop, d.ID)
		}
		return ofHeads(d)
	})
	return nil
}

// headsMessage writes a notice of the signed heads of the logs, or why there are none.
func (b *batch) headsMessage(n *coc.Notice) rendered {
	if b.noLogs != nil {
		return b.write.notice(noHeads(n, b.noLogs))
	}
	return b.write.signedHeads(n, b.logs, b.now)
}

// noHeads is the notice that there are no signed heads.
func noHeads(n *coc.Notice, why error) *coc.Notice {
	without := *n
	without.Title = "No checkpoint: " + why.Error()
	without.Lines = []string{"An archive that is altered from now on, and signed again, cannot be detected with this channel."}
	fix := "cocsync status says why."
	if errors.Is(why, coc.ErrNoKey) {
		fix = "put the key file back and restart cocsync; if it is lost: cocsync audit rotate-key --lost"
	}
	without.Lines = append(without.Lines, "To fix it: "+fix)
	return &without
}

// signedHeads writes the signed notes of the logs so that they can be copied, at most maxNotes of them,
// and if there are more all of them as a file. They are not masked: an altered note proves nothing.
func (w *writer) signedHeads(n *coc.Notice, logs []coc.Head, now time.Time) rendered {
	title := text.Line(n.Title, maxHeader)
	id := fmt.Sprintf("notice %d · %s · key %s", n.ID, utc(now), logs[0].Key)
	lead := rich(paragraph(span("The signed head of each log of the archive. Keep it: cocsync verify --checkpoint FILE " +
		"shows whether anything that was recorded so far is altered or removed later.")))
	var notes []string
	for _, h := range logs {
		notes = append(notes, string(h.Note))
	}
	all := strings.Join(notes, "\n") // as audit checkpoint writes them
	at := now.UTC().Format(exact)
	more := fmt.Sprintf("All %d logs: cocsync audit checkpoint --at %s writes their checkpoints, as a file with the SHA-256 %x.",
		len(logs), at, sha256.Sum256([]byte(all)))
	small := footer(plain(id))
	frame := []block{header(title), lead, rich(preformatted(nil)), rich(paragraph(span(more))), small}
	shown := notes[:fitting(notes, maxNotes, maxBlocks-weight(frame), weight)]
	m := rendered{blocks: []block{header(title), lead}}
	if len(shown) > 0 {
		m.blocks = append(m.blocks, rich(preformatted([]string{strings.Join(shown, "\n")})))
	}
	if len(shown) < len(notes) {
		m.blocks = append(m.blocks, rich(paragraph(span(more))))
		if w.n.files() {
			m.file = &file{Name: "checkpoints-" + now.UTC().Format(time.DateOnly) + ".txt", Title: "Checkpoints of " + text.Plural(len(logs), "log"),
				Content: all, Instead: more}
		}
	}
	m.blocks = append(m.blocks, small)
	m.text = title + " (" + id + ")\n"
	length := func(s any) int { return len(s.(string)) + len("\n") }
	inText := notes[:fitting(notes, len(shown), maxText-len(m.text)-len(more), length)]
	m.text += strings.Join(inText, "\n")
	if len(inText) < len(notes) {
		m.text += "\n" + more
	}
	m.text = escape(m.text)
	return m
}

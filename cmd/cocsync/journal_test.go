package main

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
)

func TestJournal(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(journal{&out}, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	log.Debug("unseen")
	log.Info("document changed", "document", "job")
	log.With("watch", "all").Warn("will retry", "err", errors.New("a\nb"))
	log.WithGroup("g").Error("broke", "time", "noon", "level", 3)
	want := `<6>msg="document changed" document=job
<4>msg="will retry" watch=all err="a\nb"
<3>msg=broke g.time=noon g.level=3
`
	if out.String() != want {
		t.Errorf("the journal gets\n%s\nwant\n%s", out.String(), want)
	}
}

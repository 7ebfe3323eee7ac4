package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// witnessed is the archive for a syncer: after each cycle it leaves a copy of the newest
// checkpoint in a folder, if one is configured, best on a disk that can only be added to.
type witnessed struct {
	*db.DB
	dir string
	log *slog.Logger
}

// End is db.DB.End. That no copy could be left fails no cycle.
func (w witnessed) End(ctx context.Context, c coc.Cycle, tell []coc.NewNotice) error {
	if err := w.DB.End(ctx, c, tell); err != nil || w.dir == "" {
		return err
	}
	if err := w.leave(ctx); err != nil {
		w.log.Error("checkpoint not left in witness_dir", "err", err)
	}
	return nil
}

func (w witnessed) leave(ctx context.Context) error {
	list, err := w.Checkpoints(ctx)
	if err != nil || len(list) == 0 {
		return err
	}
	note := list[len(list)-1].Note
	c, err := audit.Peek(note)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(c.Origin, "/", "-") + "-" + strconv.FormatInt(c.Size, 10) + ".txt"
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil // nothing came since
	}
	if err != nil {
		return err
	}
	_, err = f.Write(note)
	return errors.Join(err, f.Sync(), f.Close())
}

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

// witnessed is the archive for a syncer. After each cycle it writes the newest checkpoint to
// witness_dir, if configured. That folder is best on append-only storage.
type witnessed struct {
	*db.DB
	dir string
	log *slog.Logger
}

// End calls db.DB.End and writes the checkpoint. If that fails, the cycle does not fail.
func (w witnessed) End(ctx context.Context, c coc.Cycle, tell []coc.NewNotice) error {
	if err := w.DB.End(ctx, c, tell); err != nil || w.dir == "" {
		return err
	}
	if err := w.writeCheckpoint(ctx); err != nil {
		w.log.Error("checkpoint not written to witness_dir", "err", err)
	}
	return nil
}

func (w witnessed) writeCheckpoint(ctx context.Context) error {
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
		return nil // nothing was added since
	}
	if err != nil {
		return err
	}
	_, err = f.Write(note)
	return errors.Join(err, f.Sync(), f.Close())
}

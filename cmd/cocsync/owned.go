package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// verifyEvery is the maximum age of the last complete verification while the archive is
// written. A verification reads everything and takes seconds for 100,000 versions.
const verifyEvery = 24 * time.Hour

// owned opens the archive for the only process that syncs; command is its name. An archive
// that does not verify is refused: nothing is added to an altered log.
func (a *app) owned(ctx context.Context, cfg *config.Config, command string) (*db.DB, error) {
	if err := config.GuardedFile(cfg.Key()); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	d, err := a.opened(db.OpenWith(ctx, cfg.Database, db.Options{Key: cfg.SigningKey, Command: command}))
	if err != nil {
		return nil, err
	}
	return d, verifyAll(ctx, d)
}

// verifyAll verifies the whole archive, unless it was verified recently.
func verifyAll(ctx context.Context, d *db.DB) error {
	begun := time.Now()
	last, err := d.LastVerified(ctx, begun)
	if err != nil {
		return err
	}
	edge, err := d.Edge(ctx)
	if err != nil {
		return err
	}
	if begun.Sub(last) < verifyEvery || edge.Size <= 1 { // just created
		return nil
	}
	v, err := query.New(d).Verify(ctx, query.Verification{}, nil)
	if err != nil {
		return fmt.Errorf("verify the archive: %w", err)
	}
	if !v.Good {
		return alteredError(v, "`cocsync verify` lists all faults; keep the file as evidence and restore a backup that verifies")
	}
	return d.Verified(ctx, begun)
}

// alteredError returns the error for an archive that does not verify.
func alteredError(v query.Verdict, advice string) error {
	return &exitError{exitAltered, hint.Wrap(fmt.Errorf("the archive does not match its log: %s; %s in total",
		v.Faults[0], text.Plural(len(v.Faults)+v.More, "fault")), advice)}
}

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
	if err := createFile(filepath.Join(w.dir, name), note, 0o644); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // nothing was added since
}

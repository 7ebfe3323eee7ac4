package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// openForSync opens the archive for the only process that syncs; command is its name. If the
// file was written while no process had it open, or a process was killed, it is verified. An
// archive that does not verify is refused: nothing is added to an altered log. stop is called
// if the archive is found to be altered later.
func (a *app) openForSync(ctx context.Context, cfg *config.Config, command string, stop context.CancelCauseFunc) (*db.DB, error) {
	if err := config.GuardedFile(cfg.Key()); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	d, err := a.closeAtExit(db.OpenWith(ctx, cfg.Database, db.Options{Key: cfg.SigningKey, Head: cfg.HeadFile, Command: command,
		Report: a.reportHead, Altered: stop, Compare: a.compareNotes(cfg)}))
	if err != nil {
		return nil, err
	}
	if !d.HasKey() {
		a.logger(slog.LevelInfo).Warn("the signing key is missing: the archive continues, and its new records are not signed",
			"key", cmp.Or(cfg.SigningKey, db.KeyFile(cfg.Database)))
	}
	if d.Unchanged() && !dueForVerification(d) {
		return d, nil
	}
	return d, verifyNow(ctx, d, a.noteFolder(cfg))
}

// noteFolder returns the configured witness_dir.
func (a *app) noteFolder(cfg *config.Config) noteFolder {
	return noteFolder{cfg.WitnessDir, a.logger(slog.LevelInfo)}
}

// compareNotes returns a function that compares an archive that is being opened for writing with the
// newest checkpoints in witness_dir. If it does not extend them, it is verified, which says why.
func (a *app) compareNotes(cfg *config.Config) func(context.Context, *db.DB) error {
	notes := a.noteFolder(cfg)
	return func(ctx context.Context, d *db.DB) error {
		if extended, err := notes.extended(ctx, d); extended || err != nil {
			return err
		}
		return verifyNow(ctx, d, notes)
	}
}

// reportHead logs that the head file cannot be written, or is written again.
func (a *app) reportHead(err error) {
	if err == nil {
		a.logger(slog.LevelInfo).Info("head file written again")
		return
	}
	a.logger(slog.LevelInfo).Error("head file not written; the archive continues, and cocsync tries again every second", "err", err)
}

// verifyAll verifies the whole archive, unless it was verified recently.
func verifyAll(ctx context.Context, d *db.DB, notes noteFolder) error {
	if !dueForVerification(d) {
		return nil
	}
	return verifyNow(ctx, d, notes)
}

func dueForVerification(d *db.DB) bool {
	now := time.Now()
	return now.Sub(d.LastVerified(now)) >= verifyEvery
}

// verifyNow verifies the whole archive, and compares it with all checkpoints in witness_dir. Those of
// records that a restore lost are not faults.
func verifyNow(ctx context.Context, d *db.DB, notes noteFolder) error {
	started := time.Now()
	stored, err := notes.all(ctx, d)
	if err != nil {
		return fmt.Errorf("verify the archive: %w", err)
	}
	v, err := query.New(d).Verify(ctx, query.Verification{External: stored, Unsigned: !d.HasKey()}, nil)
	if err != nil {
		return fmt.Errorf("verify the archive: %w", err)
	}
	if !v.Good {
		d.Altered()
		advice := "`cocsync verify` lists all faults; keep the file as evidence and restore a backup that verifies"
		if v.Contradicted {
			advice = contradictedAdvice
		}
		return alteredError(v, advice)
	}
	_ = d.Verified(started) // its error is reported, and stops nothing
	return nil
}

// verifyWithNotes is verifyNow with the configured witness_dir; with --db there is none.
func (a *app) verifyWithNotes(ctx context.Context, d *db.DB) error {
	if a.dbFlag != "" {
		return verifyNow(ctx, d, noteFolder{})
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	return verifyNow(ctx, d, a.noteFolder(cfg))
}

// alteredError returns the error for an archive that does not verify.
func alteredError(v query.Verdict, advice string) error {
	return &exitError{exitAltered, hint.Wrap(fmt.Errorf("the archive does not match its log: %s; %s in total",
		v.Faults[0], text.Plural(len(v.Faults)+v.More, "fault")), advice)}
}

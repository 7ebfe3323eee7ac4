package main

import (
	"context"
	"fmt"
	"time"

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

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/daemon"
	"cocsync/internal/db"
	"cocsync/internal/hint"
	"cocsync/internal/query"
	"cocsync/internal/syncer"
	"cocsync/internal/text"
)

// verifyEvery is the maximum age of the last complete verification while the archive is
// written. A verification reads everything and takes seconds for 100,000 versions.
const verifyEvery = 24 * time.Hour

// owned opens the archive for the only process that syncs; command is its name. An archive
// that does not verify is refused unless force is set: nothing is added to an altered log.
func (a *app) owned(ctx context.Context, cfg *config.Config, command string, force bool) (*db.DB, error) {
	if err := config.GuardedFile(cfg.Key()); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	d, err := db.OpenWith(ctx, cfg.Database, db.Options{Key: cfg.SigningKey, Force: force, Command: command})
	if err != nil {
		return nil, err
	}
	if !force {
		err = verifyAll(ctx, d)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	a.atEnd(d.Close)
	return d, nil
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
		return alteredError(v, "`cocsync verify` lists all faults; keep the file as evidence and restore a backup that verifies; --force writes to the archive anyway")
	}
	return d.Verified(ctx, begun)
}

// alteredError returns the error for an archive that does not verify.
func alteredError(v query.Verdict, advice string) error {
	return &exitError{exitAltered, hint.Wrap(fmt.Errorf("the archive does not match its log: %s; %s in total",
		v.Faults[0], text.Plural(len(v.Faults)+v.More, "fault")), advice)}
}

// stopWhenAltered calls stop if a cycle finds that the archive was altered: another attempt
// does not fix that.
func stopWhenAltered(d *daemon.Daemon, stop context.CancelCauseFunc) {
	load := d.Load
	d.Load = func(ctx context.Context) (*daemon.Set, error) {
		set, err := load(ctx)
		if err != nil {
			return nil, err
		}
		cycle := set.Cycle
		set.Cycle = func(ctx context.Context, w syncer.Watch, o syncer.Options) (coc.Cycle, error) {
			c, err := cycle(ctx, w, o)
			if errors.Is(err, db.ErrAltered) {
				stop(err)
			}
			return c, err
		}
		return set, nil
	}
}

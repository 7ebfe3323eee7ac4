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

// verifyEvery is how old the last verification as a whole may be while the archive is
// written to. It reads everything, some seconds for 100,000 versions.
const verifyEvery = 24 * time.Hour

// owned opens the archive for the one process that syncs; command is which. One that does not verify is
// refused, unless force is set: nothing must be written behind what somebody altered.
func (a *app) owned(ctx context.Context, cfg *config.Config, command string, force bool) (*db.DB, error) {
	if err := config.GuardedFile(cfg.Key()); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	d, err := db.OpenWith(ctx, cfg.Database, db.Options{Key: cfg.SigningKey, Force: force, Command: command})
	if err != nil {
		return nil, err
	}
	if !force {
		err = verifyWhole(ctx, d)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	a.atEnd(d.Close)
	return d, nil
}

// verifyWhole verifies the archive as a whole, unless it was found good lately.
func verifyWhole(ctx context.Context, d *db.DB) error {
	begun := time.Now()
	last, err := d.LastVerified(ctx, begun)
	if err != nil {
		return err
	}
	edge, err := d.Edge(ctx)
	if err != nil {
		return err
	}
	if begun.Sub(last) < verifyEvery || edge.Size <= 1 { // it was made just now
		return nil
	}
	v, err := query.New(d).Verify(ctx, query.Verification{}, nil)
	if err != nil {
		return fmt.Errorf("verify the archive: %w", err)
	}
	if !v.Good {
		return notObserved(v, "`cocsync verify` names all; keep the file as evidence and restore a backup that verifies; nothing is written to such an archive without --force")
	}
	return d.Verified(ctx, begun)
}

// notObserved is the error of an archive that does not verify.
func notObserved(v query.Verdict, advice string) error {
	return &exitError{exitAltered, hint.Wrap(fmt.Errorf("the archive is not what was observed: %s; %s in all",
		v.Faults[0], text.Plural(len(v.Faults)+v.More, "fault")), advice)}
}

// stopWhenAltered has the daemon end, with stop, when a cycle finds that the archive was
// altered: no other try would change that.
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

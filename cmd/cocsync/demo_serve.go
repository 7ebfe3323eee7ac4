package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"cocsync/internal/cocsim"
	"cocsync/internal/config"
	"cocsync/internal/db"
)

// editEvery is the interval of edits while the demo keeps running.
const editEvery = 10 * time.Second

// servePage serves the demo's archive on the daemon's address, or on another port if that
// is in use.
func (a *app) servePage(ctx context.Context, path string) (*openedPage, error) {
	w := config.Web{Listen: "127.0.0.1:8321"}
	page, err := a.openPage(ctx, path, w, "", a.logger(slog.LevelWarn))
	if err != nil {
		w.Listen = "127.0.0.1:0"
		page, err = a.openPage(ctx, path, w, "", a.logger(slog.LevelWarn))
	}
	if err != nil {
		return nil, err
	}
	a.say("# The page is at %s: open it to see the changes arrive. Ctrl-C ends the demo.", page.address)
	return page, nil
}

// edits keeps editing jobs and printing the alerts until the context ends.
func (a *app) edits(ctx context.Context, s *stage, d *db.DB, seen *int, wake chan<- struct{}, done <-chan error) error {
	a.say("\n# From now on a job is edited every %s, until Ctrl-C.", editEvery)
	people := []string{"COC-chen.yu", "COC-li.wei", "COC-anita.rao", "COC-zhang.min", "COC-marc.tan"}
	next := time.NewTicker(editEvery)
	defer next.Stop()
	for {
		ids := s.coc.IDs()
		id := ids[rand.IntN(len(ids))]
		doc, _ := s.coc.Document(id)
		text, what := cocsim.Tweak(doc.Versions[len(doc.Versions)-1].Text(), rand.New(rand.NewPCG(rand.Uint64(), 0)))
		by := people[rand.IntN(len(people))]
		s.coc.Edit(id, text, by)
		a.say("\n# %s edits %s: %s.", by, doc.Name, what)
		select {
		case wake <- struct{}{}:
		case err := <-done:
			return errors.Join(errors.New("the daemon ended early"), err)
		case <-ctx.Done():
			return nil
		}
		if err := a.alerts(ctx, s, d, seen, done); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			fmt.Fprintln(a.out)
			return nil
		}
	}
}

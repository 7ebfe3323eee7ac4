package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"cocsync/internal/db"
	"cocsync/internal/query"
)

// openExclusive opens an existing archive for the only process that may write it.
func (a *app) openExclusive(ctx context.Context, o db.Options) (*db.DB, error) {
	path, err := a.database()
	if err != nil {
		return nil, err
	}
	if a.dbFlag == "" {
		cfg, err := a.config()
		if err != nil {
			return nil, err
		}
		o.Key, o.Head = cfg.SigningKey, cfg.HeadFile
		if o.Compare == nil {
			o.Compare = a.compareNotes(cfg)
		}
	}
	r, err := query.Open(ctx, path) // OpenWith would create a missing file
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	o.Report = a.reportHead
	return a.closeAtExit(db.OpenWith(ctx, path, o))
}

// confirmed asks a question and reports whether the answer is yes.
func (a *app) confirmed(question string) bool {
	fmt.Fprint(a.err, question+" Type yes: ")
	line, _ := bufio.NewReader(a.stdin).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

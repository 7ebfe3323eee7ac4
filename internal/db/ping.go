package db

import "context"

// Ping returns when whoever writes and whoever reads got an answer. It writes nothing. A
// transaction at work is waited for: to hang is what Ping shows.
func (d *DB) Ping(ctx context.Context) (err error) {
	defer wrap(&err, "ask the archive for an answer")
	if d.write != nil {
		if err := d.update(ctx, func(tx) error { return nil }); err != nil {
			return err
		}
	}
	var one int
	return explain(d.read.row(ctx, `SELECT 1`).Scan(&one))
}

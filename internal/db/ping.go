package db

import "context"

// Ping runs a query on the write connection and on a read connection. It writes nothing. It
// blocks while a transaction runs, so that a caller can detect a hanging database.
func (d *DB) Ping(ctx context.Context) (err error) {
	defer wrap(&err, "ping the archive")
	if d.write != nil {
		if err := d.update(ctx, func(tx) error { return nil }); err != nil {
			return err
		}
	}
	_, err = first(ctx, d.read, scan[int], `SELECT 1`)
	return err
}

package db

import (
	"context"
	"slices"

	"cocsync/internal/witness"
)

// Cosignatures are evidence of others: verify checks them, and no record has them. What was sent
// to a witness, and with what result, is progress.

// ConfigureWitnesses removes the state of witnesses that are not in a list of verifier keys. Their
// cosignatures stay.
func (l *Log) ConfigureWitnesses(ctx context.Context, keys []string) error {
	return l.update(ctx, "configured witnesses", func(t *tx) {
		for _, key := range list[string](t, `SELECT DISTINCT witness FROM witness_logs`) {
			if !slices.Contains(keys, key) {
				t.exec(`DELETE FROM witness_logs WHERE witness = ?`, key)
			}
		}
	})
}

// Submissions returns the newest signed heads of the logs for a witness, given by its verifier key.
// The head file has them. There are none while a head is not signed or the head file cannot be
// written: then status has a problem.
func (l *Log) Submissions(ctx context.Context, key string) (heads []witness.Submission, err error) {
	if l.key == nil {
		return nil, nil
	}
	logs := l.newest()
	if l.head.Flush() != nil {
		return nil, nil // it is reported
	}
	type logKey struct{ Account, ID int64 }
	progress, err := byKey[logKey, witness.Progress](l.reading(ctx, "logs at witness %s", key), `
		SELECT account_id, log_id, size, tried_at, coalesce(failure, ''), coalesce(error, ''), failing_since
		FROM witness_logs WHERE witness = ?`, key)
	for id, a := range logs {
		c, signed, err := checkpointIn(a.note)
		if err != nil {
			return nil, err
		}
		if signed {
			heads = append(heads, witness.Submission{Account: id, ID: a.id, Name: a.account, Head: c, Note: a.note,
				Progress: progress[logKey{id, a.id}]})
		}
	}
	return heads, err
}

// Attempted records the result of an attempt to have a head cosigned, with the cosignature and the
// notice.
func (l *Log) Attempted(ctx context.Context, a witness.Attempt) error {
	return l.update(ctx, "attempt at a witness", func(t *tx) {
		key := a.Witness.Key.String()
		if a.Cosignature != nil {
			t.exec(insertInto("checkpoints", "account_id, log_id, size, at, note")+` ON CONFLICT DO NOTHING`,
				a.Account, a.ID, a.Head.Size, a.TriedAt, a.Note)
			t.exec(insertInto("cosignatures", "account_id, log_id, size, witness, signature")+`
				ON CONFLICT DO UPDATE SET signature = excluded.signature`,
				a.Account, a.ID, a.Head.Size, key, []byte(a.Cosignature))
		}
		t.exec(`INSERT OR REPLACE INTO witness_logs (witness, account_id, log_id, url, size, tried_at, failure, error, failing_since)
			VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), ?)`,
			key, a.Account, a.ID, a.Witness.URL, a.Progress)
		if a.Notice != nil {
			t.addNotice(*a.Notice)
		}
	})
}

// Cosignature is the cosignature of a checkpoint.
type Cosignature struct {
	Size      int64  // records of the checkpoint
	Witness   string // its verifier key
	Signature []byte
}

// Cosignatures returns the cosignatures of a log, in the order of size and witness.
func (l *Log) Cosignatures(ctx context.Context, account, log int64) ([]Cosignature, error) {
	return collect[Cosignature](l.reading(ctx, "cosignatures"), `
		SELECT size, witness, signature FROM cosignatures WHERE account_id = ? AND log_id = ? ORDER BY size, witness`, account, log)
}

// WitnessLog is a log that is not closed at a configured witness.
type WitnessLog struct {
	Witness string // its verifier key
	URL     string
	Account string
	Origin  string
	Records int64 // of the log
	witness.Progress
	Cosigned  int64  // records under the newest cosignature; 0: none
	Signature []byte // the newest cosignature
}

// WitnessLogs returns the logs at the configured witnesses, by witness and account.
func (l *Log) WitnessLogs(ctx context.Context) ([]WitnessLog, error) {
	return collect[WitnessLog](l.reading(ctx, "logs at witnesses"), `
		SELECT w.witness, w.url, a.name, l.origin, l.size,
			w.size, w.tried_at, coalesce(w.failure, ''), coalesce(w.error, ''), w.failing_since, coalesce(c.size, 0), c.signature
		FROM witness_logs w JOIN logs l ON l.account_id = w.account_id AND l.id = w.log_id JOIN accounts a ON a.id = l.account_id
		LEFT JOIN cosignatures c ON c.account_id = w.account_id AND c.log_id = w.log_id AND c.witness = w.witness AND c.size = (
			SELECT max(o.size) FROM cosignatures o WHERE o.account_id = w.account_id AND o.log_id = w.log_id AND o.witness = w.witness)
		WHERE l.id = (SELECT max(n.id) FROM logs n WHERE n.account_id = l.account_id)
		ORDER BY w.witness, a.name`)
}

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/coc"
	"cocsync/internal/hint"
)

// ErrEndpoint reports an account whose name now belongs to another endpoint.
var ErrEndpoint = errors.New("the archive has this account with another endpoint")

// Account is the archive's row of an account.
type Account struct {
	Name     string
	Endpoint string
	coc.AccountState
}

const accountRows = `
	SELECT name, endpoint, coalesce(refused_key, ''), refused_until, coalesce(refused_reason, ''), paused_until
	FROM accounts`

// Accounts returns all accounts in the archive, by name.
func (a *Archive) Accounts(ctx context.Context) ([]Account, error) {
	return collect[Account](a.reading(ctx, "accounts"), accountRows+` ORDER BY name`)
}

// Account returns the state of an account and adds its row if it is new. It returns
// ErrEndpoint for another endpoint, unless accept is set: documents of two services must not
// be mixed.
func (a *Archive) Account(ctx context.Context, name, endpoint string, accept bool) (s coc.AccountState, err error) {
	what := fmt.Sprintf("account %q", name)
	found, err := first[Account](a.reading(ctx, "%s", what), accountRows+` WHERE name = ?`, name)
	switch {
	case err != nil:
		return s, err
	case found.Name != "" && found.Endpoint == endpoint:
		return found.AccountState, nil
	case found.Name != "" && found.Endpoint != "" && !accept: // a restore that lost the account does not know it
		return s, hint.Wrap(fmt.Errorf("%s: %w, %s, not %s", what, ErrEndpoint, found.Endpoint, endpoint),
			"give the new endpoint's account a new name, or run `cocsync sync --accept-endpoint` once if it is the same COC")
	}
	return found.AccountState, a.update(ctx, what, func(t *tx) {
		if !t.addAccount(name, endpoint, time.Now()) {
			t.exec(`UPDATE accounts SET endpoint = ? WHERE name = ?`, endpoint, name)
			t.addEndpoint(t.account(name), name, endpoint, time.Now())
		}
	})
}

// addAccount adds an account, unless it exists, and starts its log.
func (t *tx) addAccount(name, endpoint string, now time.Time) (added bool) {
	if _, known := get[int64](t, `SELECT id FROM accounts WHERE name = ?`, name); known || t.err != nil {
		return false
	}
	id := t.newAccount(name, endpoint)
	t.startLog(id, name, nil, now)
	t.addEndpoint(id, name, endpoint, now)
	return true
}

// newAccount adds the rows of an account without a log.
func (t *tx) newAccount(name, endpoint string) int64 {
	id, _ := get[int64](t, `INSERT INTO accounts (id, name, endpoint) SELECT coalesce(max(id), 0) + 1, ?, ?
		FROM accounts RETURNING id`, name, endpoint)
	t.exec(`INSERT INTO counters (account_id) VALUES (?)`, id)
	return id
}

func (t *tx) addEndpoint(account int64, name, endpoint string, now time.Time) {
	key := t.add(account, "endpoints", "endpoint, at", endpoint, now)
	t.leaf(key, audit.NewRecord(audit.TypeEndpoint, "account", name, "endpoint", endpoint, "at", now))
}

// account returns the id of an account.
func (t *tx) account(name string) int64 {
	id, ok := get[int64](t, `SELECT id FROM accounts WHERE name = ?`, name)
	switch {
	case ok:
	case t.s.named(name) != nil:
		t.fail(changedWhileOpen(fmt.Sprintf("account %s was removed", name)))
	default:
		t.fail(coc.NotFound("no account %q in the archive", name))
	}
	return id
}

// Refused records that COC refused a key pair, so that no process uses it before until. A
// zero until removes the record.
func (a *Archive) Refused(ctx context.Context, account, key, reason string, until time.Time) error {
	return a.exec(ctx, fmt.Sprintf("record the refusal of account %q", account),
		`UPDATE accounts SET refused_key = ?, refused_reason = ?, refused_until = ? WHERE name = ?`, key, reason, until, account)
}

// Paused records that COC limits the account's rate until then.
func (a *Archive) Paused(ctx context.Context, account string, until time.Time) error {
	return a.exec(ctx, fmt.Sprintf("record the pause of account %q", account),
		`UPDATE accounts SET paused_until = ? WHERE name = ?`, until, account)
}

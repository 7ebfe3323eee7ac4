package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/daemon"
	"cocsync/internal/db"
	"cocsync/internal/fetch"
	"cocsync/internal/notify"
	"cocsync/internal/syncer"
)

// parts is a configuration made into what does the work. The adapters meet here
// and nowhere else.
type parts struct {
	syncer *syncer.Syncer
	sender *notify.Sender
	jobs   []daemon.Job
}

// build makes the parts. d may be nil for a check, which stores nothing.
func (a *app) build(cfg *config.Config, d *db.DB, log *slog.Logger) (*parts, error) {
	sender, err := a.sender(cfg, d, log)
	if err != nil {
		return nil, err
	}
	p := &parts{sender: sender}
	p.syncer = &syncer.Syncer{Operators: cfg.Operators, Route: routes(cfg), Now: time.Now, Log: log}
	if d != nil {
		p.syncer.Store = d
	}
	accounts := map[string]*syncer.Account{}
	for _, c := range cfg.Accounts {
		accounts[c.Name] = &syncer.Account{Name: c.Name, Endpoint: c.Endpoint, RPS: c.RequestsPerSecond, Connections: c.Connections,
			COC: &fetch.Client{Endpoint: c.Endpoint, Credentials: credentials(c), RPS: c.RequestsPerSecond, Connections: c.Connections, Log: log}}
	}
	for _, w := range cfg.Watches {
		schedule, err := w.Cron()
		if err != nil {
			return nil, err
		}
		audit, err := w.AuditEvery()
		if err != nil {
			return nil, err
		}
		watch := syncer.Watch{Name: w.Name, Account: accounts[w.Account], Documents: w.Documents,
			DocumentType: w.DocumentType, Audit: audit, Notify: w.Notify}
		if s := w.Select; s != nil {
			watch.Select = &coc.Selection{NameLike: s.NameLike, Creator: s.Creator, ProjectID: s.EnterpriseProjectID, DocumentType: w.DocumentType}
		}
		p.jobs = append(p.jobs, daemon.Job{Watch: watch, Schedule: schedule})
	}
	return p, nil
}

// credentials are those of the config, else the chain that other tools use: the
// environment, the profile file, an ECS agency.
func credentials(c config.Account) fetch.Source {
	if !c.AccessKey.IsSet() {
		return fetch.DefaultChain()
	}
	return fetch.Func(func(context.Context) (k fetch.KeyPair, err error) {
		if k.AccessKey, err = c.AccessKey.Value(); err != nil {
			return k, err
		}
		if k.SecretKey, err = c.SecretKey.Value(); err != nil {
			return k, err
		}
		k.SecurityToken, err = c.SecurityToken.Value()
		return k, err
	})
}

// routes names the notifiers that hear of a kind of change found by a watch.
func routes(cfg *config.Config) func(watch string, kind coc.Kind) []string {
	return func(watch string, kind coc.Kind) (names []string) {
		for _, w := range cfg.Watches {
			if w.Name != watch {
				continue
			}
			for _, n := range w.Notify {
				if slices.ContainsFunc(cfg.Slacks, func(s config.Slack) bool { return s.Name == n && slices.Contains(s.Kinds, kind) }) {
					names = append(names, n)
				}
			}
		}
		return names
	}
}

// sender makes what posts to the configured notifiers.
func (a *app) sender(cfg *config.Config, d *db.DB, log *slog.Logger) (*notify.Sender, error) {
	s := &notify.Sender{Log: log}
	if d != nil {
		s.Outbox = d
	}
	for _, c := range cfg.Slacks {
		masks, err := c.Masks()
		if err != nil {
			return nil, err // nothing leaves unmasked
		}
		n := notify.Notifier{Name: c.Name, Channel: c.Channel, APIURL: c.APIURL, Kinds: c.Kinds,
			Detail: notify.Detail(c.Detail), Mask: masks, DigestOver: c.DigestOver}
		if c.Webhook.IsSet() {
			n.Webhook = c.Webhook.Value
		} else {
			n.Token = c.Token.Value
		}
		s.Notifiers = append(s.Notifiers, n)
	}
	return s, nil
}

// enter ends the watches that the config no longer names.
func (p *parts) enter(ctx context.Context, d *db.DB) error {
	var names []string
	for _, j := range p.jobs {
		names = append(names, j.Watch.Name)
	}
	return d.Retire(ctx, names, time.Now())
}

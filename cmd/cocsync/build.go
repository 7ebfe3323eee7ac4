package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/config"
	"cocsync/internal/db"
	"cocsync/internal/fetch"
	"cocsync/internal/hint"
	"cocsync/internal/notify"
	"cocsync/internal/schedule"
	"cocsync/internal/syncer"
	"cocsync/internal/witness"
)

// parts are the objects built from a configuration. Only here are the adapters connected.
type parts struct {
	syncer    *syncer.Syncer
	sender    *notify.Sender
	submitter *witness.Submitter
	watches   []syncer.Watch
	// schedules are the watches' schedules, as stored in the archive.
	schedules []coc.Schedule
}

// build builds the parts. d may be nil for a check, which stores nothing.
func (a *app) build(cfg *config.Config, d *db.DB, log *slog.Logger) (*parts, error) {
	authorities, err := network(cfg)
	if err != nil {
		return nil, err
	}
	p := &parts{syncer: &syncer.Syncer{Operators: cfg.Operators, Checkpoints: cfg.DailyCheckpoints(), Route: routes(cfg), Now: a.now, Log: log, Ended: a.live.Cycles()}}
	if p.sender, err = a.sender(cfg, d, log); err != nil {
		return nil, err
	}
	if p.submitter, err = a.submitter(cfg, d, log); err != nil {
		return nil, err
	}
	if d != nil {
		p.syncer.Store = witnessed{d, noteFolder{cfg.WitnessDir, log}}
	}
	accounts := map[string]*syncer.Account{}
	for _, c := range cfg.Accounts {
		accounts[c.Name] = &syncer.Account{Name: c.Name, Endpoint: c.Endpoint, RPS: c.RequestsPerSecond, Connections: c.Connections,
			COC: &fetch.Client{Endpoint: c.Endpoint, Credentials: credentials(c), RootCAs: authorities, RPS: c.RequestsPerSecond,
				Connections: c.Connections, Now: a.now, Log: log,
				Observe: a.live.Requests(c.Name, fetch.Outcomes())}}
	}
	for _, w := range cfg.Watches {
		due, err := w.Cron()
		if err != nil {
			return nil, err
		}
		audit, err := w.AuditEvery()
		if err != nil {
			return nil, err
		}
		watch := syncer.Watch{Name: w.Name, Account: accounts[w.Account], Documents: w.Documents,
			DocumentType: w.DocumentType, Audit: audit, Notify: w.Notify, Schedule: due}
		if s := w.Select; s != nil {
			watch.Select = &coc.Selection{NameLike: s.NameLike, Creator: s.Creator, ProjectID: s.EnterpriseProjectID, DocumentType: w.DocumentType}
		}
		p.watches = append(p.watches, watch)
		p.schedules = append(p.schedules, coc.Schedule{Watch: w.Name, Account: w.Account, Endpoint: accounts[w.Account].Endpoint,
			Spec: w.Schedule, Timezone: w.Timezone, Interval: schedule.Interval(due, a.now())})
	}
	return p, nil
}

// configure records what is configured in the archive.
func configure(ctx context.Context, d *db.DB, p *parts, now time.Time) error {
	var witnesses []string
	for _, w := range p.submitter.Witnesses {
		witnesses = append(witnesses, w.Key.String())
	}
	return errors.Join(d.Configure(ctx, p.schedules, now), d.ConfigureWitnesses(ctx, witnesses))
}

// submitter builds the submitter that has the logs cosigned by the configured witnesses.
func (a *app) submitter(cfg *config.Config, d *db.DB, log *slog.Logger) (*witness.Submitter, error) {
	authorities, err := network(cfg)
	if err != nil {
		return nil, err
	}
	s := &witness.Submitter{Operators: cfg.Operators, HTTP: postClient(authorities), Now: a.now, Log: log}
	if d != nil {
		s.Store = d
	}
	for _, w := range cfg.Witnesses {
		key, err := w.VerifierKey()
		if err != nil {
			return nil, err
		}
		s.Witnesses = append(s.Witnesses, witness.Witness{URL: w.URL, Key: key})
	}
	return s, nil
}

// credentials returns the keys in the config, or else the chain that other tools use: the
// environment, the profile file, an ECS agency.
func credentials(c config.Account) fetch.Source {
	if !c.AccessKey.IsSet() {
		return fetch.DefaultChain()
	}
	return func(context.Context, fetch.KeyPair) (k fetch.KeyPair, err error) {
		if k.AccessKey, err = c.AccessKey.Value(); err != nil {
			return k, err
		}
		if k.SecretKey, err = c.SecretKey.Value(); err != nil {
			return k, err
		}
		k.SecurityToken, err = c.SecurityToken.Value()
		return k, err
	}
}

// routes returns the notifiers for a kind of change found by a watch: those that the watch
// names, and those that a route may add. A watch without notifiers only archives.
func routes(cfg *config.Config) func(watch string, kind coc.Kind) (fromWatch, routed []string) {
	kinds := map[string][]coc.Kind{}
	for _, s := range cfg.Slacks {
		kinds[s.Name] = s.Kinds
	}
	for _, w := range cfg.Webhooks {
		kinds[w.Name] = w.Kinds
	}
	return func(watch string, kind coc.Kind) (fromWatch, routed []string) {
		at := slices.IndexFunc(cfg.Watches, func(w config.Watch) bool { return w.Name == watch })
		if at < 0 || len(cfg.Watches[at].Notify) == 0 {
			return nil, nil
		}
		wants := func(name string) bool { return slices.Contains(kinds[name], kind) }
		fromWatch = slices.DeleteFunc(slices.Clone(cfg.Watches[at].Notify), func(n string) bool {
			return !wants(n)
		})
		for _, r := range cfg.Routes {
			for _, n := range r.Notify {
				applies := len(r.Kinds) == 0 || slices.Contains(r.Kinds, kind)
				if applies && wants(n) && !slices.Contains(fromWatch, n) {
					routed = append(routed, n)
				}
			}
		}
		return fromWatch, routed
	}
}

// sender builds the sender that posts to the configured notifiers.
func (a *app) sender(cfg *config.Config, d *db.DB, log *slog.Logger) (*notify.Sender, error) {
	authorities, err := network(cfg)
	if err != nil {
		return nil, err
	}
	s := &notify.Sender{Operators: cfg.Operators, Now: a.now, Log: log, HTTP: postClient(authorities),
		Links: notify.Links{Page: cfg.PageURL, Console: map[string]string{}}, People: map[string]notify.Person{}}
	if d != nil {
		s.Outbox = d
	}
	for _, c := range cfg.Accounts {
		s.Links.Console[c.Name] = c.ConsoleURL
	}
	for id, p := range cfg.People {
		s.People[id] = notify.Person(p)
	}
	for _, r := range cfg.Routes {
		s.Routes = append(s.Routes, notify.Route(r))
	}
	for _, c := range cfg.Slacks {
		n, err := slackNotifier(c)
		if err != nil {
			return nil, err
		}
		s.Notifiers = append(s.Notifiers, n)
	}
	for _, c := range cfg.Webhooks {
		masks, err := c.Masks()
		if err != nil {
			return nil, err // nothing is sent unmasked
		}
		s.Notifiers = append(s.Notifiers, notify.Notifier{Name: c.Name, Channel: notify.Webhook{URL: c.URL.Value, Key: c.Key},
			Kinds: c.Kinds, Detail: notify.Detail(c.Detail), Mask: masks, IgnorePaths: c.IgnorePaths, IgnoreFormatting: c.IgnoreFormatting})
	}
	var names []string
	for _, n := range s.Notifiers {
		names = append(names, n.Name)
	}
	s.Observe = a.live.Posts(names, notify.Outcomes())
	return s, nil
}

func slackNotifier(c config.Slack) (n notify.Notifier, err error) {
	n = notify.Notifier{Name: c.Name, Kinds: c.Kinds, Detail: notify.Detail(c.Detail), DigestOver: c.DigestOver,
		IgnorePaths: c.IgnorePaths, IgnoreFormatting: c.IgnoreFormatting}
	if n.Mask, err = c.Masks(); err != nil { // nothing is sent unmasked
		return n, err
	}
	if n.Thread, err = c.ThreadFor(); err != nil {
		return n, err
	}
	q, err := c.Quiet()
	if err != nil {
		return n, err
	}
	n.Quiet = notify.Quiet{From: q.From, To: q.To, In: q.In, Except: c.QuietExcept}
	if c.Webhook.IsSet() {
		n.Channel = notify.SlackWebhook{URL: c.Webhook.Value}
	} else {
		n.Channel = notify.Slack{Token: c.BotToken, Channel: c.Channel, APIURL: c.APIURL}
	}
	return n, nil
}

// network returns the certificate authorities of ca_file, or nil for the system's. It fails
// if net/http would bypass the proxy set in the environment.
func network(cfg *config.Config) (*x509.CertPool, error) {
	if err := config.CheckProxy(); err != nil {
		return nil, err
	}
	return cfg.RootCAs()
}

// postClient returns the HTTP client for Slack, webhooks and witnesses.
func postClient(authorities *x509.CertPool) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.OnProxyConnectResponse = hint.OnProxyConnect
	if authorities != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: authorities}
	}
	return &http.Client{Transport: t}
}

// adviceOn returns the hint for a failed request to COC, by the class of the error; "" if
// the class is unknown.
func adviceOn(err error) string {
	e, ok := errors.AsType[*fetch.Error](err)
	switch {
	case !ok:
		return ""
	case errors.Is(err, coc.ErrUnauthorized):
		return "check access_key, secret_key and, for temporary keys, security_token of the account, and this machine's clock"
	case errors.Is(err, coc.ErrForbidden) && e.External:
		return "this response is not from COC: check the endpoint in the config, and whether a proxy or a firewall refuses the request"
	case errors.Is(err, coc.ErrForbidden):
		return "grant the user of this key the IAM action " + e.Action
	case errors.Is(err, coc.ErrNotFound):
		return "check the document's ID in the config: COC has no such document"
	case e.Status == http.StatusTooManyRequests:
		return "COC limits requests: wait a few minutes, and lower requests_per_second if it happens again"
	case e.Status/100 == 3, e.Status == http.StatusNotFound, e.External && e.Status > 0 && e.Status < 500:
		return "check the endpoint or the region in the config: the response may be from another service"
	case e.Status >= 500:
		return "COC or its gateway fails: try again in a few minutes"
	case errors.Is(err, coc.ErrTemporary):
		return "check network, proxy and DNS of this machine, and the endpoint or region in the config"
	}
	return ""
}

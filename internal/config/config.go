// Package config turns config.toml into a Config: defaults, a strict decode, and
// every fault at once, each with its line and how to fix it. It owns the
// file's keys, the words about them, and secrets, which it reads only when
// somebody asks for their value. What is done with the settings is not its
// business; it opens no archive and asks no network.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cocsync/internal/hint"
)

// Config is a checked configuration. What Load returns refers to no name that
// isn't there, and its methods that read a setting (Cron, AuditEvery, Masks,
// ThreadFor, Quiet) do not fail.
type Config struct {
	// Database is the archive's file. Written relatively, it lies beside the
	// config file, so that it does not depend on where the daemon was started.
	Database string `toml:"database"`
	// SigningKey is the file of the key that signs the archive's log; "" for the one
	// beside the archive. See Key.
	SigningKey string `toml:"signing_key"`
	// WitnessDir is a folder that gets a copy of each checkpoint; "" for none.
	WitnessDir string `toml:"witness_dir"`
	// CAFile is a file of certificate authorities in PEM that TLS clients trust next to
	// the system's; "" for none. See RootCAs.
	CAFile string `toml:"ca_file"`
	// Operators are the notifiers that hear when the watching itself is broken.
	Operators []string `toml:"operators"`
	// PageURL is the address of a change on a web page, with placeholders such as
	// {change}; "" for none.
	PageURL  string    `toml:"page_url"`
	Accounts []Account `toml:"account"`
	Watches  []Watch   `toml:"watch"`
	Slacks   []Slack   `toml:"slack"`
	Webhooks []Webhook `toml:"webhook"`
	Routes   []Route   `toml:"route"`
	Web      *Web      `toml:"web"` // nil: no page
	// People says who COC's users are, by the id or the name that COC shows.
	People map[string]Person `toml:"people"`

	doc *document // where each key stands, for problems that are found later
}

// Account is one set of COC credentials and one endpoint.
type Account struct {
	Name     string `toml:"name"` // its identity in the archive
	Region   string `toml:"region"`
	Endpoint string `toml:"endpoint"` // after Load also when the file gave a region
	// AccessKey and SecretKey are both set or neither: then the environment, the
	// profile file and the ECS agency are asked.
	AccessKey         Secret  `toml:"access_key"`
	SecretKey         Secret  `toml:"secret_key"`
	SecurityToken     Secret  `toml:"security_token"`
	RequestsPerSecond float64 `toml:"requests_per_second"` // 0: no limit
	Connections       int     `toml:"connections"`
	ConsoleURL        string  `toml:"console_url"` // of a document in COC's console, as PageURL is written
}

// Watch is which documents of an account are followed, and who hears of them.
type Watch struct {
	Name         string   `toml:"name"`
	Account      string   `toml:"account"`
	Schedule     string   `toml:"schedule"` // see Cron
	Timezone     string   `toml:"timezone"`
	Audit        string   `toml:"audit"`         // see AuditEvery
	DocumentType string   `toml:"document_type"` // "" for private ones, or "PUBLIC"
	Documents    []string `toml:"documents"`
	Select       *Select  `toml:"select"` // nil: the documents named alone
	Notify       []string `toml:"notify"`
}

// Select follows what COC lists. Filters narrow it.
type Select struct {
	All                 bool   `toml:"all"` // says that no filter is meant, not a forgotten one
	NameLike            string `toml:"name_like"`
	Creator             string `toml:"creator"`
	EnterpriseProjectID string `toml:"enterprise_project_id"`
}

// Default returns what an empty file says.
func Default() *Config { return &Config{Database: "cocsync.db"} }

func defaultAccount() Account { return Account{RequestsPerSecond: 5, Connections: 4} }

func defaultWatch() Watch {
	return Watch{Schedule: "*/5 * * * *", Timezone: "UTC", Audit: "30d"}
}

// maxFile bounds a config file. One that a person wrote has a few kilobytes.
const maxFile = 1 << 20

// Load reads and checks a config file. An error about what the file says is a
// *Problems. No secret is resolved: see CheckSecrets.
func Load(path string) (*Config, error) {
	text, mode, err := read(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text, mode, time.Now())
}

// Check is Load that also reports what CheckSecrets finds, in one error: a fault in
// one place hides none in another.
func Check(path string) (*Config, error) {
	text, mode, err := read(path)
	if err != nil {
		return nil, err
	}
	cfg, c := decode(path, text, mode, time.Now())
	c.outside()
	if err := c.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// parse is Load without the file. mode tells who may read it; now is the instant
// after which a schedule must have a next time.
func parse(path string, text []byte, mode fs.FileMode, now time.Time) (*Config, error) {
	cfg, c := decode(path, text, mode, now)
	if err := c.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// decode decodes and checks a text. The checker has the problems. The Config holds
// what could be read of a text with problems.
func decode(path string, text []byte, mode fs.FileMode, now time.Time) (*Config, *checker) {
	doc := scan(path, text)
	cfg := Default()
	cfg.doc = doc
	c := &checker{document: doc, cfg: cfg, private: private(mode), now: now}
	if doc.decode(cfg) {
		cfg.fill()
		c.check()
		cfg.settle(filepath.Dir(path))
	}
	return cfg, c
}

// Key is where the key lies that signs the archive's log.
func (c *Config) Key() string {
	if c.SigningKey != "" {
		return c.SigningKey
	}
	return KeyOf(c.Database)
}

// KeyOf is where the key of an archive lies when nothing else is said.
func KeyOf(database string) string { return database + ".key" }

// settle makes relative paths relative to the config file, and regions endpoints.
func (c *Config) settle(dir string) {
	c.Database = under(dir, c.Database)
	for _, path := range []*string{&c.SigningKey, &c.WitnessDir, &c.CAFile} {
		if *path != "" {
			*path = under(dir, *path)
		}
	}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		if e, ok := endpointOf(a.Region); ok {
			a.Endpoint = e
		}
		for _, s := range []*Secret{&a.AccessKey, &a.SecretKey, &a.SecurityToken} {
			*s = s.in(dir)
		}
	}
	for i := range c.Slacks {
		s := &c.Slacks[i]
		s.Token, s.Webhook = s.Token.in(dir), s.Webhook.in(dir)
	}
	if w := c.Web; w != nil {
		w.Token = w.Token.in(dir)
		for _, path := range []*string{&w.Cert, &w.Key} {
			if *path != "" {
				*path = under(dir, *path)
			}
		}
	}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		w.URL, w.Secret = w.URL.in(dir), w.Secret.in(dir)
	}
}

// read returns what a config file says, and its mode.
func read(path string) (_ []byte, _ fs.FileMode, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read config: %w", err)
		}
	}()
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, hint.Wrap(err, "run `cocsync init` to write one, or name another with -c FILE")
	case err != nil:
		return nil, 0, hint.Wrap(err, "check that you may read it, or name another with -c FILE")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, 0, hint.Wrap(err, "name the config file with -c FILE")
	}
	if len(text) > maxFile {
		return nil, 0, hint.Wrap(fmt.Errorf("%s: longer than %d bytes", path, maxFile), "name the config file with -c FILE")
	}
	return text, info.Mode(), nil
}

// Package config turns config.toml into a Config: defaults, a strict decode, and
// all problems at once, each with its line and its fix. It owns the keys of the file,
// the messages about them, and secrets, which it reads only when a caller asks for
// their value. It leaves the use of the settings to others: it opens no archive and
// sends no request.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"cocsync/internal/audit"
	"cocsync/internal/hint"
)

// Config is a checked configuration. All names in what Load returns exist, and the
// methods that read a setting (Cron, AuditEvery, Masks, ThreadFor, Quiet) do not
// fail.
type Config struct {
	// Database is the archive's file. A relative path starts at the config file, so
	// that it does not depend on where the daemon was started.
	Database string `toml:"database"`
	// SigningKey is the file of the key that signs the archive's logs; "" means the one
	// next to the archive. See Key.
	SigningKey string `toml:"signing_key"`
	// HeadFile is the file of the newest heads of the logs; "" means the one next to the
	// archive.
	HeadFile string `toml:"head_file"`
	// WitnessDir is a folder that gets a copy of each checkpoint; "" means none.
	WitnessDir string `toml:"witness_dir"`
	// CAFile is a file of certificate authorities in PEM that TLS clients trust in
	// addition to the system's; "" means none. See RootCAs.
	CAFile string `toml:"ca_file"`
	// Operators are the notifiers that are notified when monitoring itself fails.
	Operators []string `toml:"operators"`
	// PageURL is the address of a change on a web page, with placeholders such as
	// {change}; "" means none.
	PageURL  string    `toml:"page_url"`
	Accounts []Account `toml:"account"`
	Watches  []Watch   `toml:"watch"`
	Slacks   []Slack   `toml:"slack"`
	Webhooks []Webhook `toml:"webhook"`
	Routes   []Route   `toml:"route"`
	// Witnesses are the servers that cosign the heads of the logs.
	Witnesses []Witness `toml:"witness"`
	Web       *Web      `toml:"web"` // nil: no page
	// People names the users of COC, by the id or the name that COC shows.
	People map[string]Person `toml:"people"`

	doc *document // the line of each key, for later checks
}

// Account is one set of COC credentials and one endpoint.
type Account struct {
	Name     string `toml:"name"` // its identity in the archive
	Region   string `toml:"region"`
	Endpoint string `toml:"endpoint"` // after Load also if the file has a region
	// AccessKey and SecretKey are both set or neither. If neither, the environment, the
	// profile file and the ECS agency are used.
	AccessKey         Secret  `toml:"access_key"`
	SecretKey         Secret  `toml:"secret_key"`
	SecurityToken     Secret  `toml:"security_token"`
	RequestsPerSecond float64 `toml:"requests_per_second"` // 0: no limit
	Connections       int     `toml:"connections"`
	ConsoleURL        string  `toml:"console_url"` // of a document in COC's console, with the placeholders of PageURL
}

// Watch says which documents of an account are followed, and who is notified.
type Watch struct {
	Name         string   `toml:"name"`
	Account      string   `toml:"account"`
	Schedule     string   `toml:"schedule"` // see Cron
	Timezone     string   `toml:"timezone"`
	Audit        string   `toml:"audit"`         // see AuditEvery
	DocumentType string   `toml:"document_type"` // "" for private ones, or "PUBLIC"
	Documents    []string `toml:"documents"`
	Select       *Select  `toml:"select"` // nil: only Documents
	Notify       []string `toml:"notify"`
}

// Select follows the documents that COC lists. Filters narrow it.
type Select struct {
	All                 bool   `toml:"all"` // shows that no filter was forgotten
	NameLike            string `toml:"name_like"`
	Creator             string `toml:"creator"`
	EnterpriseProjectID string `toml:"enterprise_project_id"`
}

// Witness is a server that cosigns the heads of the logs: https://c2sp.org/tlog-witness.
type Witness struct {
	URL string `toml:"url"` // of its submission prefix
	Key string `toml:"key"` // see VerifierKey
}

// VerifierKey returns the key that verifies the cosignatures.
func (w Witness) VerifierKey() (audit.WitnessKey, error) { return audit.ParseWitnessKey(w.Key) }

// Default returns the configuration of an empty file.
func Default() *Config { return &Config{Database: "cocsync.db"} }

func defaultAccount() Account { return Account{RequestsPerSecond: 5, Connections: 4} }

func defaultWatch() Watch {
	return Watch{Schedule: "*/5 * * * *", Timezone: "UTC", Audit: "30d"}
}

// maxFile bounds a config file. One that a person wrote has a few kilobytes.
const maxFile = 1 << 20

// Load reads and checks a config file. Errors in its text are returned as
// *Problems. Load reads no secret: see CheckSecrets.
func Load(path string) (*Config, error) { return loadWith(path, func(*checker) {}) }

// CheckText checks the text of a config that is not written yet. Problems call it name.
func CheckText(name string, text []byte) error {
	_, c := decode(name, text, 0o600, time.Now())
	return c.err()
}

// Check is Load and CheckSecrets with one error, so that all problems are reported at
// once.
func Check(path string) (*Config, error) { return loadWith(path, (*checker).checkFiles) }

func loadWith(path string, more func(*checker)) (*Config, error) {
	text, mode, err := read(path)
	if err != nil {
		return nil, err
	}
	cfg, c := decode(path, text, mode, time.Now())
	more(c)
	return cfg, c.err()
}

// decode decodes and checks a text. mode tells who may read the file. A schedule must have
// a next time after now. The checker has the problems. After problems the Config has what
// could be read.
func decode(path string, text []byte, mode fs.FileMode, now time.Time) (*Config, *checker) {
	cfg := Default()
	cfg.doc = newDocument(path, text)
	c := &checker{document: cfg.doc, cfg: cfg, private: permissions(mode)&0o077 == 0, now: now}
	if cfg.doc.decode(cfg) {
		c.check()
		cfg.complete(filepath.Dir(path))
	}
	return cfg, c
}

// Key returns the path of the key that signs the archive's log.
func (c *Config) Key() string {
	if c.SigningKey != "" {
		return c.SigningKey
	}
	return KeyOf(c.Database)
}

// KeyOf returns the default path of the key of an archive.
func KeyOf(database string) string { return database + ".key" }

// complete makes relative paths start at the config file's folder, dir, and sets the
// endpoints of regions.
func (c *Config) complete(dir string) {
	c.Database = under(dir, c.Database)
	paths := []*string{&c.SigningKey, &c.HeadFile, &c.WitnessDir, &c.CAFile}
	if c.Web != nil {
		paths = append(paths, &c.Web.Cert, &c.Web.Key)
	}
	for _, path := range paths {
		if *path != "" {
			*path = under(dir, *path)
		}
	}
	for _, table := range c.tables() {
		for _, s := range secretsOf(table) {
			*s = s.in(dir)
		}
		if a, ok := table.(*Account); ok && regionEndpoint(a.Region) != "" {
			a.Endpoint = regionEndpoint(a.Region)
		}
	}
}

// under makes a relative path start at dir.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// tableName is the path of a table, and its name in messages.
type tableName struct{ path, label string }

// tables yields a pointer to each table of the file except [people]; [web] only if it
// has a page.
func (c *Config) tables() iter.Seq2[tableName, any] {
	return func(yield func(tableName, any) bool) {
		v := reflect.ValueOf(c).Elem()
		for _, f := range fields(v.Type()) {
			list := v.FieldByIndex(f.Index)
			for i := 0; isTables(f.Type) && i < list.Len(); i++ {
				kind := f.Tag.Get("toml")
				label := fmt.Sprintf("%s number %d", kind, i+1)
				if name := list.Index(i).FieldByName("Name"); name.IsValid() && name.String() != "" {
					label = kind + " " + quote(name.String())
				}
				if !yield(tableName{element(kind, i), label}, list.Index(i).Addr().Interface()) {
					return
				}
			}
		}
		if c.Web != nil && c.Web.Listen != "" {
			yield(tableName{"web", "web"}, c.Web)
		}
	}
}

// secretsOf yields the secrets of a table by their keys.
func secretsOf(table any) iter.Seq2[string, *Secret] {
	return func(yield func(string, *Secret) bool) {
		v := reflect.ValueOf(table).Elem()
		for _, f := range fields(v.Type()) {
			if s, ok := v.FieldByIndex(f.Index).Addr().Interface().(*Secret); ok && !yield(f.Tag.Get("toml"), s) {
				return
			}
		}
	}
}

// read returns the text of a config file, and its mode.
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
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: longer than %d bytes", path, maxFile)
	}
	if err != nil {
		return nil, 0, hint.Wrap(err, "name the config file with -c FILE")
	}
	return text, info.Mode(), nil
}

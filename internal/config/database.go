package config

import (
	"path/filepath"

	"github.com/pelletier/go-toml/v2/unstable"

	"cocsync/internal/hint"
)

// LoadDatabase reads nothing but `database` from a config file, for commands
// that need nothing else: faults elsewhere do not keep an auditor from reading.
func LoadDatabase(path string) (string, error) {
	text, _, err := read(path)
	if err == nil {
		var name string
		if name, err = databaseIn(path, text); err == nil {
			return under(filepath.Dir(path), name), nil
		}
	}
	return "", hint.Wrap(err, "or name the archive: --db FILE")
}

// databaseIn looks at the keys before the first table. A fault among them is an
// error only when it comes first, and a key that is nearly this one when there is no
// other: then nobody knows which archive is meant.
func databaseIn(file string, text []byte) (string, error) {
	const database = "database"
	d := newDocument(file, text)
	var p unstable.Parser
	p.Reset(d.text)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.KeyValue {
			return Default().Database, d.err()
		}
		keys := e.Key()
		keys.Next()
		if key := string(keys.Node().Data); key != database {
			if meant := hint.DidYouMean(key, []string{database}); meant != "" {
				d.add(d.lineAt(int(e.Raw.Offset)), "unknown key "+quote(key), meant)
			}
			continue
		}
		if v := e.Value(); keys.IsLast() && v.Kind == unstable.String && len(v.Data) > 0 {
			return string(v.Data), nil
		}
		d.add(d.lineAt(int(e.Raw.Offset)), "database must be a text in quotes", "write the path of the archive")
		return "", d.err()
	}
	if err := p.Error(); err != nil {
		d.syntax(err)
	}
	return Default().Database, d.err()
}

// under takes a relative path from dir.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

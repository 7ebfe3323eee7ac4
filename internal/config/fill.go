package config

import (
	"fmt"
	"reflect"
)

// fill gives the keys that the file leaves out their defaults. It goes by what
// stands in the file, not by what is zero: requests_per_second = 0 means
// something.
func (c *Config) fill() {
	for i := range c.Accounts {
		fillIn(c.doc, fmt.Sprintf("account[%d]", i), &c.Accounts[i], defaultAccount())
	}
	for i := range c.Watches {
		fillIn(c.doc, fmt.Sprintf("watch[%d]", i), &c.Watches[i], defaultWatch())
	}
	for i := range c.Slacks {
		fillIn(c.doc, fmt.Sprintf("slack[%d]", i), &c.Slacks[i], defaultSlack())
	}
	for i := range c.Webhooks {
		fillIn(c.doc, fmt.Sprintf("webhook[%d]", i), &c.Webhooks[i], defaultWebhook())
	}
	if c.Web != nil {
		fillIn(c.doc, "web", c.Web, defaultWeb())
	}
}

func fillIn[T any](doc *document, path string, to *T, from T) {
	dst, src := reflect.ValueOf(to).Elem(), reflect.ValueOf(from)
	for f := range fields(dst.Type()) {
		if _, ok := doc.lines[join(path, f.Tag.Get("toml"))]; !ok {
			dst.FieldByIndex(f.Index).Set(src.FieldByIndex(f.Index))
		}
	}
}

package config

import (
	"strings"
	"testing"

	"cocsync/internal/hint"
)

// No document decides where a link leads, and none ends a link early.
func TestCheckLink(t *testing.T) {
	for _, text := range []string{
		"",
		"https://example.com",
		"http://10.0.0.1:8321/documents/{account}/{document_id}/{name}/{version}?change={change}#{change}",
		"https://[::1]:8321/{change}",
		"https://example.com?c={change}{version}",
		"https://example.com/作业/{name}",
		"https://example.com/%7B{name}%7D",
	} {
		if err := checkLink(text); err != nil {
			t.Errorf("checkLink(%q): %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"https://example.com/{id}":          "unknown placeholder",
		"https://example.com/{}":            "unknown placeholder",
		"https://example.com/{Name}":        "unknown placeholder",
		"https://example.com/{ name }":      "unknown placeholder",
		"https://example.com/{name":         "brace",
		"https://example.com/name}":         "brace",
		"https://example.com/{{name}}":      "brace",
		"https://example.com/{{name}":       "brace",
		"/changes/{change}":                 "not a valid http or https URL",
		"example.com/{change}":              "not a valid http or https URL",
		"ftp://example.com/{change}":        "not a valid http or https URL",
		"javascript:alert({change})":        "not a valid http or https URL",
		"https:///{change}":                 "not a valid http or https URL",
		"https://:8321/{change}":            "not a valid http or https URL",
		"https:example.com/{change}":        "not a valid http or https URL",
		"{name}://example.com/":             "not a valid http or https URL",
		"https://example.com/%{name}":       "not a valid http or https URL",
		"https://example.com/%2{name}":      "not a valid http or https URL",
		"https://example.com/a b":           "not a valid http or https URL",
		"https://example.com/a|b":           "not a valid http or https URL",
		"https://example.com/a>b":           "not a valid http or https URL",
		"https://example.com\\{name}":       "not a valid http or https URL",
		" https://example.com/":             "not a valid http or https URL",
		"https://user@example.com/{change}": "a user",
		"https://user:pw@example.com/":      "a user",
		"https://{name}/":                   "host",
		"https://example.com{change}":       "host",
		"https://{account}.example.com/":    "host",
		"https://{name}?x":                  "host",
	} {
		err := checkLink(text)
		if err == nil || !strings.Contains(err.Error(), want) || hint.Of(err) == "" {
			t.Errorf("checkLink(%q) = %v (hint %q), want %q", text, err, hint.Of(err), want)
		}
	}
}

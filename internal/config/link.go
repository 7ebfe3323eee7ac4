package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cocsync/internal/hint"
)

const urlAdvice = "write https://…; plain http is accepted on loopback only"

// checkURL accepts https, and http on loopback, with nothing after the path.
// The error does not show the URL, which may hold a password.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err == nil && (u.RawQuery != "" || u.ForceQuery) {
		return hint.Wrap(errors.New("a user, query or fragment is not allowed in this URL"), urlAdvice)
	}
	return checkTarget(text)
}

// checkTarget is checkURL for a complete address: it may have a query.
func checkTarget(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return hint.Wrap(errors.New("this is not a valid URL"), urlAdvice)
	}
	if u.User != nil || u.Fragment != "" {
		return hint.Wrap(errors.New("a user or fragment is not allowed in this URL"), urlAdvice)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return hint.Wrap(errors.New("this URL is not https"), urlAdvice)
	}
	return nil
}

// replacePlaceholders replaces each placeholder by the result of f.
func replacePlaceholders(text string, f func(string) string) string {
	return regexp.MustCompile(`\{[^{}]*\}`).ReplaceAllStringFunc(text, f)
}

// placeholders are replaced by parts of a change in the address of a page.
func placeholders() []string {
	return []string{"{account}", "{document_id}", "{name}", "{version}", "{change}"}
}

// checkLink checks the template of an address that people open: http or https,
// with placeholders only after the host, so that no document decides where a link
// leads. "" means no link.
func checkLink(text string) error {
	if text == "" {
		return nil
	}
	const advice = `write an address such as "https://example.com/changes/{change}", or "" for no link`
	known := placeholders()
	var unknown string
	filled := replacePlaceholders(text, func(p string) string {
		if !slices.Contains(known, p) && unknown == "" {
			unknown = p
		}
		return "x"
	})
	switch {
	case unknown != "":
		return hint.Wrap(fmt.Errorf("unknown placeholder %s", quote(unknown)),
			hint.OneOf(unknown, known))
	case strings.ContainsAny(filled, "{}"):
		return hint.Wrap(errors.New("a brace has no counterpart"), "placeholders are "+strings.Join(known, ", ")+"; write other braces as %7B and %7D")
	}
	u, err := url.Parse(filled)
	// A character that is not allowed in a URL would end a link in Slack early.
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(filled, notInURL) {
		return hint.Wrap(errors.New("this is not a valid http or https URL"), advice)
	}
	_, host, _ := strings.Cut(text, "://")
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	switch {
	case u.User != nil:
		return hint.Wrap(errors.New("a user is not allowed in this URL"), advice)
	case strings.Contains(host, "{"):
		return hint.Wrap(errors.New("a placeholder is not allowed in the host"), advice)
	}
	return nil
}

// notInURL reports whether a character must be escaped in a URL.
func notInURL(r rune) bool { return notInID(r) || strings.ContainsRune("<>\"\\^`|", r) }

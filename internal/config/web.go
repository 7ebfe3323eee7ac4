package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"cocsync/internal/hint"
)

// Web is the page of the archive. Without a [web] table there is none: anyone who can
// reach it can read the whole archive.
type Web struct {
	Listen      string `toml:"listen"` // host:port; "" for no page
	Token       Secret `toml:"token"`  // opens the page; unset: anyone who can reach it may read
	Cert        string `toml:"cert"`   // with Key: files of the certificate in PEM, for https
	Key         string `toml:"key"`
	BehindProxy bool   `toml:"behind_proxy"` // a proxy in front of it provides https
}

func defaultWeb() Web { return Web{Listen: "127.0.0.1:8321"} }

// minToken is the minimum length of a token: 20 random characters have more than 100
// bits.
const minToken = 20

// loopback reports whether only this machine can reach the address.
func (w Web) loopback() bool {
	host, _, err := net.SplitHostPort(w.Listen)
	return err == nil && loopback(host)
}

// OnLoopback accepts an address to listen on that only this machine can reach.
func OnLoopback(listen string) error {
	if err := checkListen(listen); err != nil {
		return err
	}
	if !(Web{Listen: listen}).loopback() {
		return hint.Wrap(fmt.Errorf("other machines can reach %s", quote(listen)),
			"listen on 127.0.0.1; the daemon can serve others, with a token and https: see [web] in config.example.toml")
	}
	return nil
}

// PageHost returns the host of page_url; "" if it has none.
func (c *Config) PageHost() string {
	u, err := url.Parse(replacePlaceholders(c.PageURL, func(string) string { return "x" }))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (c *checker) web(w Web) {
	c.wrong("listen", checkListen(w.Listen))
	if w.Token.plain() && w.Token.check() == nil {
		c.wrong("token", checkToken(w.Token.ref))
	}
	if (w.Cert == "") != (w.Key == "") {
		c.fault("cert", "cert and key must be given together", "write both, or neither for plain http")
	}
	if w.BehindProxy && w.Cert != "" {
		c.fault("behind_proxy", "behind_proxy and cert are both given",
			"keep one of them: behind_proxy if a proxy provides https, cert if cocsync does")
	}
	if w.loopback() || checkListen(w.Listen) != nil {
		return
	}
	const why = "other machines can reach this address"
	if !w.Token.IsSet() {
		c.fault("listen", why+", and it has no token", `write token = "env:COCSYNC_WEB_TOKEN", or listen on 127.0.0.1`)
	} else if w.Cert == "" && !w.BehindProxy {
		c.fault("listen", why+", and without https the token and the archive are sent as plain text",
			"write cert and key, or behind_proxy = true if a proxy provides https, or listen on 127.0.0.1")
	}
}

func checkListen(text string) error {
	const advice = `write host:port, such as "127.0.0.1:8321", or "" for no page`
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return hint.Wrap(fmt.Errorf("%s is not a valid address", quote(text)), advice)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return hint.Wrap(fmt.Errorf("%s is not a valid port", quote(port)), advice)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && host != "" {
		return hint.Wrap(fmt.Errorf("%s is not an IP address", quote(host)),
			"write the address of the interface to listen on, such as 127.0.0.1 or 0.0.0.0")
	}
	return nil
}

func checkToken(token string) error {
	if len(token) < minToken {
		return hint.Wrap(fmt.Errorf("the token is shorter than %d characters", minToken), "make one with `openssl rand -hex 32`")
	}
	return nil
}

// webFiles checks the token, which readable says could be read, and the certificate.
func (c *checker) webFiles(w Web, readable bool) {
	if token, err := w.Token.Value(); readable && err == nil {
		c.wrong("token", checkToken(token))
	}
	if w.Cert == "" {
		return
	}
	c.wrong("key", GuardedFile(w.Key))
	if _, err := tls.LoadX509KeyPair(w.Cert, w.Key); err != nil {
		c.wrong("cert", hint.Wrap(err, "cert and key must be PEM files of one pair, readable by cocsync's user"))
	}
}

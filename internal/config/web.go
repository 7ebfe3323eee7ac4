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

// Web is the page of the archive. Without a [web] table there is none: whoever can
// reach it reads everything that is archived.
type Web struct {
	Listen      string `toml:"listen"` // host:port; "" for no page
	Token       Secret `toml:"token"`  // opens the page; unset: everybody who reaches it may read
	Cert        string `toml:"cert"`   // with Key: files of the certificate in PEM, for https
	Key         string `toml:"key"`
	BehindProxy bool   `toml:"behind_proxy"` // something in front of it brings https
}

func defaultWeb() Web { return Web{Listen: "127.0.0.1:8321"} }

// minToken is the fewest characters of a token: 20 of a random one hold more than
// 100 bits.
const minToken = 20

// loopback reports whether only this machine reaches the address.
func (w Web) loopback() bool {
	host, _, err := net.SplitHostPort(w.Listen)
	ip, wrong := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || wrong == nil && ip.IsLoopback())
}

// OnLoopback accepts an address to listen on that only this machine reaches.
func OnLoopback(listen string) error {
	if err := checkListen(listen); err != nil {
		return err
	}
	if !(Web{Listen: listen}).loopback() {
		return hint.Wrap(fmt.Errorf("others reach %s", quote(listen)), "listen on 127.0.0.1; a daemon serves others, with a token and https: see [web] in config.example.toml")
	}
	return nil
}

// PageHost is the host under which people open the page, as page_url has it; "" when
// that says none.
func (c *Config) PageHost() string {
	u, err := url.Parse(replacePlaceholders(c.PageURL, func(string) string { return "x" }))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (c *checker) web(w Web) {
	if w.Listen == "" {
		return
	}
	c.wrong("listen", checkListen(w.Listen))
	c.secret("token", w.Token)
	if w.Token.plain() && w.Token.check() == nil {
		c.wrong("token", checkToken(w.Token.ref))
	}
	if (w.Cert == "") != (w.Key == "") {
		c.fault("cert", "cert and key go together", "write both, or neither for plain http")
	}
	if w.BehindProxy && w.Cert != "" {
		c.fault("behind_proxy", "behind_proxy says that something else brings https, and cert that cocsync does", "leave out one of them")
	}
	if w.loopback() || checkListen(w.Listen) != nil {
		return
	}
	const why = "others reach this address"
	if !w.Token.IsSet() {
		c.fault("listen", why+", and nothing asks who they are", `write token = "env:COCSYNC_WEB_TOKEN", or listen on 127.0.0.1`)
	} else if w.Cert == "" && !w.BehindProxy {
		c.fault("listen", why+", and what they read and the token would go over the network in plain text",
			"write cert and key, or behind_proxy = true where something in front of it brings https, or listen on 127.0.0.1")
	}
}

func checkListen(text string) error {
	const advice = `write host:port, such as "127.0.0.1:8321", or "" for no page`
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return hint.Wrap(fmt.Errorf("%s is no address to listen on", quote(text)), advice)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return hint.Wrap(fmt.Errorf("%s is no port", quote(port)), advice)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && host != "" {
		return hint.Wrap(fmt.Errorf("%s is no IP address", quote(host)), "write the address of the interface to listen on, such as 127.0.0.1 or 0.0.0.0")
	}
	return nil
}

func checkToken(token string) error {
	if len(token) < minToken {
		return hint.Wrap(fmt.Errorf("the token is shorter than %d characters", minToken), "make one with `openssl rand -hex 32`")
	}
	return nil
}

// checkWeb reads what the page needs from files and the environment.
func (c *checker) checkWeb(w *Web) {
	if w == nil || w.Listen == "" {
		return
	}
	c.at, c.label = "web", "the page"
	if c.readable("token", w.Token) && w.Token.IsSet() {
		if token, err := w.Token.Value(); err == nil {
			c.wrong("token", checkToken(token))
		}
	}
	if w.Cert == "" {
		return
	}
	c.guarded("key", w.Key)
	if _, err := tls.LoadX509KeyPair(w.Cert, w.Key); err != nil {
		c.wrong("cert", hint.Wrap(err, "cert and key are files in PEM that belong together, readable by cocsync's user"))
	}
}

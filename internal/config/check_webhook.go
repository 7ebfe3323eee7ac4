package config

func (c *checker) webhook(w Webhook) {
	if err := w.URL.check(); err != nil {
		c.wrong("url", err)
	} else if !w.URL.IsSet() {
		c.fault("url", "it has no url", `write url = "https://…", or "env:WEBHOOK_URL" where it is to stay secret`)
	} else if w.URL.plain() {
		c.wrong("url", checkTarget(w.URL.ref))
	}
	if !w.Secret.IsSet() {
		c.fault("secret", "it has no secret", `write secret = "env:WEBHOOK_SECRET"; `+keyAdvice)
	} else if w.Secret.plain() && w.Secret.check() == nil {
		_, err := w.Key()
		c.wrong("secret", err)
	}
	c.secret("secret", w.Secret)
	c.telling(w.Kinds, w.Detail, w.Mask, w.IgnorePaths)
}

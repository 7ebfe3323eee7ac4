package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"cocsync/internal/coc"
	"cocsync/internal/hint"
	"cocsync/internal/mask"
	"cocsync/internal/text"
)

const (
	// postTimeout bounds one call. A call that runs into it may have got
	// through: the message is posted again, with the same change id.
	postTimeout = 30 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 1 << 20
	// maxWait bounds what Slack may ask for with Retry-After.
	maxWait = time.Hour
	// minRedacted is the length from which a value of a secret URL is hidden in errors.
	minRedacted = 5
)

// post posts a frozen message once, in the thread that it names. channel and ts say
// where it landed, as far as the way tells. The error is a *refusal.
func (s *Sender) post(ctx context.Context, n *Notifier, m coc.Message) (landed, ts string, err error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	defer func() { s.observe(ctx, n, err) }()
	body, text := m.Body, m.Text
	switch {
	case m.Plain && m.Kind == coc.MessageFile: // words stand for it
		body, _ = json.Marshal([]block{rich(paragraph(span(text)))})
		text = escape(text)
	case m.Plain:
		body, text = nil, mentionsOf(m.Body)+unlink(text)
	}
	switch {
	case n.Hook != nil:
		return "", "", s.postHook(ctx, n, m)
	case n.Webhook != nil:
		return "", "", s.postWebhook(ctx, n, body, text)
	case m.Kind == coc.MessageFile && !m.Plain:
		return s.postFile(ctx, n, m)
	}
	return s.postToken(ctx, n, body, text, m.ThreadTS)
}

// options are the options of a message: nothing in it becomes a link or a mention
// by itself. text is escaped already.
func options(body []byte, text string) ([]slack.MsgOption, error) {
	list := []slack.MsgOption{
		slack.MsgOptionText(text, false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionDisableMarkdown(), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
	}
	if body != nil {
		var blocks []json.RawMessage
		if err := json.Unmarshal(body, &blocks); err != nil {
			return nil, &refusal{class: message, why: "the frozen message can't be read"}
		}
		for _, b := range blocks {
			list = append(list, slack.MsgOptionBlocks(frozen(b)))
		}
	}
	return list, nil
}

func (s *Sender) postToken(ctx context.Context, n *Notifier, body []byte, text, thread string) (string, string, error) {
	api, token, err := s.client(n)
	if err != nil {
		return "", "", err
	}
	list, err := options(body, text)
	if err != nil {
		return "", "", err
	}
	if thread != "" {
		list = append(list, slack.MsgOptionTS(thread))
	}
	channel, ts, err := api.PostMessageContext(ctx, n.Channel, list...)
	switch {
	case err != nil:
		return "", "", explain(err, token)
	case ts == "": // "ok": false without an error, or another service's answer
		return "", "", &refusal{class: later, why: "the answer is not Slack's: it has no timestamp"}
	}
	return channel, ts, nil
}

// client makes a client of the Web API with the token as it is now.
func (s *Sender) client(n *Notifier) (_ *slack.Client, token string, _ error) {
	if n.Token == nil {
		return nil, "", &refusal{class: channel, why: "neither token nor webhook is set", fix: "set one of them in the config"}
	}
	token, err := n.Token()
	if err != nil {
		return nil, "", &refusal{class: later, why: "read the token: " + err.Error(), advice: hint.Of(err)}
	}
	base := cmp.Or(n.APIURL, slack.APIURL)
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return slack.New(token, slack.OptionAPIURL(base), slack.OptionHTTPClient(apiDoer{s.doer()})), token, nil
}

// frozen is a block as it was stored, byte for byte.
type frozen json.RawMessage

// BlockType and ID make it a slack.Block; posting asks for neither.
func (frozen) BlockType() slack.MessageBlockType { return "" }
func (frozen) ID() string                        { return "" }

func (f frozen) MarshalJSON() ([]byte, error) { return f, nil }

// postWebhook posts without the library, which loses the reason of a refusal
// and prints the secret URL.
func (s *Sender) postWebhook(ctx context.Context, n *Notifier, body []byte, text string) error {
	secret, err := n.Webhook()
	if err != nil {
		return &refusal{class: later, why: "read the webhook: " + err.Error(), advice: hint.Of(err)}
	}
	payload, err := json.Marshal(struct {
		Text        string          `json:"text"`
		Blocks      json.RawMessage `json:"blocks,omitempty"`
		UnfurlLinks bool            `json:"unfurl_links"`
		UnfurlMedia bool            `json:"unfurl_media"`
		Markdown    bool            `json:"mrkdwn"`
		LinkNames   bool            `json:"link_names"`
		Parse       string          `json:"parse"`
	}{Text: text, Blocks: body, Parse: "none"})
	if err != nil {
		return &refusal{class: message, why: "the frozen message can't be read"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, secret, bytes.NewReader(payload))
	if err != nil || req.URL.Host == "" {
		return &refusal{class: channel, why: "the webhook is not a URL", fix: "give cocsync the whole URL that Slack shows"}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	got, err := s.send(req, secret)
	if err != nil || got.status == http.StatusOK && strings.TrimSpace(got.text) == "ok" {
		return err
	}
	r := judgeStatus(got.status, word(got.text))
	r.wait = seconds(got.retryAfter)
	return r
}

// answer is an answer that was read whole.
type answer struct {
	status     int
	text       string
	retryAfter string // as Do made it
}

// send sends a request past the library. The error is a *refusal that does not hold
// the secret in the address.
func (s *Sender) send(req *http.Request, secret string) (answer, error) {
	res, err := s.doer().Do(req)
	if err != nil {
		return answer{}, explain(err, secret)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, explain(err, secret)
	}
	return answer{res.StatusCode, string(body), res.Header.Get("Retry-After")}, nil
}

// explain turns an error of the library or of net/http into a refusal that
// holds no secret.
func explain(err error, secret string) *refusal {
	var rate *slack.RateLimitedError
	var status slack.StatusCodeError
	var said slack.SlackErrorResponse
	var known *refusal
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &rate):
		return &refusal{class: limited, why: "Slack asks to wait", wait: rate.RetryAfter}
	case errors.As(err, &status):
		return judgeStatus(status.Code, "")
	case errors.As(err, &said):
		r := judge(cmp.Or(word(said.Err), "an error without a word"))
		if r.class == message && len(said.ResponseMetadata.Messages) > 0 {
			r.why += " " + text.Line(redact(said.ResponseMetadata.Messages[0], secret), maxNote)
		}
		return r
	}
	return lost(err, secret)
}

// lost is the refusal of an error that kept a request from its response. A certificate
// that is not trusted is no better at the next attempt: the channel waits until a
// person has fixed it.
func lost(err error, secret string) *refusal {
	r := &refusal{class: later, advice: hint.Network(err)}
	if hint.Permanent(err) {
		r.class, r.fix = channel, r.advice
	}
	// A *url.Error prints the URL, which for a webhook is the secret itself.
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.why = "no answer within " + postTimeout.String()
	case errors.As(err, &dns):
		r.why = "the name of Slack's host can't be looked up: " + dns.Err
	default:
		r.why = redact(err.Error(), secret)
	}
	return r
}

// redact takes a secret out of a text, also as it looks in a form or a path.
func redact(s, secret string) string {
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		if len(u.Path) > 1 {
			forms = append(forms, u.Path, u.EscapedPath())
		}
		forms = append(forms, u.RawQuery)
		for _, values := range u.Query() {
			forms = append(forms, slices.DeleteFunc(values, func(v string) bool { return len(v) < minRedacted })...)
		}
	}
	for _, f := range forms {
		if f != "" {
			s = strings.ReplaceAll(s, f, mask.Hidden)
		}
	}
	return s
}

// doer sends requests: redirects are refused, because they would carry the
// secret elsewhere, answers are bounded, and Retry-After is made a whole number
// of seconds, the only shape that the library reads.
type doer struct{ *http.Client }

func (s *Sender) doer() doer {
	c := http.Client{}
	if s.HTTP != nil {
		c = *s.HTTP
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return doer{&c}
}

// Do sends one request.
func (d doer) Do(req *http.Request) (*http.Response, error) {
	res, err := d.Client.Do(req)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxAnswer), res.Body}
	if after := res.Header.Get("Retry-After"); after != "" {
		res.Header.Del("Retry-After")
		if d := retryAfter(after, res.Header.Get("Date")); d > 0 {
			res.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
		}
	}
	return res, nil
}

// apiDoer is doer for the Web API, which answers in JSON: anything else in a 200, such
// as the login page of a network, is a *refusal. The library would report only where
// its JSON decoder stopped.
type apiDoer struct{ doer }

// Do sends one request.
func (d apiDoer) Do(req *http.Request) (*http.Response, error) {
	res, err := d.doer.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if text := bytes.TrimSpace(body); len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return nil, notSlack(text)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// notSlack is the refusal of a 200 that Slack did not send. The message is posted
// again later: it must not be lost to the login page of a network.
func notSlack(body []byte) *refusal {
	what := "another text"
	switch {
	case len(body) == 0:
		what = "an empty response"
	case body[0] == '<':
		what = "a page of HTML or XML"
	case body[0] == '{':
		what = "JSON that is cut off"
	}
	return &refusal{class: later, why: "status 200 with " + what + " instead of Slack's JSON", fix: notSlackAdvice}
}

const notSlackAdvice = "Slack did not send this: check api_url in the config and what is between, such as a proxy or the login page of a network"

// retryAfter reads the header in any of its shapes: seconds, whole or not, or a
// date, which counts from the answer's own. It is at least a second, or 0 when
// the header says nothing.
func retryAfter(after, date string) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseFloat(strings.TrimSpace(after), 64); err == nil && !math.IsNaN(n) {
		d = time.Duration(max(0, min(n, maxWait.Seconds())) * float64(time.Second))
	} else if at, err := http.ParseTime(after); err == nil {
		from, err := http.ParseTime(date)
		if err != nil {
			return 0
		}
		d = at.Sub(from)
	} else {
		return 0
	}
	return max(time.Second, min(d, maxWait))
}

// seconds reads what Do made of Retry-After.
func seconds(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// whoami says as whom, and in which workspace, the token may act.
func (s *Sender) whoami(ctx context.Context, n *Notifier) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	api, token, err := s.client(n)
	if err != nil {
		return "", err
	}
	me, err := api.AuthTestContext(ctx)
	switch {
	case err != nil:
		return "", explain(err, token)
	case me.UserID == "":
		return "", &refusal{why: "the response is not Slack's", fix: notSlackAdvice}
	}
	return "bot " + text.Line(me.User, maxPerson) + " in workspace " + text.Line(me.Team, maxPerson), nil
}

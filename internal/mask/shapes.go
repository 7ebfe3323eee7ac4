package mask

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// shape is a kind of key that is recognized without a name: one of the prefixes and at
// least a number of letters, digits, _ and - after it, and other characters that may
// be among them.
type shape struct {
	prefixes string
	length   int
	others   string
	source   string
}

// shapeTable lists the formats of keys. If the maker documents none, the source is
// https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml.
func shapeTable() []shape {
	const github = "https://github.blog/engineering/behind-githubs-new-authentication-token-formats/"
	return []shape{
		{"AKIA ASIA", 16, "", "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"},
		{"LTAI", 12, "", "gitleaks: alibaba-access-key-id"},
		{"AKID", 28, "", "https://www.tencentcloud.com/document/product/598/34228"},
		{"AIza", 35, "", "gitleaks: gcp-api-key"},
		{"ya29. GOCSPX-", 20, "", "https://developers.google.com/identity/protocols/oauth2"},
		{"xoxb- xoxp- xoxa- xoxr- xoxs- xoxe. xoxe- xapp-", 8, ".", "https://docs.slack.dev/authentication/tokens"},
		{"ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", 20, "", github},
		{"glpat- gldt- glrt- glptt- glcbt- gloas-", 16, ".", "https://docs.gitlab.com/security/tokens/#token-prefixes"},
		{"ATATT3 ATCTT3", 20, "=", "gitleaks: atlassian-api-token"},
		{"npm_", 30, "", "https://docs.npmjs.com/about-access-tokens"},
		{"pypi-", 20, "", "https://pypi.org/help/#apitoken"},
		{"dckr_pat_", 16, "", "https://docs.docker.com/security/access-tokens/"},
		{"hvs. hvb. hvr.", 16, "", "https://developer.hashicorp.com/vault/docs/concepts/tokens"},
		{"sk_live_ sk_test_ rk_live_ rk_test_", 12, "", "https://docs.stripe.com/keys"},
		{"whsec_", 20, "+/=", "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"},
		{"sk-", 20, "", "https://platform.openai.com/docs/api-reference/authentication"},
		{"SG.", 30, ".", "gitleaks: sendgrid-api-token"},
		{"key-", 32, "", "gitleaks: mailgun-private-api-token"},
		{"dop_v1_ doo_v1_", 32, "", "https://docs.digitalocean.com/reference/api/"},
		{"shpat_ shpss_", 20, "", "https://shopify.dev/docs/apps/build/authentication-authorization"},
		{"tskey-", 16, "", "https://tailscale.com/kb/1277/key-prefixes"},
		{"glsa_", 20, "", "https://grafana.com/docs/grafana/latest/administration/service-accounts/"},
		{"NRAK-", 20, "", "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/"},
		{"hf_", 30, "", "https://huggingface.co/docs/hub/security-tokens"},
		{"dapi lin_api_", 30, "", "gitleaks: databricks-api-token, linear-api-key"},
		{"AGE-SECRET-KEY-1", 40, "", "https://age-encryption.org/v1"},
		{"b3BlbnNzaC1rZXktdjE", 20, "+/=", "https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key"},
		{"hooks.slack.com/services/", 8, "/", "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"},
		{"open-apis/bot/v2/hook/", 8, "", "https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot"},
		{"cgi-bin/webhook/send?key=", 8, "", "https://developer.work.weixin.qq.com/document/path/91770"},
		{"robot/send?access_token=", 8, "", "https://open.dingtalk.com/document/robots/custom-robot-access"},
		{"webhook.office.com/", 16, "/@",
			"https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook"},
		{"api.telegram.org/bot", 20, ":", "https://core.telegram.org/bots/api#authorizing-your-bot"},
		{"discord.com/api/webhooks/", 20, "/", "https://discord.com/developers/docs/resources/webhook"},
	}
}

// pattern is a shape that needs more than a prefix. Its group is what is hidden.
type pattern struct {
	word  string // in the text; "" for any
	match func() *regexp.Regexp
	valid func(hit string) bool
}

func patternTable() []pattern {
	return []pattern{
		// RFC 7519: three parts of base64url, the first two of which start with {".
		{"eyJ", lazy(`\b(eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*)`), anyValue},
		// RFC 3986, 3.2.1: user:password@ before a host.
		{"://", lazy("(?:[a-zA-Z][\\w+.-]*:)?//[^\\s/@:'\"`]*:([^\\s@'\"`<>|;]+)@[\\w\\[{$%*-]"), isURLPassword},
		// A token instead of the user, as in git and Sentry's addresses.
		{"://", lazy(`https?://([\w.~%-]{16,})@`), func(s string) bool { return strings.ContainsAny(s, "0123456789") }},
		{"tcp(", lazy(`\w:([^\s@:/'"]+)@(?:tcp|unix)\(`), anyValue}, // https://github.com/go-sql-driver/mysql#dsn-data-source-name
		{"jdbc:oracle", lazy(`jdbc:oracle:\w+:[^\s/@]+/([^\s@]+)@`), anyValue},
		// RFC 7617: the base64 of user:password.
		{"asic", lazy(`(?i)\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})`), isBasicAuth},
		{"earer", lazy(`(?i)\bbearer\s+([\w.~+/-]{12,}=*)`), func(s string) bool { return isPasswordLike(s) }},
		// https://manpages.debian.org/crypt.5: hashes of passwords.
		{"$", lazy(`(\$(?:1|2[aby]?|5|6|7|y|gy|apr1)\$[\w./$=,-]{8,})`), anyValue},
		// Signatures and keys in addresses (OBS, S3, Azure, robots of chats).
		{"=", lazy(`(?i)[?&;](?:(?:x-\w+-)?signature|sig|sign|(?:api|app|access)?_?key)=([\w%+/=-]{6,})`), anyValue},
		{"LS0tLS1CRUdJTi", lazy(`(LS0tLS1CRUdJTi[\w+/]{20,}=*)`), isEncodedKey},
	}
}

func anyValue(string) bool { return true }

// isURLPassword excludes a port and a path with an @ in it.
func isURLPassword(s string) bool {
	port, _, path := strings.Cut(s, "/")
	return !isCode(s) && !strings.HasPrefix(s, "$") && !strings.HasPrefix(s, "{{") && !strings.Contains(s, "?") &&
		!(path && numberValue().MatchString(port)) && strings.Trim(s, "*") != ""
}

func isBasicAuth(s string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return err == nil && strings.Contains(string(raw), ":") && strings.Trim(string(raw), "\x20-\x7e") != ""
}

// isSK reports whether 40 characters are mixed like those of a secret key; a hash in
// hexadecimal is not.
func isSK(s string) bool {
	upper := strings.IndexFunc(s, func(r rune) bool { return r > 'F' && r <= 'Z' }) >= 0
	lower := strings.IndexFunc(s, func(r rune) bool { return r > 'f' && r <= 'z' }) >= 0
	return upper && lower && !strings.ContainsAny(s, "+/_") && isRandom(s)
}

// isEncodedKey reports whether the base64 of a PEM block is that of a private key.
func isEncodedKey(s string) bool {
	raw, _ := base64.RawStdEncoding.DecodeString(s[:min(len(s), 60)/4*4])
	return strings.Contains(string(raw), "PRIVATE")
}

// pattern matches a shape at the start of a word. Of an address only the key is hidden.
func (s shape) pattern(prefix string) pattern {
	key := strings.LastIndexAny(prefix, "/=") + 1
	return pattern{prefix, lazy(fmt.Sprintf(`(?:^|[^\w-])%s(%s[\w%s-]{%d,})`,
		regexp.QuoteMeta(prefix[:key]), regexp.QuoteMeta(prefix[key:]), regexp.QuoteMeta(s.others), s.length)), anyValue}
}

// patterns are all shapes.
var patterns = sync.OnceValue(func() []pattern {
	list := patternTable()
	for _, s := range shapeTable() {
		for prefix := range strings.FieldsSeq(s.prefixes) {
			list = append(list, s.pattern(prefix))
		}
	}
	return list
})

// shapes hides keys that have a known form, at any position.
func (t *scan) shapes() {
	for _, p := range patterns() {
		if !strings.Contains(t.plain, p.word) {
			continue
		}
		for _, at := range p.match().FindAllStringSubmatchIndex(t.plain, -1) {
			if p.valid(t.plain[at[2]:at[3]]) {
				t.spans = append(t.spans, span{at[2], at[3]})
			}
		}
	}
	t.keyPairs()
	t.privateKeys()
}

// keyPairs hides the secret key of Huawei Cloud, 40 characters, near an access key of
// 20: https://support.huaweicloud.com/intl/en-us/usermanual-ca/ca_01_0003.html.
func (t *scan) keyPairs() {
	access := -1 // end of the last access key
	for i := 0; i < len(t.plain); i++ {
		from := i
		for i < len(t.plain) && (isWordByte(t.plain[i]) && t.plain[i] < 0x80 || strings.IndexByte("+/", t.plain[i]) >= 0) {
			i++
		}
		switch run := t.plain[from:i]; {
		case len(run) == 20 && strings.Trim(run, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "":
			access = i
		case len(run) == 40 && access >= 0 && from-access < 100 && isSK(run):
			t.spans = append(t.spans, span{from, i})
		}
	}
}

var (
	keyBegin = lazy(`-----? ?BEGIN [A-Z0-9 ]*(?:PRIVATE|STATIC|SECRET) KEY(?: BLOCK)?`)
	keyEnd   = lazy(`-----? ?END [A-Z0-9 ]*KEY`)
	keyLine  = lazy(`^[\s"'>|]*(?:[A-Za-z0-9+/]{40,}|[A-Za-z0-9+][A-Za-z0-9+/]*[A-Z0-9=+][A-Za-z0-9+/]*)={0,2}[\s"',\\]*$|^\s*(?:Proc-Type|DEK-Info|Version|Comment): [\w ,.()/-]+$|^\s*$`)
)

// privateKeys hides blocks of private keys (RFC 7468): up to their end, as long as
// each line is base64. A line that may be code is shown.
func (t *scan) privateKeys() {
	for _, at := range keyBegin().FindAllStringIndex(t.plain, -1) {
		to := lineEnd(t.plain, at[1])
		if end := keyEnd().FindStringIndex(t.plain[at[1]:to]); end != nil { // in a string, with \n
			body := strings.Trim(t.plain[at[1]:at[1]+end[0]], "-")
			if strings.Trim(body, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \\") == "" && !isCode(body) {
				t.spans = append(t.spans, span{at[0], at[1] + end[1]})
			}
			continue
		}
		for from := to + 1; from < len(t.plain) && from < at[0]+64<<10; from = to + 1 {
			to = lineEnd(t.plain, from)
			if keyEnd().MatchString(t.plain[from:to]) || !keyLine().MatchString(t.plain[from:to]) {
				break
			}
			t.add(from, to)
		}
	}
}

package mask

import (
	"regexp"
	"slices"
	"strings"
)

// pairPattern matches values next to their name, as in JSON in a string, in XML, and
// in YAML that cannot be parsed. The name is its first group or "name"; the value
// starts at "value" or else at the end of the match. Quotes may follow backslashes,
// and a few other fields may be between the two.
type pairPattern struct {
	words string // one of them is in the text
	match func() *regexp.Regexp
}

func pairPatterns() []pairPattern {
	return []pairPattern{{"value Value VALUE default Default", pairOf}, {"value Value VALUE default Default", pairBack},
		{"</ />", element}, {"</", named}, {"</ />", keyed},
		{"密码 密碼 口令 密钥 密鑰 令牌 パスワード 비밀번호 пароль", wordFor}}
}

const (
	q     = `\\*["']?`
	other = `(?:` + q + `\w+` + q + `\s*:\s*[^,{}\n]*[,\n]\s*)`
)

var (
	pairOf = lazy(`(?i)(?:name|key|property|variable|field|\bid)` + q + `\s*[:=]\s*` + q + `([\w.-]+)` + q +
		`[\s,]+` + other + `{0,3}` + q + `\w*(?:value|default)` + q + `\s*[:=]\s*`)
	pairBack = lazy(`(?i)(?P<value>(?:value|default)` + q + `\s*[:=]\s*)` + q + `[^\s"'{}]+` + q + `[\s,]+` + other + `{0,2}` +
		q + `\w*(?:name|key|property)` + q + `\s*[:=]\s*` + q + `(?P<name>[\w.-]+)`)
	element = lazy(`(?i)<(?:\w+:)?([\w.-]+)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?`)
	named   = lazy(`(?i)<\w*(?:name|key)>\s*([\w.-]+)\s*</\w+>\s*<\w+>\s*`)
	keyed   = lazy(`(?i)<\w+\s[^<>]*(?:name|key|id)=["']([\w.-]+)["'][^<>]*>\s*(?:<\w+>\s*)?`)
	wordFor = lazy(`(密码|密碼|口令|密钥|密鑰|令牌|パスワード|비밀번호|пароль)(?:\s*(?:为|是|设为|改为|设置为|重置为|[：:=(（【“「\x00])+\s*)?`)
)

// pairs hides values next to a secret name, and those after the word for password in a
// language that joins words.
func (t *scan) pairs() {
	for _, pattern := range pairPatterns() {
		if !containsAny(t.plain, strings.Fields(pattern.words)) {
			continue
		}
		re := pattern.match()
		name, value := max(1, re.SubexpIndex("name")), max(0, re.SubexpIndex("value"))
		for _, at := range re.FindAllStringSubmatchIndex(t.plain, -1) {
			v := at[2*value+1]
			if v >= len(t.plain) || t.plain[v] >= 0x80 || v == at[2*name+1] && !isWordByte(t.plain[v]) {
				continue
			}
			if l := t.level(t.plain[at[2*name]:at[2*name+1]]); l != never {
				t.hide(l, t.word(v, lineEnd(t.plain, v)))
			}
		}
	}
}

func containsAny(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

package mask

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// commandWords start code, not a secret: TOKEN=bash -i.
var commandWords = strings.Fields(`bash sh zsh dash ksh cmd powershell pwsh curl wget nc ncat socat telnet python python2 python3
	perl ruby php node eval exec source base64 xxd cat echo printf sudo su env nohup timeout xargs tee rm dd mkfifo chmod openssl ssh scp`)

// emptyWords are values that are not secrets under any name.
var emptyWords = strings.Fields(`null none nil ~ undefined string str text integer required optional empty prompt
	auto generated hidden redacted
	disabled enabled default`)

var (
	numberValue   = lazy(`^[-+]?\d+(?:\.\d+)?$`)
	boolValue     = lazy(`(?i)^(?:true|false|yes|no|on|off)$`)
	durationValue = lazy(`(?i)^\d+\s?(?:ms|s|m|h|d|w|sec|secs|seconds|min|mins|minutes|hours|days|weeks)$`)
	pathValue     = lazy(`^(?:\.{1,2}/|~/|/(?:etc|tmp|var|usr|opt|root|home|run|dev|bin|sbin|proc|mnt|data|srv)(?:/|$)|/[\w.-]+/[\w.-]+/|[A-Za-z]:\\)`)
	callValue     = lazy(`^(?:[A-Za-z_.]+(?:\([\w"')]|\[["'\d])|[A-Z][a-z]+-[A-Z]\w+)`)
	codeOperator  = lazy("[|;<>]|&")
	substitution  = lazy("\\$\\(|`|<\\(|>\\(|/dev/(?:tcp|udp)/")
)

// lazy compiles a pattern when it is first used: a command that masks nothing does not
// pay for it.
func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// isCode reports whether a shell may run a value: it has a substitution, or an
// operator between words. Code is shown under any name.
func isCode(v string) bool {
	if substitution().MatchString(v) {
		return true
	}
	return codeOperator().MatchString(v) && (strings.ContainsAny(v, " \t") || strings.Contains(v, "${") || strings.Contains(v, "$IFS"))
}

// harmless reports whether a value of a name of level l is not a secret.
func harmless(l level, v string) bool {
	v = strings.TrimSpace(strings.ReplaceAll(v, string(rune(filler)), ""))
	lower := strings.ToLower(v)
	switch {
	case l == never, !strings.ContainsFunc(v, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return true
	case slices.Contains(emptyWords, lower), slices.Contains(commandWords, lower):
		return true
	case strings.HasPrefix(v, "<") && strings.HasSuffix(v, ">"), strings.Trim(lower, "x*.") == "":
		return true
	case strings.HasPrefix(v, "file:"), strings.HasPrefix(v, "env:"), strings.HasPrefix(v, "arn:"), strings.HasPrefix(v, "fd:"):
		return true
	case l == random:
		return !isRandom(v)
	case l == secret && (boolValue().MatchString(v) || durationValue().MatchString(v) || len(v) < 4 && numberValue().MatchString(v)):
		return true
	}
	return pathValue().MatchString(v) && !isRandom(v[strings.LastIndexAny(v, `/\`)+1:])
}

// isRandom reports whether a value looks like a key: 16 characters or more of one
// word, in which letters and digits, or lower and upper case, alternate.
func isRandom(v string) bool {
	v = strings.TrimRight(v, "=")
	if len(v) < 16 || strings.Contains(v, "://") {
		return false
	}
	turns, before, digits := 0, 0, false
	for _, r := range v {
		class := 0
		switch {
		case r >= '0' && r <= '9':
			class, digits = 1, true
		case r >= 'a' && r <= 'z':
			class = 2
		case r >= 'A' && r <= 'Z':
			class = 3
		case !strings.ContainsRune("+/_-.=%~", r):
			return false
		}
		if class != 0 && before != 0 && class != before {
			turns++
		}
		before = class
	}
	return digits && turns >= 4
}

// isPasswordLike reports whether a word is more likely a password than a word of a
// language: seven characters or more, letters and digits.
func isPasswordLike(v string) bool {
	v = strings.Trim(v, `"'.,;()`)
	return len(v) >= 7 && strings.ContainsAny(v, "0123456789") && strings.ContainsFunc(v, unicode.IsLetter) &&
		!strings.ContainsAny(v[:1], "/.$-<{") && !strings.Contains(v, "://")
}

package mask

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// level says which values of a name are secrets.
type level int

const (
	never  level = iota
	random       // a value that looks random: signature, token_timeout
	secret       // any value but a boolean, a duration or a short number: pass, api_key
	always       // any value: password, pin, db_token
)

// secretWords is the only list of secret names. A name is secret if one of its words
// is here, or ends in one of four letters and more (dbpassword).
var secretWords = strings.Fields(`password passwd passwort passphrase passcode pwd pswd psw pass pw
	secret token credential cred authorization cookie jwt psk pin otp totp ak sk apikey accesskey
	requirepass masterauth cifrado kennwort wachtwoord losenord contrasena contraseña senha mima
	motdepasse parola haslo hasło şifre sifre пароль 密码 密碼 口令 密钥 密鑰 令牌 パスワード 비밀번호 암호`)

// keyWords make the following word key a secret, in the same word or not: secret_key,
// apikey.
var keyWords = strings.Fields(`secret access private api app auth account master encryption encrypt enc
	signing sign shared preshared client consumer license session storage hmac aes rsa tls ssl ssh
	webhook security crypto jwt cipher subscription instrumentation`)

// randomWords end names of keys as well as of harmless values.
var randomWords = strings.Fields(`key auth signature sign sig seed salt hash encrypt dsn license psk hex webhook`)

// publicWords start names of public keys, and of references to secrets.
var publicWords = strings.Fields(`public pub existing image pull`)

// limitWords end, or start, names of numbers: token_timeout, max_tokens.
var limitWords = strings.Fields(`timeout ttl day age length len count size limit max min minimum maximum
	retry retries interval num number total budget minute second hour duration period window lifetime used usage`)

// describingWords end names of facts about a secret: password_file, token_url.
var describingWords = strings.Fields(`file path dir directory folder url uri endpoint name type policy format required
	enabled enable disabled rotation manager store provider ref reference id ids version expiry expire expires expiration expired
	created updated date time at by algorithm alg method mode encoding encryption hint prompt label title
	description desc message msg help field column index status state authentication check checker validation
	validator strength complexity char charset reset change changed update source env var variable class group
	role user username owner scope audience issuer header prefix suffix regex pattern template stdin script step
	job task command cmd service host port server address region bucket engine backend namespace mount arn
	rule kind exist exists list map mapping param parameter test review cache history generator
	rotated needed optional strategy security tool vault`)

// switchWords start names of switches: rotate_password: true.
var switchWords = strings.Fields(`reset generate require use has have is enable disable skip change rotate update set
	show hide no with force allow ask check need`)

// notPass end in pass and have nothing to do with passwords.
var notPass = strings.Fields(`bypass compass trespass surpass overpass underpass lowpass highpass bandpass multipass
	proxypass proxy fastcgi uwsgi scgi grpc by multi first second one single`)

// levelOf returns the level of a name. Names are compared after NFKC, without
// invisible characters and without case, word by word.
func levelOf(name string) level {
	words := splitWords(name)
	if len(words) == 0 || slices.Contains(publicWords, words[0]) {
		return never
	}
	last := words[len(words)-1]
	found := slices.ContainsFunc(words, isSecretWord) || isPass(words) || isKey(words) || joinedName().MatchString(strings.Join(words, ""))
	switch {
	case slices.Contains(describingWords, last) && !isSecretWord(last):
		return never
	case !found && (slices.Contains(randomWords, last) || strings.HasSuffix(last, "key") &&
		!slices.Contains([]string{"monkey", "turkey", "donkey", "hotkey"}, last)):
		return random
	case !found:
		return never
	case last == "auth", slices.Contains(limitWords, last), len(words) > 1 && slices.Contains(limitWords, words[0]):
		return random
	case isSecretWord(last) && (len(words) == 1 || !slices.Contains(switchWords, words[0])):
		return always
	}
	return secret
}

// joinedName matches names that are not recognized word by word.
var joinedName = lazy(`motdepasse|^id(?:rsa|dsa|ecdsa|ed)$`)

func isSecretWord(w string) bool {
	if w == "pass" {
		return false // isPass decides
	}
	return slices.ContainsFunc(secretWords, func(s string) bool {
		return w == s || len(s) >= 4 && s != "pass" && strings.HasSuffix(w, s) ||
			(s == "pwd" || s == "psk" || s == "pw") && strings.HasSuffix(w, s)
	}) || strings.HasPrefix(w, "password") && w != "passwordless" || strings.HasPrefix(w, "passwd")
}

// isPass reports whether a name ends in pass in the sense of password: admin_pass,
// dbpass.
func isPass(words []string) bool {
	last := words[len(words)-1]
	if !strings.HasSuffix(last, "pass") || slices.Contains(notPass, last) {
		return false
	}
	return last != "pass" || len(words) == 1 || !slices.Contains(notPass, words[len(words)-2])
}

// isKey reports whether a name ends in the key of something in keyWords.
func isKey(words []string) bool {
	before, ok := strings.CutSuffix(words[len(words)-1], "key")
	if before == "" && len(words) > 1 {
		before = words[len(words)-2]
	}
	return ok && slices.ContainsFunc(keyWords, func(w string) bool { return before == w || len(w) > 3 && strings.HasSuffix(before, w) })
}

// splitWords returns the words of a name in lower case and the singular, without
// digits at their ends: adminPass1 is admin, pass.
func splitWords(name string) (words []string) {
	name = norm.NFKC.String(strings.Map(func(r rune) rune {
		if r == filler || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name))
	runes := []rune(name)
	start := 0
	add := func(end int) {
		w := strings.ToLower(strings.TrimRightFunc(string(runes[start:end]), unicode.IsDigit))
		if len(w) > 4 && !strings.HasSuffix(w, "ss") && w != "retries" && w != "expires" && w != "exists" {
			w = strings.TrimSuffix(w, "s")
		}
		if w != "" {
			words = append(words, w)
		}
	}
	for i, r := range runes {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		camel := i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) ||
			i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]))
		if !letter || camel {
			add(i)
			start = i
			if !letter {
				start++
			}
		}
	}
	add(len(runes))
	return words
}

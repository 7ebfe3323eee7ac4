package mask

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// fromLiteral gives a value to a Secret of Kubernetes, or to a ConfigMap.
const fromLiteral = `--from-literal`

// option is an option of programs, or words of a language, whose value is a secret.
// Names such as --password need no entry.
type option struct {
	programs string // alternatives; one of them is before the option in the line
	lead     string // from the program to the value, in RE2
	after    string // the secret follows one of these characters in the value; "" for all of it
}

// spaced and attached match between a program and the value of an option.
func spaced(options string) string   { return `\s(?:[^|;\n]*?\s)?(?:` + options + `)(?:\s+|=|\b)` }
func attached(options string) string { return `\s(?:[^|;\n]*?\s)?(?:` + options + `)` }

// optionTable lists options without a secret name. The source is the manuals of the
// programs.
func optionTable() []option {
	return []option{
		{`mysql\w*|mariadb[\w-]*|mycli`, attached(`-p`), ""},
		{`7z\w?|rar|unrar`, attached(`-h?p`), ""},
		{`sshpass|login|mongo\w*|cqlsh|beeline|psexec|plink|pscp|psftp|useradd|usermod|twine|evil-winrm|rcon|mcrcon|influx|disql|crackmapexec|winexe|winrs`,
			attached(`-pw[\s=]|-p`) + `[\s=:]*`, ""},
		{`redis-cli|valkey-cli`, spaced(`-a`), ""},
		{`sqlcmd|bcp|osql|isql|tsql|ipmitool|zip|unzip|mosquitto_\w+|ipmi\w+`, attached(`-P`) + `[\s=]*`, ""},
		{`ldap\w+|gsql|ipa[\w-]*|realm|adcli`, attached(`-[wW]`) + `[\s=]*`, ""},
		{`openssl`, spaced(`-(?:k|K|passin|passout|pass|password|passwd|psk|macopt)`) + `(?:pass:|(?:hex)?key:)?`, ""},
		{`curl|wget|http|https|etcdctl|siege|lynx`, attached(`-[a-zA-Z]*?[uU]|--user|--proxy-user|-a|--auth`) + `[\s=]*`, ":"},
		{`curl`, spaced(`-b|--cookie`) + `\w*=`, ""},
		{`lftp|ncftp\w*`, spaced(`-u`), ","},
		{`smb\w+|rpcclient|net|winexe|wmic`, spaced(`-U|--user`), "%"},
		{`sqlplus|expdp|impdp|sqlldr|exp|imp|rman|gsql`, `\s+(?:(?:-\w+|target|userid=)\s*)*`, "/"},
		{`obsutil|ossutil`, spaced(`-k`), ""},
		{`obsutil|ossutil|coscmd`, spaced(`-[is]`), ""},
		{`obsutil|ossutil`, `\s+config\s+[A-Z0-9]{16,}\s+`, ""},
		{`ssh-keygen|ssh-add|cloudflared`, spaced(`-[NP]`), ""},
		{`htpasswd`, `\s+-\w*b\w*\s+\S+\s+\S+\s+`, ""},
		{`vault`, `\s+login\s+(?:-\S+\s+)*`, ""},
		{`mc`, `\s+(?:alias|config)\s[^|;\n]*?://\S+\s+\S+\s+`, ""},
		{`rabbitmqctl`, `\s[^|;\n]*?\b(?:add_user|change_password|authenticate_user)\s+\S+\s+`, ""},
		{`mysqladmin`, `\s[^|;\n]*?\bpassword\s+`, ""},
		{`ipmitool`, `\s[^|;\n]*?\bset\s+password\s+\d+\s+`, ""},
		{`net`, `\s+(?:user\s+[^\s/]\S*|use\s[^|;\n]*?\\\\\S+)\s+`, ""},
		{`schtasks|runas|wbadmin|logman|sc`, attached(`/rp|password=`) + `\s*`, ""},
		{`xfreerdp|mstsc|cmdkey|rdesktop`, attached(`/p(?:ass)?:|-p\s`), ""},
		{`snmp\w+`, spaced(`-[AXc]`), ""},
		{`wpa_passphrase`, `\s+\S+\s+`, ""},
		{`nmcli`, `\s[^|;\n]*?(?:psk|password|wep-key\d?)\s+`, ""},
		{`iwconfig`, `\s[^|;\n]*?\b(?:key|enc)\s+(?:s:)?`, ""},
		{`ansible-vault|gpg2?|borg|restic|keytool|jarsigner`,
			attached(`--?(?:storepass|keypass|passphrase|deststorepass|srcstorepass)`) + `[\s=]+`, ""},
		{`identified`, `(?i)\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+|values\s+)?`, ""},
		{`convertto-securestring`, `(?i)\s+(?:-(?:asplaintext|force|string)\s+)*`, ""},
		{`networkcredential|pscredential|httpbasicauth|httpdigestauth|basicauth|passwordcredential|usernamepassword\w*|setbasicauth|auth=`,
			`\s*\(\s*["'][^"']*["']\s*,\s*`, ""},
		{`connect|mysqli|mysqli_connect`, `\(\s*["'][^"']*["']\s*,\s*["'][^"']*["']\s*,\s*`, ""},
		{`requirepass|masterauth|auth_pass|snmp-server community|sentinel auth-pass \S+`, `\s+`, ""},
		{`machine|login|account|username|user`, `\s+\S+\s+(?:login\s+\S+\s+)?(?:password|secret)\s+(?:\d\s+)?`, ""},
		{`set|setx|env|arg|set-env|setenv`,
			`\s+(?:-\w+\s+)?(?i)\w*(?:pass|password|passwd|pwd|pw|secret|token|secret_access_key|secret_key|api_?key)\d?\s+`, ""},
		{`user|setuser`, `\s+\S+\s+(?:on|off)\s[^\n]*?>`, ""},
		{fromLiteral, `[=\s]\s*["']?[^=\s]+=`, ""},
	}
}

// program is a compiled option.
type program struct {
	option
	words []string // prefixes of its programs; one of them is in the line
	value *regexp.Regexp
}

var literal = lazy(`[a-z][a-z_-]+`)

var programs = sync.OnceValue(func() (list []program) {
	for _, o := range optionTable() {
		p := program{option: o, value: regexp.MustCompile(fmt.Sprintf(`(?:^|[^\w-])(?i:%s)(?i:\.exe)?%s`, o.programs, o.lead))}
		for alternative := range strings.SplitSeq(o.programs, "|") {
			p.words = append(p.words, literal().FindString(alternative))
		}
		list = append(list, p)
	}
	return list
})

// programsIn returns the options whose programs may be in a text in lower case.
func programsIn(list []program, lower string) (found []program) {
	for _, p := range list {
		if containsAny(lower, p.words) {
			found = append(found, p)
		}
	}
	return found
}

// options hides in a line the values of options that are secrets.
func (t *scan) options(list []program, from, to int) {
	line := t.plain[from:to]
	for _, o := range list {
		if o.programs == fromLiteral && strings.Contains(line, "configmap") {
			continue
		}
		for done := 0; done < len(line); {
			at := o.value.FindStringIndex(line[done:])
			if at == nil {
				break
			}
			v := from + done + at[1]
			done = max(done+at[1], t.optionValue(o.option, v, to)-from)
			if at[1] == 0 {
				done++
			}
		}
	}
}

// optionValue hides the value of an option at v, and returns where to continue.
func (t *scan) optionValue(o option, v, to int) int {
	if v >= to || isSpace(t.plain[v]) || t.plain[v] == '-' || t.plain[v] == '/' && o.programs == "net" {
		return v
	}
	w := t.word(v, to)
	text := t.plain[w.from:w.to]
	if o.after != "" {
		n := strings.Index(text, o.after)
		if n < 0 || strings.HasPrefix(text[n:], "://") {
			return v
		}
		w = w.after(w.from + n + 1)
	}
	return max(v, t.hide(secret, w))
}

// after is the part of a word from a position on.
func (w word) after(from int) word {
	var parts []span
	for _, s := range w.literals {
		if s.to > from {
			parts = append(parts, span{max(s.from, from), s.to})
		}
	}
	if w.literals = parts; len(w.refs) > 1 {
		w.refs = w.refs[len(w.refs)-1:]
	}
	return w
}

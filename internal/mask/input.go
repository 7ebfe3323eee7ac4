package mask

import "strings"

var (
	echoes = lazy(`\b(?:echo|printf|yes|print)\s+(?:-\w+\s+)*(?:["']?(?:%s(?:\\n|\s)*)+["']?\s+)?`)
	// fed matches the pipe after the words of echo to a program that reads a secret, and
	// kept a redirection to a file.
	fed = lazy(`^(?:[^|]*\))?\s*\|\s*(?:[\w./=-]+\s+)*?(?:[\w/]*/)?(?:(?:ch|smb|vnc|ldap|k)?passwd|kinit|cryptsetup|su\s|sudo\s[^|]*-\w*S|` +
		`[^|]*--?[\w-]*stdin|[^|]*(?:passphrase|password|passwd|token)-(?:fd|file)|docker\s+secret|htpasswd\s[^|]*-\w*i|mkpasswd|` +
		`openssl\s+passwd|vault\s+login)`)
	kept      = lazy(`^\s*(?:\|\s*base64\s+(?:-d|-D|--decode)\s*|\|\s*(?:sudo\s+)?tee\s+(?:-a\s+)?)?>{0,2}\s*["']?([^\s"'|;&<>]+)`)
	consumers = lazy(`\b(?:chpasswd|passwd|smbpasswd|kinit|cryptsetup)\b|stdin|\bsudo\s[^|]*-\w*S`)
	hereWord  = lazy(`(?:^|[^<])<<[-~]?\s*\\?["']?([A-Za-z_]\w*)`)
	redirect  = lazy(`>>?\s*["']?([^\s"'|;&<>]+)`)
)

// secretFiles are prefixes of the names of files that have only secrets.
var secretFiles = strings.Fields(`.pgpass .my.cnf .netrc .git-credentials .vault_pass id_rsa id_dsa id_ecdsa
	id_ed25519 passwd- chap-secrets .smbcredentials .cifs`)

func isSecretFile(path string) bool {
	base := path[strings.LastIndexByte(path, '/')+1:]
	for _, f := range secretFiles {
		if strings.HasPrefix(base, f) {
			return true
		}
	}
	name, ext, _ := strings.Cut(strings.TrimLeft(base, "."), ".")
	return path != "/etc/passwd" && (levelOf(name) >= secret && (ext == "" || ext == "txt") || levelOf(ext) >= secret || ext == "key")
}

// maxRest bounds how much of a line is read after the words of echo.
const maxRest = 1 << 10

// maxHeredoc bounds the search for the end of a here-document: COC accepts 64 KB of
// content. One without an end is read for maxOpen bytes, because what follows may be
// code.
const (
	maxHeredoc = 64 << 10
	maxOpen    = 2 << 10
)

// inputs hides what programs read as a secret, by a pipe, a here-string or a
// here-document, what is written to a file of secrets, and what expect sends after a
// prompt.
func (t *scan) inputs() {
	asked := 0 // lines in which the reply to a prompt may be
	t.eachLine(func(from, to int) {
		line := t.plain[from:to]
		if strings.ContainsAny(line, "|>") {
			for _, at := range echoes().FindAllStringIndex(line, -1) {
				t.echoed(from+at[1], to)
			}
		}
		if n := strings.Index(line, "<<<"); n >= 0 && consumers().MatchString(line[:n]) {
			t.hide(secret, t.word(skipSpace(t.plain[:to], from+n+3), to))
		} else if strings.Contains(line, "<<") {
			t.heredoc(line, to+1)
		}
		if strings.Contains(line, "assword") || strings.Contains(line, "assphrase") {
			asked = 3
		}
		if n := strings.LastIndex(line, "send "); asked > 0 && n >= 0 {
			v := skipSpace(t.plain[:to], from+n+len("send "))
			t.hide(secret, t.word(skipSpace(t.plain, v+len("--")*strings.Count(t.plain[v:min(to, v+2)], "--")), to))
			asked = 0
		}
		asked--
	})
}

// echoed hides the words at v that are input of a reader of secrets, or are written to
// a file of them.
func (t *scan) echoed(v, to int) {
	var words []word
	for v < to && len(words) < 100 {
		w := t.word(v, to)
		if w.to == v {
			break
		}
		words = append(words, w)
		v = skipSpace(t.plain[:to], w.to)
	}
	rest := t.plain[v:min(to, v+maxRest)]
	if file := kept().FindStringSubmatch(rest); !fed().MatchString(rest) && (file == nil || !isSecretFile(file[1])) {
		return
	}
	for _, w := range words {
		t.input(w)
	}
}

// input hides a word; of user:password the last part, and that of the five parts of a
// line of .pgpass.
func (t *scan) input(w word) {
	text := t.plain[w.from:w.to]
	if n := strings.IndexByte(text, ':'); n > 0 && !strings.ContainsAny(text[:n], " \t") {
		if strings.Count(text, ":") == 4 {
			n = strings.LastIndexByte(text, ':')
		}
		w = w.after(w.from + n + 1)
	}
	t.hide(secret, w)
}

// heredoc hides the lines of a here-document that is input of a reader of secrets, or
// is written to a file of them, if they are one word each: others may be code.
func (t *scan) heredoc(line string, from int) {
	m := hereWord().FindStringSubmatch(line)
	file := redirect().FindStringSubmatch(line)
	if m == nil || from <= t.body { // it is in another one
		return
	}
	if !consumers().MatchString(line) && (file == nil || !isSecretFile(file[1])) {
		return
	}
	for end := t.heredocEnd(from, m[1]); from < end; {
		to := min(lineEnd(t.plain, from), end)
		if w := t.word(skipSpace(t.plain[:to], from), to); strings.TrimSpace(t.plain[w.to:to]) == "" {
			t.input(w)
		}
		from = to + 1
		t.body = from
	}
}

// heredocEnd returns the start of the line that ends a here-document, or where to
// stop.
func (t *scan) heredocEnd(from int, word string) int {
	from = min(from, len(t.plain))
	i := from
	for row := range strings.SplitSeq(t.plain[from:min(from+maxHeredoc, len(t.plain))], "\n") {
		if strings.TrimSpace(row) == word {
			return i
		}
		i += len(row) + 1
	}
	return min(from+maxOpen, len(t.plain))
}

package query

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/text"
)

// ExportGit writes the archive as a stream for git fast-import: on the branch main one
// commit for each version, rewrite, deletion and restoration of a document, in the order of
// recording. The same archive makes the same commits, and a later one further commits, so
// that an import into the repository of an earlier export continues it.
//
// Commits contain only what was observed, and nothing that a later release could compute
// differently. A revision of a version that is not the newest is a commit next to main, after
// the one that it was compared with, and is merged without effect: main always has COC's
// newest versions. An erased content is a commit without the file.
//
// Contents that cannot be read are reported at the end, and left out like erased ones.
func (a *Archive) ExportGit(ctx context.Context, w io.Writer) error {
	g := &gitWriter{Writer: bufio.NewWriterSize(w, 1<<20), archive: a.db.Archive, texts: a.db.Unpacker(),
		documents: map[coc.Key]*gitDocument{}, marks: map[coc.Key]int{}}
	g.WriteString("feature done\n")
	for c, err := range a.db.Record(ctx, db.Filter{NoItems: true}) {
		r := recorded{Change: c}
		if err == nil {
			r.Compared, err = a.db.Compared(ctx, c.Key)
		}
		if err == nil {
			err = g.record(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	g.WriteString("done\n")
	return errors.Join(append(g.failed, g.Flush())...)
}

// gitWriter writes a stream of commits. Flush returns errors of writing.
type gitWriter struct {
	*bufio.Writer
	archive *db.Archive
	texts   *db.Unpacker
	files   fileNames

	documents map[coc.Key]*gitDocument
	marks     map[coc.Key]int // the commit of each revision
	mark      int             // of the last commit
	tip       int             // of main; 0 before its first commit
	failed    []error
}

// recorded is a change and what it compares.
type recorded struct {
	coc.Change
	db.Compared
}

// gitDocument is the state of a document on main.
type gitDocument struct {
	name, path string
	newest     coc.Listed // without label while deleted
	last       recorded   // the change to the newest
}

// commit is a commit to be written.
type commit struct {
	from, merge int // marks; 0 for none
	author      string
	at          time.Time
	message     string
	path        string
	content     []byte // of path; nil leaves all files
	remove      bool   // removes path
}

func (g *gitWriter) record(ctx context.Context, r recorded) error {
	d, err := g.document(ctx, r)
	if err != nil {
		return err
	}
	c := commit{at: r.At, path: d.path}
	switch {
	case r.Kind == coc.KindDeleted:
		d.newest = coc.Listed{}
		c.message, c.remove = g.message(d, r, "deleted"), true
		g.main(c)
	case r.Kind == coc.KindRestored && !d.last.To.IsZero():
		c.message = g.message(d, r, "restored")
		g.read(ctx, d.last, &c)
		g.main(c)
	case r.Kind != coc.KindRestored && !r.To.IsZero():
		g.revision(ctx, d, r)
	}
	return ctx.Err()
}

func (g *gitWriter) document(ctx context.Context, r recorded) (*gitDocument, error) {
	if d := g.documents[r.Document]; d != nil {
		return d, nil
	}
	name, err := g.archive.FirstName(ctx, r.Document)
	if err != nil {
		return nil, err
	}
	d := &gitDocument{name: cmp.Or(name, r.DocumentID)}
	d.path = g.files.of(r.Account, d.name, r.DocumentID)
	g.documents[r.Document] = d
	return d, nil
}

// revision writes the commit of a revision: on main if it is the newest, else next to it.
func (g *gitWriter) revision(ctx context.Context, d *gitDocument, r recorded) {
	what := r.Label
	if r.Number > 1 {
		what = fmt.Sprintf("%s#%d", r.Label, r.Number)
	}
	if r.Kind == coc.KindRewritten {
		what += " rewritten"
	}
	c := commit{author: r.By, at: r.At, message: g.message(d, r, what), path: d.path}
	g.read(ctx, r, &c)
	listed := coc.Listed{Label: r.Label, MadeAt: r.MadeAt}
	if newer(d.newest, listed) {
		c.from = g.marks[r.From]
		g.marks[r.To] = g.write(c)
		g.main(commit{at: r.At, merge: g.mark, message: fmt.Sprintf("%s %s stays\n\n%s was added, and is not the newest.\n",
			text.Visible(d.name), text.Visible(d.newest.Label), text.Visible(what))})
		return
	}
	d.newest, d.last = listed, r
	g.main(c)
	g.marks[r.To] = g.tip
}

// newer reports whether a is a newer version than b.
func newer(a, b coc.Listed) bool {
	if a.Label == "" || a.Label == b.Label {
		return false
	}
	pair := []coc.Listed{a, b}
	coc.SortListed(pair)
	return pair[1].Label == a.Label
}

// read sets the content of a revision's commit.
func (g *gitWriter) read(ctx context.Context, r recorded, c *commit) {
	content, err := g.texts.Content(ctx, r.Key.Account, r.New)
	switch {
	case errors.Is(err, coc.ErrErased):
		c.remove, c.message = true, c.message+"The content was erased from the archive.\n"
	case err != nil:
		g.failed = append(g.failed, fmt.Errorf("%s of %s: %w", text.Visible(r.Label), text.Visible(r.DocumentID), err))
		c.remove, c.message = true, c.message+"The content could not be read.\n"
	default:
		c.content = append([]byte{}, content.Bytes...)
	}
}

// main puts a commit on main.
func (g *gitWriter) main(c commit) {
	c.from = g.tip
	g.tip = g.write(c)
}

// message is the message of a commit.
func (g *gitWriter) message(d *gitDocument, r recorded, what string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\nDocument: %s/%s\n", text.Visible(d.name),
		text.Visible(what), text.Visible(r.Account), text.Visible(r.DocumentID))
	fmt.Fprintf(&b, "Change: %d\n", r.Key.ID)
	if !r.To.IsZero() {
		fmt.Fprintf(&b, "Content: %s\n", r.New)
	}
	fmt.Fprintf(&b, "Seen: %s\n", stamp(r.SeenAt))
	if r.Evidence.RequestID != "" {
		fmt.Fprintf(&b, "Request: %s\n", text.Visible(r.Evidence.RequestID))
	}
	return b.String()
}

// write writes a commit and returns its mark.
func (g *gitWriter) write(c commit) int {
	g.mark++
	fmt.Fprintf(g, "commit refs/heads/main\nmark :%d\n", g.mark)
	// Seconds, none before 1970 and none after 2099, since not all dates of git work after that
	// year: https://git-scm.com/docs/git-fast-import#_date_formats.
	when := fmt.Sprintf("%d +0000", min(max(c.at.Unix(), 0), lastGitTime))
	if c.author == "" {
		fmt.Fprintf(g, "author unknown <> %s\n", when)
	} else {
		fmt.Fprintf(g, "author %[1]s <%[1]s> %[2]s\n", gitName(c.author), when)
	}
	fmt.Fprintf(g, "committer cocsync <> %s\n", when)
	g.data([]byte(c.message))
	if c.from != 0 && c.from != g.mark-1 { // the last commit is the default parent
		fmt.Fprintf(g, "from :%d\n", c.from)
	}
	if c.merge != 0 {
		fmt.Fprintf(g, "merge :%d\n", c.merge)
	}
	switch {
	case c.remove:
		fmt.Fprintf(g, "D %s\n", gitPath(c.path))
	case c.content != nil:
		fmt.Fprintf(g, "M 100644 inline %s\n", gitPath(c.path))
		g.data(c.content)
	}
	g.WriteByte('\n')
	return g.mark
}

func (g *gitWriter) data(b []byte) {
	fmt.Fprintf(g, "data %d\n", len(b))
	g.Write(b)
	g.WriteByte('\n')
}

// lastGitTime is 2099-12-31T23:59:59Z.
const lastGitTime = 4102444799

// gitName is a person's name in a commit, without <, > and line ends.
func gitName(name string) string {
	name = strings.NewReplacer("<", "_", ">", "_").Replace(text.Visible(name))
	if name = strings.Trim(name, " .,:;\"'"); name == "" {
		return "unknown"
	}
	return name
}

// gitPath quotes a path like a string of C.
func gitPath(path string) string {
	var b bytes.Buffer
	b.WriteByte('"')
	for _, c := range []byte(path) {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

package query

import (
	"context"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/db"
	"cocsync/internal/diff"
)

// newestOf returns the version that is COC's newest, or was at a time that is not zero. ok
// is false for a document that did not exist, or whose version is unknown or not archived.
func (a *Archive) newestOf(ctx context.Context, doc Document, all []db.Revision, at time.Time) (v Version, ok bool, err error) {
	if at.IsZero() {
		if doc.State == coc.Deleted {
			return v, false, nil
		}
		v, err = labelledIn(all, string(doc.Version), 0)
	} else {
		v, err = a.versionAt(ctx, doc, all, at)
	}
	if ctx.Err() != nil {
		return v, false, ctx.Err()
	}
	return v, err == nil, nil
}

// hits are the lines of a document that match.
type hits struct {
	*search
	matcher *Matcher
	matches map[string]bool // whether a line matches
	byLine  map[string]*hit
	order   []*hit
	now     []*hit // those of the version that was read last
	reads   int    // versions that were read
}

// hit is a line that matches.
type hit struct {
	text     string
	versions []int // indexes of the versions that contain it
	lines    []int // its first line number in each
	selected bool  // a selected version contains it

	line, read int // its first line number in the version read last, and the number of that read
}

// read finds the lines of a content. It returns false if it cannot tell, because the
// structure cannot be read. An error says that the context ended.
func (h *hits) read(content []byte) (readable bool, err error) {
	text := diff.Read(content)
	within, ok := h.scope(text)
	h.now = h.now[:0]
	h.reads++
	for i, line := range text.Lines {
		line = withoutEnd(line)
		match, known := h.matches[string(line)]
		if !known {
			if match, err = h.matcher.Match(line); err != nil {
				return false, err
			}
			h.matches[string(line)] = match
		}
		if !match || within != nil && !within[i] {
			continue
		}
		x := h.byLine[string(line)]
		if x == nil {
			x = &hit{text: string(line)}
			h.byLine[x.text], h.order = x, append(h.order, x)
		}
		if x.read != h.reads {
			x.line, x.read = i+1, h.reads
			h.now = append(h.now, x)
		}
	}
	return ok, nil
}

// scope says which lines are in the selected step and path; nil for all.
func (h *hits) scope(text *diff.Text) (within []bool, ok bool) {
	if h.Step == "" && h.Path == "" {
		return nil, true
	}
	within = make([]bool, len(text.Lines))
	spans, unreadable := text.Find(func(path, step string) bool {
		return (h.Step == "" || step != "" && coc.Fits(h.Step, step)) && (h.Path == "" || coc.PathFits(h.Path, path))
	})
	for _, span := range spans {
		for i := span.From - 1; i < span.To; i++ {
			within[i] = true
		}
	}
	return within, unreadable == ""
}

// add records that version i has the content that was read last.
func (h *hits) add(i int, selected bool) {
	for _, x := range h.now {
		x.versions, x.lines = append(x.versions, i), append(x.lines, x.line)
		x.selected = x.selected || selected
	}
}

// lines returns the lines that selected versions contain.
func (h *hits) lines(doc Ref, all []db.Revision) (list []Match) {
	for _, x := range h.order {
		if x.selected {
			text := exact(x.text)
			list = append(list, Match{Ref: doc, Exact: &text, Runs: x.runs(all)})
		}
	}
	return list
}

// runs joins consecutive versions to runs.
func (x *hit) runs(all []db.Revision) (list []Run) {
	for i, version := range x.versions {
		name, line := all[version].Name(), x.lines[i]
		if i == 0 || x.versions[i-1] != version-1 {
			list = append(list, Run{First: name, FirstLine: line})
		}
		run := &list[len(list)-1]
		run.Last, run.LastLine, run.Newest = name, line, version == len(all)-1
	}
	return list
}

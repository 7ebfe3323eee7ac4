package web

import (
	"context"
	"fmt"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
)

// outlinePage is a version's structure.
type outlinePage struct {
	*versionHead
	Parts []part
	Why   pieces // why the structure cannot be parsed
	All   bool   // nothing is omitted
}

// part is a part of a job in an outline.
type part struct {
	Name, Task, Description, Value pieces
	Position                       int // of a step, from 1
	Href, Lines                    string
	To                             int // the last line
	Fields                         []field
	Parts                          []part
	Steps                          bool // the parts are steps
}

// field is a field of a part.
type field struct {
	Name, Value pieces
	Href        string
	To          int
	Fields      []field
}

func (s *Site) outline(ctx context.Context, q *pageRequest) (*view, error) {
	head, err := q.head(ctx, "outline")
	if err != nil {
		return nil, err
	}
	c, err := head.content(ctx, q)
	if err != nil {
		return nil, err
	}
	parts, all, why := c.Parts()
	return head.view(&outlinePage{head, head.parts(parts), visible(why, ""), all}), nil
}

func (h *versionHead) parts(list []diff.Part) (out []part) {
	for i, p := range list {
		x := part{
			Name: visible(p.Name, ""), Task: visible(p.Task, ""), Description: visible(p.Description, ""), Value: visible(p.Value, "\t\n"),
			Href: h.line(p.Lines), To: p.Lines.To, Lines: lineRange(p.Lines.From, p.Lines.To), Fields: h.fields(p.Fields), Parts: h.parts(p.Parts),
			Steps: len(p.Parts) > 0 && p.Parts[0].Step,
		}
		if p.Step {
			x.Position = i + 1
		}
		out = append(out, x)
	}
	return out
}

func (h *versionHead) fields(list []diff.PartField) (out []field) {
	for _, f := range list {
		out = append(out, field{visible(f.Name, ""), visible(f.Value, "\t\n"), h.line(f.Lines), f.Lines.To, h.fields(f.Fields)})
	}
	return out
}

// line returns the address of the first line of a range in the version's content.
func (h *versionHead) line(s coc.Span) string { return fmt.Sprintf("%s#L%d", h.URL, s.From) }

package fetch

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"cocsync/internal/coc"
)

const (
	// pageSize is the requested number of rows in a page.
	pageSize = 100
	// relists is how often a list that changed while it was read is read again.
	relists = 3
	// maxListed bounds the rows of a list. COC publishes no limit; the rate limit makes
	// an account of 200,000 documents unlikely.
	maxListed = 200_000
	// maxList bounds the total size of a list's pages, in bytes. A row of COC has about
	// 400.
	maxList = 64 << 20
	// maxRow bounds a row, in bytes of JSON. A larger one is a failed document.
	maxRow = 16 << 10
	// maxRowName bounds the name in a row, in bytes.
	maxRowName = 1 << 10
)

// pass is one read of the whole list. Its total is the minimum that a page had.
type pass struct {
	coc.List
	ids    map[string]struct{}
	offset int   // rows received, invalid ones included
	bytes  int64 // of the pages' bodies
	moved  bool  // the total changed between pages
}

// whole reports whether the list has as many documents as COC's total.
func (p *pass) whole() bool { return p.Total < 0 || len(p.Rows)+len(p.Skipped) == p.Total }

// List requests all pages of the list of documents, until one pass over them is stable: its
// total did not change, and either all documents were received or a second pass had the
// same. See coc.List for a list that changed in every pass.
func (c *Client) List(ctx context.Context, s coc.Selection) (coc.List, error) {
	previous := &pass{moved: true} // compares with none
	for n := 0; ; n++ {
		p, err := c.pass(ctx, s, n == relists)
		if err != nil {
			return coc.List{}, err
		}
		p.Stable = !p.moved && (p.whole() || !previous.moved && previous.Total == p.Total && maps.Equal(previous.ids, p.ids))
		if !p.Stable && n < relists {
			previous = p
			previous.Rows, previous.Skipped = nil, nil // only the ids are compared
			continue
		}
		if len(p.Skipped) > 0 {
			c.log.Warn("rows of the list skipped", "rows", len(p.Skipped), "document", p.Skipped[0].DocumentID, "err", p.Skipped[0].Reason)
		}
		return p.List, nil
	}
}

// pass reads all pages. Unless toTheEnd is set, it returns early if the total changes.
func (c *Client) pass(ctx context.Context, s coc.Selection, toTheEnd bool) (*pass, error) {
	p := &pass{ids: map[string]struct{}{}}
	barren := false // the previous page had only invalid rows
	for first := true; ; first = false {
		page, size, err := c.page(ctx, s, p.offset)
		if err != nil {
			return nil, err
		}
		if p.bytes += size; p.bytes > maxList {
			return nil, p.malformed(fmt.Sprintf("the list is longer than %d MiB", maxList>>20))
		}
		if first {
			p.Total = page.Total
		}
		if page.Total != p.Total {
			p.moved, p.Total = true, min(p.Total, page.Total)
		}
		if p.moved && !toTheEnd {
			return p, nil
		}
		received := len(page.Rows) + len(page.Skipped)
		fresh := p.add(page)
		switch {
		case received == 0:
			p.Ended = true
			return p, nil
		case fresh == 0 && (barren || len(page.Skipped) < received):
			if p.moved {
				return p, nil // rows moved: the last rows were received twice
			}
			return nil, p.malformed("all documents of a page are also in earlier pages")
		case p.offset > maxListed:
			return nil, p.malformed(fmt.Sprintf("more than %d documents", maxListed))
		case received < pageSize && p.Total >= 0 && p.offset >= p.Total:
			return p, nil
		}
		barren = fresh == 0
	}
}

// add adds a page and returns how many of its documents are new.
func (p *pass) add(page coc.List) (fresh int) {
	p.offset += len(page.Rows) + len(page.Skipped)
	isNew := func(id string) bool {
		_, old := p.ids[id]
		if id != "" && !old {
			p.ids[id] = struct{}{}
			fresh++
		}
		return !old
	}
	for _, row := range page.Skipped {
		if isNew(row.DocumentID) {
			p.Skipped = append(p.Skipped, row)
		}
	}
	for _, row := range page.Rows {
		if isNew(row.DocumentID) {
			p.Rows = append(p.Rows, row)
		}
	}
	return fresh
}

func (p *pass) malformed(why string) error {
	return &Error{Op: "list documents", Message: why + fmt.Sprintf(" (%d rows so far)", p.offset), class: coc.ErrMalformed}
}

// page requests one page and returns the size of its body.
func (c *Client) page(ctx context.Context, s coc.Selection, offset int) (_ coc.List, size int64, _ error) {
	op := fmt.Sprintf("list documents from row %d", offset)
	a, err := c.call(ctx, request{op: op, action: actionList, limit: maxPage, query: withoutEmpty(url.Values{
		"limit":                 {strconv.Itoa(pageSize)},
		"offset":                {strconv.Itoa(offset)},
		"name_like":             {s.NameLike},
		"creator":               {s.Creator},
		"enterprise_project_id": {s.ProjectID},
		"document_type":         {s.DocumentType},
	})})
	if err != nil {
		return coc.List{}, 0, err
	}
	p, err := decodePage(a.root)
	if err != nil {
		return coc.List{}, 0, &Error{Op: op, Status: a.status, Message: err.Error(), RequestID: a.evidence.RequestID, class: coc.ErrMalformed}
	}
	return p, a.size, nil
}

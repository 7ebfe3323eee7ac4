package notify

import (
	"net/url"
	"strconv"
	"strings"

	"cocsync/internal/coc"
)

// Links are templates of addresses that a message links to. {account}, {document_id},
// {name}, {version} and {change} are replaced by the change's. An empty template makes no
// link.
type Links struct {
	Page    string            // of a change on a web page
	Console map[string]string // of a document in COC's console, by account
}

// of returns the links for one change, as pieces of rich text.
func (l Links) of(c *coc.Change) (pieces []block) {
	for _, to := range []struct{ template, text string }{{l.Page, "Open the change"}, {l.Console[c.Account], "Open in COC"}} {
		address := fill(to.template, c)
		if address == "" {
			continue
		}
		if len(pieces) > 0 {
			pieces = append(pieces, span(" · "))
		}
		pieces = append(pieces, link(address, to.text))
	}
	return pieces
}

// maxLink bounds an address. https://docs.slack.dev/reference/block-kit/blocks/rich-text-block/
const maxLink = 2_000

// fill fills a template for a change. Values from COC are escaped, so that they can't
// change where it leads. An address that is too long is omitted.
func fill(template string, c *coc.Change) string {
	if template == "" {
		return ""
	}
	version, _, _ := strings.Cut(c.Version, "#")
	address := strings.NewReplacer("{account}", escapeURL(c.Account), "{document_id}", escapeURL(c.DocumentID),
		"{name}", escapeURL(c.Name), "{version}", escapeURL(version), "{change}", strconv.FormatInt(c.ID, 10)).Replace(template)
	if len(address) > maxLink {
		return ""
	}
	return address
}

// escapeURL escapes s as one part of a path or one value of a query.
func escapeURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

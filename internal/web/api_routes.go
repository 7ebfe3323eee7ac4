package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/diff"
	"cocsync/internal/query"
	"cocsync/internal/text"
)

// endpoints returns all addresses of the API.
func endpoints() []endpoint {
	return []endpoint{
		{"/documents", slices.Concat(named(kindText, "account", "name", "state", "since", "at", "sort"),
			named(kindFlag, "reverse")), apiDocuments},
		{"/documents/{doc}/versions", nil, apiVersions},
		{"/documents/{doc}/versions/{ref}", nil, apiVersions},
		{"/documents/{doc}/versions/{ref}/content", nil, apiContent},
		{"/documents/{doc}/versions/{ref}/blame", named(kindTexts, "lines"), apiBlame},
		{"/changes", slices.Concat(named(kindText, "document", "since", "until", "by", "risk", "task", "path", "text"), named(kindTexts, "kind"),
			named(kindFlag, "seen", "reverse"), []parameter{{"n", kindNumber, defaultChanges, 1, maxChanges}}), apiChanges},
		{"/changes/{id}", nil, apiChange},
		{"/changes/{account}/{id}", nil, apiChange},
		{"/changes/{id}/proof", nil, apiProof},
		{"/changes/{account}/{id}/proof", nil, apiProof},
		{"/diff", slices.Concat(named(kindText, "old", "new", "at"), named(kindFlag, "ignore_all_space"),
			[]parameter{{"unified", kindNumber, query.PatchContext, 0, maxContext}}), apiDiff},
		{"/grep", slices.Concat(named(kindText, "pattern", "at", "step", "path"), named(kindTexts, "document"),
			named(kindFlag, "fixed_strings", "ignore_case", "files_with_matches", "count", "newest"),
			[]parameter{{"n", kindNumber, defaultMatches, 1, maxMatches}}), apiGrep},
		{"/status", nil, apiStatus},
		{"/report", named(kindText, "since", "until", "account"), apiReport},
	}
}

func apiDocuments(ctx context.Context, q *request) (any, error) {
	docs := q.List(ctx, query.List{
		Account: q.get("account"), Name: q.get("name"), State: q.get("state"), Since: q.get("since"), At: q.get("at"),
		Sort: q.get("sort"), Reverse: q.flag("reverse"),
	})
	return query.Rows[query.Details](docs), nil
}

// apiVersions returns all versions of a document, or only the version {ref}.
func apiVersions(ctx context.Context, q *request) (any, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return nil, err
	}
	return q.Meta(ctx, doc, q.PathValue("ref"))
}

// referenced returns the version of {doc} and {ref}.
func (q *request) referenced(ctx context.Context) (query.Version, error) {
	doc, err := q.document(ctx)
	if err != nil {
		return query.Version{}, err
	}
	v, err := q.Version(ctx, doc, q.PathValue("ref"))
	q.note(v.Notes()...)
	return v, err
}

func apiContent(ctx context.Context, q *request) (any, error) {
	v, err := q.referenced(ctx)
	if err != nil {
		return nil, err
	}
	c, err := q.Content(ctx, v)
	name := strings.ReplaceAll(v.Document.Name+"@"+v.Version, "/", "_")
	return download{text.Visible(name) + ".yaml", c.Bytes}, err
}

func apiBlame(ctx context.Context, q *request) (any, error) {
	v, err := q.referenced(ctx)
	if err != nil {
		return nil, err
	}
	lines, note, err := q.Blame(ctx, v, q.values["lines"])
	q.note(note)
	return lines, err
}

func apiChanges(ctx context.Context, q *request) (any, error) {
	limit, err := q.number("n")
	if err != nil {
		return nil, err
	}
	log := q.log(limit + 1) // one more detects that there are more
	log.Seen = q.flag("seen")
	list, err := query.Collect(q.Log(ctx, log))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		q.note(log.Advice())
	}
	if len(list) > limit {
		list = list[:limit]
		q.note(fmt.Sprintf("only the newest %d changes are listed: increase n (max %d) or set an earlier until", limit, maxChanges))
	}
	if q.flag("reverse") {
		slices.Reverse(list)
	}
	return query.Rows[query.Change](func(yield func(query.Change, error) bool) {
		for _, c := range list {
			if !yield(q.ChangeJSON(ctx, c, false)) {
				return
			}
		}
	}), nil
}

// apiChange returns one change and its patch.
func apiChange(ctx context.Context, q *request) (any, error) {
	c, err := q.change(ctx)
	if err != nil {
		return nil, err
	}
	return q.ChangeJSON(ctx, c, true)
}

func apiProof(ctx context.Context, q *request) (any, error) {
	p, err := q.Prove(ctx, q.changeRef())
	return download{proofName(q.changeRef()), p.Encode()}, err
}

func apiDiff(ctx context.Context, q *request) (any, error) {
	if q.get("new") == "" {
		return nil, badRequest{errors.New("new is missing: set the version to compare, as DOC@REF")}
	}
	if err := q.SetAt(q.get("at")); err != nil {
		return nil, err
	}
	c, err := q.Between(ctx, q.get("old"), q.get("new"))
	if err != nil {
		return nil, err
	}
	q.note(c.Notes...)
	around, err := q.number("unified")
	o := diff.Options{Context: around, IgnoreSpace: q.flag("ignore_all_space")}
	return c.Diff(diff.Hunks(c.Was, c.Now, o), o), err
}

// errEnough stops a search at the maximum number of results.
var errEnough = errors.New("enough results")

func apiGrep(ctx context.Context, q *request) (any, error) {
	for _, pair := range [][2]string{{"newest", "at"}, {"files_with_matches", "count"}} {
		if q.values.Has(pair[0]) && q.values.Has(pair[1]) {
			return nil, badRequest{fmt.Errorf("%s and %s cannot be combined", pair[0], pair[1])}
		}
	}
	grep := query.Grep{
		Pattern: q.get("pattern"), Fixed: q.flag("fixed_strings"), IgnoreCase: q.flag("ignore_case"), Names: q.flag("files_with_matches"),
		Counts: q.flag("count"), Newest: q.flag("newest"), At: q.get("at"), Step: q.get("step"), Path: q.get("path"),
		Documents:       q.values["document"],
		MaxInstructions: maxInstructions,
	}
	limit, err := q.number("n")
	if err != nil {
		return nil, err
	}
	list := []query.Match{}
	_, err = q.Grep(ctx, grep, func(found query.Found) error {
		list = append(list, grep.Matches(found)...)
		if len(list) > limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		list, err = list[:limit], nil
		q.note(fmt.Sprintf("only the first %d matches are listed: increase n (max %d) or narrow the search", limit, maxMatches))
	}
	return list, err
}

func apiStatus(ctx context.Context, q *request) (any, error) { return q.LoadStatus(ctx) }

func apiReport(ctx context.Context, q *request) (any, error) {
	return q.Report(ctx, query.ReportQuery{Since: q.get("since"), Until: q.get("until"), Account: q.get("account")})
}

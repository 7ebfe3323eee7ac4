package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cocsync/internal/answer"
	"cocsync/internal/coc"
	"cocsync/internal/diff"
	"cocsync/internal/history"
	"cocsync/internal/text"
)

// endpoints are all addresses of the API.
func endpoints() []endpoint {
	return []endpoint{
		{"/documents", slices.Concat(named(aText, "account", "name", "state", "since", "at", "sort"), named(aFlag, "reverse")), apiDocuments},
		{"/documents/{doc}/versions", nil, apiVersions},
		{"/documents/{doc}/versions/{ref}", nil, apiVersions},
		{"/documents/{doc}/versions/{ref}/content", nil, apiContent},
		{"/documents/{doc}/versions/{ref}/blame", named(texts, "lines"), apiBlame},
		{"/changes", slices.Concat(named(aText, "document", "since", "until", "by", "risk", "task", "path", "text"), named(texts, "kind"),
			named(aFlag, "seen", "reverse"), []parameter{{"n", aNumber, usualChanges, 1, mostChanges}}), apiChanges},
		{"/changes/{id}", nil, apiChange},
		{"/changes/{id}/proof", nil, apiProof},
		{"/diff", slices.Concat(named(aText, "old", "new", "at"), named(aFlag, "ignore_all_space"),
			[]parameter{{"unified", aNumber, answer.PatchContext, 0, mostContext}}), apiDiff},
		{"/grep", slices.Concat(named(aText, "pattern", "at", "step", "path"), named(texts, "document"),
			named(aFlag, "fixed_strings", "ignore_case", "files_with_matches", "count", "newest"),
			[]parameter{{"n", aNumber, usualMatches, 1, mostMatches}}), apiGrep},
		{"/status", nil, apiStatus},
		{"/report", named(aText, "since", "until", "account"), apiReport},
	}
}

func apiDocuments(ctx context.Context, q *query) (any, error) {
	docs, err := answer.List{
		Account: q.text("account"), Name: q.text("name"), State: q.text("state"), Since: q.text("since"), At: q.text("at"),
		Sort: q.text("sort"), Reverse: q.flag("reverse"),
	}.Documents(ctx, q.History)
	return answer.NewDocuments(docs), err
}

// apiVersions answers with all versions of a document, or with the one of {ref}.
func apiVersions(ctx context.Context, q *query) (any, error) {
	doc, err := q.Document(ctx, q.path("doc"))
	if err != nil {
		return nil, err
	}
	list, err := answer.Revisions(ctx, q.History, doc, q.path("ref"))
	if err != nil {
		return nil, err
	}
	details, err := q.DB.Details(ctx, doc.Key)
	return answer.NewMeta(details, list), err
}

// version finds the version of {doc} and {ref}.
func (q *query) version(ctx context.Context) (history.Version, error) {
	doc, err := q.Document(ctx, q.path("doc"))
	if err != nil {
		return history.Version{}, err
	}
	v, err := q.Version(ctx, doc, q.path("ref"))
	if v.Note != "" {
		q.notes = append(q.notes, v.Note)
	}
	if v.Form == coc.FormToken {
		q.notes = append(q.notes, answer.TokenNote)
	}
	return v, err
}

func apiContent(ctx context.Context, q *query) (any, error) {
	v, err := q.version(ctx)
	if err != nil {
		return nil, err
	}
	c, err := q.Content(ctx, v)
	name := strings.ReplaceAll(v.Document.Name+"@"+v.Label(), "/", "_")
	return download{text.Visible(name) + ".yaml", c.Bytes}, err
}

func apiBlame(ctx context.Context, q *query) (any, error) {
	v, err := q.version(ctx)
	if err != nil {
		return nil, err
	}
	lines, text, note, err := q.Blame(ctx, v)
	if err != nil {
		return nil, err
	}
	if note != "" {
		q.notes = append(q.notes, note)
	}
	lines, err = answer.ChosenLines(lines, text, q.values["lines"])
	return answer.NewBlame(lines), err
}

func apiChanges(ctx context.Context, q *query) (any, error) {
	most := q.number("n")
	log := answer.Log{
		Document: q.text("document"), Since: q.text("since"), Until: q.text("until"), Seen: q.flag("seen"), By: q.text("by"),
		Risk: q.text("risk"), Task: q.text("task"), Path: q.text("path"), Text: q.text("text"), Kinds: q.values["kind"],
		Limit: most + 1, // one more shows that there is more
	}
	filter, err := log.Filter(ctx, q.History)
	if err != nil {
		return nil, err
	}
	list, err := log.Changes(ctx, q.History, filter)
	if err != nil {
		return nil, err
	}
	if len(list) > most {
		list = list[:most]
		q.notes = append(q.notes, fmt.Sprintf("these are the newest %d, and there are more: raise n up to %d, or bring until back", most, mostChanges))
	}
	advice, err := answer.Searched(ctx, q.History, filter, len(list))
	if err != nil {
		return nil, err
	}
	if advice != "" {
		q.notes = append(q.notes, advice)
	}
	if q.flag("reverse") {
		slices.Reverse(list)
	}
	return answer.NewChanges(ctx, q.History, list, false)
}

// apiChange answers with one change and its patch.
func apiChange(ctx context.Context, q *query) (any, error) {
	id, err := answer.ChangeID(q.path("id"))
	if err != nil {
		return nil, err
	}
	c, err := answer.OneChange(ctx, q.History, id)
	if err != nil {
		return nil, err
	}
	list, err := answer.NewChanges(ctx, q.History, []coc.Change{c}, true)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func apiProof(ctx context.Context, q *query) (any, error) {
	id, err := answer.ChangeID(q.path("id"))
	if err != nil {
		return nil, err
	}
	p, err := answer.Prove(ctx, q.History, id)
	return download{fmt.Sprintf("change-%d.proof", id), p.Encode()}, err
}

func apiDiff(ctx context.Context, q *query) (any, error) {
	if q.text("new") == "" {
		return nil, asked{errors.New("new is missing: the version to be compared, as DOC@REF")}
	}
	if err := answer.AsOf(q.History, q.text("at")); err != nil {
		return nil, err
	}
	c, err := answer.Between(ctx, q.History, q.text("old"), q.text("new"))
	if err != nil {
		return nil, err
	}
	q.notes = append(q.notes, c.Notes...)
	o := diff.Options{Context: q.number("unified"), IgnoreSpace: q.flag("ignore_all_space")}
	return answer.NewDiff(c, diff.Hunks(c.Was, c.Now, o), o), nil
}

// errEnough ends a search that found as much as an answer may hold.
var errEnough = errors.New("enough")

func apiGrep(ctx context.Context, q *query) (any, error) {
	grep := answer.Grep{
		Pattern: q.text("pattern"), Fixed: q.flag("fixed_strings"), IgnoreCase: q.flag("ignore_case"), Names: q.flag("files_with_matches"),
		Counts: q.flag("count"), Newest: q.flag("newest"), At: q.text("at"), Step: q.text("step"), Path: q.text("path"), Documents: q.values["document"],
		MaxInstructions: maxInstructions,
	}
	for _, pair := range [][2]string{{"newest", "at"}, {"files_with_matches", "count"}} {
		if q.values.Has(pair[0]) && q.values.Has(pair[1]) {
			return nil, asked{fmt.Errorf("%s and %s don't go together", pair[0], pair[1])}
		}
	}
	search, err := grep.Query(ctx, q.History)
	if err != nil {
		return nil, err
	}
	most := q.number("n")
	list := []answer.Match{}
	_, note, err := answer.Found(ctx, q.History, search, func(found history.Found) error {
		if list = append(list, grep.Matches(found)...); len(list) > most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		list, err = list[:most], nil
		q.notes = append(q.notes, fmt.Sprintf("these are the first %d, and there are more: raise n up to %d, or look for less", most, mostMatches))
	}
	if note != "" {
		q.notes = append(q.notes, note)
	}
	return list, err
}

func apiStatus(ctx context.Context, q *query) (any, error) {
	s, err := answer.Stand(ctx, q.site.look(), q.Now())
	if err != nil {
		return nil, err
	}
	return answer.NewStatus(s), nil
}

func apiReport(ctx context.Context, q *query) (any, error) {
	r, err := answer.Period{Since: q.text("since"), Until: q.text("until"), Account: q.text("account")}.Report(ctx, q.History)
	if err != nil {
		return nil, err
	}
	archive, err := answer.ReportedArchive(q.History)
	return answer.NewReport(r, archive, q.text("account")), err
}

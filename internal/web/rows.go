package web

import (
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/query"
)

// changeRow is a change in a list.
type changeRow struct {
	Ref            pieces
	URL            string
	Kind           coc.Kind
	Name, Versions pieces
	Summary        pieces
	Lines          bool // the change has a line diff
	Added, Removed int
	By             pieces
	At             time.Time
	Backfill, Late bool
}

func changeRows(list []coc.Change) []changeRow {
	rows := make([]changeRow, len(list))
	for i, c := range list {
		rows[i] = newChangeRow(c)
	}
	return rows
}

func newChangeRow(c coc.Change) changeRow {
	return changeRow{
		Ref: visible(c.Ref, ""), URL: changeURL(c.Ref), Kind: c.Kind, Name: visible(c.Name, ""), Versions: visible(query.Arrow(c.Previous, c.Version), ""),
		Summary: visible(c.Summary, ""), Lines: c.Previous != "" && c.Added+c.Removed > 0, Added: c.Added, Removed: c.Removed,
		By: visible(c.By, ""), At: c.At, Backfill: c.Backfill, Late: c.Late,
	}
}

// documentRow is a document in a table.
type documentRow struct {
	URL       string
	Name      pieces
	State     coc.DocState
	Unwatched bool
	Newest    pieces
	NewestURL string
	Versions  int
	MadeAt    time.Time
	ChangedAt time.Time // of the last change; zero if unknown
	Risk      string
	Modifier  pieces
}

func newDocumentRow(d query.Details) documentRow {
	row := documentRow{
		URL: documentURL(d.Document), Name: visible(d.Name, ""), State: d.State, Unwatched: !d.Watched && d.State != coc.Deleted,
		Newest: visible(string(d.Version), ""), Versions: d.Versions, MadeAt: d.MadeAt.Time, ChangedAt: d.ChangedAt.Time,
		Risk: coc.Said(d.RiskLevel), Modifier: visible(coc.Said(d.Modifier), ""),
	}
	if d.Version != "" {
		row.NewestURL = versionURL(d.Document, string(d.Version))
	}
	if len(row.Modifier) == 0 {
		row.Modifier = visible(coc.Said(d.Creator), "")
	}
	return row
}

func documentRows(docs []query.Details) []documentRow {
	rows := make([]documentRow, len(docs))
	for i, doc := range docs {
		rows[i] = newDocumentRow(doc)
	}
	return rows
}

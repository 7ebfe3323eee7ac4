package syncer

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"cocsync/internal/coc"
)

// unavailableAfter is how many cycles in a row a version may fail before it is recorded as
// unavailable and later versions proceed without it.
const unavailableAfter = 3

// An unavailable version is requested again for as long as COC lists it. The pauses
// start at retryMin and double up to retryMax.
const (
	retryMin = 5 * time.Minute
	retryMax = 24 * time.Hour
)

// retryPause returns the pause after a version failed in n cycles in a row.
func retryPause(n int) time.Duration {
	pause := retryMin
	for n -= unavailableAfter; n > 0 && pause < retryMax; n-- {
		pause *= 2
	}
	return min(pause, retryMax)
}

// view is the state of a document while responses are applied: the archive's state, and
// the step that changes it. It decides what a response means and does no I/O.
type view struct {
	coc.Known
	owner    string // the account's name
	inCycle  coc.Key
	now      time.Time
	route    func(watch string, kind coc.Kind) (own, routed []string)
	versions []*version // oldest first
	step     coc.Step
	compare  []*comparison // parallel to step.Changes; nil if there is nothing to compare
	eager    bool          // unavailable versions are requested without a pause
	archived int           // versions archived by this view
}

// version is one version label while responses are applied.
type version struct {
	coc.KnownVersion
	now     string           // version_uuid in the newest list; "" if absent
	fresh   *coc.NewRevision // newest revision, if it was fetched in this step
	touched bool             // the step must contain it
	checked bool
	err     string
}

func newView(k coc.Known, account string, cycle coc.Key, now time.Time, route func(string, coc.Kind) (own, routed []string)) *view {
	v := &view{Known: k, owner: account, inCycle: cycle, now: now, route: route}
	for _, kv := range k.Versions {
		v.versions = append(v.versions, &version{KnownVersion: kv, err: kv.Reason})
	}
	v.sort()
	v.reset()
	return v
}

func (v *view) reset() {
	v.step = coc.Step{Account: v.owner, DocumentID: v.DocumentID, Type: v.Type, Cycle: v.inCycle, SeenAt: v.now}
}

// sort sorts the versions, oldest first.
func (v *view) sort() {
	list := make([]coc.Listed, len(v.versions))
	for i, x := range v.versions {
		list[i] = x.Listed
	}
	coc.SortListed(list)
	position := make(map[string]int, len(list))
	for i, l := range list {
		position[l.Label] = i
	}
	slices.SortFunc(v.versions, func(a, b *version) int { return cmp.Compare(position[a.Label], position[b.Label]) })
}

func (v *view) find(label string) *version {
	for _, x := range v.versions {
		if x.Label == label {
			return x
		}
	}
	return nil
}

// applyAnswer applies a response for the document's newest version.
func (v *view) applyAnswer(a coc.Response) {
	first := len(v.versions) == 0
	// A response older than the archived state is from a delayed replica of COC: what it
	// adds is kept, but it changes and removes nothing.
	stale := !a.Meta.UpdatedAt.IsZero() && a.Meta.UpdatedAt.Before(v.Meta.UpdatedAt)
	fresh := v.applyVersions(a, first, stale)
	if v.State == coc.DocDeleted && v.HasNew {
		v.change(coc.NewChange{Kind: coc.KindRestored, At: v.now, Difference: coc.Difference{Summary: "available again"}}, nil)
	}
	if v.State != coc.DocPresent {
		v.State, v.step.State = coc.DocPresent, coc.DocPresent
	}
	if !stale {
		v.applyMeta(a, fresh)
		v.step.Newest = a.Version
	}
	if x := v.find(a.Version); x != nil && (!stale || x.Number == 0) {
		v.applyContent(x, a)
	}
}

// applyVersions applies the list of versions and reports whether it has new ones.
func (v *view) applyVersions(a coc.Response, first, stale bool) (fresh bool) {
	list := a.Versions
	if list == nil {
		list = []coc.Listed{{Label: a.Version}}
	}
	listed := map[string]bool{}
	for _, l := range list {
		listed[l.Label] = true
		x := v.find(l.Label)
		if x == nil {
			x = &version{KnownVersion: coc.KnownVersion{Listed: l, State: coc.Pending, Backfill: first}, touched: true}
			v.versions = append(v.versions, x)
			fresh = true
		}
		if stale {
			continue
		}
		x.now = l.UUID
		if x.MadeAt.IsZero() && !l.MadeAt.IsZero() {
			x.MadeAt, x.touched = l.MadeAt, true
		}
		if x.Number == 0 && x.State != coc.Pending && (x.Withdrawn || v.State == coc.DocDeleted) {
			x.State, x.touched = coc.Pending, true // listed again, and still missing
			x.succeeded()
		}
		if x.Withdrawn {
			x.Withdrawn, x.touched = false, true
		}
	}
	v.sort()
	if a.Versions == nil || stale {
		return fresh
	}
	for _, x := range v.versions {
		if !listed[x.Label] && !x.Withdrawn {
			v.withdraw(x)
		}
	}
	return fresh
}

func (v *view) withdraw(x *version) {
	x.Withdrawn, x.touched = true, true
	if x.Number == 0 {
		x.setUnavailable("no longer listed by COC")
		return
	}
	v.change(coc.NewChange{Kind: coc.KindWithdrawn, Label: x.Label, At: v.now,
		Difference: coc.Difference{Summary: x.Label + " is no longer listed by COC; the archive keeps it"}}, nil)
}

// applyMeta applies the other fields. With a new version, only another modifier is no change:
// every version has its own.
func (v *view) applyMeta(a coc.Response, withVersion bool) {
	merged := a.Meta.Over(v.Meta)
	if name := coc.OrEmpty(merged.Name); name != "" {
		v.Name, v.step.Name = name, name
	}
	if merged.Equal(v.Meta) {
		return
	}
	items := coc.MetaItems(v.Meta, merged, !withVersion)
	v.Meta, v.step.Meta, v.step.Evidence = merged, &merged, a.Evidence
	if len(items) == 0 {
		return
	}
	v.change(coc.NewChange{Kind: coc.KindMetadata, At: v.now,
		Difference: coc.Difference{Summary: metaSummary(items), Items: items}}, nil)
}

func metaSummary(items []coc.Item) string {
	s := ""
	for i, it := range items {
		if i > 0 {
			s += ", "
		}
		if it.Path == "description" {
			s += "description changed"
			continue
		}
		s += it.Path + " " + quoteEmpty(it.Old) + " → " + quoteEmpty(it.New)
	}
	return s
}

func quoteEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// missingVersions returns the versions whose content must be requested: those that are not
// archived, and those that COC lists with another version_uuid than before. Of unavailable
// ones, those whose pause is over.
func (v *view) missingVersions() (labels []string) {
	for _, x := range v.versions {
		moved := x.Number > 0 && !x.checked && x.now != "" && x.UUID != "" && x.now != x.UUID && !x.Withdrawn
		if x.State == coc.Pending || moved || v.retries(x) {
			labels = append(labels, x.Label)
		}
	}
	return labels
}

// retries reports whether an unavailable version is requested again now. A pause that
// ends later than the longest one was set by a clock that was wrong.
func (v *view) retries(x *version) bool {
	return x.State == coc.Unavailable && !x.Withdrawn && x.FailedCycle != v.inCycle.ID &&
		(v.eager || !x.RetryAt.After(v.now) || x.RetryAt.Sub(v.now) > retryMax)
}

// applyContent applies the content of a version.
func (v *view) applyContent(x *version, a coc.Response) {
	hash := a.Content.Hash()
	uuid := x.now
	if uuid == "" {
		uuid = cmp.Or(x.UUID, x.Listed.UUID)
	}
	x.checked, x.touched = true, true
	if x.Number > 0 && hash == x.Hash && (x.UUID == "" || uuid == "" || x.UUID == uuid) {
		return
	}
	rev := &coc.NewRevision{Number: x.Number + 1, UUID: uuid, Content: a.Content, Evidence: a.Evidence}
	if x.Number == 0 {
		rev.Author = v.author(x, a)
		v.archived++
	} else {
		rev.PreviousCheckedAt = x.CheckedAt
		if x.Recorded {
			v.rewritten(x.Label, x.Number, x.Hash, hash)
		} else {
			x.Earlier = append(x.Earlier, x.Hash) // recorded after the version itself
		}
	}
	x.fresh = rev
	x.State, x.Number, x.UUID, x.Hash = coc.Archived, rev.Number, uuid, hash
	x.succeeded()
}

// succeeded resets the failures of a version.
func (x *version) succeeded() {
	x.Failures, x.Reason, x.err = 0, "", ""
	x.FailedSince, x.RetryAt = time.Time{}, time.Time{}
}

// setUnavailable records that a version's content can no longer be fetched.
func (x *version) setUnavailable(why string) {
	x.succeeded()
	x.State, x.touched, x.err, x.Reason = coc.Unavailable, true, why, why
}

// rewritten adds the change from a version's revision to the next one.
func (v *view) rewritten(label string, number int, old, now coc.Hash) {
	v.change(coc.NewChange{Kind: coc.KindRewritten, At: v.now,
		From: coc.RevisionRef{Label: label, Number: number},
		To:   coc.RevisionRef{Label: label, Number: number + 1}}, &comparison{old: &old, new: now})
}

// author returns who made a version, if the response proves it: the creator made v1, and
// the last modifier made the newest version if nothing was modified after it. Otherwise it
// is unknown.
func (v *view) author(x *version, a coc.Response) string {
	if n, ok := coc.Number(x.Label); ok && n == 1 {
		return coc.OrEmpty(v.Meta.Creator)
	}
	newest := a.Version == x.Label && v.step.Newest == x.Label
	if newest && !x.MadeAt.IsZero() && x.MadeAt.Equal(a.Meta.UpdatedAt) {
		return coc.OrEmpty(a.Meta.Modifier)
	}
	return ""
}

// fetchFailed records that a version could not be fetched in this cycle. No error is
// final: COC's codes are not published.
func (v *view) fetchFailed(x *version, err error) {
	why := reason(err)
	if x.Reason != why || x.FailedSince.IsZero() {
		x.FailedSince = v.now
	}
	x.touched, x.err, x.Reason = true, err.Error(), why
	if x.FailedCycle != v.inCycle.ID { // an audit may request it again in the same cycle
		x.Failures++
	}
	x.FailedCycle = v.inCycle.ID
	if x.Number == 0 && x.Failures >= unavailableAfter {
		x.State = coc.Unavailable
		x.RetryAt = v.now.Add(retryPause(x.Failures))
	}
}

// reason returns the part of an error that stays the same while its cause does.
func reason(err error) string {
	var e interface{ Reason() string }
	if errors.As(err, &e) {
		return e.Reason()
	}
	return err.Error()
}

// deleted records that COC no longer has the document. Its missing versions are
// unavailable, so that the others are recorded without them.
func (v *view) deleted() {
	for _, x := range v.versions {
		if x.State == coc.Pending {
			x.setUnavailable("the document was deleted before it was fetched")
		}
	}
	v.recordVersions()
	if v.State == coc.DocPresent {
		v.change(coc.NewChange{Kind: coc.KindDeleted, At: v.now,
			Difference: coc.Difference{Summary: "deleted at COC; the archive keeps every version"}}, nil)
	}
	v.State, v.step.State = coc.DocDeleted, coc.DocDeleted
}

// take returns the current step and begins the next one.
func (v *view) take() coc.Step {
	for _, x := range v.versions {
		if x.touched {
			v.step.Versions = append(v.step.Versions, coc.VersionStep{
				Listed: x.Listed, State: x.State, Backfill: x.Backfill, Withdrawn: x.Withdrawn,
				Recorded: x.Recorded, Failures: x.Failures, FailedCycle: x.FailedCycle,
				Reason: x.Reason, FailedSince: x.FailedSince, RetryAt: x.RetryAt,
				Err: x.err, Checked: x.checked, Revision: x.fresh,
			})
		}
		if x.checked {
			x.now = "" // it was compared with the list
		}
		x.touched, x.fresh, x.checked = false, nil, false
	}
	s := v.step
	s.SeenAt = v.now
	v.reset()
	v.compare = nil
	return s
}

package syncer

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"cocsync/internal/coc"
	"cocsync/internal/diff"
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

// version is one version label while responses are applied.
type version struct {
	coc.KnownVersion
	listed  string // version_uuid in the newest list; "" if absent, or compared already
	touched bool   // the step must contain it
}

// comparison names the two contents that a change compares; a nil old content
// is that of a document's first version.
type comparison struct {
	old     *coc.Hash
	new     coc.Hash
	skipped []string // versions between the two that were not available
}

func (v *visit) find(label string) *version {
	for _, x := range v.versions {
		if x.Label == label {
			return x
		}
	}
	return nil
}

// applyAnswer applies a response for the document's newest version.
func (v *visit) applyAnswer(a coc.Response) {
	// A response older than the archived state is from a delayed replica of COC: what it
	// adds is kept, but it changes and removes nothing.
	stale := !a.Meta.UpdatedAt.IsZero() && a.Meta.UpdatedAt.Before(v.Meta.UpdatedAt)
	isNew := v.applyVersions(a, stale)
	if v.State == coc.DocDeleted && v.HasNew {
		v.change(coc.NewChange{Kind: coc.KindRestored, At: v.now, Difference: coc.EventDifference(coc.KindRestored, "")}, nil)
	}
	if v.State != coc.DocPresent {
		v.State, v.step.State = coc.DocPresent, coc.DocPresent
	}
	if !stale {
		v.applyMeta(a, isNew)
		v.step.Newest = a.Version
	}
	if x := v.find(a.Version); x != nil && (!stale || x.Number == 0) {
		v.applyContent(x, a)
	}
}

// applyVersions applies the list of versions and reports whether it has new ones.
func (v *visit) applyVersions(a coc.Response, stale bool) (isNew bool) {
	first := len(v.versions) == 0
	list := a.Versions
	if list == nil {
		list = []coc.Listed{{Label: a.Version}}
	}
	listed := map[string]bool{}
	for _, l := range list {
		listed[l.Label] = true
		x := v.find(l.Label)
		if x == nil {
			x = &version{touched: true}
			x.Listed, x.State, x.Backfill = l, coc.Pending, first
			v.versions = append(v.versions, x)
			isNew = true
		}
		if stale {
			continue
		}
		x.listed = l.UUID
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
	coc.SortListed(v.versions)
	for _, x := range v.versions {
		if a.Versions != nil && !stale && !listed[x.Label] && !x.Withdrawn {
			v.withdraw(x)
		}
	}
	return isNew
}

func (v *visit) withdraw(x *version) {
	x.Withdrawn, x.touched = true, true
	if x.Number == 0 {
		x.setUnavailable("no longer listed by COC")
		return
	}
	v.change(coc.NewChange{Kind: coc.KindWithdrawn, Label: x.Label, At: v.now,
		Difference: coc.EventDifference(coc.KindWithdrawn, x.Label)}, nil)
}

// applyMeta applies the other fields. With a new version, only another modifier is not a change:
// every version has its own.
func (v *visit) applyMeta(a coc.Response, withVersion bool) {
	merged := a.Meta.Over(v.Meta)
	if name := coc.OrEmpty(merged.Name); name != "" {
		v.Name, v.step.Name = name, name
	}
	if merged.Equal(v.Meta) {
		return
	}
	items := coc.MetaItems(v.Meta, merged, !withVersion)
	v.Meta, v.step.Meta, v.step.Evidence = merged, &merged, a.Evidence
	if len(items) > 0 {
		v.change(coc.NewChange{Kind: coc.KindMetadata, At: v.now,
			Difference: coc.MetaDifference(items)}, nil)
	}
}

// missingVersions returns the versions whose content must be requested: those that are not
// archived, and those that COC lists with another version_uuid than before. Of unavailable
// ones, those whose pause is over, or ended by a person who requested the cycle. A pause that
// ends later than the longest one was set by a clock that was wrong.
func (v *visit) missingVersions() (labels []string) {
	for _, x := range v.versions {
		moved := x.Number > 0 && !x.Opaque && !x.Checked && x.listed != "" && x.UUID != "" && x.listed != x.UUID && !x.Withdrawn
		retries := x.State == coc.Unavailable && !x.Withdrawn && x.FailedCycle != v.cycle.Key.ID &&
			(v.onDemand() || !x.RetryAt.After(v.now) || x.RetryAt.Sub(v.now) > retryMax)
		if x.State == coc.Pending || moved || retries {
			labels = append(labels, x.Label)
		}
	}
	return labels
}

// applyContent applies the content of a version.
func (v *visit) applyContent(x *version, a coc.Response) {
	if x.Opaque {
		return // it may be the erased content: it is neither compared nor stored
	}
	hash := a.Content.Hash()
	uuid := cmp.Or(x.listed, x.UUID, x.Listed.UUID)
	x.Checked, x.touched = true, true
	same := hash == x.Hash || x.Erased && v.Store.Keyed(hash) == x.Keyed
	if x.Number > 0 && same && (x.UUID == "" || uuid == "" || x.UUID == uuid) {
		return
	}
	rev := &coc.NewRevision{Number: x.Number + 1, UUID: uuid, Content: a.Content, Evidence: a.Evidence}
	switch {
	case x.Number == 0:
		rev.Author = v.author(x, a)
		v.archived++
	case x.Recorded:
		rev.PreviousCheckedAt = v.checkedAt(x)
		v.rewritten(x.Label, x.Number, x.Hash, hash)
	default:
		rev.PreviousCheckedAt = v.checkedAt(x)
		x.Earlier = append(x.Earlier, x.Hash) // recorded after the version itself
	}
	if v.texts[hash] == nil {
		v.texts[hash] = diff.Read(a.Content.Bytes)
	}
	x.State, x.Revision, x.Number, x.UUID, x.Hash, x.Erased = coc.Archived, rev, rev.Number, uuid, hash, false
	x.succeeded()
}

// checkedAt returns when a version was last compared with COC's; zero for a time in the future,
// which is wrong.
func (v *visit) checkedAt(x *version) time.Time {
	if x.CheckedAt.After(v.now) {
		return time.Time{}
	}
	return x.CheckedAt
}

// succeeded resets the failures of a version.
func (x *version) succeeded() {
	x.Failures, x.Reason, x.Err = 0, "", ""
	x.FailedSince, x.RetryAt = time.Time{}, time.Time{}
}

// setUnavailable records that a version's content can no longer be fetched.
func (x *version) setUnavailable(why string) {
	x.succeeded()
	x.State, x.touched, x.Err, x.Reason = coc.Unavailable, true, why, why
}

// author returns who made a version, if the response proves it: the creator made v1, and
// the last modifier made the newest version if nothing was modified after it. Otherwise it
// is unknown.
func (v *visit) author(x *version, a coc.Response) string {
	if x.Label == "v1" {
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
func (v *visit) fetchFailed(x *version, err error) {
	reason := err.Error()
	if e := interface{ Reason() string }(nil); errors.As(err, &e) {
		reason = e.Reason() // stays the same while the cause does
	}
	if x.Reason != reason || x.FailedSince.IsZero() {
		x.FailedSince = v.now
	}
	x.touched, x.Err, x.Reason = true, err.Error(), reason
	if x.FailedCycle != v.cycle.Key.ID { // an audit may request it again in the same cycle
		x.Failures++
	}
	x.FailedCycle = v.cycle.Key.ID
	if over := x.Failures - unavailableAfter; x.Number == 0 && over >= 0 {
		x.State = coc.Unavailable
		x.RetryAt = v.now.Add(min(retryMin<<min(over, 16), retryMax))
	}
}

// deleted records that COC no longer has the document. Its missing versions are
// unavailable, so that the others are recorded without them.
func (v *visit) deleted() {
	for _, x := range v.versions {
		if x.State == coc.Pending {
			x.setUnavailable("the document was deleted before it was fetched")
		}
	}
	v.recordVersions()
	if v.State == coc.DocPresent {
		v.change(coc.NewChange{Kind: coc.KindDeleted, At: v.now,
			Difference: coc.EventDifference(coc.KindDeleted, "")}, nil)
	}
	v.State, v.step.State = coc.DocDeleted, coc.DocDeleted
}

// change adds a change to the step, with its notifiers.
func (v *visit) change(c coc.NewChange, compare *comparison) {
	for _, m := range v.Watches {
		if c.Backfill || c.Kind == coc.KindNew && m.InitialSync {
			continue
		}
		own, routed := v.Route(m.Watch, c.Kind)
		c.Notify = append(c.Notify, own...)
		c.Routed = append(c.Routed, routed...)
	}
	slices.Sort(c.Notify)
	slices.Sort(c.Routed)
	c.Notify = slices.Compact(c.Notify)
	c.Routed = slices.DeleteFunc(slices.Compact(c.Routed), func(n string) bool { return slices.Contains(c.Notify, n) })
	v.step.Changes = append(v.step.Changes, c)
	v.compare = append(v.compare, compare)
}

// rewritten adds the change from a version's revision to the next one.
func (v *visit) rewritten(label string, number int, old, now coc.Hash) {
	v.change(coc.NewChange{Kind: coc.KindRewritten, At: v.now,
		From: coc.RevisionRef{Label: label, Number: number},
		To:   coc.RevisionRef{Label: label, Number: number + 1}}, &comparison{old: &old, new: now})
}

// recordVersions records versions in order, each compared with the previous archived one,
// up to the first that is missing. A version that is archived after the next one was
// recorded is late and alters nothing.
func (v *visit) recordVersions() {
	last := -1
	for i, x := range v.versions {
		if x.Recorded {
			last = i
		}
	}
	var previous *version
	var skipped []string
	for i, x := range v.versions {
		late := i < last
		switch {
		case x.Number == 0 && x.State == coc.Pending && !late:
			return // the gap
		case x.Number == 0:
			skipped = append(skipped, x.Label)
			continue
		case !x.Recorded:
			v.record(x, previous, skipped, late)
		}
		previous, skipped = x, nil
	}
}

func (v *visit) record(x, previous *version, skipped []string, late bool) {
	c := coc.NewChange{Kind: coc.KindVersion, To: coc.RevisionRef{Label: x.Label, Number: 1},
		At: x.MadeAt, Backfill: x.Backfill, Late: late}
	if c.At.IsZero() {
		c.At = v.now
	}
	// It may have been rewritten before it could be recorded.
	contents := append(slices.Clip(x.Earlier), x.Hash)
	compare := &comparison{new: contents[0], skipped: skipped}
	if previous != nil {
		c.From = coc.RevisionRef{Label: previous.Label, Number: previous.Number}
		old := previous.Hash
		compare.old = &old
	}
	if !v.HasNew {
		c.Kind = coc.KindNew
		c.Backfill = len(v.Watches) > 0 && !slices.ContainsFunc(v.Watches, func(m coc.Membership) bool { return !m.InitialSync })
		v.HasNew = true
	}
	x.Recorded, x.touched, x.Earlier = true, true, nil
	v.change(c, compare)
	for i := 1; i < len(contents); i++ {
		v.rewritten(x.Label, i, contents[i-1], contents[i])
	}
}

// lastRecorded returns the content that the next version will be compared with.
func (v *visit) lastRecorded() (h coc.Hash) {
	for _, x := range v.versions {
		if x.Recorded {
			h = x.Hash
		}
	}
	return h
}

// addVersions adds what changed of the versions to the step.
func (v *visit) addVersions() {
	v.step.SeenAt = v.now
	for _, x := range v.versions {
		if x.touched {
			v.step.Versions = append(v.step.Versions, x.VersionStep)
		}
		if x.Checked {
			x.listed = "" // it was compared with the list
		}
		x.touched, x.Revision, x.Checked = false, nil, false
	}
}

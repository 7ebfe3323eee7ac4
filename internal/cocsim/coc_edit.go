package cocsim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Add adds a document with its history and returns its id. It sets what is empty: ids,
// labels, and times an hour apart that end now. A document with the id of an earlier
// one replaces it.
func (c *COC) Add(d Document) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	rec := &record{Document: d, index: c.added}
	rec.Versions = slices.Clone(d.Versions)
	c.added++
	rec.fill(c.now())
	if old := c.docs[rec.ID]; old != nil {
		c.drop(old)
	}
	c.docs[rec.ID] = rec
	c.order = append(c.order, rec)
	clear(c.lists)
	return rec.ID
}

func (rec *record) fill(now time.Time) {
	if rec.CreatedAt.IsZero() {
		rec.CreatedAt = now.Add(-time.Duration(max(len(rec.Versions)-1, 0)) * time.Hour)
		if len(rec.Versions) > 0 && !rec.Versions[0].CreatedAt.IsZero() {
			rec.CreatedAt = rec.Versions[0].CreatedAt
		}
	}
	if rec.ID == "" {
		stamp := rec.CreatedAt.UTC().Format("20060102150405")
		rec.ID = "DM" + stamp + digits("document", rec.Name, rec.index)[:9]
	}
	at := rec.CreatedAt
	for i := range rec.Versions {
		v := &rec.Versions[i]
		if v.Label == "" {
			v.Label = fmt.Sprintf("v%d", i+1)
		}
		if v.UUID == "" {
			v.UUID = uuid(rec.ID, v.Label, i)
		}
		if v.CreatedAt.IsZero() {
			v.CreatedAt = at
			if i > 0 {
				v.CreatedAt = at.Add(time.Hour)
			}
		}
		at = v.CreatedAt
		rec.last = max(rec.last, labelNumber(v.Label))
	}
	if rec.UpdatedAt.IsZero() {
		rec.UpdatedAt = at
	}
	rec.RiskLevel = cmp.Or(rec.RiskLevel, "LOW")
	rec.Project = cmp.Or(rec.Project, "0")
	rec.trim()
}

// trim keeps only the newest versions, as many as COC does.
func (rec *record) trim() {
	if extra := len(rec.Versions) - maxVersions; extra > 0 {
		rec.Versions = slices.Delete(rec.Versions, 0, extra)
	}
}

func labelNumber(label string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(label, "v"))
	if err != nil {
		return 0
	}
	return n
}

// change runs fn on a document that was not deleted, if there is one.
func (c *COC) change(id string, fn func(*record)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rec := c.docs[id]
	if rec == nil || rec.deleted {
		return
	}
	fn(rec)
	rec.row, rec.tail = nil, nil
}

// Edit saves content as a new version by modifier and returns its label, "" if the
// document does not exist.
func (c *COC) Edit(id, content, modifier string) (label string) {
	now := c.now()
	c.change(id, func(rec *record) {
		rec.last++
		label = fmt.Sprintf("v%d", rec.last)
		rec.Versions = append(rec.Versions, Version{
			Label: label, UUID: uuid(id, label, now.UnixNano()), CreatedAt: now, Content: content,
		})
		rec.trim()
		rec.Modifier, rec.UpdatedAt = modifier, now
	})
	return label
}

// Rewrite replaces the content of an existing label. Nothing else changes: not
// version_uuid, and not update_time (Touch changes that).
func (c *COC) Rewrite(id, label, content string) {
	c.change(id, func(rec *record) {
		for i := range rec.Versions {
			if v := &rec.Versions[i]; v.Label == label {
				v.Content, v.Raw, v.Lazy = content, "", nil
			}
		}
	})
}

// Touch sets a document's update_time to now.
func (c *COC) Touch(id string) {
	now := c.now()
	c.change(id, func(rec *record) { rec.UpdatedAt = now })
}

// Change changes a document by fn, except for its id, without a new version. Its
// update_time becomes now unless fn sets it. fn must not call the COC.
func (c *COC) Change(id string, fn func(*Document)) {
	now := c.now()
	c.change(id, func(rec *record) {
		d := rec.clone()
		fn(&d)
		d.ID = id
		if d.UpdatedAt.Equal(rec.UpdatedAt) {
			d.UpdatedAt = now
		}
		rec.Document = d
		rec.trim()
		clear(c.lists)
		for _, v := range d.Versions {
			rec.last = max(rec.last, labelNumber(v.Label))
		}
	})
}

// Withdraw removes a version from lists and responses.
func (c *COC) Withdraw(id, label string) {
	c.change(id, func(rec *record) {
		rec.Versions = slices.DeleteFunc(rec.Versions, func(v Version) bool { return v.Label == label })
	})
}

// Delete removes a document. Restore brings it back unchanged.
func (c *COC) Delete(id string) {
	c.change(id, c.drop)
}

// drop removes rec from the list. c.mu is held.
func (c *COC) drop(rec *record) {
	if i, ok := c.find(rec); ok {
		c.order = slices.Delete(c.order, i, i+1)
	}
	clear(c.lists)
	rec.deleted = true
}

// Restore brings a deleted document back, at its old position in the list.
func (c *COC) Restore(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rec := c.docs[id]
	if rec == nil || !rec.deleted {
		return
	}
	i, _ := c.find(rec)
	c.order = slices.Insert(c.order, i, rec)
	clear(c.lists)
	rec.deleted = false
}

// find returns the position of rec in the list, or where it would be.
func (c *COC) find(rec *record) (int, bool) {
	return slices.BinarySearchFunc(c.order, rec, func(a, b *record) int {
		return cmp.Compare(a.index, b.index)
	})
}

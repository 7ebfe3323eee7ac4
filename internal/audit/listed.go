package audit

import (
	"encoding/json"
	"time"
)

// ListedVersion is a version as COC first listed it.
type ListedVersion struct {
	Version  string `json:"version"`
	UUID     string `json:"version_uuid,omitempty"`
	MadeAt   *int64 `json:"made_at,omitempty"` // milliseconds; nil if it is unknown
	Backfill bool   `json:"backfill,omitempty"`
}

// NewListedVersion returns a version; the zero time means that it is unknown.
func NewListedVersion(version, uuid string, madeAt time.Time, backfill bool) ListedVersion {
	v := ListedVersion{Version: version, UUID: uuid, Backfill: backfill}
	if !madeAt.IsZero() {
		ms := madeAt.UnixMilli()
		v.MadeAt = &ms
	}
	return v
}

// EncodeListed returns the value of the field "versions" of a record.
func EncodeListed(list []ListedVersion) string {
	b, _ := json.Marshal(list) // cannot fail for texts and numbers
	return string(b)
}

package answer

import "cocsync/internal/audit"

// Proved is what a proof proves.
type Proved struct {
	Origin string            `json:"origin"`
	KeyID  string            `json:"key_id"`
	Index  int64             `json:"index"` // of the record in the log, from 0
	Size   int64             `json:"size"`  // records that were signed
	Root   string            `json:"root"`
	Type   string            `json:"type"`
	Record map[string]string `json:"record"`
}

// NewProved makes the answer of a proof that was checked.
func NewProved(p audit.Proof, r audit.Record, c audit.Checkpoint) Proved {
	out := Proved{Origin: c.Origin, KeyID: audit.KeyID(p.Public), Index: p.Index, Size: c.Size, Root: c.Root.String(), Type: r.Type, Record: map[string]string{}}
	for _, f := range r.Fields {
		out.Record[f.Name] = f.Value
	}
	return out
}

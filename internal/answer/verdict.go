package answer

import "cocsync/internal/history"

// Verdict is what verify found.
type Verdict struct {
	Good        bool     `json:"good"`
	Origin      *string  `json:"origin"`
	KeyID       *string  `json:"key_id"`
	Size        int64    `json:"size"`
	Root        string   `json:"root"`
	Signed      int64    `json:"signed"` // leaves under the newest good signature
	Checkpoints int      `json:"checkpoints"`
	Counts      []Count  `json:"counts"`
	Outside     []string `json:"outside"`
	Faults      []string `json:"faults"`
	More        int      `json:"more"`
}

// Count is how many of something were checked.
type Count struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// NewVerdict makes the answer of a verification.
func NewVerdict(v history.Verdict) Verdict {
	out := Verdict{Good: len(v.Faults) == 0, Origin: orNull(v.Origin), KeyID: orNull(v.KeyID), Size: v.Size, Root: v.Root.String(),
		Signed: v.Signed, Checkpoints: v.Checkpoints, Counts: []Count{},
		Outside: append([]string{}, v.Outside...), Faults: append([]string{}, v.Faults...), More: v.More}
	for _, c := range v.Counts {
		out.Counts = append(out.Counts, Count{c.What, c.N})
	}
	return out
}

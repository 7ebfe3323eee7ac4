package coc

import "time"

// Trigger says what started a cycle.
type Trigger string

const (
	TriggerSchedule Trigger = "schedule"
	TriggerStart    Trigger = "start"  // the daemon started
	TriggerSignal   Trigger = "signal" // SIGUSR1
	TriggerSync     Trigger = "sync"   // the sync command
)

// Outcome says how a cycle ended.
type Outcome string

const (
	CycleRunning Outcome = "running" // or the process ended without recording it
	CycleGood    Outcome = "good"
	CycleFailed  Outcome = "failed" // the list or at least one document was unavailable
	CycleStopped Outcome = "stopped"
	// CycleUnattested is a good cycle that its process did not record. It is only in counts.
	CycleUnattested Outcome = "unattested"
)

// Cycle is one pass over a watch.
type Cycle struct {
	Key       Key
	Watch     string
	Account   string
	Trigger   Trigger
	Partial   bool // of some documents by name: says nothing about the watch
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs
	Outcome   Outcome
	Missed    int  // cycles that were due after the previous one started, and did not run
	Complete  bool // every page of the list was read and the list was stable
	Requests  int  // sent to COC, retries included
	Listed    int  // documents in the list, or requested by id
	Total     int  // documents that the list has by its total; 0 if absent
	Skipped   int  // rows of the list that could not be read
	Documents int  // documents with something new
	Versions  int  // versions archived
	Changes   int  // changes recorded
	Err       string
	Failures  []Failure
	// RespondedAt is when COC last responded during the cycle, to the half minute; zero
	// before its first response.
	RespondedAt time.Time
}

// Failure is one document that a cycle could not update.
type Failure struct {
	DocumentID string `json:"document_id"`
	Name       string `json:"name,omitempty"`
	Err        string `json:"error"`
}

// Head is a signed head of the archive's log.
type Head struct {
	Origin string
	Size   int64
	Root   [32]byte
	Key    string // the fingerprint of the key
	Note   []byte // the signed checkpoint
}

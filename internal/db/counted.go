package db

import (
	"context"
	"time"
)

// Good cycles and deliveries are counted in memory and recorded together, at most an hour
// later. What a process did not record when it ended is recorded by the next one as unattested.

// RecordEvery is the maximum time for which something is only counted in memory.
const RecordEvery = time.Hour

// counted remembers what a transaction counted. The caller holds s.writing.
func (s *store) counted(t *tx) {
	for account, list := range t.sent {
		s.sent[account] = list
		if len(list) == 0 {
			delete(s.sent, account)
		}
	}
	for key, c := range t.cycles {
		s.uncounted[key] = c
		if c.cycles == 0 {
			delete(s.uncounted, key)
		}
	}
	s.recordLater()
}

// recordLater schedules the record of what is counted, unless it is. The caller holds s.writing.
func (s *store) recordLater() {
	if len(s.sent)+len(s.uncounted) > 0 && s.recording == nil {
		s.recording = time.AfterFunc(RecordEvery, s.recordNow)
	}
}

// recordNow records what is counted. After an error it is recorded an hour later.
func (s *store) recordNow() {
	if err := s.recordCounted(); err != nil {
		s.report(err)
	}
}

// RecordCounted records what is counted before it is due, so that the newest heads cover it.
func (l *Log) RecordCounted() error { return l.recordCounted() }

func (s *store) recordCounted() error {
	if !s.scheduled() {
		return nil
	}
	err := s.record()
	if err != nil {
		s.writing.Lock()
		s.recordLater()
		s.writing.Unlock()
	}
	return err
}

// lastRecord records what is counted before the archive is closed.
func (s *store) lastRecord() error {
	if !s.scheduled() {
		return nil
	}
	return s.record()
}

// scheduled reports whether something is counted. It ends the schedule.
func (s *store) scheduled() bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.recording == nil {
		return false
	}
	s.recording.Stop()
	s.recording = nil
	return true
}

func (s *store) record() error {
	return s.update(context.Background(), "record what is counted", func(t *tx) {
		t.flushCycles()
		t.flushDeliveries(time.Now())
	})
}

package db

import "context"

// A head file that cannot be written stops nothing: the archive has the reason, for status.

// reporter returns the function that receives the results of writes of the head file.
func (s *store) reporter(report func(error)) func(error) {
	return func(err error) {
		text := ""
		if err != nil {
			text = err.Error()
		}
		before := s.headErr.Swap(&text)
		if report != nil && (err != nil || before != nil) { // success is news only after an error
			report(err)
		}
	}
}

// noteHeadError records why the head file cannot be written, if that changed.
func (t *tx) noteHeadError() {
	now := t.s.headErr.Load()
	if now == nil || t.s.headNoted != nil && *t.s.headNoted == *now {
		return
	}
	t.exec(`UPDATE archive SET head_error = ?1 WHERE head_error IS NOT ?1`, noneIsNull(*now))
	t.noted = now
}

// noteHead writes the head file and records its error before the archive is closed.
func (s *store) noteHead(ctx context.Context) error {
	_ = s.head.Flush() // Close returns the error
	now := s.headErr.Load()
	if now == nil || s.headNoted != nil && *s.headNoted == *now {
		return nil
	}
	return s.update(ctx, "record the error of the head file", func(*tx) {})
}

// HeadError returns why the head file could not be written; "" if it could.
func (l *Log) HeadError(ctx context.Context) (string, error) {
	return first[string](l.reading(ctx, "head file"), `SELECT coalesce(max(head_error), '') FROM archive`)
}

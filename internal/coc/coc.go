// Package coc holds the words of cocsync: what a document, a version, a
// revision, a change, a delivery and a message are. Every other package speaks
// in these types, so the adapters (fetch, db, notify) need not know each other.
//
// It does no I/O and knows no policy.
package coc

import (
	"errors"
	"fmt"
)

// The classes of failure that a caller branches on. Adapters wrap them with
// what they were doing; the text for people is in the wrapping error.
var (
	// ErrNotFound: COC says definitely that there is no such document.
	ErrNotFound = errors.New("no such document")
	// ErrRefused: COC refuses this request. A repeated one within the cycle would not
	// help; a later cycle makes it again.
	ErrRefused = errors.New("refused")
	// ErrTemporary: a timeout, 429, 5xx, reset or cut body; worth another try
	// in a later cycle.
	ErrTemporary = errors.New("temporary")
	// ErrUnauthorized: the key pair is wrong, locked, or the clock is off.
	// Asking again makes it worse.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the user may not do this; a person must grant the action.
	ErrForbidden = errors.New("forbidden")
	// ErrErased: a person had this content removed from the archive for good.
	ErrErased = errors.New("erased")
	// ErrMalformed: an answer came that cannot be understood.
	ErrMalformed = errors.New("malformed answer")
)

// NotFound returns an error with a text of its own that is ErrNotFound.
func NotFound(format string, args ...any) error { return notFound(fmt.Sprintf(format, args...)) }

type notFound string

func (e notFound) Error() string        { return string(e) }
func (e notFound) Is(target error) bool { return target == ErrNotFound }

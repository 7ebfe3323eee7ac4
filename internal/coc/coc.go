// Package coc has the shared types of cocsync: document, version, revision, change,
// delivery and message. Every other package uses these types, so the adapters (fetch,
// db, notify) need not know each other.
//
// It does no I/O and has no policy. Package db scans rows into these types by the order of
// their fields.
package coc

import (
	"errors"
	"fmt"
)

// The classes of failure that a caller branches on. Adapters wrap them with what they
// were doing; the text for people is in the wrapping error.
var (
	// ErrNotFound reports something that does not exist: in COC, a document; in a query,
	// what it names.
	ErrNotFound = errors.New("no such document")
	// ErrRefused reports a request that COC refuses. A retry within the cycle would not
	// help; a later cycle repeats it.
	ErrRefused = errors.New("refused")
	// ErrTemporary reports a timeout, 429, 5xx, reset or truncated body; a later cycle
	// retries it.
	ErrTemporary = errors.New("temporary")
	// ErrUnauthorized reports a wrong or locked key pair, or a wrong clock. A retry makes
	// it worse.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden reports an action that the user may not do; a person must grant it.
	ErrForbidden = errors.New("forbidden")
	// ErrAltered reports an archive that differs from what cocsync wrote: it was altered or is
	// damaged.
	ErrAltered = errors.New("the archive was altered or is damaged")
	// ErrErased reports a content that a person erased from the archive permanently.
	ErrErased = errors.New("erased")
	// ErrNoKey and ErrNoHeadFile are why there is no signed head that may be sent.
	ErrNoKey      = errors.New("the signing key is missing")
	ErrNoHeadFile = errors.New("the head file cannot be written")
	// ErrMalformed reports a response that cannot be read.
	ErrMalformed = errors.New("malformed response")
)

// NotFound returns an error with its own text that is ErrNotFound.
func NotFound(format string, args ...any) error { return notFound(fmt.Sprintf(format, args...)) }

type notFound string

func (e notFound) Error() string        { return string(e) }
func (e notFound) Is(target error) bool { return target == ErrNotFound }

package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/hint"
)

// parameter is what a query may say. It is called as the command's flag.
type parameter struct {
	name               string
	kind               kind
	usual, least, most int // of a number
}

// kind is how the value of a parameter is read.
type kind int

const (
	aText   kind = iota
	texts        // may be given several times
	aFlag        // true, false, or the name alone for true
	aNumber      // from least to most
)

func named(kind kind, names ...string) (list []parameter) {
	for _, n := range names {
		list = append(list, parameter{name: n, kind: kind})
	}
	return list
}

// readQuery reads what was asked and refuses what can't be meant: to pass over a
// parameter would answer another question.
func readQuery(raw string, params []parameter) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, asked{hint.Wrap(fmt.Errorf("the query can't be read: %w", err), "write what stands in a value as %XX; curl --data-urlencode does so")}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var errs []error
	for _, name := range names {
		i := slices.IndexFunc(params, func(p parameter) bool { return p.name == name })
		if i < 0 {
			errs = append(errs, unknownParameter(name, params))
			continue
		}
		errs = append(errs, params[i].check(values[name]))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, asked{err}
	}
	return values, nil
}

func unknownParameter(name string, params []parameter) error {
	known := make([]string, len(params))
	for i, p := range params {
		known[i] = p.name
	}
	advice := "this address takes none"
	if len(known) > 0 {
		advice = "this address takes " + strings.Join(known, ", ")
	}
	return hint.Wrap(fmt.Errorf("unknown parameter %q", name),
		strings.TrimSpace(hint.DidYouMean(name, known)+" "+advice))
}

// check refuses values that a parameter can't have.
func (p parameter) check(values []string) error {
	if len(values) > 1 && p.kind != texts {
		return hint.Wrap(fmt.Errorf("%s is given %d times", p.name, len(values)), "give it once")
	}
	for _, v := range values {
		switch p.kind {
		case aText, texts:
			if v == "" {
				return hint.Wrap(fmt.Errorf("%s is empty", p.name), "is a variable not set? Leave the parameter out for all")
			}
		case aFlag:
			if !slices.Contains([]string{"", "true", "false"}, v) {
				return hint.Wrap(fmt.Errorf("%s %q is not known", p.name, v), "it is true or false")
			}
		case aNumber:
			if n, err := strconv.Atoi(v); err != nil || n < p.least || n > p.most {
				return fmt.Errorf("%s %q is no number from %d to %d", p.name, v, p.least, p.most)
			}
		}
	}
	return nil
}

// text is the value of a parameter, "" where it is not given.
func (q *apiRequest) text(name string) string { return q.values.Get(name) }

// flag reports whether a flag is given.
func (q *apiRequest) flag(name string) bool {
	return q.values.Has(name) && q.values.Get(name) != "false"
}

// number is the value of a number, its usual one where it is not given.
func (q *apiRequest) number(name string) int {
	if n, err := strconv.Atoi(q.values.Get(name)); err == nil {
		return n
	}
	i := slices.IndexFunc(q.params, func(p parameter) bool { return p.name == name })
	return q.params[i].usual
}

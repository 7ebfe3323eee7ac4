package web

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/hint"
)

// parameter is a parameter of the query string. It has the name of the command's flag.
type parameter struct {
	name          string
	kind          kind
	def, min, max int // the default and the bounds of a number
}

// kind is the type of a parameter's value.
type kind int

const (
	kindText   kind = iota
	kindTexts       // may occur several times
	kindFlag        // true or false; an empty value means true
	kindNumber      // from min to max
)

func named(kind kind, names ...string) (list []parameter) {
	for _, n := range names {
		list = append(list, parameter{name: n, kind: kind})
	}
	return list
}

// readQuery parses a query string and adds the defaults of numbers. Unknown and invalid
// parameters are errors: to ignore one would return the result of another query.
func readQuery(raw string, params []parameter) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest{hint.Wrap(fmt.Errorf("parse the query string: %w", err),
			"percent-encode the values; curl --data-urlencode does it")}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(params, func(p parameter) bool { return p.name == name })
		if i < 0 {
			errs = append(errs, unknownParameter(name, params))
			continue
		}
		errs = append(errs, params[i].check(values[name]))
	}
	for _, p := range params {
		if p.kind == kindNumber && !values.Has(p.name) {
			values.Set(p.name, strconv.Itoa(p.def))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, badRequest{err}
	}
	return values, nil
}

func unknownParameter(name string, params []parameter) error {
	known := make([]string, len(params))
	for i, p := range params {
		known[i] = p.name
	}
	advice := "this address has no parameters"
	if len(known) > 0 {
		advice = "the parameters are " + strings.Join(known, ", ")
	}
	return hint.Wrap(fmt.Errorf("unknown parameter %q", name),
		strings.TrimSpace(hint.DidYouMean(name, known)+" "+advice))
}

// check returns an error for values that are invalid for a parameter.
func (p parameter) check(values []string) error {
	if len(values) > 1 && p.kind != kindTexts {
		return hint.Wrap(fmt.Errorf("%s occurs %d times", p.name, len(values)), "set it once")
	}
	for _, v := range values {
		switch p.kind {
		case kindText, kindTexts:
			if v == "" {
				return hint.Wrap(fmt.Errorf("%s is empty", p.name), "set a value, or leave the parameter out to match everything")
			}
		case kindFlag:
			if !slices.Contains([]string{"", "true", "false"}, v) {
				return hint.Wrap(fmt.Errorf("%s %q is not a valid flag", p.name, v), "use true or false")
			}
		case kindNumber:
			if n, err := strconv.Atoi(v); err != nil || n < p.min || n > p.max {
				return fmt.Errorf("%s %q is not a number from %d to %d", p.name, v, p.min, p.max)
			}
		}
	}
	return nil
}

// flag reports whether a flag is true.
func (q *request) flag(name string) bool {
	return q.values.Has(name) && q.get(name) != "false"
}

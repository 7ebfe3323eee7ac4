package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cocsync/internal/cocsim"
)

// swapped serves the script's current COC.
type swapped struct{ *world }

func (s swapped) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.coc.Load().ServeHTTP(w, r) }

// cocCommand changes COC's documents and responses:
//
//	coc add NAME FILE...          a document; each file is a version
//	coc raw NAME TOKEN            a document of one version with that JSON token as content
//	coc many N PREFIX FILE        N documents with one version
//	coc edit NAME FILE WHO        a new version
//	coc rewrite NAME LABEL FILE   replace a content, with a new update_time
//	coc slip NAME LABEL FILE      replace a content, without a new update_time
//	coc risk NAME LEVEL WHO
//	coc rename NAME NEW
//	coc withdraw NAME LABEL
//	coc delete NAME, coc restore NAME
//	coc forbid ACTION, coc allow ACTION
//	coc fail PATH WHAT [COUNT]    PATH: part of path?query, or *; WHAT: 503, 200:CODE,
//	                              reset, cut, html, hollow; COUNT: -1 (default) for all
//	coc hang PATH                 never respond to it
//	coc hung                      wait for such a request
//	coc quiet SECONDS             respond to all with 429 and that Retry-After
//	coc echo STATUS               respond to all with it, quoting the secret key
//	coc heal                      end all failures
//	coc during PATH VERB...       run VERB at the next request for PATH
//	coc shift PATH PREFIX         delete one more of PREFIX-001... at each request for PATH
//	coc times FORM                create_time and update_time as string, null, absent, rfc3339
//	coc ahead DURATION            set COC's clock
//	coc flat                      start a new COC, without the envelope "data"
//	coc requests N                check the number of requests since the last check
func cocCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: coc VERB ...")
	}
	ts.Check(worldOf(ts).do(ts, args))
}

// do runs one verb. Missing arguments are empty strings.
func (w *world) do(ts *testscript.TestScript, args []string) error {
	c := w.coc.Load()
	verb, arg := args[0], func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch verb {
	case "add", "raw", "many":
		return w.add(ts, verb, args[1:])
	case "fail":
		return fail(c, arg(1), arg(2), arg(3))
	case "heal":
		c.ClearFaults()
		return nil
	case "during":
		c.Fail(cocsim.Fault{Path: arg(1), Do: func() { ts.Check(w.do(ts, args[2:])) }})
		return nil
	case "echo":
		c.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Status: number(ts, arg(1)), Code: "APIGW.0301", Count: -1,
			Message: "your key ak with " + secretKey + " is wrong"})
		return nil
	case "hang":
		w.hung.Store(false)
		c.Fail(cocsim.Fault{Path: arg(1), Count: -1, Latency: time.Hour,
			Match: func(*http.Request) bool { w.hung.Store(true); return true }})
		return nil
	case "hung":
		poll(ts, "a request that hangs", w.hung.Load)
		return nil
	case "quiet":
		c.Fail(cocsim.Fault{Kind: cocsim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: arg(1), Count: -1})
		c.ResetRequests()
		return nil
	case "shift":
		n := 0
		c.Fail(cocsim.Fault{Path: arg(1), Count: -1, Do: func() {
			n++
			ts.Check(w.do(ts, []string{"delete", fmt.Sprintf("%s-%03d", arg(2), n)}))
		}})
		return nil
	case "times":
		c.Mangle(timesAs(arg(1)))
		return nil
	case "forbid":
		c.Forbid(arg(1))
		return nil
	case "allow":
		c.Allow(arg(1))
		return nil
	case "ahead":
		d, err := time.ParseDuration(arg(1))
		w.ahead.Store(int64(d))
		return err
	case "flat":
		w.coc.Store(w.newCOC(true))
		return nil
	case "requests":
		got := c.Requests()
		c.ResetRequests()
		if want := number(ts, arg(1)); len(got) != want {
			var list strings.Builder
			for _, r := range got {
				fmt.Fprintf(&list, "\n%d %s?%s", r.Status, r.Path, r.Query)
			}
			return fmt.Errorf("COC had %d requests, want %d:%s", len(got), want, list.String())
		}
		return nil
	}
	id, ok := c.Find(arg(1))
	switch {
	case verb == "restore":
		c.Restore("DM-" + arg(1))
	case !ok:
		return fmt.Errorf("COC has no document %q, or no %q", arg(1), verb)
	case verb == "edit":
		c.Edit(id, ts.ReadFile(arg(2)), arg(3))
	case verb == "rewrite":
		c.Rewrite(id, arg(2), ts.ReadFile(arg(3)))
		c.Touch(id)
	case verb == "slip":
		c.Rewrite(id, arg(2), ts.ReadFile(arg(3)))
	case verb == "risk":
		c.Change(id, func(d *cocsim.Document) { d.RiskLevel, d.Modifier = arg(2), arg(3) })
	case verb == "rename":
		c.Change(id, func(d *cocsim.Document) { d.Name = arg(2) })
	case verb == "withdraw":
		c.Withdraw(id, arg(2))
	case verb == "delete":
		c.Delete(id)
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

// add adds documents with versions from the first days of March.
func (w *world) add(ts *testscript.TestScript, verb string, args []string) error {
	if verb == "many" {
		for i := range number(ts, args[0]) {
			err := w.add(ts, "add", []string{fmt.Sprintf("%s-%03d", args[1], i+1), args[2]})
			if err != nil {
				return err
			}
		}
		return nil
	}
	doc := cocsim.Document{Name: args[0], ID: "DM-" + args[0], Creator: "COC-li.wei"}
	for i, f := range args[1:] {
		v := cocsim.Version{CreatedAt: time.Date(2026, 3, 1+i, 12, 0, 0, 0, time.UTC)}
		if verb == "raw" {
			v.Raw = f
		} else {
			v.Content = ts.ReadFile(f)
		}
		doc.Versions = append(doc.Versions, v)
	}
	if len(doc.Versions) > 1 {
		doc.Modifier = "COC-wang"
	}
	w.coc.Load().Add(doc)
	return nil
}

func fail(c *cocsim.COC, path, what, count string) error {
	f := cocsim.Fault{Path: strings.TrimPrefix(path, "*"), Count: -1}
	if count != "" {
		n, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		f.Count = n
	}
	status, code, coded := strings.Cut(what, ":")
	f.Status, _ = strconv.Atoi(status)
	switch {
	case coded:
		f.Kind, f.Code, f.Message = cocsim.FaultStatus, code, "something is wrong"
	case f.Status > 0:
		f.Kind = cocsim.FaultStatus
	case what == "reset":
		f.Kind = cocsim.FaultReset
	case what == "cut":
		f.Kind = cocsim.FaultCut
	case what == "hollow":
		f.Kind, f.Body = cocsim.FaultBody, `{"data":{}}`
	case what == "html":
		f.Kind = cocsim.FaultHTML
	default:
		return errors.New("unknown fault " + what)
	}
	c.Fail(f)
	return nil
}

// timesAs sets the format of times: that of the API reference's tables, not of its examples.
func timesAs(form string) func(string, map[string]any) {
	var alter func(v map[string]any)
	alter = func(v map[string]any) {
		for _, key := range []string{"create_time", "update_time"} {
			ms, err := strconv.ParseInt(fmt.Sprint(v[key]), 10, 64)
			if err != nil {
				continue
			}
			switch form {
			case "string":
				v[key] = strconv.FormatInt(ms, 10)
			case "null":
				v[key] = nil
			case "absent":
				delete(v, key)
			case "rfc3339":
				v[key] = time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
			}
		}
		versions, _ := v["versions"].([]any)
		for _, x := range versions {
			if m, ok := x.(map[string]any); ok {
				alter(m)
			}
		}
	}
	if !slices.Contains([]string{"string", "null", "absent", "rfc3339"}, form) {
		return nil
	}
	return func(_ string, v map[string]any) { alter(v) }
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

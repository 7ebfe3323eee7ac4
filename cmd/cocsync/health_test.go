package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cocsync/internal/cocsim"
	"cocsync/internal/db"
	"cocsync/internal/query"
)

// situation is an event with the problems that it causes.
type situation struct {
	name string
	do   func(w *healthWorld)
	want []query.ProblemKind
	copy bool
	says string // part of the text of status
}

// In every situation status, its JSON, healthcheck, /-/ready, the metrics and the health
// page report the same, correct problems. Real processes of the program write each archive.
func TestHealth(t *testing.T) {
	for _, s := range slices.Concat(pastSituations(), brokenSituations(), cocSituations(), slackSituations(), fileSituations()) {
		t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := newHealthWorld(t)
			s.do(w)
			v := w.verdict()
			slices.Sort(s.want)
			if !slices.Equal(v.kinds, s.want) || v.copy != s.copy || !strings.Contains(v.text, s.says) {
				t.Errorf("problems %q (copy: %t), want %q (copy: %t) and %q in\n%s", v.kinds, v.copy, s.want, s.copy, s.says, v.text)
			}
		})
	}
}

func kinds(list ...query.ProblemKind) []query.ProblemKind { return list }

// docs/operations.md explains each kind of problem.
func TestProblemsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	must(t, err)
	for _, kind := range query.ProblemKinds() {
		if !strings.Contains(string(text), "\n| `"+string(kind)+"` | ") {
			t.Errorf("docs/operations.md does not explain %q", kind)
		}
	}
}

// good runs one good sync at a time in the past.
func good(w *healthWorld, ago time.Duration) {
	w.Helper()
	w.step(-ago)
	if status := w.sync(); status != 0 {
		w.Fatalf("sync exits with %d", status)
	}
	w.step(0)
}

// pastSituations differ in when cycles ran.
func pastSituations() []situation {
	night := time.Now().UTC().Truncate(24 * time.Hour).Add(2*time.Hour + 5*time.Second)
	nightly := func(now time.Time) func(w *healthWorld) {
		return func(w *healthWorld) {
			w.schedule = "0 2 * * *"
			w.at(night.AddDate(0, 0, -1))
			w.sync()
			w.at(now)
		}
	}
	return []situation{
		{name: "no cycle yet", do: func(w *healthWorld) {
			w.watch = `documents = ["DM1"]`
			w.sync("DM1") // a sync by name does not count for the watch
		}, want: kinds(query.ProblemNoCycle)},
		{name: "written by sync only", do: func(w *healthWorld) { good(w, 0) }, says: "no daemon"},
		{name: "late", do: func(w *healthWorld) { good(w, 72*time.Hour) }, want: kinds(query.ProblemLate),
			says: "last good cycle ended 3 days ago"},
		{name: "due and not late yet", do: func(w *healthWorld) { good(w, 100*time.Minute) }},
		{name: "daemon that works", do: func(w *healthWorld) { w.await(w.start("run"), "cycle ended") }, says: "daemon running since "},
		{name: "nightly watch due", do: nightly(night.Add(30 * time.Minute))},
		{name: "nightly watch one hour late", do: nightly(night.Add(61 * time.Minute)), want: kinds(query.ProblemLate), says: "0 2 * * * (UTC)"},
		{name: "nightly watch in another zone", do: func(w *healthWorld) {
			w.schedule, w.watch = "0 2 * * *", "timezone = \"Asia/Shanghai\"\nselect = { all = true }"
			w.at(night.Add(-8 * time.Hour)) // 02:00 there
			w.sync()
			w.at(night.Add(15 * time.Hour)) // an hour before the next
		}},
		{name: "clock back", do: func(w *healthWorld) { good(w, -2*time.Hour) }, want: kinds(query.ProblemClock), says: " in the future"},
		{name: "clock back while a daemon runs", do: func(w *healthWorld) {
			w.schedule = "@every 2s"
			w.step(2 * time.Hour)
			w.await(w.start("run"), "cycle ended")
			w.step(0)
			w.until() // the daemon recomputes its schedules, and a new cycle is good
		}},
		{name: "clock forward while a daemon runs", do: func(w *healthWorld) {
			w.schedule = "@every 2s"
			w.await(w.start("run"), "cycle ended")
			w.step(4 * time.Minute)
			w.until()
		}},
		{name: "PUBLIC watch", do: func(w *healthWorld) {
			w.coc.Add(cocsim.Document{ID: "DM2", Name: "two", Type: "PUBLIC", Versions: []cocsim.Version{{Label: "v1", Content: "a: 1\n"}}})
			w.watch = "document_type = \"PUBLIC\"\nselect = { all = true }"
			good(w, 0)
		}, says: "1: 1 present"},
		{name: "copy", do: func(w *healthWorld) {
			good(w, 72*time.Hour)
			w.db = filepath.Join(w.dir, "copy.db")
			backUp(w, w.db)
		}, copy: true, says: "no problem was recorded"},
		{name: "copy of a broken archive", do: func(w *healthWorld) {
			good(w, 80*time.Hour)
			w.step(-72 * time.Hour)
			w.answer("/v1/documents", http.StatusForbidden, `{"error_code":"APIGW.0302","error_msg":"no"}`)
			w.sync()
			w.step(0)
			w.db = filepath.Join(w.dir, "copy.db")
			backUp(w, w.db)
		}, copy: true, want: kinds(query.ProblemFailed), says: "1 problem"},
		{name: "read-only copy", do: func(w *healthWorld) {
			good(w, 72*time.Hour)
			dir := filepath.Join(w.dir, "sealed")
			must(w.T, os.Mkdir(dir, 0o700))
			w.db = filepath.Join(dir, "copy.db")
			backUp(w, w.db)
			must(w.T, os.Chmod(w.db, 0o400))
			must(w.T, os.Chmod(dir, 0o500))
			w.Cleanup(func() { must(w.T, os.Chmod(dir, 0o700)) })
		}, copy: true, says: "As of "},
		{name: "archive of a daemon by its file", do: func(w *healthWorld) {
			w.await(w.start("run"), "cycle ended")
			w.db = filepath.Join(w.dir, "cocsync.db") // a process has it open for writing: not a copy
		}},
	}
}

// backUp copies the archive.
func backUp(w *healthWorld, path string) {
	w.Helper()
	if out, err := w.command("-c", w.config, "backup", path).CombinedOutput(); err != nil {
		w.Fatalf("backup: %v\n%s", err, out)
	}
}

// brokenSituations are cycles that did not end, or hang.
func brokenSituations() []situation {
	// hung starts a daemon half an hour ago whose list request hangs, long after a good cycle.
	hung := func(w *healthWorld) (*process, chan<- struct{}) {
		w.Helper()
		good(w, 4*time.Hour)
		w.step(-30 * time.Minute)
		begun, next := w.hang("/v1/documents")
		p := w.start("run")
		<-begun
		return p, next
	}
	return []situation{
		{name: "first cycle running for an hour", do: func(w *healthWorld) {
			w.step(-time.Hour)
			begun, _ := w.hang("/v1/documents/DM1")
			w.start("run")
			<-begun
			w.step(0)
		}, want: kinds(query.ProblemNoGoodCycle), says: "the running cycle started 60 minutes ago"},
		{name: "stopped", do: func(w *healthWorld) {
			p, _ := hung(w)
			p.end(syscall.SIGTERM)
			w.step(0)
		}, want: kinds(query.ProblemStopped, query.ProblemNoDaemon, query.ProblemLate), says: "it was stopped before its end"},
		{name: "killed", do: func(w *healthWorld) {
			p, _ := hung(w)
			p.end(syscall.SIGKILL)
			w.step(0)
		}, want: kinds(query.ProblemStopped, query.ProblemNoDaemon, query.ProblemLate), says: "its process ended before the cycle"},
		{name: "sync that was killed", do: func(w *healthWorld) {
			good(w, 0)
			begun, _ := w.hang("/v1/documents")
			p := w.start("sync")
			<-begun
			p.end(syscall.SIGKILL)
		}, want: kinds(query.ProblemStopped)},
		{name: "killed in the middle of the first cycle", do: func(w *healthWorld) {
			w.coc.Add(cocsim.Document{ID: "DM2", Name: "two", Versions: []cocsim.Version{{Label: "v1", Content: "a\n"},
				{Label: "v2", Content: "b\n"}}})
			begun, _ := w.hang("version=v1")
			p := w.start("run")
			<-begun
			p.end(syscall.SIGKILL)
		}, want: kinds(query.ProblemNoGoodCycle, query.ProblemStopped, query.ProblemNoDaemon, query.ProblemIncomplete)},
		{name: "killed daemon", do: func(w *healthWorld) {
			p := w.start("run")
			w.await(p, "cycle ended")
			p.end(syscall.SIGKILL)
		}, want: kinds(query.ProblemNoDaemon, query.ProblemNoGoodCycle), says: "its good cycles are unattested"},
		{name: "cycle that hangs", do: func(w *healthWorld) {
			hung(w)
			w.step(0)
		}, want: kinds(query.ProblemLate), says: "COC has not responded to the running cycle for 30 minutes"},
		{name: "long cycle to which COC responds", do: func(w *healthWorld) {
			_, next := hung(w)
			w.step(0)
			w.coc.Edit("DM1", "a: 2\n", "COC-li")
			next <- struct{}{} // the list, which names the edit, before the document hangs
			w.until()
		}, says: "COC last responded "},
	}
}

// cocSituations are responses of COC.
func cocSituations() []situation {
	mangled := func(fn func(row map[string]any)) func(w *healthWorld) {
		return func(w *healthWorld) {
			good(w, 0)
			w.coc.Add(cocsim.Document{ID: "DM2", Name: "two", Versions: []cocsim.Version{{Label: "v1", Content: "a\n"}}})
			w.coc.Mangle(func(path string, row map[string]any) {
				if !strings.Contains(path, "/DM") && row["document_id"] == "DM2" {
					fn(row)
				}
			})
			if status := w.sync(); status != 1 {
				w.Errorf("sync exits with %d, want 1", status)
			}
		}
	}
	return []situation{
		{name: "incomplete list", do: func(w *healthWorld) {
			good(w, 0)
			short := func(rw http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/DM") {
					return false
				}
				rows := ""
				if r.URL.Query().Get("offset") == "0" {
					rows = `{"document_id":"DM1","name":"one","version":"v1"}`
				}
				fmt.Fprintf(rw, `{"total":250,"data":[%s]}`, rows)
				return true
			}
			w.hook.Store(&short)
			w.sync()
		}, want: kinds(query.ProblemList), says: "COC's list is incomplete: 1 of 250 documents"},
		{name: "list that keeps changing", do: func(w *healthWorld) {
			for i := range 100 {
				w.coc.Add(cocsim.Document{ID: fmt.Sprintf("DM1%03d", i), Name: "x", Versions: []cocsim.Version{{Label: "v1", Content: "a\n"}}})
			}
			moving := func(rw http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("offset") != "100" {
					return false
				}
				answer := httptest.NewRecorder()
				w.coc.ServeHTTP(answer, r)
				io.WriteString(rw, strings.Replace(answer.Body.String(), `"total":101`, `"total":102`, 1))
				return true
			}
			w.hook.Store(&moving)
			good(w, 30*time.Hour)
			good(w, 0)
		}, want: kinds(query.ProblemList), says: "COC's list has changed during every read for 30 hours"},
		{name: "skipped rows", do: mangled(func(row map[string]any) { row["document_id"] = "" }),
			want: kinds(query.ProblemList), says: "1 unreadable row"},
		{name: "row over a limit", do: mangled(func(row map[string]any) { row["name"] = strings.Repeat("x", 20_000) }),
			want: kinds(query.ProblemFailed), says: "DM2"},
		{name: "missing versions", do: func(w *healthWorld) {
			w.coc.Add(cocsim.Document{ID: "DM2", Name: "two", Versions: []cocsim.Version{{Label: "v1", Content: "a\n"},
				{Label: "v2", Content: "b\n"}}})
			w.answer("version=v1", http.StatusBadRequest, `{"error_code":"COC.00010002","error_msg":"no"}`)
			for range 4 {
				w.sync()
			}
		}, want: kinds(query.ProblemMissing), says: "1 listed version missing: v1 of two"},
		{name: "version refused for a week", do: func(w *healthWorld) {
			w.coc.Add(cocsim.Document{ID: "DM2", Name: "two", Versions: []cocsim.Version{{Label: "v1", Content: "a\n"},
				{Label: "v2", Content: "b\n"}}})
			w.answer("version=v1", http.StatusBadRequest, `{"error_code":"COC.00010002","error_msg":"no"}`)
			w.step(-8 * 24 * time.Hour)
			for range 4 {
				w.sync()
			}
			w.step(0)
			w.sync()
		}, want: kinds(query.ProblemMissing), says: "refused by COC for 8 days"},
		{name: "refused key", do: func(w *healthWorld) {
			w.answer("/v1/documents", http.StatusUnauthorized, `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}`)
			w.sync()
		}, want: kinds(query.ProblemKeyRefused, query.ProblemFailed)},
		{name: "paused by 429", do: func(w *healthWorld) {
			good(w, 0)
			w.answer("/v1/documents", http.StatusTooManyRequests, `{"error_code":"APIGW.0308","error_msg":"too many"}`, "Retry-After", "1800")
			w.sync()
		}, want: kinds(query.ProblemPaused, query.ProblemFailed)},
		{name: "two watches of which one is fine", do: func(w *healthWorld) {
			w.more += "[[watch]]\nname = \"others\"\naccount = \"prod\"\nschedule = \"@every 1h\"\ndocuments = [\"DM-none\"]\n"
			w.sync()
			if v := w.verdict(); v.stale["runbooks"] || !v.stale["others"] {
				w.Errorf("watches with problems: %v", v.stale)
			}
		}, want: kinds(query.ProblemFailed, query.ProblemIncomplete)},
		{name: "watch that the configuration no longer names", do: func(w *healthWorld) {
			good(w, 72*time.Hour)
			w.rename = "renamed"
			w.sync()
		}, says: "the watch is not in the configuration"},
	}
}

// slackSituations are outcomes of messages.
func slackSituations() []situation {
	edited := func(w *healthWorld, content string) {
		good(w, 0)
		w.coc.Edit("DM1", content, "COC-li")
	}
	return []situation{
		{name: "channel on hold", do: func(w *healthWorld) {
			edited(w, "a: 2\n")
			w.slack.Refuse("C0123456789", "not_in_channel")
			if status := w.sync(); status != 1 {
				w.Errorf("sync exits with %d, want 1", status)
			}
		}, want: kinds(query.ProblemOnHold)},
		{name: "file pending", do: func(w *healthWorld) {
			edited(w, manySteps())
			w.slack.Fail(cocsim.Fault{Path: "files.getUploadURLExternal", Count: -1, Kind: cocsim.FaultStatus,
				Status: http.StatusTooManyRequests, RetryAfter: "3600"})
			w.sync()
		}, says: "pending      1, the oldest due"},
		{name: "file pending for long", do: func(w *healthWorld) {
			edited(w, manySteps())
			w.slack.Fail(cocsim.Fault{Path: "files.getUploadURLExternal", Count: -1, Kind: cocsim.FaultStatus,
				Status: http.StatusTooManyRequests, RetryAfter: "3600"})
			w.sync()
			w.step(20 * time.Minute)
		}, want: kinds(query.ProblemPending), says: "1 delivery pending, the oldest for 20 minutes"},
		{name: "message refused", do: func(w *healthWorld) {
			edited(w, "a: 2\n")
			w.slack.Fail(cocsim.Fault{Path: "chat.postMessage", Count: -1, Kind: cocsim.FaultStatus, Code: "invalid_blocks"})
			w.sync()
		}, want: kinds(query.ProblemMessageFailed)},
		{name: "message altered before it was sent", do: func(w *healthWorld) {
			edited(w, "a: 2\n")
			w.slack.Fail(cocsim.Fault{Path: "chat.postMessage", Count: 1, Kind: cocsim.FaultStatus, Status: http.StatusInternalServerError})
			w.sync()
			tamper(w.T, filepath.Join(w.dir, "cocsync.db"), `UPDATE messages SET text = 'all is well' WHERE state = 'waiting'`)
			w.step(time.Hour)
			posted := len(w.slack.Messages())
			if status := w.sync(); status != 1 || len(w.slack.Messages()) != posted {
				w.Errorf("sync exits with %d and posts %d messages, want 1 and none", status, len(w.slack.Messages())-posted)
			}
		}, want: kinds(query.ProblemMessageAltered), says: "1 message altered in the database, and not sent"},
		{name: "altered message composed again", do: func(w *healthWorld) {
			edited(w, "a: 2\n")
			w.slack.Fail(cocsim.Fault{Path: "chat.postMessage", Count: 1, Kind: cocsim.FaultStatus, Status: http.StatusInternalServerError})
			w.sync()
			tamper(w.T, filepath.Join(w.dir, "cocsync.db"), `UPDATE messages SET text = 'all is well' WHERE state = 'waiting'`)
			w.step(time.Hour)
			w.sync()
			w.ask("notify", "retry")
			if status := w.sync(); status != 0 {
				w.Errorf("sync after a retry exits with %d", status)
			}
		}},
		{name: "message as plain text", do: func(w *healthWorld) {
			edited(w, "a: 2\n")
			w.slack.Fail(cocsim.Fault{Path: "chat.postMessage", Count: 1, Kind: cocsim.FaultStatus, Code: "invalid_blocks"})
			w.sync()
		}, want: kinds(query.ProblemMessagePlain)},
	}
}

// manySteps returns a content whose difference is sent as a file.
func manySteps() string {
	var b strings.Builder
	b.WriteString("steps:\n")
	for i := range 600 {
		fmt.Fprintf(&b, "  - name: s%d\n    task: hwc:runbook:suspend@1.0.0\n    inputs:\n      timeout: %d\n", i, i)
	}
	return b.String()
}

// fileSituations are problems with the archive's files.
func fileSituations() []situation {
	return []situation{
		{name: "key unreadable", do: func(w *healthWorld) {
			good(w, 0)
			key := filepath.Join(w.dir, "cocsync.db.key")
			must(w.T, os.Rename(key, key+".away"))
			w.coc.Edit("DM1", "a: 2\n", "COC-li")
			w.sync()
		}, want: kinds(query.ProblemUnsigned)},
		{name: "witness without the log", do: func(w *healthWorld) {
			w.witness(func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusNotFound) })
			good(w, 0)
		}, want: kinds(query.ProblemWitness), says: "its operator must add: vkey cocsync/"},
		{name: "witness that contradicts", do: func(w *healthWorld) {
			w.witness(func(rw http.ResponseWriter) {
				rw.Header().Set("Content-Type", "text/x.tlog.size")
				rw.WriteHeader(http.StatusConflict)
				fmt.Fprintln(rw, 1000)
			})
			good(w, 0)
		}, want: kinds(query.ProblemConflict), says: "it has cosigned 1000 records of the log, and this archive has "},
		{name: "witness down for a moment", do: func(w *healthWorld) {
			w.witness(func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusBadGateway) })
			good(w, 10*time.Minute)
			good(w, 0)
		}, says: "unreachable since "},
		{name: "witness down", do: func(w *healthWorld) {
			w.witness(func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusBadGateway) })
			good(w, 20*time.Minute)
			good(w, 0)
		}, want: kinds(query.ProblemWitness), says: "witness witness.example.com/w1 is unreachable since "},
		{name: "witness that was removed", do: func(w *healthWorld) {
			more := w.more
			w.witness(func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusNotFound) })
			good(w, 10*time.Minute)
			w.more = more
			good(w, 0)
		}},
		{name: "WAL pinned", do: func(w *healthWorld) {
			good(w, 0)
			d, err := db.OpenReader(w.Context(), filepath.Join(w.dir, "cocsync.db"))
			must(w.T, err)
			held, let := make(chan struct{}), make(chan struct{})
			done := make(chan error, 1)
			go func() {
				done <- d.Snapshot(w.Context(), func(s *db.DB) error {
					_, err := s.Watches(w.Context())
					close(held)
					<-let
					return err
				})
			}()
			w.Cleanup(func() { close(let); must(w.T, <-done); must(w.T, d.Close()) })
			<-held
			w.coc.Edit("DM1", "a: 2\n", "COC-li")
			w.sync()
			w.step(11 * time.Minute)
		}, want: kinds(query.ProblemWAL), says: "write-ahead log"},
		{name: "disk full", do: func(w *healthWorld) {
			disk := filepath.Join(w.dir, "disk")
			must(w.T, os.Mkdir(disk, 0o700))
			if err := mount(disk, "4m"); err != nil {
				w.Skip("a small disk to fill needs root")
			}
			w.Cleanup(func() { must(w.T, unmount(disk)) })
			w.top = fmt.Sprintf("database = %q\n", filepath.Join(disk, "cocsync.db"))
			w.sync()
		}, want: kinds(query.ProblemDiskFull), says: "left"},
	}
}

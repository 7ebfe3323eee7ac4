package witness

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"cocsync/internal/audit"
)

// fakeWitness is a witness that follows https://c2sp.org/tlog-witness, or responds as a test says.
type fakeWitness struct {
	Witness
	private ed25519.PrivateKey

	mu       sync.Mutex
	size     int64 // that it cosigned
	root     audit.Hash
	requests []string                  // their first lines
	respond  func(http.ResponseWriter) // nil: as a witness
	ahead    time.Duration
}

func newFakeWitness(t *testing.T, name string) *fakeWitness {
	t.Helper()
	w := &fakeWitness{}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	w.private = private
	encoded := append([]byte{4}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), encoded...))
	w.Key, err = audit.ParseWitnessKey(fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(encoded)))
	must(t, err)
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	w.URL = s.URL + "/w1/"
	return w
}

func (w *fakeWitness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	top, note, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(top, "\n")
	w.requests = append(w.requests, lines[0])
	var old int64
	_, err2 := fmt.Sscanf(lines[0], "old %d", &old)
	c, err3 := audit.Peek([]byte(note))
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		ok = ok && err == nil
		proof = append(proof, h)
	}
	switch {
	case w.respond != nil:
		w.respond(rw)
	case !ok || errors.Join(err, err2, err3) != nil || r.Method != http.MethodPost || r.URL.Path != "/w1/add-checkpoint":
		rw.WriteHeader(http.StatusBadRequest)
	case old != w.size || old == c.Size && c.Root != w.root:
		conflictWith(w.size)(rw)
	case old > 0 && old < c.Size && tlog.CheckTree(proof, c.Size, c.Root, old, w.root) != nil:
		rw.WriteHeader(http.StatusUnprocessableEntity)
	default:
		w.size, w.root = c.Size, c.Root
		io.WriteString(rw, w.line(c, w.Key))
	}
}

// line returns the signature line of a checkpoint.
func (w *fakeWitness) line(c audit.Checkpoint, key audit.WitnessKey) string {
	at := noon.Add(w.ahead).Unix()
	signature := ed25519.Sign(w.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, c.Text()))
	return audit.Cosignature(append(binary.BigEndian.AppendUint64(nil, uint64(at)), signature...)).Line(key)
}

// take returns the first lines of the requests since the last call.
func (w *fakeWitness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.requests = nil }()
	return w.requests
}

func conflictWith(size any) func(http.ResponseWriter) {
	return func(rw http.ResponseWriter) {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%v\n", size)
	}
}

func status(code int, body string) func(http.ResponseWriter) {
	return func(rw http.ResponseWriter) {
		rw.WriteHeader(code)
		io.WriteString(rw, body)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noon is the time of the tests.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// fakeStore has one log.
type fakeStore struct {
	mu       sync.Mutex
	key      *audit.Key
	hashes   []audit.Hash
	size     int64
	progress map[string]Progress
	attempts []Attempt
}

func newFakeStore(t *testing.T, records int) *fakeStore {
	t.Helper()
	key, err := audit.NewKey()
	must(t, err)
	s := &fakeStore{key: key, progress: map[string]Progress{}}
	s.add(t, records, "record")
	return s
}

// add adds records.
func (s *fakeStore) add(t *testing.T, n int, text string) {
	t.Helper()
	for range n {
		hashes, err := tlog.StoredHashes(s.size, fmt.Appendf(nil, "%s %d", text, s.size), s.reader())
		must(t, err)
		s.hashes, s.size = append(s.hashes, hashes...), s.size+1
	}
}

func (s *fakeStore) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) (list []audit.Hash, err error) {
		for _, i := range indexes {
			list = append(list, s.hashes[i])
		}
		return list, nil
	})
}

func (s *fakeStore) head(t *testing.T) audit.Checkpoint {
	t.Helper()
	root, err := tlog.TreeHash(s.size, s.reader())
	must(t, err)
	return audit.Checkpoint{Origin: "cocsync/test/prod", Size: s.size, Root: root}
}

func (s *fakeStore) Submissions(_ context.Context, witness string) ([]Submission, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	root, err := tlog.TreeHash(s.size, s.reader())
	if err != nil {
		return nil, err
	}
	c := audit.Checkpoint{Origin: "cocsync/test/prod", Size: s.size, Root: root}
	note, err := s.key.Sign(c)
	return []Submission{{Account: 1, ID: 1, Name: "prod", Head: c, Note: note, Progress: s.progress[witness]}}, err
}

func (s *fakeStore) StoredHashes(context.Context, int64, int64) tlog.HashReader { return s.reader() }

func (s *fakeStore) Attempted(_ context.Context, a Attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress[a.Witness.Key.String()] = a.Progress
	s.attempts = append(s.attempts, a)
	return nil
}

// last returns the newest attempt.
func (s *fakeStore) last() Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.attempts) == 0 {
		return Attempt{}
	}
	return s.attempts[len(s.attempts)-1]
}

// submitter returns a submitter whose clock is at now.
func submitter(s *fakeStore, now *time.Time, list ...*fakeWitness) *Submitter {
	out := &Submitter{Store: s, Operators: []string{"ops"}, Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler)}
	for _, w := range list {
		out.Witnesses = append(out.Witnesses, w.Witness)
	}
	return out
}

// A log that grows is cosigned with consistency proofs, at most once a minute, and only if it has
// grown. A new process sends the head once, whatever is known of it.
func TestHonestGrowth(t *testing.T) {
	w, s, now := newFakeWitness(t, "witness.example"), newFakeStore(t, 3), noon
	m := submitter(s, &now, w)
	want := func(when string, want ...string) {
		t.Helper()
		m.Once(t.Context())
		if got := w.take(); !slices.Equal(got, want) {
			t.Errorf("%s: requests %q, want %q", when, got, want)
		}
		if a := s.last(); a.Failure != "" || len(want) > 0 && a.Cosignature == nil {
			t.Errorf("%s: %s %s", when, a.Failure, a.Error)
		}
	}
	want("the first head", "old 0")
	s.add(t, 4, "record")
	want("within a minute")
	for i := range 20 {
		now = now.Add(Every)
		size := s.last().Size
		want(fmt.Sprintf("growth to %d", s.size), fmt.Sprintf("old %d", size))
		s.add(t, i%7+1, "record")
	}
	now = now.Add(Every)
	want("the last growth", fmt.Sprintf("old %d", s.last().Size))
	now = now.Add(Every)
	want("no growth")
	m = submitter(s, &now, w)
	want("a new process", fmt.Sprintf("old %d", s.size))
	// The state is lost, or was altered.
	s.add(t, 1, "record")
	for _, size := range []int64{0, 2, s.size, s.size + 5, -1} {
		known := s.size - 1
		if w.size == s.size {
			known = s.size
		}
		now = now.Add(Every)
		s.progress[w.Key.String()] = Progress{Size: size, TriedAt: now.Add(time.Hour)}
		m = submitter(s, &now, w)
		m.Once(t.Context())
		got := w.take()
		if a := s.last(); a.Failure != "" || a.Size != s.size || got[len(got)-1] != fmt.Sprintf("old %d", known) {
			t.Errorf("with the known size %d: %s %s after %q", size, a.Failure, a.Error, got)
		}
	}
	if c, err := audit.Cosigned(append(s.last().Note, w.line(s.head(t), w.Key)...), w.Key); err != nil ||
		!bytes.Equal(c, s.last().Cosignature) {
		t.Errorf("the cosignature is not that of the witness: %v", err)
	}
}

// Each response other than a cosignature has its failure.
func TestRefusals(t *testing.T) {
	other := newFakeWitness(t, "witness.example")
	s := newFakeStore(t, 10)
	head := s.head(t)
	note, err := s.key.Sign(head)
	must(t, err)
	now := noon
	followed := false
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(target.Close)
	for name, tt := range map[string]struct {
		respond func(w *fakeWitness) func(http.ResponseWriter)
		failure Failure
		why     string
	}{
		"unknown log": {fixed(status(404, "unknown")), Unknown, "it does not know the log (HTTP 404)"},
		"unknown key": {fixed(status(403, "no")), Unknown, "it does not know the key of the log (HTTP 403)"},
		"longer":      {fixed(conflictWith(11)), Conflict, "it has cosigned 11 records of the log, and this archive has 10"},
		"much longer": {fixed(conflictWith(int64(1 << 62))), Conflict, "and this archive has 10"},
		"fork":        {fixed(status(422, "")), Conflict, "they are not the first of the 10 in this archive (HTTP 422)"},
		"same size":   {fixed(conflictWith(10)), Conflict, "its first 10 have another root"},
		"loop":        {looping(), Invalid, "each of its responses has another size"},
		"no size":     {fixed(conflictWith("many")), Invalid, "does not have the size"},
		"negative":    {fixed(conflictWith(-1)), Invalid, "does not have the size"},
		"zeros":       {fixed(conflictWith("007")), Invalid, "does not have the size"},
		"huge number": {fixed(conflictWith(strings.Repeat("9", 1000))), Invalid, "does not have the size"},
		"itself":      {fixed(conflictWith(0)), Invalid, "does not have the size"},
		"bad request": {fixed(status(400, "")), Invalid, "HTTP 400"},
		"down":        {fixed(status(503, "")), Unreachable, "HTTP 503"},
		"rate limit":  {fixed(status(429, "")), Unreachable, "HTTP 429"},
		"too large":   {fixed(status(200, strings.Repeat("— x AAAAAAAA\n", 10000))), Invalid, "has more than 65536 bytes"},
		"empty":       {fixed(status(200, "")), Invalid, "no valid cosignature"},
		"a page":      {fixed(status(200, "<html>ok</html>\n")), Invalid, "no valid cosignature"},
		"control":     {fixed(status(200, "— w\x1b[31m AAAAAAAAAA==\n")), Invalid, "no valid cosignature"},
		"many lines":  {fixed(status(200, strings.Repeat("— x AAAAAAAAAA==\n", 101))), Invalid, "no valid cosignature"},
		"another key": {func(w *fakeWitness) func(http.ResponseWriter) { return status(200, other.line(head, other.Key)) },
			Invalid, "it has no cosignature of this witness"},
		"forged key": {func(w *fakeWitness) func(http.ResponseWriter) { return status(200, other.line(head, w.Key)) },
			Invalid, "does not match its key"},
		"another head": {func(w *fakeWitness) func(http.ResponseWriter) {
			return status(200, w.line(audit.Checkpoint{Origin: head.Origin, Size: 11, Root: head.Root}, w.Key))
		}, Invalid, "does not match its key"},
		"another log": {func(w *fakeWitness) func(http.ResponseWriter) {
			return status(200, w.line(audit.Checkpoint{Origin: "cocsync/test/other", Size: head.Size, Root: head.Root}, w.Key))
		}, Invalid, "does not match its key"},
		"the note again": {func(w *fakeWitness) func(http.ResponseWriter) {
			return status(200,
				string(note)+w.line(head, w.Key))
		}, Invalid, "no valid cosignature"},
		"the past": {clockedBy(head, -2*time.Hour), Invalid,
			"its cosignature is of 2026-06-01T10:00:00Z, and this machine's clock says 2026-06-01T12:00:00Z"},
		"the future": {clockedBy(head, 2*time.Hour), Invalid, "its cosignature is of 2026-06-01T14:00:00Z"},
		"redirect": {fixed(func(rw http.ResponseWriter) {
			rw.Header().Set("Location", target.URL)
			rw.WriteHeader(http.StatusTemporaryRedirect)
		}), Invalid, "it redirects requests (HTTP 307)"},
		"hang up": {fixed(func(http.ResponseWriter) { panic(http.ErrAbortHandler) }), Unreachable, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWitness(t, "witness.example")
			w.respond = tt.respond(w)
			s.progress = map[string]Progress{}
			if name == "same size" {
				s.progress[w.Key.String()] = Progress{Size: 10}
			}
			submitter(s, &now, w).Once(t.Context())
			a := s.last()
			if a.Failure != tt.failure || !strings.Contains(a.Error, tt.why) || a.Cosignature != nil || !a.Since.Equal(noon) ||
				(a.Notice != nil) != (tt.failure == Conflict) {
				t.Errorf("%q: %s (since %s, notice %v), want %q: %s", a.Failure, a.Error, a.Since, a.Notice, tt.failure, tt.why)
			}
			if n := len(w.take()); n > maxRequests {
				t.Errorf("%d requests", n)
			}
		})
	}
	if followed {
		t.Error("a redirect was followed")
	}
}

func fixed(f func(http.ResponseWriter)) func(*fakeWitness) func(http.ResponseWriter) {
	return func(*fakeWitness) func(http.ResponseWriter) { return f }
}

// looping responds with another size each time.
func looping() func(*fakeWitness) func(http.ResponseWriter) {
	size := 0
	return fixed(func(rw http.ResponseWriter) { size++; conflictWith(size)(rw) })
}

func clockedBy(head audit.Checkpoint, d time.Duration) func(*fakeWitness) func(http.ResponseWriter) {
	return func(w *fakeWitness) func(http.ResponseWriter) {
		w.ahead = d
		return status(200, w.line(head, w.Key))
	}
}

// A conflict is notified once, remains while the witness does not respond, and ends when the witness
// cosigns. Since says when a failure began.
func TestConflictIsNotifiedOnce(t *testing.T) {
	w, s, now := newFakeWitness(t, "witness.example"), newFakeStore(t, 10), noon
	m := submitter(s, &now, w)
	queued := 0
	m.NoticeQueued = func() { queued++ }
	for i, tt := range []struct {
		respond func(http.ResponseWriter)
		failure Failure
		since   int // step
		notices int
	}{
		{status(503, ""), Unreachable, 0, 0},
		{status(502, ""), Unreachable, 0, 0},
		{conflictWith(12), Conflict, 2, 1},
		{conflictWith(13), Conflict, 2, 1},
		{status(503, ""), Conflict, 2, 1},
		{status(422, ""), Conflict, 2, 1},
		{status(404, ""), Unknown, 6, 1},
		{nil, "", 0, 1},
		{conflictWith(14), Conflict, 8, 2},
	} {
		now = noon.Add(time.Duration(i) * Every)
		w.respond = tt.respond
		if i == 8 {
			s.add(t, 1, "record")
		}
		m.Once(t.Context())
		a, since := s.last(), noon.Add(time.Duration(tt.since)*Every)
		if tt.failure == "" {
			since = time.Time{}
		}
		if a.Failure != tt.failure || !a.Since.Equal(since) || queued != tt.notices || !a.TriedAt.Equal(now) {
			t.Errorf("step %d: %q since %s, %d notices at %s; want %q since %s, %d notices", i, a.Failure, a.Since, queued,
				a.TriedAt, tt.failure, since, tt.notices)
		}
	}
	n := s.last().Notice
	if n == nil || !slices.Equal(n.Notify, []string{"ops"}) || !strings.Contains(n.Lines[0],
		"it has cosigned 14 records of the log, and this archive has 11") {
		t.Errorf("the notice is %+v", n)
	}
}

// Stored hashes that were altered are an error of the archive, not a conflict: nothing is sent.
func TestAlteredHashesAreNotSent(t *testing.T) {
	w, s, now := newFakeWitness(t, "witness.example"), newFakeStore(t, 3), noon
	m := submitter(s, &now, w)
	m.Once(t.Context())
	w.take()
	s.add(t, 5, "record")
	list, err := s.Submissions(t.Context(), w.Key.String())
	must(t, err)
	s.hashes[2][0] ^= 1 // of the first two records
	var log bytes.Buffer
	m.Log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := m.attempt(t.Context(), w.Witness, list[0]); err == nil || !strings.Contains(err.Error(), "are not those of its signed head") {
		t.Errorf("attempt = %v", err)
	}
	if got := w.take(); len(got) > 0 {
		t.Errorf("it sends %q", got)
	}
}

// A witness that does not respond does not delay another one, and ends with the context.
func TestHungWitness(t *testing.T) {
	hung, s, now := newFakeWitness(t, "hung.example"), newFakeStore(t, 3), noon
	works := newFakeWitness(t, "works.example")
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	hung.respond = func(http.ResponseWriter) { once.Do(func() { close(arrived) }); <-release }
	defer close(release)
	m := submitter(s, &now, hung, works)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	<-arrived
	for len(works.take()) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	// The time of sync is up: that counts as no response.
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	list, err := s.Submissions(t.Context(), hung.Key.String())
	must(t, err)
	a, err := m.attempt(short, hung.Witness, list[0])
	if err != nil || a.Failure != Unreachable {
		t.Errorf("attempt = %q %s, %v", a.Failure, a.Error, err)
	}
}

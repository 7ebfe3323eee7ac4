package fetch

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this thread: it does not grow while other threads work.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD: https://man7.org/linux/man-pages/man2/getrusage.2.html
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Deep nesting costs a bounded number of passes over the body, not one for each level.
// The cost is compared with that of one pass, so the speed of the machine does not
// matter; it was measured by the clock, which a busy machine can stop at any time.
func TestDeepNesting(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	deep := strings.Repeat(`{"error":`, 9000) + `"` + strings.Repeat("x", 4<<20) + `"` + strings.Repeat("}", 9000)
	body := []byte(`{"total":1,"data":[{"document_id":"D","x":` + deep + `}],"error":` + deep + `}`)
	start := cpu(t)
	root, ok := parse(body)
	one := cpu(t) - start
	if !ok {
		t.Fatal("test body is not JSON")
	}
	start = cpu(t)
	readFailure(root, 500)
	p, _ := decodePage(root)
	_, _, _ = decodeDocument(root, "D", "")
	if all := cpu(t) - start; len(p.Skipped) != 1 || all > 100*one {
		t.Errorf("%d rows skipped in %v, want 1 in a few times %v", len(p.Skipped), all, one)
	}
}

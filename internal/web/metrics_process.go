package web

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// began is when the process did, but for a moment.
var began = time.Now()

// process adds how this process is, under the names that Prometheus's own libraries have
// for it. What stands in /proc is left out where there is none.
func (x *sheet) process() {
	x.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", unix(began))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	x.gauge("go_goroutines", "Goroutines that there are.", float64(runtime.NumGoroutine()))
	x.gauge("go_memstats_heap_alloc_bytes", "Bytes of the heap that are in use.", float64(m.HeapAlloc))
	x.gauge("go_memstats_sys_bytes", "Bytes that Go has of the system.", float64(m.Sys))
	if seconds, resident, ok := running(); ok {
		x.counter("process_cpu_seconds_total", "Time that processors spent on the process, in its own code and for it in the system's.", seconds)
		x.gauge("process_resident_memory_bytes", "Bytes of memory that the process takes.", resident)
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		x.gauge("process_open_fds", "Files that the process has open, connections included.", float64(len(open)-1)) // one is the folder
	}
	if most, ok := mostFiles(); ok {
		x.gauge("process_max_fds", "Files that the process may have open.", most)
	}
}

// Linux counts processor time in hundredths of a second, whatever the kernel's own clock.
const ticks = 100

// running reads /proc/self/stat: proc_pid_stat(5).
func running() (seconds, resident float64, ok bool) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, 0, false
	}
	// The name in brackets may hold anything; the field behind it is the third.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, system, pages = 14 - 3, 15 - 3, 24 - 3
	if len(fields) <= pages {
		return 0, 0, false
	}
	var n [3]float64
	for i, at := range []int{user, system, pages} {
		if n[i], err = strconv.ParseFloat(fields[at], 64); err != nil {
			return 0, 0, false
		}
	}
	return (n[0] + n[1]) / ticks, n[2] * float64(os.Getpagesize()), true
}

// mostFiles reads the soft limit in /proc/self/limits.
func mostFiles() (float64, bool) {
	text, _ := os.ReadFile("/proc/self/limits")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			fields := strings.Fields(rest)
			if len(fields) == 0 {
				return 0, false
			}
			n, err := strconv.ParseFloat(fields[0], 64)
			return n, err == nil
		}
	}
	return 0, false
}

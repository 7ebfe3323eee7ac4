package diff

import (
	"fmt"
	"strings"
	"testing"
)

// job is a COC job of about n bytes; only the timeout of its step mark varies.
func job(n, mark int) []byte {
	var b strings.Builder
	b.WriteString("meta:\n  name: bench\n  schemaVersion: 3\ninputs: {}\nsteps:\n")
	for i := 0; b.Len() < n; i++ {
		timeout := 30
		if i == mark {
			timeout = 60
		}
		fmt.Fprintf(&b, "  - name: step%d\n    task: hwc:runbook:executeAPI@1.0.0\n    inputs:\n      service: ECS\n      api_name: ListServersDetails\n      path_params: '{\"project_id\":\"%032d\"}'\n      timeout: %d\n    outputs:\n      - name: servers\n        selector: .servers\n        type: String\n", i, i, timeout)
	}
	return []byte(b.String())
}

// Each round reads one content and compares it with one that was read before, as for a
// history.
func benchmark(b *testing.B, old, new []byte) {
	was := Read(old)
	was.structure()
	b.SetBytes(int64(len(new)))
	b.ReportAllocs()
	for b.Loop() {
		Compare(was, Read(new))
	}
}

func BenchmarkCompare4K(b *testing.B)  { benchmark(b, job(4<<10, 1), job(4<<10, 2)) }
func BenchmarkCompare64K(b *testing.B) { benchmark(b, job(64<<10, 1), job(64<<10, 2)) }

func BenchmarkUnified64K(b *testing.B) {
	old, new := Read(job(64<<10, 1)), Read(job(64<<10, 2))
	for b.Loop() {
		Unified(old, new, "old", "new", Options{Context: 3})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, content := range hostile() {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			// Half of it is shifted: the lines and lists match badly.
			benchmark(b, []byte(content), []byte(content[len(content)/3:]+content[:len(content)/3]))
		})
	}
}

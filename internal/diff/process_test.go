package diff

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkProcess times whole programs on the same pairs: ours, git and dyff,
// which is built from its module. The metrics are ratios of the time ours took to
// that of the other, so less than 1 is ahead. The pairs are those of the folder
// that COCSYNC_CORPUS names, else a made-up job's.
//
//	lines/git    line diff, a process for each pair, against git diff --no-index
//	folder/git   line diff, one process for all pairs, against the same
//	all/dyff     structure and line diff, a process for each pair, against dyff
//	all/git      the same against git, which has no structure
func BenchmarkProcess(b *testing.B) {
	dir := b.TempDir()
	olds, news := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	n := writePairs(b, olds, news)
	ours, dyff := filepath.Join(dir, "pairs"), filepath.Join(dir, "dyff")
	build(b, ".", ours, "./testdata/pairs")
	build(b, "../../tools/dyff", dyff, "github.com/homeport/dyff/cmd/dyff")
	git := []string{"git", "diff", "--no-index"}
	var lines, all, byGit, byDyff, folder, folderGit time.Duration
	for b.Loop() {
		for i := 0; i < n; i += 1 + n/50 { // one after the other, so that noise hits all alike
			name := fmt.Sprintf("%d.yaml", i)
			pair := []string{filepath.Join(olds, name), filepath.Join(news, name)}
			lines += timed(b, append([]string{ours, "lines"}, pair...))
			byGit += timed(b, append(git, pair...))
			all += timed(b, append([]string{ours, "all"}, pair...))
			byDyff += timed(b, append([]string{dyff, "between"}, pair...))
		}
		for range 5 {
			folder += timed(b, []string{ours, "lines", olds, news})
			folderGit += timed(b, append(git, olds, news))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(lines)/float64(byGit), "lines/git")
	b.ReportMetric(float64(folder)/float64(folderGit), "folder/git")
	b.ReportMetric(float64(all)/float64(byDyff), "all/dyff")
	b.ReportMetric(float64(all)/float64(byGit), "all/git")
}

// writePairs writes the two sides of every pair into two folders.
func writePairs(b *testing.B, olds, news string) (n int) {
	b.Helper()
	add := func(old, new []byte) {
		for folder, content := range map[string][]byte{olds: old, news: new} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.yaml", n)), content, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		n++
	}
	files, _ := filepath.Glob(filepath.Join(os.Getenv("COCSYNC_CORPUS"), "*", "*"))
	if os.Getenv("COCSYNC_CORPUS") == "" {
		for i := range 50 {
			add(job(4<<10, i%8), job(4<<10, i%8+1))
		}
		return n
	}
	for i := 1; i < len(files); i++ {
		if filepath.Dir(files[i-1]) != filepath.Dir(files[i]) {
			continue
		}
		old, err := os.ReadFile(files[i-1])
		if err != nil {
			b.Fatal(err)
		}
		new, err := os.ReadFile(files[i])
		if err != nil {
			b.Fatal(err)
		}
		add(old, new)
	}
	return n
}

func build(b *testing.B, dir, to, pkg string) {
	b.Helper()
	cmd := exec.Command("go", "build", "-o", to, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

// timed runs a program. git ends with 1 when two files differ.
func timed(b *testing.B, args []string) time.Duration {
	b.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err != nil && (args[0] != "git" || cmd.ProcessState.ExitCode() != 1) && !strings.HasSuffix(args[0], "dyff") {
		b.Fatalf("%v: %v\n%s", args, err, &stderr)
	}
	return took
}

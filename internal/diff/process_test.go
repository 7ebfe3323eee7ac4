package diff

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkProcess times whole programs on the same pairs: two small ones over this
// package and package lines (testdata), git, and dyff, which is built from its
// module. The metrics are ratios of the time that cocsync took to that of the other, so
// less than 1 is ahead. History is the pairs of the folder that COCSYNC_CORPUS
// names, else a made-up job's.
//
//	patch/git     line diff against git diff --no-index, a process for each pair
//	folder/git    the same, one process for all pairs of the two folders
//	compare/dyff  structure and line diff against dyff between, which has no lines
//	compare/git   the same against git, which has no structure
func BenchmarkProcess(b *testing.B) {
	dir := b.TempDir()
	p := programs{patch: filepath.Join(dir, "patch"), compare: filepath.Join(dir, "compare"), dyff: filepath.Join(dir, "dyff")}
	build(b, ".", p.patch, "./testdata/patch")
	build(b, ".", p.compare, "./testdata/compare")
	build(b, "../../tools/dyff", p.dyff, "github.com/homeport/dyff/cmd/dyff")
	renamed := worst()["all steps renamed"]
	for name, pairs := range map[string][][2][]byte{
		"History": history(b),
		"4K":      {{job(4<<10, 1), job(4<<10, 2)}},
		"64K":     {{job(64<<10, 1), job(64<<10, 2)}},
		"Renamed": {{[]byte(renamed[0]), []byte(renamed[1])}},
	} {
		b.Run(name, func(b *testing.B) { p.benchmark(b, pairs) })
	}
}

// programs are the paths of the built programs.
type programs struct{ patch, compare, dyff string }

// rounds is how often each program runs: on one pair after the other, so that noise
// affects all programs equally.
const rounds = 50

func (p programs) benchmark(b *testing.B, pairs [][2][]byte) {
	b.Chdir(b.TempDir())
	write(b, pairs)
	var took struct{ patch, byGit, compare, byDyff, folder, folderByGit time.Duration }
	for b.Loop() {
		for i := range rounds {
			name := fmt.Sprintf("%d.yaml", i*len(pairs)/rounds)
			old, new := filepath.Join("a", name), filepath.Join("b", name)
			took.patch += timed(b, p.patch, old, new)
			took.byGit += timed(b, "git", "diff", "--no-index", old, new)
			took.compare += timed(b, p.compare, old, new)
			took.byDyff += timed(b, p.dyff, "between", old, new)
			if len(pairs) > 1 && i%10 == 0 {
				took.folder += timed(b, p.patch, "a", "b")
				took.folderByGit += timed(b, "git", "diff", "--no-index", "a", "b")
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.patch)/float64(took.byGit), "patch/git")
	b.ReportMetric(float64(took.compare)/float64(took.byDyff), "compare/dyff")
	b.ReportMetric(float64(took.compare)/float64(took.byGit), "compare/git")
	if took.folder > 0 {
		b.ReportMetric(float64(took.folder)/float64(took.folderByGit), "folder/git")
	}
}

// write puts the two sides of every pair into the folders a and b.
func write(b *testing.B, pairs [][2][]byte) {
	b.Helper()
	for i, pair := range pairs {
		for side, folder := range []string{"a", "b"} {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.yaml", i)), pair[side], 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// history returns pairs of consecutive versions.
func history(b *testing.B) (pairs [][2][]byte) {
	b.Helper()
	corpus := os.Getenv("COCSYNC_CORPUS")
	if corpus == "" {
		for i := range rounds {
			pairs = append(pairs, [2][]byte{job(4<<10, i%8), job(4<<10, i%8+1)})
		}
		return pairs
	}
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*"))
	if err != nil {
		b.Fatal(err)
	}
	var last []byte
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		if i > 0 && filepath.Dir(files[i-1]) == filepath.Dir(file) {
			pairs = append(pairs, [2][]byte{last, content})
		}
		last = content
	}
	return pairs
}

// build builds a program as a release is built.
func build(b *testing.B, dir, to, pkg string) {
	b.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

// timed runs a program. git ends with 1 if two files differ, and dyff fails on some
// contents.
func timed(b *testing.B, program string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	differ := program == "git" && cmd.ProcessState.ExitCode() == 1
	if err != nil && !differ && filepath.Base(program) != "dyff" {
		b.Fatalf("%s %v: %v\n%s", program, args, err, &stderr)
	}
	return took
}

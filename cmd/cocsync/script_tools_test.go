package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is the timeout for expected events. It is long, because a busy machine may take
// minutes for seconds of work.
const patience = 5 * time.Minute

// poll calls f until it returns true.
func poll(ts *testscript.TestScript, what string, yes func() bool) {
	for end := time.Now().Add(patience); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// awaitCommand waits until a file matches a pattern the given number of times (default 1):
//
//	await FILE PATTERN [TIMES]
func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await FILE PATTERN [TIMES]")
	}
	re, times := regexp.MustCompile(args[1]), 1
	if len(args) > 2 {
		times = number(ts, args[2])
	}
	poll(ts, args[1]+" in "+args[0], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && len(re.FindAllIndex(text, times)) == times
	})
}

// signalCommand sends a signal to the last command started in the background, and after TERM
// and INT waits for its end:
//
//	signal HUP|USR1|TERM|INT
func signalCommand(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string][]os.Signal{"HUP": reloadSignal(), "USR1": wakeSignal(),
		"TERM": {syscall.SIGTERM}, "INT": {os.Interrupt}}
	cmds := ts.BackgroundCmds()
	if neg || len(args) != 1 || len(signals[args[0]]) == 0 || len(cmds) == 0 {
		ts.Fatalf("usage: signal HUP|USR1|TERM|INT, after a command in the background")
	}
	p := cmds[len(cmds)-1].Process
	ts.Check(p.Signal(signals[args[0]][0]))
	if args[0] == "TERM" || args[0] == "INT" {
		poll(ts, "end of the process", func() bool { return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) })
	}
}

// writeCommand writes a file with any bytes, in the syntax of a Go string without quotes:
//
//	write FILE TEXT [TIMES]
func writeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: write FILE TEXT [TIMES]")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	if len(args) > 2 {
		text = strings.Repeat(text, number(ts, args[2]))
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
}

// archiveCommand damages or alters an archive, or creates another database:
//
//	archive damage FILE    overwrite the file after its first page
//	archive garble FILE    overwrite its first page
//	archive newer FILE     mark it as written by a later release
//	archive sql FILE SQL   run SQL on it
//	archive foreign FILE   create an SQLite database of another program
func archiveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: archive VERB FILE [SQL]")
	}
	path := ts.MkAbs(args[1])
	switch args[0] {
	case "damage":
		ts.Check(overwrite(path, 4096))
	case "garble":
		ts.Check(overwrite(path, 0))
	case "newer":
		ts.Check(execSQL(path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`))
	case "sql":
		ts.Check(execSQL(path, args[2]))
	case "foreign":
		ts.Check(execSQL(path, `CREATE TABLE notes (text TEXT)`))
	default:
		ts.Fatalf("unknown verb %q", args[0])
	}
}

func overwrite(path string, from int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt([]byte(strings.Repeat("broken! ", int(info.Size()-from)/8)), from)
	}
	return errors.Join(err, f.Close())
}

func execSQL(path, query string) error {
	d, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	_, err = d.Exec(query)
	return errors.Join(err, d.Close())
}

// diskCommand mounts a small disk, and fills or frees it:
//
//	disk mount DIR SIZE
//	disk fill DIR, disk free DIR
func diskCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: disk VERB DIR")
	}
	dir := ts.MkAbs(args[1])
	filler := filepath.Join(dir, "filler")
	switch args[0] {
	case "mount":
		ts.Check(os.MkdirAll(dir, 0o700))
		ts.Check(mount(dir, args[2]))
		ts.Defer(func() { ts.Check(unmount(dir)) })
	case "fill":
		f, err := os.Create(filler)
		ts.Check(err)
		for block := make([]byte, 4096); err == nil; {
			_, err = f.Write(block)
		}
		ts.Check(f.Close())
		if !errors.Is(err, syscall.ENOSPC) {
			ts.Fatalf("the disk did not fill: %v", err)
		}
	case "free":
		ts.Check(os.Remove(filler))
	default:
		ts.Fatalf("unknown verb %q", args[0])
	}
}

func mount(dir, size string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).Run()
}

func unmount(dir string) error { return exec.Command("umount", dir).Run() }

// tracesCommand searches all files of the archive for a SHA-256 in a file, as bytes, in hexadecimal
// and in base64:
//
//	[!] traces FILE
func tracesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] traces FILE")
	}
	digits := strings.TrimSpace(ts.ReadFile(args[0]))
	sum, err := hex.DecodeString(digits)
	if err == nil && len(sum) != 32 {
		err = fmt.Errorf("%q is not a SHA-256", digits)
	}
	ts.Check(err)
	files, err := filepath.Glob(ts.MkAbs("cocsync.db*"))
	ts.Check(err)
	found := ""
	for _, name := range files {
		b, err := os.ReadFile(name)
		ts.Check(err)
		for _, trace := range []string{string(sum), digits, strings.ToUpper(digits), base64.StdEncoding.EncodeToString(sum)} {
			if bytes.Contains(b, []byte(trace)) {
				found += " " + filepath.Base(name)
			}
		}
	}
	if (found == "") != neg {
		ts.Fatalf("traces of %s are in:%s (of %d files)", digits, found, len(files))
	}
}

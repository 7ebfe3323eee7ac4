package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// getCommand sends a request to the page whose address is in a file, and writes the status,
// an empty line and the body:
//
//	get FILE PATH [HEADER: VALUE]
func getCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: get FILE PATH [HEADER: VALUE]")
	}
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	address := regexp.MustCompile(`http://(127\.0\.0\.1|\[::1\]):[0-9]+/`).Find(text)
	if address == nil {
		ts.Fatalf("%s has no page address:\n%s", args[0], text)
	}
	r, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(string(address), "/")+args[1], nil)
	ts.Check(err)
	if len(args) == 3 {
		name, value, _ := strings.Cut(args[2], ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s", answer.Status, body)
}

// notifyCommand receives a service's notifications to systemd and writes them to a file:
//
//	notify SOCKET FILE
func notifyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: notify SOCKET FILE")
	}
	// The path of a socket must be short: https://man7.org/linux/man-pages/man7/unix.7.html.
	dir, err := os.MkdirTemp("", "notify")
	ts.Check(err)
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	ts.Check(err)
	ts.Setenv(args[0], filepath.Join(dir, "s"))
	out, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for n, err := socket.Read(b); err == nil; n, err = socket.Read(b) {
			fmt.Fprintf(out, "%s\n", b[:n])
		}
	}()
	ts.Defer(func() {
		socket.Close()
		<-done
		out.Close()
		os.RemoveAll(dir)
	})
}

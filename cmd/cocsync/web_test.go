package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"cocsync/internal/hint"
)

// The hint of `cocsync web` for an address in use named a setting of the config, not the
// flag.
func TestWebAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	err = run(t.Context(), []string{"--db", fixture(t), "web", "--listen", l.Addr().String()}, nil, io.Discard, io.Discard)
	if got := hint.Of(err); err == nil || !strings.HasSuffix(got, "choose another with --listen") {
		t.Errorf("web = %v, with the hint %q, want it to name --listen", err, got)
	}
	if got := hint.Of(listenElsewhere(err, "listen in [web]")); !strings.Contains(got, "choose another with listen in [web]") {
		t.Errorf("the daemon's hint is %q", got)
	}
	other := errors.New("no such file")
	if got := listenElsewhere(other, "--listen"); !errors.Is(got, other) || hint.Of(got) != "" {
		t.Error("another error gets the hint, too")
	}
}

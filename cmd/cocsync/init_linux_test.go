package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// dialogue runs the program on a pseudo-terminal, types each answer when its prompt is
// shown, and returns the screen's text.
func dialogue(t *testing.T, args []string, answers [][2]string) (screen string, err error) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminal:", err)
	}
	defer ptmx.Close()
	must(t, unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	must(t, err)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200}))
	ended := make(chan error, 1)
	go func() {
		err := run(t.Context(), args, tty, tty, tty)
		ended <- err
		tty.Close()
	}()
	var all bytes.Buffer
	seen := 0
	for buf := make([]byte, 4096); ; {
		n, err := ptmx.Read(buf)
		all.Write(buf[:n])
		if err != nil { // EIO: the last tty is closed
			break
		}
		if at := strings.Index(all.String()[seen:], "]: "); at >= 0 && len(answers) > 0 {
			question := all.String()[seen : seen+at]
			if !strings.Contains(question, answers[0][0]) {
				t.Errorf("the prompt is %q, want one with %q", question, answers[0][0])
			}
			seen += at + len("]: ")
			_, err := ptmx.WriteString(answers[0][1] + "\r")
			must(t, err)
			answers = answers[1:]
		}
	}
	if len(answers) > 0 {
		t.Errorf("%d prompts were not shown, first %q", len(answers), answers[0][0])
	}
	return all.String(), <-ended
}

// On a terminal init showed typed secrets, accepted the answer to another prompt as a key,
// and had no prompts for operators and the page. An invalid answer ended it only after the
// last prompt, and "tokn" meant no Slack.
func TestInitAsks(t *testing.T) {
	const secret, token = "VerySecretKey0123456789", "xoxb-VerySecretToken"
	path := filepath.Join(t.TempDir(), "config.toml")
	screen, err := dialogue(t, []string{"-c", path, "init"}, [][2]string{
		{"Region", "mars"},
		{"Region", "cn-north-4"},
		{"Access key", "cn-north-4"},
		{"Access key", "env:COC_AK"},
		{"Secret key", "auto"},
		{"Secret key", secret},
		{"Documents", ""},
		{"Slack", "tokn"},
		{"Slack", "token"},
		{"chat:write and files:write", "xoxp-VerySecretUserToken"},
		{"Bot token", token},
		{"Channel ID", "C0123456789"},
		{"monitoring itself fails", "C9876543210"},
		{"Address of the web page", "8321"},
		{"Address of the web page", "127.0.0.1:8321"},
	})
	if err != nil {
		t.Fatalf("init = %v\n%s", err, screen)
	}
	for _, hidden := range []string{secret, token, "VerySecret"} {
		if strings.Contains(screen, hidden) {
			t.Errorf("the screen shows %q:\n%s", hidden, screen)
		}
	}
	for _, shown := range []string{"env:COC_AK", "***", `"cn-north-4" is a region, not a key`, `"auto" is not a key`,
		`unknown region "mars"`, "a person's token (xoxp-)", `"tokn" is not one of the choices`, `"8321" is not a valid address`} {
		if !strings.Contains(screen, shown) {
			t.Errorf("the screen does not show %q:\n%s", shown, screen)
		}
	}
	text, err := os.ReadFile(path)
	must(t, err)
	for _, want := range []string{`secret_key = "` + secret, `operators = ["operators"]`, `channel = "C9876543210"`,
		"[web]\nlisten = \"127.0.0.1:8321\"", "chat:write and files:write"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the config has no %q:\n%s", want, text)
		}
	}
}

// Ctrl-C ends init, and no file is written.
func TestInitInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	screen, err := dialogue(t, []string{"-c", path, "init"}, [][2]string{{"Region", "cn-north-4"}, {"Access key", "\x03"}})
	if err == nil || !strings.Contains(err.Error(), "read the answers") {
		t.Errorf("init = %v\n%s", err, screen)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a config was written")
	}
}

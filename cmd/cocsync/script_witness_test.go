package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// litewitness builds a stock witness from its own module into Go's cache, and returns its path.
// It fails with errNoModules if the modules cannot be downloaded.
var litewitness = sync.OnceValues(func() (path string, err error) {
	run := func(args ...string) (string, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir = filepath.Join("..", "..", "tools", "litewitness")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, &errs)
		}
		return strings.TrimSpace(string(out)), err
	}
	if _, err := run("mod", "download"); err != nil {
		return "", fmt.Errorf("%w: %w", errNoModules, err)
	}
	return run("tool", "-n", "litewitness")
})

var errNoModules = errors.New("the modules of litewitness cannot be downloaded")

// witnessName is the name of the witness of a script.
const witnessName = "witness.example/test"

// witnessServer is a running litewitness.
type witnessServer struct {
	dir, address string
	key          ed25519.PrivateKey
	cmd          *exec.Cmd
}

// witnessCommand runs a stock litewitness:
//
//	witness start        start it, and add it to config.toml; its key is in $WITNESS
//	witness add FILE     add the logs of a list, as its operator would
//	witness stop
//	witness continue     start it again, with its state
func witnessCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: witness VERB")
	}
	w := worldOf(ts)
	switch args[0] {
	case "start":
		w.witness = newWitnessServer(ts)
		w.witness.start(ts)
		ts.Defer(func() { w.witness.stop(ts) })
		key := w.witness.verifierKey()
		ts.Setenv("WITNESS", key)
		f, err := os.OpenFile(ts.MkAbs("config.toml"), os.O_APPEND|os.O_WRONLY, 0)
		ts.Check(err)
		_, err = fmt.Fprintf(f, "\n[[witness]]\nurl = \"http://%s/\"\nkey = %q\n", w.witness.address, key)
		ts.Check(errors.Join(err, f.Close()))
	case "add":
		found := regexp.MustCompile(`(?m)^vkey (([^+\n]+)\+.*)$`).FindAllStringSubmatch(ts.ReadFile(args[1]), -1)
		if len(found) == 0 {
			ts.Fatalf("no log in %s", args[1])
		}
		for _, log := range found { // as witnessctl add-log and add-key do
			ts.Check(execSQL(filepath.Join(w.witness.dir, "witness.db"), fmt.Sprintf(`
				INSERT INTO log (origin, tree_size, tree_hash) VALUES ('%[2]s', 0, '%[3]s');
				INSERT INTO key (origin, key) VALUES ('%[2]s', '%[1]s')`, log[1], log[2], emptyRoot)))
		}
	case "stop":
		w.witness.stop(ts)
	case "continue":
		w.witness.start(ts)
	default:
		ts.Fatalf("unknown verb %q", args[0])
	}
}

// emptyRoot is the root of no records.
const emptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

func newWitnessServer(ts *testscript.TestScript) *witnessServer {
	dir, err := os.MkdirTemp("", "w*") // the path of a socket has at most 104 bytes
	ts.Check(err)
	ts.Defer(func() { ts.Check(os.RemoveAll(dir)) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(free.Close())
	_, key, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	w := &witnessServer{dir: dir, address: free.Addr().String(), key: key}
	agent, err := net.Listen("unix", filepath.Join(dir, "agent"))
	ts.Check(err)
	ts.Defer(func() { ts.Check(agent.Close()) })
	go func() {
		for {
			conn, err := agent.Accept()
			if err != nil {
				return
			}
			go func() { _ = w.agent(conn) }() // it ends with the witness
		}
	}()
	return w
}

// verifierKey returns the verifier key of the witness.
func (w *witnessServer) verifierKey() string {
	public := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(witnessName+"\n"), public...))
	return fmt.Sprintf("%s+%x+%s", witnessName, id[:4], base64.StdEncoding.EncodeToString(public))
}

// publicKey returns the public key as SSH encodes it.
func (w *witnessServer) publicKey() []byte {
	return sshString([]byte(keyType), w.key.Public().(ed25519.PublicKey))
}

func (w *witnessServer) start(ts *testscript.TestScript) {
	program, err := litewitness()
	ts.Check(err)
	fingerprint := sha256.Sum256(w.publicKey())
	w.cmd = exec.Command(program, "-name", witnessName, "-db", filepath.Join(w.dir, "witness.db"), "-listen", w.address,
		"-ssh-agent", filepath.Join(w.dir, "agent"), "-key", "SHA256:"+base64.RawStdEncoding.EncodeToString(fingerprint[:]))
	var log bytes.Buffer
	w.cmd.Stderr = &log
	ts.Check(w.cmd.Start())
	poll(ts, "a witness that listens", func() bool {
		conn, err := net.Dial("tcp", w.address)
		return err == nil && conn.Close() == nil
	})
}

func (w *witnessServer) stop(ts *testscript.TestScript) {
	if w.cmd == nil {
		return
	}
	ts.Check(w.cmd.Process.Kill())
	_ = w.cmd.Wait() // it was killed
	w.cmd = nil
}

// The messages of the agent: https://www.rfc-editor.org/rfc/rfc9987#name-protocol-numbers.
const (
	agentFailure    = 5
	agentListKeys   = 11
	agentKeys       = 12
	agentSign       = 13
	agentSigned     = 14
	maxAgentMessage = 1 << 16
)

// keyType is the type of the key and of its signatures: RFC 8709.
const keyType = "ssh-ed25519"

// agent is an SSH agent with the key of the witness, which signs anything.
func (w *witnessServer) agent(conn net.Conn) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		message, err := readSSHString(in)
		if err != nil || len(message) == 0 {
			return err
		}
		response := []byte{agentFailure}
		switch body := bytes.NewReader(message[1:]); message[0] {
		case agentListKeys:
			response = append([]byte{agentKeys, 0, 0, 0, 1}, sshString(w.publicKey(), []byte("witness"))...)
		case agentSign:
			if _, err := readSSHString(body); err != nil { // the key
				return err
			}
			text, err := readSSHString(body)
			if err != nil {
				return err
			}
			response = append([]byte{agentSigned}, sshString(sshString([]byte(keyType), ed25519.Sign(w.key, text)))...)
		}
		if _, err := conn.Write(sshString(response)); err != nil {
			return err
		}
	}
}

// sshString encodes strings as SSH does, with their lengths: RFC 4251.
func sshString(list ...[]byte) (b []byte) {
	for _, s := range list {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

func readSSHString(r io.Reader) ([]byte, error) {
	var size uint32
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	if size > maxAgentMessage {
		return nil, fmt.Errorf("a string of %d bytes", size)
	}
	b := make([]byte, size)
	_, err := io.ReadFull(r, b)
	return b, err
}

// clockCommand sets the clock of the program ahead of that of the machine:
//
//	clock 2m
func clockCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: clock DURATION")
	}
	file := ts.MkAbs(".clock")
	ts.Check(os.WriteFile(file, []byte(args[0]), 0o600))
	ts.Setenv(clockFile, file)
	ts.Setenv(asProgram, "1")
}

// hasLitewitness reports whether the witness can be built here.
func hasLitewitness() (bool, error) {
	_, err := litewitness()
	if errors.Is(err, errNoModules) {
		fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
		return false, nil
	}
	return err == nil, err
}

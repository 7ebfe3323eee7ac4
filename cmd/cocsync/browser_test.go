package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a real browser with the errors that it reported.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string // of the site

	mu         sync.Mutex
	complaints []string
}

// openBrowser starts Chromium on a site. Without Chromium the test is skipped; in CI it
// fails.
func openBrowser(t *testing.T, site string) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("Chromium not found, and CI needs it: apt-get install chromium")
		}
		t.Skip("Chromium not found: pages were not tested in a browser")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(patience))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	// Only single waits have a timeout, so that the test passes on a busy machine.
	b := &browser{t: t, ctx: ctx, url: site}
	console, err := chromedp.Console(ctx), error(nil)
	must(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // starts the browser, which has its own timeout
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			b.complain(fmt.Sprintf("%s %s: %s (%s)", m.Source, m.Type, m.Text, m.URL))
		}
	}()
	must(t, err)
	return b
}

func (b *browser) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, text)
}

// within limits one wait to patience.
func (b *browser) within() context.Context {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	b.t.Cleanup(cancel)
	return ctx
}

// show sets the width of the screen and the theme.
func (b *browser) show(width int64, theme string) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.within(), chromedp.EmulateViewport(width, 900)))
	_, err := chromedp.Call(b.within(), emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
	must(b.t, err)
}

// open opens an address of the site.
func (b *browser) open(address string) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.within(), chromedp.Navigate(b.url+address), chromedp.WaitReady(chromedp.CSS("main"))))
}

// press presses keys, one after the other.
func (b *browser) press(keys string) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.within(), chromedp.KeyEvent(keys)))
}

// eval evaluates a script in the page.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.within(), chromedp.Evaluate[T](script, func(p *runtime.EvaluateParams) { chromedp.EvalAwaitPromise(p) }))
	must(b.t, err)
	return v
}

// until waits until a script returns true.
func (b *browser) until(script string) {
	b.t.Helper()
	_, err := chromedp.Run(b.within(), chromedp.Poll[bool](script, chromedp.WithPollingTimeout(0)))
	if err != nil {
		b.t.Fatalf("waiting for %s at %s: %v", script, eval[string](b, "location.href"), err)
	}
}

// keep writes a screenshot to a folder, if one is set, for review.
func (b *browser) keep(name string) {
	b.t.Helper()
	dir := os.Getenv("COCSYNC_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.within(), chromedp.FullScreenshot(100))
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600))
}

// violation is a violation that axe reports.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// accessible fails if axe reports serious or critical violations.
func (b *browser) accessible(how, where string) {
	b.t.Helper()
	raw := eval[string](b, `axe.run(document, `+how+`).then(r => JSON.stringify(r.violations))`)
	var found []violation
	must(b.t, json.Unmarshal([]byte(raw), &found))
	for _, v := range found {
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Errorf("%s: %s (%s): %s: %.200s", where, v.ID, v.Impact, v.Help, v.Nodes[0].HTML)
		}
	}
}

// Every page, in a real browser, wide and narrow, light and dark: the content security
// policy refuses nothing, the console is empty, the page is accessible, and nothing is
// wider than the screen.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	s := serveArchive(t, fixture(t))
	b := openBrowser(t, s.url)
	axe, err := os.ReadFile(filepath.Join("testdata", "axe", "axe.min.js"))
	must(t, err)
	for _, address := range browserPages() {
		b.show(1280, "light")
		b.open(address)
		name := strings.Trim(strings.NewReplacer("/", "_", "?", "_", "&", "_").Replace(address), "_")
		b.keep(name + "-light")
		eval[bool](b, string(axe)+"; true")
		b.accessible(`{resultTypes: ["violations"]}`, address)
		b.show(1280, "dark")
		b.accessible(`{resultTypes: ["violations"], runOnly: ["color-contrast"]}`, address+" in the dark")
		b.keep(name + "-dark")
		b.show(390, "light")
		if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > 390 {
			t.Errorf("%s: on a telephone it is %d wide", address, wide)
		}
		b.keep(name + "-narrow")
		if eval[bool](b, "window.owned === true || document.querySelector('img, iframe, object, embed, script:not([src])') !== null") {
			t.Errorf("%s: text of a document became markup", address)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		t.Errorf("the browser reports: %s", c)
	}
}

// browserPages returns an address of every kind of page.
func browserPages() []string {
	restart := "/documents/prod/DM-restart"
	return []string{
		"/", "/documents", "/documents?at=2026-03-15", "/changes", "/changes?by=COC-wang", "/health", "/search", "/search?q=name",
		restart, restart + "?from=v1", restart + "/v3%232", restart + "/v5/outline", restart + "/v5/blame", restart + "/compare?old=v1&new=v5",
		"/documents/prod/DM-evil", "/documents/prod/DM-evil/v1", "/documents/prod/DM-evil/v1/outline", "/documents/prod/DM-evil/v1/blame",
		"/changes/1", "/changes/4", "/changes/5", "/changes/6", "/changes/8", "/changes/9?view=unified&context=all",
	}
}

// Keys move through a list and open its entries.
func TestKeysInABrowser(t *testing.T) {
	t.Parallel()
	s := serveArchive(t, fixture(t))
	b := openBrowser(t, s.url)
	b.show(1280, "light")
	b.open("/changes")
	at := `[...document.querySelectorAll("main .list a.row")].indexOf(document.activeElement)`
	for _, tt := range []struct {
		keys string
		want int
	}{{"j", 0}, {"jj", 2}, {"k", 1}, {"kkkk", 0}} {
		b.press(tt.keys)
		if got := eval[int](b, at); got != tt.want {
			t.Errorf("after %s entry %d has the focus, want %d", tt.keys, got, tt.want)
		}
	}
	b.press("/")
	if got := eval[string](b, "document.activeElement.id"); got != "q" {
		t.Errorf("after / %q has the focus, want the search", got)
	}
	// The protocol also types the slash, unlike a keyboard.
	b.press("jk")
	if got := eval[string](b, "document.getElementById('q').value"); !strings.HasSuffix(got, "jk") {
		t.Errorf("in the search box keys write %q, want jk", got)
	}
}

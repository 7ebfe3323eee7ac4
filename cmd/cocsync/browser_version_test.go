package main

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// arrive waits until a script returns true on the next page. During the navigation, errors
// are ignored.
func (b *browser) arrive(script string) {
	b.t.Helper()
	ctx := b.within()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(0)))
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			b.t.Fatalf("waiting for %s: %v", script, err)
		}
	}
}

// The address of a version selects a line or a range of lines, which are marked. Keys move
// through the versions. Two clicks compare two versions.
func TestVersionsInABrowser(t *testing.T) {
	const restart = "/documents/prod/DM-restart"
	s := serveArchive(t, fixture(t))
	b := openBrowser(t, s.url)
	b.show(1280, "light")
	const marked = `[...document.querySelectorAll(".source tr.marked")].map(r => r.id).join(" ")`
	says := func(script, want string) {
		t.Helper()
		if got := eval[string](b, script); got != want {
			t.Errorf("%s is %q, want %q", script, got, want)
		}
	}
	b.open(restart + "/v5#L2-L4")
	says(marked, "L2 L3 L4")
	eval[bool](b, `document.querySelector("#L6 .no a").click(), true`)
	b.until(`location.hash === "#L6"`)
	b.until(marked + ` === ""`)
	says(`document.querySelector(":target").id`, "L6")
	eval[bool](b, `document.querySelector("#L4 .no a").dispatchEvent(new MouseEvent("click", {shiftKey: true, bubbles: true, cancelable: true}))`)
	b.until(marked + ` === "L4 L5 L6"`)
	b.open(restart + "/v5#L12-L99")
	says(marked, "L12 L13")
	b.open(restart + "/v5/outline")
	eval[bool](b, `document.querySelector(".step a.row").click(), true`)
	b.arrive(`location.hash === "#L5-L7" && ` + marked + ` === "L5 L6 L7"`)

	for _, to := range []struct{ key, label string }{{"p", "v4"}, {"p", "v3%232"}, {"n", "v4"}, {"n", "v5"}} {
		b.press(to.key)
		b.arrive(`location.pathname.endsWith("/` + to.label + `") && document.readyState === "complete"`)
	}

	b.open(restart)
	eval[bool](b, `document.querySelector(".timeline tr:last-child .pick a").click(), true`)
	b.arrive(`document.querySelector(".choosing") !== null`)
	eval[bool](b, `document.querySelector(".timeline .pick a").click(), true`)
	b.arrive(`location.pathname.endsWith("/compare") && location.search === "?new=v3%232&old=v1" && document.querySelector(".cocsync-diff") !== null`)
}

//go:build browser

package web

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	console "github.com/chromedp/cdproto/log"
	document "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"saveris-bridge/internal/bridgetest"
)

// browser returns the context of a Chromium that ends with the test. A machine without one fails: the tag asked for it.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("no chromium on the path: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(bridgetest.Patience))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts it: with a timeout it would end then
		t.Fatal(err)
	}
	return ctx
}

// tab is one page that is open in a browser of its own.
type tab struct {
	t      *testing.T
	ctx    context.Context
	server *httptest.Server

	mu     sync.Mutex
	faults []string // exceptions, errors in the console, violations of the policy
}

// brisk is a pace at which tests need not wait.
var brisk = pace{look: 20 * time.Millisecond, gap: 20 * time.Millisecond, beat: time.Second, patience: 5 * time.Second}

// open shows the page of a source, in a window of 1280 by 900 or what is said.
func open(t *testing.T, source Source, size ...int64) *tab {
	t.Helper()
	return visit(t, serve(t, source, Options{Version: "v1.2.3", Poll: time.Minute}, brisk), size...).ready()
}

// visit shows the page of a server.
func visit(t *testing.T, server *httptest.Server, size ...int64) *tab {
	t.Helper()
	if size == nil {
		size = []int64{1280, 900}
	}
	b := &tab{t: t, ctx: browser(t), server: server}
	if err := chromedp.Listen(b.ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, document.AddScriptToEvaluateOnNewDocument, document.AddScriptToEvaluateOnNewDocumentParams{Source: countViolations}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(size[0], size[1]), chromedp.Navigate(server.URL))
	b.wait(`document.body?.dataset.link !== undefined`)
	return b
}

// ready waits for the first picture.
func (b *tab) ready() *tab {
	b.t.Helper()
	b.wait(`document.body.dataset.ready !== undefined`)
	return b
}

const countViolations = `window.violations = [];
	document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample))`

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *console.EventEntryAdded:
		if e.Entry.Level == console.EntryLevelError {
			b.faults = append(b.faults, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// ask runs an action for what it gives.
func ask[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	answer, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer
}

// wait lets the page go on until an expression of it is true.
func (b *tab) wait(expression string) {
	b.t.Helper()
	script := fmt.Sprintf(`new Promise((done) => { const end = Date.now() + %d;
		const look = () => { if (%s) done(true); else if (Date.now() > end) done(false); else setTimeout(look, 15); }; look(); })`, bridgetest.Patience.Milliseconds(), expression)
	if !ask(b, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)) {
		b.t.Fatalf("this did not come true within %v: %s\nthe page says: %.600s", bridgetest.Patience, expression, b.text("document.body.innerText"))
	}
}

// text is what an expression of the page gives, as text.
func (b *tab) text(expression string) string {
	b.t.Helper()
	return ask(b, chromedp.Evaluate[string]("String("+expression+")"))
}

func (b *tab) say(expression, want string) {
	b.t.Helper()
	if got := b.text(expression); got != want {
		b.t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// innocent fails the test if anything went wrong in the page.
func (b *tab) innocent() {
	b.t.Helper()
	b.say("violations.join()", "")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.t.Errorf("the page: %s", fault)
	}
}

// fits fails the test if the page is wider than the window.
func (b *tab) fits() {
	b.t.Helper()
	if b.text("document.documentElement.scrollWidth <= innerWidth") == "true" {
		return
	}
	b.t.Errorf("the page can be scrolled sideways: %s", b.text(`document.documentElement.scrollWidth + " in " + innerWidth + ": " + [...document.querySelectorAll("body *")]
		.filter((e) => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map((e) => e.tagName + "." + (e.className.baseVal ?? e.className) + " " + e.getBoundingClientRect().right)`))
}

// scheme makes the system's choice of colours.
func (b *tab) scheme(name string) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}

// shoot writes a picture of the whole page to $WEB_SCREENSHOTS, for people to look at.
func (b *tab) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("WEB_SCREENSHOTS")
	if dir == "" {
		return
	}
	image := ask(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), image, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

//go:build browser

package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page of a browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

// openTab starts a Chromium.
func openTab(t *testing.T, base string) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium: install it (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1280, 900))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root otherwise
	}
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	var mu sync.Mutex
	var faults []string
	t.Cleanup(func() {
		mu.Lock()
		for _, fault := range faults {
			t.Error(fault)
		}
		mu.Unlock()
		_ = chromedp.Cancel(ctx) // it waits until the browser has ended
		cancel()
		stop()
	})
	b := &tab{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	// Scripts that fail, and what the policy of the pages refuses.
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			faults = append(faults, fmt.Sprintf("a script failed: %+v", event.ExceptionDetails))
		case *log.EventEntryAdded:
			if e := event.Entry; e.Level == log.EntryLevelError && e.Source != log.EntrySourceNetwork {
				faults = append(faults, fmt.Sprintf("%s: %s: %s", e.URL, e.Source, e.Text))
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 900))
	return b
}

// as is the same page, for the assertions of a subtest.
func (b *tab) as(t *testing.T) *tab { return &tab{t, b.ctx, b.base} }

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	get(b, chromedp.Steps(steps...))
}

// get is what an action gives.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.where())
	}
	return value
}

// command sends a command of the DevTools protocol.
func command[P, R any](b *tab, name cdp.Command[P, R], parameters P) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, name, parameters)
		return err
	}))
}

// where is what the page shows, for messages.
func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	return text
}

func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base+path), chromedp.WaitVisible(chromedp.CSS("#main")))
}

// click presses what a selector finds first. The page may be brought up to date
// between the two.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.until(selector, "document.querySelector("+quoted(selector)+")")
	for try := 0; ; try++ {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector)))
		cancel()
		if err == nil {
			return
		}
		if try == 5 {
			b.t.Fatalf("click on %s: %v\n%s", selector, err, b.where())
		}
	}
}

// fill puts text into a field, in place of what is there.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.run("const field = document.querySelector(" + quoted(selector) + "); field.focus(); field.select()")
	if text == "" {
		text = kb.Delete
	}
	b.press(text)
}

// press presses keys. What a key types comes with its being pressed, so that a
// page can prevent it, as in a browser with a keyboard.
func (b *tab) press(keys string) {
	b.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		if events[1].Type == kb.KeyChar {
			events[0].Text, events[0].UnmodifiedText = events[1].Text, events[1].UnmodifiedText
			events = []*input.DispatchKeyEventParams{events[0], events[2]}
		}
		for _, event := range events {
			command(b, input.DispatchKeyEvent, *event)
		}
	}
}

// is is the value of an expression in the page.
func is[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression))
}

// run runs a statement in the page.
func (b *tab) run(statement string) {
	b.t.Helper()
	is[bool](b, "(() => { "+statement+"; return true })()")
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	return is[string](b, fmt.Sprintf("(document.querySelector(%s) || {innerText: ''}).innerText", quoted(selector)))
}

// until waits for an expression to be true in a page that is there with its
// scripts. Another one may be loaded meanwhile.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")"))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("not within 30 s: %s (%v)\n%s", what, err, b.where())
		}
	}
}

// says waits until the page shows a text.
func (b *tab) says(text string) {
	b.t.Helper()
	b.until("the page says "+text, "document.body.innerText.includes("+quoted(text)+")")
}

func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// scheme sets what prefers-color-scheme says.
func (b *tab) scheme(scheme string) {
	b.t.Helper()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// screen sets the size of the window.
func (b *tab) screen(width, height int64) {
	b.t.Helper()
	if width < 500 {
		b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateMobile))
		return
	}
	b.do(chromedp.EmulateViewport(width, height))
}

// shot looks at the page in both schemes and on a phone, and keeps pictures of it
// in the folder SCREENSHOTS.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := cmp.Or(os.Getenv("SCREENSHOTS"), b.t.TempDir())
	for _, view := range []struct {
		suffix, scheme string
		width, height  int64
	}{{"light", "light", 1280, 900}, {"dark", "dark", 1280, 900}, {"phone", "light", 390, 844}} {
		b.scheme(view.scheme)
		b.screen(view.width, view.height)
		b.fits()
		back := is[int](b, `Number(getComputedStyle(document.documentElement).backgroundColor.match(/\d+/)[0])`)
		if dark := back < 128; dark != (view.scheme == "dark") {
			b.t.Errorf("%s, %s: red is %d of the background", name, view.suffix, back)
		}
		png := get(b, chromedp.CaptureScreenshot())
		if err := os.WriteFile(filepath.Join(dir, name+"-"+view.suffix+".png"), png, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	b.scheme("light")
	b.screen(1280, 900)
}

// fits reports a page that is wider than its window.
func (b *tab) fits() {
	b.t.Helper()
	if wide := is[bool](b, "document.documentElement.scrollWidth > innerWidth + 1"); wide {
		b.t.Errorf("the page is wider than the window: %s", is[string](b, `[...document.querySelectorAll("main *, header *")]
			.filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 5).join(" ")`))
	}
}

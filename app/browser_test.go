//go:build browser

package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/trieungochai/kafka-notify/app/record"
)

// markup is what somebody calls themselves who would like to run a script.
const markup = `<script>window.ran=1</script><img src=x onerror=window.ran=2>`

// unknown is the person that nobody knows until the lookup file is repaired.
const unknown = "5"

// failing is a service with messages in its poison topic: 30 whose follower
// nobody knows, a few of people that nobody will ever know, and markup.
func failing(t *testing.T) *instance {
	t.Helper()
	site := newSite(t)
	// Thirty times the same follower is thirty notifications here.
	site.yaml = strings.Replace(site.yaml, "      - deduplicate: {key: \"{actor.id} follows {recipient.id}\", window: 24h}\n", "", 1)
	s := site.start()
	for i := range 30 {
		s.accept(fmt.Sprintf("unknown-%d", i), unknown, fmt.Sprint(i%4+1))
	}
	for i := range 4 {
		s.accept(fmt.Sprintf("nobody-%d", i), "1", fmt.Sprintf("90%d", i))
	}
	s.accept("markup-"+markup, markup, "1")
	eventually(t, "all of them poisoned", func() bool { return len(s.poison()) == 35 })
	return s
}

// letIn makes the unknown person known, and waits until pipelines know it.
func (s *instance) letIn() {
	s.t.Helper()
	s.write("users.yaml", `{1: {name: Emma}, 2: {name: Bruno}, 3: {name: Rick}, 4: {name: Lena}, 5: {name: Noor}}`)
	var page struct {
		Entries []struct {
			ID    string
			Value json.RawMessage
		}
	}
	s.get(`/v1/poison?limit=1&q=unknown-`, &page)
	order, err := json.Marshal(map[string]any{"value_text": string(page.Entries[0].Value), "dry_run": true})
	if err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "the repaired lookup file", func() bool {
		resp, err := http.Post(s.url+"/v1/poison/"+page.Entries[0].ID+"/edit", "application/json", bytes.NewReader(order))
		if err != nil {
			s.t.Fatal(err)
		}
		return strings.Contains(text(s.t, resp), `"outcome":"delivered"`)
	})
}

// The console in a browser, from failures to their repair.
func TestConsoleInABrowser(t *testing.T) {
	s := failing(t)
	b := openTab(t, s.url)
	for _, step := range []struct {
		name string
		run  func(t *testing.T, s *instance, b *tab)
	}{
		{"list", lookAtTheList},
		{"filter", filterTheList},
		{"markup", openMarkup},
		{"keys", useKeys},
		{"tab", useTab},
		{"archive", archiveAndDiscard},
		{"ticking", tickWhileTheListChanges},
		{"redrive", redriveAGroup},
		{"edit", editAMessage},
		{"bytes", keepEveryByte},
		{"steer", pauseAndResume},
		{"no script", useNoScript},
		{"pages", turnPages},
	} {
		t.Run(step.name, func(t *testing.T) { step.run(t, s, b.as(t)) })
	}
}

func lookAtTheList(t *testing.T, s *instance, b *tab) {
	b.do(chromedp.Navigate(s.url + "/"))
	b.until("it leads to the console", "location.pathname === '/ui/poison' && document.querySelector('#list tbody tr')")
	if groups, rows := is[int](b, "document.querySelectorAll('.groups li').length"), is[int](b, "document.querySelectorAll('#list tbody tr').length"); groups < 2 || rows != 35 {
		t.Errorf("%d groups, %d messages", groups, rows)
	}
	if height := is[float64](b, "Math.max(...[...document.querySelectorAll('.spark .bars')].map(r => r.getBoundingClientRect().height))"); height < 20 {
		t.Errorf("the highest bar has %v px", height)
	}
	b.until("the stream is open", "document.querySelector('#live').innerText === 'live'")
	b.run("window.stays = true")
	s.accept("one-more", "1", "910")
	b.until("the new message, and its count", "document.querySelectorAll('#list tbody tr').length === 36 && document.querySelector('[data-count=open]').innerText === '36'")
	if !is[bool](b, "window.stays === true") {
		t.Error("the page was loaded again")
	}
	b.shot("list")
}

func filterTheList(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison")
	b.press("/")
	b.until("the filter has the focus", "document.activeElement.id === 'filter'")
	b.fill("#filter", `key == "904" || data.followee_id.startsWith("90")`)
	b.press(kb.Enter)
	b.until("what the filter selects", "document.querySelectorAll('#list tbody tr').length === 4")
	b.shot("filter")
	b.fill("#filter", `attempts > 1 && pipelin == "x"`)
	b.press(kb.Enter)
	b.says(`unknown name "pipelin"`)
	if got, want := is[string](b, "document.querySelector('.mistake pre').textContent"), "attempts > 1 && pipelin == \"x\"\n                ^"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := is[string](b, "document.querySelector('#filter').value"); got != `attempts > 1 && pipelin == "x"` {
		t.Errorf("the filter is now %q", got)
	}
	b.shot("mistake")
}

func openMarkup(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison?q=markup-")
	b.click("#list a.row")
	b.says("Where it failed")
	b.says(`enrich`)
	if step := b.text(".step"); !strings.Contains(step, "kafka-notify.yaml:") {
		t.Errorf("failed at %q", step)
	}
	b.says(markup)
	if is[bool](b, "window.ran !== undefined || document.querySelector('main script, main img') !== null") {
		t.Error("markup of a message was run")
	}
	b.shot("message")
}

func useKeys(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison")
	b.press("?")
	b.until("the keys", "document.querySelector('#keys').open")
	b.shot("keys")
	b.press(kb.Escape)
	b.until("no keys", "!document.querySelector('#keys').open")
	b.press("j")
	b.press("j")
	b.press("k")
	b.press("j")
	if at := is[int](b, "[...document.querySelectorAll('a.row')].indexOf(document.activeElement)"); at != 1 {
		t.Errorf("at row %d", at)
	}
	if outline := is[string](b, "getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
		t.Error("the focus can't be seen")
	}
	b.press("x")
	b.until("one is ticked", "document.querySelector('#ticked').innerText === '1'")
	b.press("r")
	b.says("1 message would be sent")
	b.do(chromedp.NavigateBack())
	b.visit("/ui/poison")
	b.press("j")
	b.press(kb.Enter)
	b.says("Where it failed")
	b.press("e")
	b.says("Edit and send")
	b.press("g")
	b.until("the list", "location.pathname === '/ui/poison'")
	b.press("v")
	b.says("Nothing was redriven yet.")
}

// Everything that can be pressed is reached by Tab, and shows that it has the
// focus.
func useTab(t *testing.T, s *instance, b *tab) {
	for _, path := range []string{"/ui/pipelines", "/ui/poison?q=nobody", "/ui/poison/redrive?scope=shown&q=nobody", "/ui/poison/messages/" + s.poison()[0].ID, "/ui/poison/messages/" + s.poison()[0].ID + "/edit"} {
		b.visit(path)
		// By what they are, not which: the page is brought up to date meanwhile.
		b.run(`document.activeElement.blur();
			window.named = e => e.outerHTML.slice(0, 200);
			window.wanted = new Set([...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
				.filter(e => e.checkVisibility() && !e.disabled && e.type !== "hidden" && !(e.type === "radio" && !e.checked)).map(named));
			window.unseen = []`)
		n := is[int](b, "wanted.size")
		for range 2 * n {
			b.press(kb.Tab)
			if is[bool](b, `(() => { const e = document.activeElement; wanted.delete(named(e));
				if (e !== document.body && getComputedStyle(e).outlineStyle === "none") unseen.push(named(e));
				return wanted.size === 0 })()`) {
				break
			}
		}
		if left := is[string](b, `[...wanted].join("\n")`); left != "" || n < 5 {
			t.Errorf("%s: of %d Tab does not reach\n%s", path, n, left)
		}
		if unseen := is[string](b, `unseen.join("\n")`); unseen != "" {
			t.Errorf("%s: the focus can't be seen on\n%s", path, unseen)
		}
	}
}

func archiveAndDiscard(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison?q=nobody")
	b.click("#list tbody tr:nth-child(1) input[name=id]")
	b.click("#list tbody tr:nth-child(2) input[name=id]")
	b.click(`button[formaction="/ui/poison/archive"][value=ticked]`)
	b.says("Archive 2 messages")
	b.fill("[name=reason]", "looked at")
	b.fill("main [name=name]", "Ida")
	b.press(kb.Enter)
	b.says("2 messages archived.")
	if rows := is[int](b, "document.querySelectorAll('#list tbody tr').length"); rows != 2 {
		t.Errorf("%d are still open", rows)
	}
	b.visit("/ui/poison?state=archived")
	b.click("#list a.row")
	b.says("looked at")
	b.says("Ida (127.0.0.1)")
	b.press("u")
	b.says("1 message restored.")
	b.press("d")
	b.says("Discard 1 message")
	b.fill("[name=reason]", "spam")
	b.press(kb.Enter)
	b.says("1 message discarded.")
	b.shot("discarded")
	b.visit("/ui/poison?state=all&q=nobody")
	b.click(`button[formaction="/ui/poison/restore"][value=shown]`)
	b.says("Restore 4 messages")
	b.click("main button.main")
	b.says("2 messages restored. Not 2: it is open.")
}

// Who ticks keeps what they tick, whatever comes meanwhile.
func tickWhileTheListChanges(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison?q=nobody")
	b.until("the stream is open", "document.querySelector('#live').innerText === 'live'")
	time.Sleep(1500 * time.Millisecond) // what the stream began with has been looked at
	b.click("#list tbody tr:nth-child(1) input[name=id]")
	s.accept("nobody-more", "1", "920")
	b.until("it is offered to show the change", "document.querySelector('#changed')")
	if rows, ticked := is[int](b, "document.querySelectorAll('#list tbody tr').length"), is[int](b, "document.querySelectorAll('#list input[name=id]:checked').length"); rows != 4 || ticked != 1 {
		t.Errorf("%d rows, %d ticked", rows, ticked)
	}
	b.click("#changed")
	b.until("the change", "document.querySelectorAll('#list tbody tr').length === 5 && !document.querySelector('#changed')")
}

func redriveAGroup(t *testing.T, s *instance, b *tab) {
	s.letIn()
	b.visit("/ui/poison?q=unknown-")
	b.click(".groups .act a[href*=redrive]")
	b.says("30 messages would be sent")
	b.says("notifications.retry.follow-" + s.run + ".0")
	b.says("kafka-notify.follow-" + s.run + ".retry.0")
	b.fill("[name=canary]", "3")
	b.fill("[name=rate]", "3")
	b.fill("[name=reason]", "Noor is known now")
	b.shot("preview")
	b.click("main button.main")
	b.says("Redrive of 30 messages")
	b.run("window.stays = true")
	b.until("some were sent, and not all", "(n => n > 0 && n < 30)(document.querySelector('.progress progress').value)")
	b.shot("job")
	b.until("the end", "document.querySelector('main .badge').innerText === 'finished' && document.querySelector('.fates b').innerText === '30'")
	if !is[bool](b, "window.stays === true") {
		t.Error("the page was loaded again")
	}
	b.shot("job-finished")
	eventually(t, "30 notifications", func() bool {
		n := 0
		for _, person := range []string{"1", "2", "3", "4"} {
			n += len(s.inbox(person))
		}
		return n == 30
	})
	b.visit("/ui/poison/redrives")
	b.says("30 of 30")
	b.shot("jobs")
}

func editAMessage(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison?q=one-more")
	b.click("#list a.row")
	b.says("Where it failed")
	b.press("e")
	b.says("Edit and send")
	before := is[string](b, "document.querySelector('#value').value")
	after := strings.Replace(before, `"910"`, `"2"`, 1)
	if after == before {
		t.Fatalf("the payload is %s", before)
	}
	b.do(chromedp.SetValue(chromedp.CSS("#value"), before+" "))
	b.click("#try")
	b.says("failed")
	if b.text(".outcome") != "failed" {
		t.Errorf("outcome %q", b.text(".outcome"))
	}
	b.do(chromedp.SetValue(chromedp.CSS("#value"), after))
	b.do(chromedp.Focus(chromedp.CSS("#value")))
	b.click("#try")
	b.until("it would be delivered", "document.querySelector('.outcome') && document.querySelector('.outcome').innerText === 'delivered'")
	b.says("Emma started following you.")
	if added := b.text(".diff .added"); !strings.Contains(added, `"2"`) {
		t.Errorf("added %q", added)
	}
	b.shot("edit")
	b.do(chromedp.SendKeys(chromedp.CSS("#value"), " "))
	if !is[bool](b, "document.querySelector('#send').disabled") {
		t.Error("what was not tried can be sent")
	}
	b.press(kb.Backspace)
	b.click("#send")
	b.says("Redrive of 1 message")
	b.until("the end", "document.querySelector('main .badge').innerText === 'finished' && document.querySelector('.fates b').innerText === '1'")
	b.visit("/ui/poison?state=redriven&q=one-more")
	b.click("#list a.row")
	b.says("Its payload was edited")
	b.run("document.querySelector('.timeline').scrollIntoView()")
	b.shot("timeline")
}

// What nobody touches goes back as it was, however its lines end.
func keepEveryByte(t *testing.T, s *instance, b *tab) {
	for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n"} {
		text := fmt.Sprintf("\n\n{\"specversion\":\"1.0\",\n\t\"id\":\"lines-%s\",\"source\":\"/x\",\"type\":\"follow-%s\",\n\"data\":{\"follower_id\":\"1\",\"followee_id\":\"</textarea>\"}}\n", name, s.run)
		s.produce(&record.Record{Topic: "events.follow-" + s.run, Key: []byte("lines"), Value: []byte(strings.ReplaceAll(text, "\n", end))})
		eventually(t, "it is poisoned", func() bool {
			var page struct{ Total int }
			s.get("/v1/poison?q=lines-"+name, &page)
			return page.Total == 1
		})
		b.visit("/ui/poison?q=lines-" + name)
		b.click("#list a.row")
		b.says("Where it failed")
		b.press("e")
		b.says("Edit and send")
		b.click("#try")
		b.until("it was tried", "document.querySelector('.outcome')")
		if changed := b.text("#trial .none, #trial .diff"); changed != "Nothing." {
			t.Errorf("%s: changed %s", name, changed)
		}
	}
}

// A job that would take minutes is paused, resumed and cancelled.
func pauseAndResume(t *testing.T, s *instance, b *tab) {
	b.visit("/ui/poison/redrive?scope=shown&q=nobody")
	b.fill("[name=rate]", "0.1")
	b.fill("[name=canary]", "")
	b.click("main button.main")
	b.until("it runs", "document.querySelector('form[action$=pause]')")
	b.click("form[action$=pause] button")
	b.until("it is paused", "document.querySelector('main .badge').innerText === 'paused'")
	b.click("form[action$=resume] button")
	b.until("it runs on", "document.querySelector('form[action$=pause]')")
	b.click("form[action$=cancel] button")
	b.until("it is cancelled", "document.querySelector('main .badge').innerText === 'cancelled'")
	b.says("open again")
}

// Without JavaScript forms and links do the same.
func useNoScript(t *testing.T, s *instance, b *tab) {
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	defer command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
	b.visit("/ui/poison?q=markup-")
	b.do(chromedp.Click(chromedp.CSS("#list input[name=id]")), chromedp.Click(chromedp.CSS(`button[formaction="/ui/poison/archive"][value=ticked]`)))
	b.do(chromedp.WaitVisible(chromedp.CSS("form.terms button.main")), chromedp.Click(chromedp.CSS("form.terms button.main")))
	if notice := get(b, chromedp.Text(chromedp.CSS(".notice"))); notice != "1 message archived." {
		t.Errorf("notice %q", notice)
	}
	b.do(chromedp.Navigate(s.url+"/ui/poison?state=archived&q=markup-"), chromedp.Click(chromedp.CSS("#list a.row")))
	b.do(chromedp.WaitVisible(chromedp.CSS(".step")), chromedp.Click(chromedp.CSS(`form[action="/ui/poison/restore"] button`)))
	if notice := get(b, chromedp.Text(chromedp.CSS(".notice"))); notice != "1 message restored." {
		t.Errorf("notice %q", notice)
	}
}

//go:build browser

package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// nested has a declared type, a switch, and a pipeline that pauses itself.
const nested = `
http: {listen: 127.0.0.1:0}
kafka: KAFKA
store: {embedded: {data_dir: DIR/store}}
lookups:
  users: {file: users.yaml}
events:
  comment-RUN: {key: "{data.author}"}
  follow-RUN: {key: "{data.followee_id}"}
handler_types:
  people:
    summary: Finds who did it, and to whom.
    parameters:
      actor: {type: template, doc: who did it}
      recipient: {type: template, doc: to whom}
    handlers:
      - enrich:
          actor: {lookup: users, key: "{params.actor}"}
          recipient: {lookup: users, key: "{params.recipient}"}
      - filter: {when: actor.id != recipient.id}
pipelines:
  comment-RUN:
    subscribe: events.comment-RUN
    start: oldest
    handlers:
      - people: {actor: "{data.by}", recipient: "{data.author}"}
      - switch:
          cases:
            - when: data.lang == 'de'
              handlers: [compose: {to: "{recipient.id}", text: "{actor.name} hat etwas dazu geschrieben."}]
            - when: data.text.contains("<script>window.ran=1</script>")
              handlers:
                - filter: {when: "false"}
                - compose: {to: "1", text: "Never."}
          default:
            - compose: {to: "{recipient.id}", text: "{actor.name} commented on your post."}
      - deduplicate: {key: "{data.post} {recipient.id}", window: 5m}
      - route: {topic: "notifications.user.RUN-{recipient.id}"}
  follow-RUN:
    subscribe: events.follow-RUN
    start: oldest
    handlers:
      - people: {actor: "{data.follower_id}", recipient: "{data.followee_id}"}
      - compose: {to: "{recipient.id}", text: "{actor.name} started following you."}
      - route: {topic: "notifications.user.RUN-{recipient.id}"}
retry: {attempts: 2, backoff: {initial: 5ms, max: 20ms}, later: [10s, 1m, 10m]}
breaker: {messages: 20, trial: 10m}
poison: {topic: notifications.poison.RUN}
delivery: DELIVERY
`

// comment submits one that follows upon n others.
func (s *instance) comment(n int, text string) {
	s.t.Helper()
	lang := []string{"en", "de", "fr"}[n%3]
	body := fmt.Sprintf(`{"type":"comment-%s","data":{"by":"%d","author":"%d","post":"%d","lang":%q,"text":%q}}`, s.run, n%4+1, n%5+1, n, lang, text)
	resp, err := http.Post(s.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if answer := text202(s.t, resp); answer != "" {
		s.t.Fatal(answer)
	}
}

// text202 is what an answer says that is no 202.
func text202(t *testing.T, resp *http.Response) string {
	body := text(t, resp)
	if resp.StatusCode == http.StatusAccepted {
		return ""
	}
	return body
}

// The page of the pipelines follows what they do, by itself.
func TestPipelinesInABrowser(t *testing.T) {
	site := newSite(t)
	site.yaml = nested
	s := site.start()
	b := openTab(t, s.url)
	b.visit("/ui/poison")
	b.press("w")
	b.until("the pipelines", "location.pathname === '/ui/pipelines' && document.querySelectorAll('.pipeline').length === 2")
	b.run("window.stays = true")
	for n := range 60 {
		s.comment(n, "Well said.")
	}
	s.comment(66, "<script>window.ran=1</script>")
	comment := "document.querySelector('[aria-labelledby=pipeline-comment-" + s.run + "]').innerText"
	// Of five authors one is nobody, which poisons; of four who comment one is the author, which is filtered.
	b.until("the counts move", comment+`.match(/36 delivered$/m) && /filtered 12/.test(`+comment+`) && /filtered 1$/m.test(`+comment+`) && /lookup_missing 12/.test(`+comment+`)`)
	if !is[bool](b, "window.stays === true && window.ran === undefined") {
		t.Error("the page was loaded again, or markup was run")
	}
	if height := is[float64](b, "Math.max(...[...document.querySelectorAll('.spark .bars')].map(r => r.getBoundingClientRect().height))"); height < 20 {
		t.Errorf("the highest bar has %v px", height)
	}
	b.shot("pipelines")
	b.click(`a[href="/ui/poison?class=lookup_missing&pipeline=comment-` + s.run + `"]`)
	b.until("its poisoned messages", "document.querySelectorAll('#list tbody tr').length === 12")

	for n := range 40 {
		s.accept(fmt.Sprint("nobody-", n), "900", "1")
	}
	b.visit("/ui/pipelines")
	b.until("it pauses itself", "document.querySelector('form[action$=resume]')")
	b.says("lookup_missing at enrich")
	b.shot("paused")
	b.run("document.querySelector('form[action$=resume] button').focus()")
	b.run("window.asked = performance.getEntriesByType('resource').length")
	b.until("it was brought up to date", "performance.getEntriesByType('resource').length > asked + 1")
	if !is[bool](b, "document.activeElement.matches('form[action$=resume] button')") {
		t.Error("the focus was lost")
	}
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.visit("/ui/pipelines")
	b.do(chromedp.Click(chromedp.CSS("form[action$=resume] button")))
	if notice := get(b, chromedp.Text(chromedp.CSS(".notice"))); notice != "The pipeline follow-"+s.run+" goes on." {
		t.Errorf("notice %q", notice)
	}
}

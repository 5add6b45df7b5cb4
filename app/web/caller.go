package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// Cookies: the name that somebody gave themselves, and what the page after a
// redirect is to say.
const (
	nameCookie   = "kafka_notify_name"
	noticeCookie = "kafka_notify_notice"
)

const (
	maxName   = 100     // bytes
	maxNotice = 1 << 10 // bytes
	nameAge   = 365 * 24 * 3600
	noticeAge = 60
)

// caller is who sent a request. Until there is authentication the name is one
// for the timeline, and nothing more.
func caller(r *http.Request) action.By {
	name := cookie(r, nameCookie)
	if r.Method == http.MethodPost && r.PostForm.Has("name") {
		name = r.PostForm.Get("name")
	}
	return action.By{Address: remoteHost(r), Name: record.Text(name, maxName), Front: "web"}
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// may decides what the sender of a request may do; the error says why not.
func may(r *http.Request, what poison.Permission) error { return poison.May(caller(r), r.Host, what) }

// remember keeps the name that a form brought.
func remember(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Has("name") {
		setCookie(w, nameCookie, caller(r).Name, nameAge)
	}
}

// postName keeps the name that somebody gives themselves.
func (s *site) postName(w http.ResponseWriter, r *http.Request) error {
	remember(w, r)
	back := Home
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host && strings.HasPrefix(from.Path, Prefix) {
		back = from.RequestURI()
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// redirect leads on to another page, which begins with a notice.
func redirect(w http.ResponseWriter, r *http.Request, to, notice string) error {
	remember(w, r)
	if notice != "" {
		setCookie(w, noticeCookie, record.Text(notice, maxNotice), noticeAge)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// notice is what the page before left to say.
func notice(w http.ResponseWriter, r *http.Request) string {
	text := cookie(r, noticeCookie)
	if text != "" {
		setCookie(w, noticeCookie, "", -1)
	}
	return record.Text(text, maxNotice)
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	text, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return text
}

func setCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: url.QueryEscape(value), Path: Prefix, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

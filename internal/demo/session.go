package demo

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	cookieName  = "sample-session"
	maxSessions = 1000 // of a demo on one machine; beyond it the oldest goes
	maxPending  = 10   // sign-ins under way in one browser
	sessionLife = time.Hour
)

// pending is a sign-in under way, by its state.
type pending struct{ nonce, verifier string }

// session is what the application knows of one browser.
type session struct {
	person  *person // nil while signed out
	pending map[string]pending
	began   time.Time
}

// sessions are the browsers the application knows, in memory.
type sessions struct {
	mu  sync.Mutex
	now func() time.Time
	all map[string]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[string]*session{}}
}

// of is a copy of the browser's session, nil if it has none.
func (s *sessions) of(r *http.Request) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.find(r); found != nil {
		c := *found
		return &c
	}
	return nil
}

// sub is who is signed in by the cookie of that value, "" if nobody is.
func (s *sessions) sub(cookie string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.all[cookie]; found != nil && found.person != nil {
		return found.person.Sub
	}
	return ""
}

func (s *sessions) find(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	found := s.all[c.Value]
	if found == nil || s.now().Sub(found.began) > sessionLife {
		return nil
	}
	return found
}

// begin notes a sign-in under way, in a new session if there is none.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, state string, l pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(r)
	if found == nil {
		found = s.add(w)
	}
	if len(found.pending) >= maxPending {
		clear(found.pending)
	}
	found.pending[state] = l
}

// end takes a sign-in out again; it is there once.
func (s *sessions) end(r *http.Request, state string) (pending, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(r)
	if found == nil {
		return pending{}, false
	}
	l, ok := found.pending[state]
	delete(found.pending, state)
	return l, ok
}

// signIn puts the person into a new session, so that no cookie from before the
// sign-in is worth anything after it. What is under way in other tabs moves along.
func (s *sessions) signIn(w http.ResponseWriter, r *http.Request, p *person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.find(r)
	s.remove(r)
	after := s.add(w)
	after.person = p
	if before != nil {
		after.pending = before.pending
	}
}

// drop ends the browser's session.
func (s *sessions) drop(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(r)
	http.SetCookie(w, cookie("", -1))
}

// clear ends every session.
func (s *sessions) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

func (s *sessions) remove(r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		delete(s.all, c.Value)
	}
}

func (s *sessions) add(w http.ResponseWriter) *session {
	if len(s.all) >= maxSessions {
		s.makeRoom()
	}
	id := rand.Text()
	made := &session{pending: map[string]pending{}, began: s.now()}
	s.all[id] = made
	http.SetCookie(w, cookie(id, 0))
	return made
}

// makeRoom forgets the oldest session.
func (s *sessions) makeRoom() {
	oldest := ""
	for id, one := range s.all {
		if oldest == "" || one.began.Before(s.all[oldest].began) {
			oldest = id
		}
	}
	delete(s.all, oldest)
}

// cookie is not Secure, for the sample application has no TLS; it never leaves
// this machine.
func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

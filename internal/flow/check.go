package flow

import (
	"encoding/json"
	"net/http"
	"sync"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/web"
)

// The bounds of live checks: for one sign-in, and of sign-ins counted at once.
const (
	maxChecks  = 300
	maxMetered = 10_000
)

// meter counts the live checks of each sign-in, in this process and for a while:
// it keeps one browser from having patterns matched for ever, and what matters
// is checked again anyway.
type meter struct {
	mu     sync.Mutex
	counts map[[32]byte]int
}

// take reports whether another check is free.
func (m *meter) take(hash [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil || len(m.counts) >= maxMetered {
		m.counts = map[[32]byte]int{}
	}
	m.counts[hash]++
	return m.counts[hash] <= maxChecks
}

// verdictOf is what a live check says.
type verdictOf struct {
	OK      bool   `json:"ok"`
	Message string `json:"message,omitempty"`
}

// check tells while a person types whether what they give fits the store's
// policy: POST /login/check. It never says whether a name is taken, and nothing
// is decided on it.
func (f *Flow) check(w http.ResponseWriter, r *http.Request) {
	q, form, ok := f.answering(w, r)
	if !ok {
		return
	}
	r = web.Locales(r, q.login.Start.Locales)
	value := form.Get("value")
	if !f.checks.take(q.waiting.Hash) || len(value) > maxValue {
		f.Kit.Refuse(w, r, usher.ReasonTooMuch, "", nil)
		return
	}
	kind := map[string]usher.PromptKind{fieldUsername: usher.PromptUsername, fieldPassword: usher.PromptPassword}[form.Get("field")]
	p, ok := q.prompt(kind)
	policy, known := f.Stores(p.Store)
	if !ok || !known {
		f.Kit.Refuse(w, r, usher.ReasonRequestInvalid, "", nil)
		return
	}
	in := store.New(p.Store, policy, nil)
	unfit := in.FitPassword(value, form.Get(fieldUsername))
	if kind == usher.PromptUsername {
		_, unfit = in.Fit(value)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(verdictOf{unfit == usher.Fits, f.unfitFor(r, unfit, p.Store, string(kind))}) // the browser is gone; nothing is left to tell it
}

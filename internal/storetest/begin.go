package storetest

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// Hash is a hash for a test to name things by.
func Hash(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// Session is the session that a record begins, named by its id and good for an hour.
func Session(rec usher.Record) ledger.Session {
	at := rec.Snapshot.At
	s := ledger.Session{
		Hash: Hash("session " + rec.ID), Tenant: rec.Identity.Tenant, User: rec.Decision.User, Store: rec.Decision.Store,
		IdP: rec.Identity.IdP, Subject: rec.Identity.Sub(), AuthTime: rec.Identity.AuthTime, ACR: "urn:acr", AMR: rec.Identity.AMR,
		Decision: rec.ID, Created: at, Expires: at + usher.Instant(time.Hour.Microseconds()),
	}
	if s.User == "" {
		s.Person = []usher.Held{{Name: "email", Values: []string{rec.Identity.Username.Values[0] + "@secret.test"}, Verified: true, Intact: true,
			Source: usher.Source{Kind: usher.SourceIdP, Name: rec.Identity.IdP, Rule: "mapping.attributes.email", Decision: rec.ID, At: at}}}
	} else {
		s.State = usher.StateActive
	}
	return s
}

// Code is the code of a session, good for a minute.
func Code(s ledger.Session) ledger.Code {
	return ledger.Code{
		Hash: Hash("code " + s.Decision), Tenant: s.Tenant, Application: "wiki", Session: s.Hash, Family: "family of " + s.Decision,
		Sub: string(s.User), IdP: s.IdP, User: s.User, Store: s.Store, RedirectURI: "https://wiki.test/cb", Challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		Nonce: "n-0S6_WzA2Mj", Scope: "openid email", AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR, Decision: s.Decision,
		Expires: s.Created + 60*usher.Second,
	}
}

// Family is the family of a code, good for ten minutes, or thirty days if offline.
func Family(c ledger.Code, offline bool) ledger.Family {
	life := 10 * time.Minute
	if offline {
		life = 30 * 24 * time.Hour
	}
	at := c.Expires - 60*usher.Second
	return ledger.Family{
		ID: c.Family, Tenant: c.Tenant, Application: c.Application, Session: c.Session, IdP: c.IdP, User: c.User, Store: c.Store,
		Sub: c.Sub, Scope: c.Scope,
		Nonce: c.Nonce, AuthTime: c.AuthTime, ACR: c.ACR, AMR: c.AMR, Decision: c.Decision, Offline: offline,
		Created: at, Expires: at + usher.Instant(life.Microseconds()),
	}
}

// Begin records what follows an applied record in its commit: something spent,
// a session, a code and a family.
func Begin(ctx context.Context, tx *ledger.Tx, rec usher.Record) error {
	s := Session(rec)
	if err := tx.Spend(ctx, ledger.NewKey("login", s.Tenant, "", rec.ID), s.Expires); err != nil {
		return err
	}
	if err := tx.BeginSession(ctx, s); err != nil {
		return err
	}
	if err := tx.IssueCode(ctx, Code(s)); err != nil {
		return err
	}
	return tx.BeginFamily(ctx, Family(Code(s), false))
}

// MustBegin is Begin in a commit of its own, which must work.
func MustBegin(t testing.TB, w *World, rec usher.Record) ledger.Session {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := w.Ledger.Commit(ctx, func(tx *ledger.Tx) error { return Begin(ctx, tx, rec) }); err != nil {
		t.Fatal(err)
	}
	return Session(rec)
}

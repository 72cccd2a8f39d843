package storetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// Policy is the policy under which the kit's records were made. NewWorld has it
// saved.
var Policy = usher.Policy{
	Version:     "sha256:0000",
	Tenant:      usher.Toggle{Name: usher.DefaultTenant, Enabled: true},
	IdP:         usher.Toggle{Name: "contoso", Enabled: true},
	Application: usher.Application{Toggle: usher.Toggle{Name: "wiki", Enabled: true}},
	Stores: []usher.StorePolicy{
		{Toggle: usher.Toggle{Name: usher.PrimaryStore, Enabled: true}}, {Toggle: usher.Toggle{Name: Corp, Enabled: true}},
	},
	JIT: usher.JIT{Enabled: true, Store: usher.StoreChoice{Name: usher.PrimaryStore}, NoMatch: usher.NoMatchCreate, Sync: usher.Sync{
		Attributes: usher.SyncOverride, Groups: usher.GroupsOwn, GroupMap: map[string][]string{"eng": {"platform"}}}},
}

// Person is someone a provider vouches for.
type Person struct {
	Tenant, IdP, Subject, Username string
}

// Ann is a person for tests that need only one.
var Ann = Person{usher.DefaultTenant, "contoso", "248289761001", "ann"}

// NewID is a fresh UUIDv7 in its text form.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// blank is a record that decides nothing yet.
func (p Person) blank(at usher.Instant) usher.Record {
	derived := func(rule string, values ...string) usher.Derived {
		return usher.Derived{Presence: usher.PresenceSet, Values: values, Rule: rule}
	}
	return usher.Record{
		ID: NewID(), Attempt: 1, Policy: Policy,
		Identity: usher.Identity{
			Tenant: p.Tenant, IdP: p.IdP, Issuer: "https://" + p.IdP + ".test", Subject: usher.StringValue(p.Subject),
			AuthTime: at - 5*usher.Second, AMR: []string{"pwd"}, Admission: usher.Admission{Admitted: true},
			Username: derived("mapping.username", p.Username),
			Attributes: []usher.Attribute{
				{Name: "email", Verified: true, Derived: derived("mapping.attributes.email", p.Username+"@"+p.IdP+".test")},
				{Name: "givenName", Derived: derived("mapping.attributes.givenName", "Ann")},
			},
			Groups: derived("mapping.groups", "eng"),
			Trace:  []usher.Step{{Question: "What is mapping.username?", Answer: "set", Rule: "mapping.username"}},
		},
		Snapshot: usher.Snapshot{At: at, Reserved: usher.UserID(NewID()), Answers: []usher.Answer{
			{Question: usher.Question{Kind: usher.AskLink, IdP: p.IdP, Subject: p.Subject}, Found: usher.FoundNone}}},
	}
}

// First is the record of a first sign-in that makes an account: two attributes,
// a group, a role and a link.
func (p Person) First(at usher.Instant) usher.Record {
	r := p.blank(at)
	r.Decision = usher.Decision{
		Verdict: usher.VerdictCreate, Reason: usher.ReasonCreated, User: r.Snapshot.Reserved, Store: usher.PrimaryStore,
		Changes: []usher.Change{
			{Op: usher.OpCreateUser, Name: p.Username, Values: []string{p.Username}, Rule: "mapping.username"},
			{Op: usher.OpSetAttribute, Name: "email", Values: r.Identity.Attributes[0].Values, Verified: true, Rule: "mapping.attributes.email"},
			{Op: usher.OpSetAttribute, Name: "givenName", Values: r.Identity.Attributes[1].Values, Rule: "mapping.attributes.givenName"},
			{Op: usher.OpJoinGroup, Name: "platform", Rule: "jit.sync.groupMap"},
			{Op: usher.OpGrant, Grant: usher.GrantGroup, Name: "platform", Rule: "jit.sync.groupMap"},
			{Op: usher.OpGrant, Grant: usher.GrantRole, Name: "approver", Rule: "jit.sync.roleMap"},
			{Op: usher.OpLink},
			{Op: usher.OpTell, Name: "user.created"},
		},
		Assumes: []usher.Assumption{
			{Kind: usher.AssumeLinkFree},
			{Kind: usher.AssumeUsernameFree, Store: usher.PrimaryStore, Name: p.Username},
		},
		Trace: []usher.Step{{Question: "Is there a link?", Answer: "no"}},
	}
	return r
}

// Returning is the record of a sign-in of a linked person for whom nothing changed.
func (p Person) Returning(at usher.Instant, user usher.UserID) usher.Record {
	r := p.blank(at)
	r.Decision = usher.Decision{
		Verdict: usher.VerdictUpdate, Reason: usher.ReasonUnchanged, User: user, Store: usher.PrimaryStore,
		Changes: []usher.Change{{Op: usher.OpLogin}},
		Assumes: []usher.Assumption{
			{Kind: usher.AssumeLinkIs, Store: usher.PrimaryStore, User: user},
			{Kind: usher.AssumeUserActive, Store: usher.PrimaryStore, User: user},
		},
		Trace: []usher.Step{{Question: "Is there a link?", Answer: "yes"}},
	}
	return r
}

// Synced is the record of a sign-in of the person that First made, after which
// everything is different: an attribute, a group and a role each came, and each went.
func (p Person) Synced(at usher.Instant, user usher.UserID) usher.Record {
	r := p.Returning(at, user)
	r.Decision.Reason = usher.ReasonUpdated
	r.Decision.Changes = []usher.Change{
		{Op: usher.OpSetAttribute, Name: "email", Values: []string{"new@contoso.test"}, Rule: "mapping.attributes.email"},
		{Op: usher.OpClearAttribute, Name: "givenName"},
		{Op: usher.OpJoinGroup, Name: "leads"},
		{Op: usher.OpLeaveGroup, Name: "platform"},
		{Op: usher.OpGrant, Grant: usher.GrantGroup, Name: "leads", Rule: "jit.sync.groupMap"},
		{Op: usher.OpRevoke, Grant: usher.GrantGroup, Name: "platform"},
		{Op: usher.OpRevoke, Grant: usher.GrantRole, Name: "approver"},
		{Op: usher.OpLogin},
		{Op: usher.OpTell, Name: "user.updated"},
	}
	r.Decision.Assumes = append(r.Decision.Assumes,
		usher.Assumption{Kind: usher.AssumeAttribute, User: user, Name: "givenName", Values: []string{"Ann"}},
		usher.Assumption{Kind: usher.AssumeGroups, User: user, Values: []string{"platform"}},
		usher.Assumption{Kind: usher.AssumeGrants, User: user, Values: []string{
			"group/platform/idp/" + p.IdP, "role/approver/idp/" + p.IdP}},
	)
	return r
}

// Anew is the record of a sign-in whose linked account has vanished: a new one
// is made, and applications that knew the subject keep its sub.
func (p Person) Anew(at usher.Instant, gone usher.UserID) usher.Record {
	r := p.First(at)
	r.Decision.Reason = usher.ReasonVanishedAnew
	r.Decision.Changes = append(r.Decision.Changes, usher.Change{Op: usher.OpUnlink}, usher.Change{Op: usher.OpAlias, Name: "wiki"})
	r.Decision.Assumes[0] = usher.Assumption{Kind: usher.AssumeLinkIs, Store: usher.PrimaryStore, User: gone}
	r.Decision.Assumes = append(r.Decision.Assumes, usher.Assumption{Kind: usher.AssumeUserGone, Store: usher.PrimaryStore, User: gone})
	return r
}

// Passing is the record of a sign-in without an account.
func (p Person) Passing(at usher.Instant) usher.Record {
	r := p.blank(at)
	r.Decision = usher.Decision{
		Verdict: usher.VerdictPassThrough, Reason: usher.ReasonPassNoMatch,
		Changes: []usher.Change{{Op: usher.OpSeen, Name: "wiki"}},
		Assumes: []usher.Assumption{{Kind: usher.AssumeLinkFree}},
	}
	return r
}

// Denied is the record of a refusal. It carries changes, which must not be done.
func (p Person) Denied(at usher.Instant) usher.Record {
	r := p.First(at)
	r.Decision.Verdict, r.Decision.Reason = usher.VerdictDeny, usher.ReasonUsernameTaken
	return r
}

// Asked is First of somebody who was asked: they chose a password, gave an
// attribute themselves, and agreed to one purpose and not to another.
func (p Person) Asked(at usher.Instant) usher.Record {
	r := p.First(at)
	r.Answers = usher.Answers{Policy: Policy.Version, Password: true, Attributes: []usher.Typed{{Name: "phone", Value: "+48 1"}}, Consents: []usher.Consent{
		{Purpose: "account", Version: 1, Accepted: true, Attributes: []string{"email", "phone"}, Language: "es", PolicyURL: "https://wiki.test/privacy"},
		{Purpose: "news", Version: 2},
	}}
	changes := []usher.Change{
		{Op: usher.OpSetAttribute, Name: "phone", Values: []string{"+48 1"}, Rule: "jit.askFor", Source: usher.SourceUser},
		{Op: usher.OpSetPassword},
	}
	for i := range r.Answers.Consents {
		changes = append(changes, usher.Change{Op: usher.OpConsent, Consent: &r.Answers.Consents[i]})
	}
	r.Decision.Changes = slices.Insert(r.Decision.Changes, len(r.Decision.Changes)-2, changes...) // before the link
	r.Decision.Assumes = append(r.Decision.Assumes,
		usher.Assumption{Kind: usher.AssumeUnheld, Store: usher.PrimaryStore, Name: "email", Values: r.Identity.Attributes[0].Values})
	return r
}

// Linking is the record of a first sign-in of somebody whose account was here
// before and was found by the address it holds. A password that nobody proved is
// dropped with everything it opened.
func (p Person) Linking(at usher.Instant, user usher.UserID, holds string) usher.Record {
	r := p.blank(at)
	r.Decision = usher.Decision{
		Verdict: usher.VerdictLink, Reason: usher.ReasonLinkedAuto, User: user, Store: usher.PrimaryStore,
		Changes: []usher.Change{{Op: usher.OpDropPassword}, {Op: usher.OpLink}, {Op: usher.OpEndSessions}, {Op: usher.OpTell, Name: "user.linked"}},
		Assumes: []usher.Assumption{
			{Kind: usher.AssumeLinkFree},
			{Kind: usher.AssumeUserActive, Store: usher.PrimaryStore, User: user},
			{Kind: usher.AssumeHeldBy, Store: usher.PrimaryStore, User: user, Name: "email", Values: []string{holds}},
		},
	}
	return r
}

// Foul is the record of a refusal that anybody can cause: nobody vouched for
// what was asserted.
func (p Person) Foul(at usher.Instant) usher.Record {
	r := p.blank(at)
	r.Identity = usher.Identity{Tenant: p.Tenant, IdP: p.IdP, Fault: usher.Fault{Reason: usher.ReasonSignature}}
	r.Decision = usher.Decision{Reason: usher.ReasonSignature}
	return r
}

// Left is the record of somebody who was asked and did not go on: it knows
// nothing of who it was.
func (p Person) Left(at usher.Instant) usher.Record {
	r := p.blank(at)
	r.Identity = usher.Identity{Tenant: p.Tenant, IdP: p.IdP, Subject: usher.StringValue("redacted"), Redacted: true}
	r.Snapshot.Answers, r.Answers = nil, usher.Answers{Left: usher.LeftDeclined}
	r.Decision = usher.Decision{Reason: usher.ReasonPromptDeclined}
	return r
}

// Waiting is a sign-in that waits for the person to choose a username, for ten
// minutes, named by its record's id.
func (p Person) Waiting(at usher.Instant) ledger.Waiting {
	r := p.blank(at)
	r.Decision = usher.Decision{Verdict: usher.VerdictPrompt, Reason: usher.ReasonPromptDetails,
		Prompts: []usher.Prompt{{Kind: usher.PromptUsername, Value: p.Username, Store: usher.PrimaryStore}}}
	return ledger.Waiting{
		Application: "wiki", Hash: Hash("waiting " + r.ID), Tenant: p.Tenant, Record: r, Carry: []byte("what the page of " + p.Username + " needs"),
		Tries: 1, Created: at, Expires: at + 600*usher.Second,
	}
}

// In is the record as it is when the account is in another store than PRIMARY.
func In(store string, rec usher.Record) usher.Record {
	rec.Decision.Store = store
	rec.Decision.Assumes = slices.Clone(rec.Decision.Assumes)
	for i, a := range rec.Decision.Assumes {
		if a.Store != "" {
			rec.Decision.Assumes[i].Store = store
		}
	}
	return rec
}

// PasswordHash stands for the hash of a password that was given.
const PasswordHash = "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA"

// Act is what applies a record of somebody on the way to wiki.
func Act(rec usher.Record) ledger.Act {
	return ledger.Act{Application: "wiki", Record: rec, PasswordHash: PasswordHash}
}

// Apply applies a record in a commit of its own.
func Apply(ctx context.Context, l *ledger.Ledger, rec usher.Record) error {
	return l.Commit(ctx, func(tx *ledger.Tx) error { return tx.Apply(ctx, Act(rec)) })
}

// MustApply applies a record that must be applicable.
func MustApply(t testing.TB, l *ledger.Ledger, rec usher.Record) usher.Record {
	t.Helper()
	if err := Apply(context.WithoutCancel(t.Context()), l, rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

// SignIn is the smallest path there can be: read, decide by the one question
// whether there is a link, apply, and again if the ground moved.
func SignIn(ctx context.Context, w *World, p Person) (usher.UserID, error) {
	for range 10 {
		linked, err := w.Ledger.Linked(ctx, p.Tenant, p.IdP, p.Subject)
		if err != nil {
			return "", err
		}
		rec := p.First(w.Clock.Instant())
		if linked.Found == usher.FoundOne {
			rec = p.Returning(w.Clock.Instant(), linked.Link.User)
		}
		err = Apply(ctx, w.Ledger, rec)
		if moved := (*ledger.Moved)(nil); errors.As(err, &moved) {
			continue
		}
		return rec.Decision.User, err
	}
	return "", errors.New("storetest: the ground moved ten times")
}

// Together runs n calls at the same moment and gives their errors by number.
func Together(n int, call func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// Numbered is the person of that number.
func Numbered(i int) Person {
	n := strconv.Itoa(i)
	return Person{usher.DefaultTenant, "contoso", "subject-" + n, "user" + n}
}

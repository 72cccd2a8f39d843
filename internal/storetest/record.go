package storetest

import (
	"context"
	"errors"
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
	Application: usher.Toggle{Name: "wiki", Enabled: true},
	Store:       usher.StorePolicy{Toggle: usher.Toggle{Name: usher.PrimaryStore, Enabled: true}},
	JIT: usher.JIT{Enabled: true, Store: usher.PrimaryStore, NoMatch: usher.NoMatchCreate, Sync: usher.Sync{
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

// Apply applies a record in a commit of its own.
func Apply(ctx context.Context, l *ledger.Ledger, rec usher.Record) error {
	return l.Commit(ctx, func(tx *ledger.Tx) error { return tx.Apply(ctx, "wiki", rec) })
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

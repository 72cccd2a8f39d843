package decide_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/decide"
)

// world is everything Decide takes.
type world struct {
	policy   usher.Policy
	identity usher.Identity
	facts    usher.Snapshot
	answers  usher.Answers
}

func (w world) decide() usher.Decision {
	return decide.Decide(w.policy, w.identity, w.facts, w.answers)
}

func (w world) needs() []usher.Question {
	return decide.Needs(w.policy, w.identity, w.answers)
}

// now is when every made-up sign-in happens.
const now = 1_800_000_000 * usher.Second

// plainWorld is what a world is before its file says otherwise: everything is
// switched on, nothing is mapped and nothing has been read or answered.
func plainWorld() world {
	return world{
		policy: usher.Policy{
			Version:     "v1",
			Tenant:      usher.Toggle{Name: usher.DefaultTenant, Enabled: true},
			IdP:         usher.Toggle{Name: "contoso", Enabled: true},
			Application: usher.Application{Toggle: usher.Toggle{Name: "shop", Enabled: true}},
			Stores:      []usher.StorePolicy{{Toggle: usher.Toggle{Name: usher.PrimaryStore, Enabled: true}}},
			JIT: usher.JIT{
				Enabled: true, Store: usher.StoreChoice{Name: usher.PrimaryStore},
				NoMatch: usher.NoMatchCreate, UsernameConflict: usher.ConflictDeny,
			},
		},
		identity: usher.Identity{
			Tenant: usher.DefaultTenant, IdP: "contoso", Issuer: "https://login.contoso.test",
			Subject:   usher.StringValue("248289"),
			Admission: usher.Admission{Admitted: true},
			Username:  usher.Derived{Presence: usher.PresenceAbsent, Rule: "mapping.username"},
			Groups:    usher.Derived{Presence: usher.PresenceAbsent, Rule: "mapping.groups"},
		},
		facts: usher.Snapshot{At: now, Reserved: "u-new"},
	}
}

// primary is PRIMARY's policy in a world, to be changed.
func (w *world) primary() *usher.StorePolicy { return &w.policy.Stores[0] }

// worldFile is a world as it stands in testdata/worlds: what is given, what is
// wanted, and steps of the trace that must be there in this order.
type worldFile struct {
	world
	want, trace []string
	head        string // everything before the line "want"
	read        []usher.Answer
}

// parseWorld reads a world. A file has the sections policy, identity, facts,
// answers (if the person was asked), want and, if the story matters, trace; #
// begins a comment.
func parseWorld(t *testing.T, text string) *worldFile {
	t.Helper()
	f := &worldFile{world: plainWorld()}
	section := ""
	for n, line := range strings.Split(text, "\n") {
		said := strings.TrimSpace(line)
		switch {
		case said == "" || strings.HasPrefix(said, "#"):
		case line == said:
			section = said
		case section == "want":
			f.want = append(f.want, said)
		case section == "trace":
			f.trace = append(f.trace, said)
		default:
			if err := f.readLine(section, words(said)); err != nil {
				t.Fatalf("line %d: %s: %v", n+1, said, err)
			}
		}
	}
	f.head, _, _ = strings.Cut(text, "\nwant\n")
	f.answerQuestions()
	return f
}

// answerQuestions gives the answers that were read their exact questions. A
// name is asked about as the policy says, maybe strictly and laxly both.
func (f *worldFile) answerQuestions() {
	needs := f.needs()
	for _, a := range f.read {
		switch q := &a.Question; q.Kind {
		case usher.AskLink:
			*q = f.askLink()
		case usher.AskSeen:
			*q = f.askSeen()
		case usher.AskUsername:
			for _, n := range needs {
				if n.Kind == usher.AskUsername && n.Name == q.Name {
					again := a
					again.Question = n
					f.facts.Answers = append(f.facts.Answers, again)
				}
			}
			continue
		}
		f.facts.Answers = append(f.facts.Answers, a)
	}
}

// words splits a line at spaces; "quoted words" stay whole and lose the quotes.
func words(line string) []string {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			word, _ := strconv.Unquote(quoted)
			out, line = append(out, word), line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		out, line = append(out, word), rest
	}
	return out
}

func (f *worldFile) readLine(section string, w []string) error {
	key, rest := w[0], append(slices.Clone(w[1:]), "", "")[:max(len(w)-1, 2)]
	switch section {
	case "policy":
		if f.readSwitch(key, rest) || f.readAsking(key, w[1:]) {
			return nil
		}
		return f.readPolicy(key, rest, w[1:])
	case "identity":
		return f.readIdentity(key, rest, w[1:])
	case "facts":
		return f.readFact(key, rest, w[1:])
	case "answers":
		if f.answers.Policy == "" {
			f.answers.Policy = f.policy.Version
		}
		return f.readAnswer(key, rest, w[1:])
	}
	return fmt.Errorf("there is no section %q", section)
}

// readSwitch reads the words of a policy that take one word or none.
func (f *worldFile) readSwitch(key string, arg []string) bool {
	p := &f.policy
	switch key {
	case "tenant":
		p.Tenant.Enabled = arg[0] != "off"
	case "idp":
		p.IdP.Enabled = arg[0] != "off"
	case "application":
		p.Application.Enabled = arg[0] != "off"
	case "needsAccount":
		p.Application.NeedsAccount = true
	case "policyOf": // the policy of another provider came with the identity
		p.IdP.Name = arg[0]
	case "target": // the store that jit.store names
		p.JIT.Store.Name = arg[0]
	case "storeFrom":
		p.JIT.Store.From = usher.StoreFrom(arg[0])
	case "storeUnknown":
		p.JIT.Store.Unknown = arg[0]
	case "jit":
		p.JIT.Enabled = arg[0] != "off"
	case "noMatch":
		p.JIT.NoMatch = usher.NoMatch(arg[0])
	case "usernameConflict":
		p.JIT.UsernameConflict = usher.UsernameConflict(arg[0])
	case "usernameSource":
		p.JIT.Username = usher.UsernameSource(arg[0])
	case "skipPatterns":
		p.JIT.SkipPatterns = true
	case "noPrefill":
		p.JIT.NoPrefill = true
	case "ask":
		p.JIT.Ask = usher.Way(arg[0])
	case "onFailure":
		p.JIT.OnFailure = usher.OnFailure(arg[0])
	case "relink":
		p.JIT.Relink = true
	case "attributes":
		p.JIT.Sync.Attributes = usher.SyncMode(arg[0])
	case "groups":
		p.JIT.Sync.Groups = usher.GroupSync(arg[0])
	default:
		return false
	}
	return true
}

// readAsking reads the words of a policy that take a list of names.
func (f *worldFile) readAsking(key string, all []string) bool {
	p := &f.policy
	switch key {
	case "providers":
		p.Application.Providers = all
	case "requires":
		p.Application.Requires = all
	case "require":
		p.JIT.Require = all
	case "askFor":
		p.JIT.AskFor = all
	case "vouchesFor":
		p.JIT.VouchesFor = all
	case "protected":
		p.JIT.Sync.Protected = all
	case "mayGrant":
		p.JIT.Sync.MayGrant = all
	case "privileged":
		p.Privileged = all
	default:
		return false
	}
	return true
}

func (f *worldFile) readPolicy(key string, arg, all []string) error {
	p := &f.policy
	switch key {
	case "store": // store NAME [off|read-only] [unique NAME ...]
		f.setStore(arg, all)
	case "perAttribute":
		if p.JIT.Sync.PerAttribute == nil {
			p.JIT.Sync.PerAttribute = map[string]usher.SyncMode{}
		}
		p.JIT.Sync.PerAttribute[arg[0]] = usher.SyncMode(arg[1])
	case "groupMap": // groupMap theirs -> ours ...
		p.JIT.Sync.GroupMap = with(p.JIT.Sync.GroupMap, arg[0], all[2:])
	case "roleMap":
		p.JIT.Sync.RoleMap = with(p.JIT.Sync.RoleMap, arg[0], all[2:])
	case "purpose": // purpose NAME VERSION [mandatory] ATTRIBUTE ..., with ! after a mandatory one
		p.Purposes = append(p.Purposes, parsePurpose(all))
	case "match": // match ATTRIBUTE [as LOCAL] in STORE ... WHEN
		in := slices.Index(all, "in")
		p.JIT.Match = append(p.JIT.Match, usher.MatchRule{
			Attribute: all[0], Local: all[in-1], Stores: all[in+1 : len(all)-1], When: usher.MatchWhen(all[len(all)-1]),
		})
	default:
		return fmt.Errorf("no such word")
	}
	return nil
}

func (f *worldFile) setStore(arg, all []string) {
	s := usher.StorePolicy{Toggle: usher.Toggle{Name: arg[0], Enabled: arg[1] != "off"}, ReadOnly: arg[1] == "read-only"}
	if at := slices.Index(all, "unique"); at >= 0 {
		s.Unique = all[at+1:]
	}
	if i := slices.IndexFunc(f.policy.Stores, func(o usher.StorePolicy) bool { return o.Name == s.Name }); i >= 0 {
		f.policy.Stores[i] = s
		return
	}
	f.policy.Stores = append(f.policy.Stores, s)
}

func parsePurpose(all []string) usher.Purpose {
	p := usher.Purpose{Name: all[0]}
	p.Version, _ = strconv.Atoi(all[1])
	rest := all[2:]
	if len(rest) > 0 && rest[0] == "mandatory" {
		p.Mandatory, rest = true, rest[1:]
	}
	for _, name := range rest {
		name, mandatory := strings.CutSuffix(name, "!")
		p.Attributes = append(p.Attributes, usher.PurposeAttribute{Name: name, Mandatory: mandatory})
	}
	return p
}

func with(m map[string][]string, key string, values []string) map[string][]string {
	if m == nil {
		m = map[string][]string{}
	}
	m[key] = values
	return m
}

func (f *worldFile) readIdentity(key string, arg, all []string) error {
	id := &f.identity
	switch key {
	case "provider": // the identity and the policy are another provider's
		id.IdP, f.policy.IdP.Name = arg[0], arg[0]
	case "home": // home USER in STORE: a sign-in with a password of ours
		id.IdP, f.policy.IdP.Name = usher.LocalIdP, usher.LocalIdP
		id.Issuer, id.Subject = "", usher.StringValue(arg[0])
		id.Home = usher.AccountRef{Store: all[2], User: usher.UserID(arg[0])}
	case "issuer":
		id.Issuer = arg[0]
	case "redacted":
		id.Redacted = true
	case "tenant":
		id.Tenant, f.policy.Tenant.Name = arg[0], arg[0]
	case "subject":
		id.Subject = parseSubject(arg)
	case "fault":
		id.Fault = usher.Fault{Reason: usher.Reason(arg[0]), Detail: arg[1]}
	case "refused":
		id.Admission = usher.Admission{Why: arg[0]}
	case "failed":
		id.Admission = usher.Admission{Failed: true, Why: arg[0]}
	case "username":
		id.Username = parseDerived(all, "mapping.username")
	case "noUsernameRule":
		id.Username = usher.Derived{Presence: usher.PresenceAbsent}
	case "store":
		id.Store = parseDerived(all, "jit.store.rule")
	case "groups":
		id.Groups = parseDerived(all, "mapping.groups")
	case "attribute": // attribute NAME (PRESENCE | VALUE ...) [passing | verified]
		a := usher.Attribute{Name: arg[0]}
		switch all[len(all)-1] {
		case "verified":
			a.Verified, all = true, all[:len(all)-1]
		case "passing":
			a.Passing, all = true, all[:len(all)-1]
		}
		a.Derived = parseDerived(all[1:], "mapping.attributes."+arg[0])
		id.Attributes = append(id.Attributes, a)
		slices.SortFunc(id.Attributes, func(a, b usher.Attribute) int { return strings.Compare(a.Name, b.Name) })
	default:
		return fmt.Errorf("no such word")
	}
	return nil
}

func parseSubject(arg []string) usher.Value {
	switch arg[0] {
	case "absent":
		return usher.Value{}
	case "null":
		return usher.NullValue()
	case "number":
		return usher.NumberValue(arg[1])
	case "true":
		return usher.BoolValue(true)
	case "list":
		return usher.ListValue(usher.StringValue(arg[1]))
	case "object":
		return usher.ObjectValue()
	case "long": // long N: so many bytes
		n, _ := strconv.Atoi(arg[1])
		return usher.StringValue(strings.Repeat("x", n))
	}
	return usher.StringValue(arg[0])
}

func parseDerived(args []string, rule string) usher.Derived {
	d := usher.Derived{Presence: usher.Presence(args[0]), Rule: rule}
	switch d.Presence {
	case usher.PresenceAbsent, usher.PresenceNull, usher.PresenceEmpty:
	case usher.PresenceUnknown:
		d.Why = strings.Join(args[1:], " ")
	default:
		d.Presence, d.Values = usher.PresenceSet, args
	}
	return d
}

func (f *worldFile) readAnswer(key string, arg, all []string) error {
	a := &f.answers
	switch key {
	case "policy": // the version that was answered, if it is not the one in force
		a.Policy = arg[0]
	case "left":
		a.Left = usher.Left(arg[0])
	case "username":
		a.Username = arg[0]
	case "claim":
		a.Claim = true
	case "password":
		a.Password = true
	case "typed":
		a.Attributes = append(a.Attributes, usher.Typed{Name: arg[0], Value: arg[1]})
	case "consent": // consent PURPOSE VERSION (accepted | refused) ATTRIBUTE ...
		c := usher.Consent{Purpose: all[0], Accepted: all[2] == "accepted", Attributes: all[3:], Language: "en", PolicyURL: "https://usher.test/privacy"}
		c.Version, _ = strconv.Atoi(all[1])
		a.Consents = append(a.Consents, c)
	case "proof": // proof KIND USER in STORE MINUTES-AGO
		ago, err := strconv.Atoi(all[4])
		a.Proof = &usher.Proof{Kind: usher.ProofKind(all[0]), User: usher.UserID(all[1]), Store: all[3], At: now - usher.Instant(ago)*60*usher.Second}
		return err
	default:
		return fmt.Errorf("no such word")
	}
	return nil
}

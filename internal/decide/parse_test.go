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
}

func (w world) decide() usher.Decision {
	return decide.Decide(w.policy, w.identity, w.facts, usher.Answers{})
}

func (w world) needs() []usher.Question {
	return decide.Needs(w.policy, w.identity, usher.Answers{})
}

// plainWorld is what a world is before its file says otherwise: everything is
// switched on, nothing is mapped and nothing has been read.
func plainWorld() world {
	return world{
		policy: usher.Policy{
			Version:     "v1",
			Tenant:      usher.Toggle{Name: usher.DefaultTenant, Enabled: true},
			IdP:         usher.Toggle{Name: "contoso", Enabled: true},
			Application: usher.Toggle{Name: "shop", Enabled: true},
			Store:       usher.StorePolicy{Toggle: usher.Toggle{Name: usher.PrimaryStore, Enabled: true}},
			JIT:         usher.JIT{Enabled: true, Store: usher.PrimaryStore, NoMatch: usher.NoMatchCreate, UsernameConflict: usher.ConflictDeny},
		},
		identity: usher.Identity{
			Tenant: usher.DefaultTenant, IdP: "contoso", Issuer: "https://login.contoso.test",
			Subject:   usher.StringValue("248289"),
			Admission: usher.Admission{Admitted: true},
			Username:  usher.Derived{Presence: usher.PresenceAbsent, Rule: "mapping.username"},
			Groups:    usher.Derived{Presence: usher.PresenceAbsent, Rule: "mapping.groups"},
		},
		facts: usher.Snapshot{At: 1_800_000_000 * usher.Second, Reserved: "u-new"},
	}
}

// worldFile is a world as it stands in testdata/worlds: what is given, what is
// wanted, and steps of the trace that must be there in this order.
type worldFile struct {
	world
	want, trace []string
	head        string // everything before the line "want"
	names       []usher.Answer
	seen        *usher.Answer
}

// parseWorld reads a world. A file has the sections policy, identity, facts,
// want and, if the story matters, trace; # begins a comment.
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
			if err := f.read(section, words(said)); err != nil {
				t.Fatalf("line %d: %s: %v", n+1, said, err)
			}
		}
	}
	f.head, _, _ = strings.Cut(text, "\nwant\n")
	f.answerQuestions()
	return f
}

// answerQuestions gives names and seen their exact questions, which depend on
// the policy and the identity.
func (f *worldFile) answerQuestions() {
	for i := range f.facts.Answers {
		f.facts.Answers[i].Question = f.askLink()
	}
	for _, a := range f.names {
		a.Question.Store = f.policy.JIT.Store
		f.facts.Answers = append(f.facts.Answers, a)
	}
	if f.seen != nil {
		f.seen.Question = f.askSeen()
		f.facts.Answers = append(f.facts.Answers, *f.seen)
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

func (f *worldFile) read(section string, w []string) error {
	key, rest := w[0], append(w[1:], "", "")[:max(len(w)-1, 2)]
	switch section {
	case "policy":
		return f.readPolicy(key, rest, w[1:])
	case "identity":
		return f.readIdentity(key, rest, w[1:])
	case "facts":
		return f.readFact(key, rest, w[1:])
	}
	return fmt.Errorf("there is no section %q", section)
}

func (f *worldFile) readPolicy(key string, arg, all []string) error {
	p := &f.policy
	switch key {
	case "tenant":
		p.Tenant.Enabled = arg[0] != "off"
	case "idp":
		p.IdP.Enabled = arg[0] != "off"
	case "application":
		p.Application.Enabled = arg[0] != "off"
	case "policyOf": // the policy of another provider came with the identity
		p.IdP.Name = arg[0]
	case "store": // store NAME [off|read-only]
		p.Store = usher.StorePolicy{Toggle: usher.Toggle{Name: arg[0], Enabled: arg[1] != "off"}, ReadOnly: arg[1] == "read-only"}
	case "target": // what jit.store names, if the store is not that one
		p.JIT.Store = arg[0]
	case "jit":
		p.JIT.Enabled = arg[0] != "off"
	case "noMatch":
		p.JIT.NoMatch = usher.NoMatch(arg[0])
	case "usernameConflict":
		p.JIT.UsernameConflict = usher.UsernameConflict(arg[0])
	case "attributes":
		p.JIT.Sync.Attributes = usher.SyncMode(arg[0])
	case "perAttribute":
		if p.JIT.Sync.PerAttribute == nil {
			p.JIT.Sync.PerAttribute = map[string]usher.SyncMode{}
		}
		p.JIT.Sync.PerAttribute[arg[0]] = usher.SyncMode(arg[1])
	case "groups":
		p.JIT.Sync.Groups = usher.GroupSync(arg[0])
	case "groupMap": // groupMap theirs -> ours ...
		p.JIT.Sync.GroupMap = with(p.JIT.Sync.GroupMap, arg[0], all[2:])
	case "roleMap":
		p.JIT.Sync.RoleMap = with(p.JIT.Sync.RoleMap, arg[0], all[2:])
	default:
		return fmt.Errorf("no such word")
	}
	return nil
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
	case "groups":
		id.Groups = parseDerived(all, "mapping.groups")
	case "attribute": // attribute NAME (PRESENCE | VALUE ...) [verified]
		a := usher.Attribute{Name: arg[0]}
		if rest := all[1:]; rest[len(rest)-1] == "verified" {
			a.Verified, all = true, all[:len(all)-1]
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

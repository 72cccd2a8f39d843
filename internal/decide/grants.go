package decide

import (
	"cmp"
	"slices"

	"github.com/usher-id/usher"
)

// holding is a group or a role here.
type holding struct {
	kind usher.GrantKind
	name string
}

func (g holding) String() string { return string(g.kind) + " " + g.name }

func (g holding) rule() string {
	if g.kind == usher.GrantGroup {
		return "jit.sync.groupMap"
	}
	return "jit.sync.roleMap"
}

// mapped is what the policy's maps make of the provider's groups: groups before
// roles, by name, each once. A group in neither map grants nothing. What the
// provider did not send is not known; only a list received as empty is empty.
func (h *hearing) mapped() (wanted []holding, known bool) {
	switch presence(h.identity.Groups) {
	case usher.PresenceSet:
	case usher.PresenceEmpty:
		return nil, true
	default:
		return nil, false
	}
	sync := h.policy.JIT.Sync
	set := map[holding]bool{}
	for _, theirs := range h.identity.Groups.Values {
		for _, name := range sync.GroupMap[theirs] {
			set[holding{usher.GrantGroup, name}] = true
		}
		for _, name := range sync.RoleMap[theirs] {
			set[holding{usher.GrantRole, name}] = true
		}
	}
	return sorted(set), true
}

// granted is what the provider may give of what it says. What makes an account
// privileged takes a permission of its own, lest the provider's staff make
// administrators here.
func (h *hearing) granted(wanted []holding) []holding {
	var out []holding
	for _, g := range wanted {
		label := usher.Label(string(g.kind), g.name)
		if h.policy.IsPrivileged(g.kind, g.name) && !slices.Contains(h.policy.JIT.Sync.MayGrant, label) {
			h.step("May this provider give the "+g.String()+"?", "no: it is privileged", "jit.sync.mayGrant")
			h.tell("grant.shielded")
			continue
		}
		out = append(out, g)
	}
	return out
}

func sorted(set map[holding]bool) []holding {
	out := make([]holding, 0, len(set))
	for g := range set {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b holding) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	return out
}

// holdings is what an account holds now, by who gave it.
type holdings struct {
	ours, others map[holding]bool // granted by this provider, and by anyone else
	member       map[string]bool  // groups it is in, granted or not
}

func (h *hearing) holdings(account usher.Account) holdings {
	out := holdings{ours: map[holding]bool{}, others: map[holding]bool{}, member: map[string]bool{}}
	for _, g := range account.Grants {
		if h.wrote(g.Source) {
			out.ours[holding{g.Kind, g.Name}] = true
		} else {
			out.others[holding{g.Kind, g.Name}] = true
		}
	}
	for _, name := range account.Groups {
		out.member[name] = true
	}
	return out
}

// syncGrants asks which groups and roles this provider gives, and which of its
// own it takes back. What others gave is never touched.
func (h *hearing) syncGrants(account usher.Account) {
	const question = "Are groups and roles brought up to date?"
	const rule = "jit.sync.groups"
	mode := h.policy.JIT.Sync.Groups
	wanted, known := h.mapped()
	switch {
	case mode != usher.GroupsOwn && mode != usher.GroupsMerge:
		h.step(question, "no: they are not synced after the first sign-in", rule)
		return
	case !known:
		h.step(question, "no: what the provider says is not known, so everything stays", rule)
		return
	case mode == usher.GroupsMerge:
		h.step(question, "yes: new ones are added, none is taken back", rule)
	default:
		h.step(question, "yes: exactly what this provider says, of what it gave", rule)
	}
	before := len(h.ledger)
	now := h.holdings(account)
	for _, g := range h.granted(wanted) {
		h.give(g, now)
		delete(now.ours, g)
	}
	if mode == usher.GroupsOwn {
		for _, g := range sorted(now.ours) {
			h.takeBack(g, now)
		}
	}
	if len(h.ledger) > before {
		h.assumeHoldings(account)
	}
}

// give grants what the provider says, unless it does so already. A membership
// that nobody granted was put there by hand: it is left alone and not granted,
// so that it is never ours to take away.
func (h *hearing) give(g holding, now holdings) {
	question := "Does this provider give the " + g.String() + "?"
	isGroup := g.kind == usher.GrantGroup
	switch {
	case now.ours[g]:
		h.step(question, "yes, as before", g.rule())
	case isGroup && h.place.ReadOnly:
		h.step(question, "no: memberships can't be written", g.rule())
	case isGroup && now.member[g.name] && !now.others[g]:
		h.step(question, "no: the account is in it already, by no grant, and that is left alone", g.rule())
	case isGroup && !now.member[g.name]:
		h.step(question, "yes: the account joins it", g.rule())
		h.write(usher.Change{Op: usher.OpJoinGroup, Name: g.name})
		h.grant(g)
	default:
		h.step(question, "yes, from now on", g.rule())
		h.grant(g)
	}
}

// takeBack ends a grant of ours that the provider no longer says. The account
// leaves a group only if no other source keeps it there.
func (h *hearing) takeBack(g holding, now holdings) {
	question := "Does this provider take back the " + g.String() + "?"
	isGroup := g.kind == usher.GrantGroup
	if isGroup && h.place.ReadOnly {
		h.step(question, "no: memberships can't be written", g.rule())
		return
	}
	switch {
	case now.others[g]:
		h.step(question, "yes, but another source gave it too, so the account keeps it", g.rule())
	case isGroup && now.member[g.name]:
		h.step(question, "yes: the account leaves it", g.rule())
		h.write(usher.Change{Op: usher.OpLeaveGroup, Name: g.name})
	default:
		h.step(question, "yes", g.rule())
	}
	h.note(usher.Change{Op: usher.OpRevoke, Name: g.name, Grant: g.kind, Rule: g.rule()})
}

func (h *hearing) grant(g holding) {
	h.note(usher.Change{Op: usher.OpGrant, Name: g.name, Grant: g.kind, Rule: g.rule()})
}

// assumeHoldings assumes that memberships and grants are still as they were read.
func (h *hearing) assumeHoldings(account usher.Account) {
	grants := make([]string, len(account.Grants))
	for i, g := range account.Grants {
		grants[i] = usher.Label(string(g.Kind), g.Name, string(g.Source.Kind), g.Source.Name)
	}
	h.assume(usher.Assumption{Kind: usher.AssumeGroups, Store: account.Store, User: account.ID, Values: account.Groups})
	h.assume(usher.Assumption{Kind: usher.AssumeGrants, Store: account.Store, User: account.ID, Values: grants})
}

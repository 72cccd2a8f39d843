package config

import (
	"slices"

	"github.com/usher-id/usher"
)

// sync reads what a returning sign-in may change.
func (r *jitReader) sync(s *section) {
	out := &r.to.JIT.Sync
	out.Attributes = syncMode(s.get("attributes"), usher.SyncPreserveLocal)
	for _, a := range s.get("perAttribute").section().all(1_000) {
		if r.kept(a.node, a.key) == "" {
			continue
		}
		if out.PerAttribute == nil {
			out.PerAttribute = map[string]usher.SyncMode{}
		}
		out.PerAttribute[a.key] = syncMode(a.node, out.Attributes)
	}
	out.Protected = s.get("protected").texts(1_000, r.kept)
	slices.Sort(out.Protected)
	out.Lock = s.get("lock").flag(false)
	out.Groups = usher.GroupSync(s.get("groups").
		choice(string(usher.GroupsOwn), string(usher.GroupsOwn), string(usher.GroupsMerge), string(usher.GroupsNone)))

	g := grants{to: r.to.Name}
	out.GroupMap = g.table(s.get("groupMap").section(), usher.GrantGroup)
	out.RoleMap = g.table(s.get("roleMap").section(), usher.GrantRole)
	out.MayGrant = g.permissions(s.get("mayGrant").section())
	separator := s.get("separator")
	r.rules.src.Separator = r.rules.placed(separator).text()
	if r.rules.src.Groups == "" {
		needGroups(s.get("groups"), out.Groups != usher.GroupsNone)
		needGroups(s.get("groupMap"), true)
		needGroups(s.get("roleMap"), true)
		needGroups(separator, true)
	}
	s.close()
	r.later(g.check)
}

func syncMode(n node, def usher.SyncMode) usher.SyncMode {
	return usher.SyncMode(n.choice(string(def), string(usher.SyncPreserveLocal), string(usher.SyncOverride), string(usher.SyncNone)))
}

// needGroups refuses a setting about groups where no rule reads any.
func needGroups(n node, wants bool) {
	if n.present() && wants {
		n.fault("needs the groups of the provider, but no rule reads them; add mapping.groups, or remove this")
	}
}

// grants is the groups and roles that one provider can give, with their places.
type grants struct {
	to        string // the provider's name
	given     []grant
	permitted []grant
}

type grant struct {
	node
	kind usher.GrantKind
	name string
}

func (g grant) label() string { return usher.Label(string(g.kind), g.name) }

// plural is the key that lists privileged names of a kind.
func plural(kind usher.GrantKind) string { return string(kind) + "s" }

// table reads a table from a provider's group to what is granted here. It is
// the whole list of what this provider can grant.
func (g *grants) table(s *section, kind usher.GrantKind) map[string][]string {
	var out map[string][]string
	for _, theirs := range s.all(10_000) {
		if label(theirs.node, theirs.key) == "" {
			continue
		}
		names := theirs.texts(1_000, func(n node, name string) string {
			if name = label(n, name); name != "" {
				g.given = append(g.given, grant{n, kind, name})
			}
			return name
		})
		if len(names) == 0 {
			if list := theirs.entries(); list != nil && len(list) == 0 {
				theirs.fault("grants nothing; name at least one group or role, or remove the line")
			}
			continue
		}
		if out == nil {
			out = map[string][]string{}
		}
		slices.Sort(names)
		out[theirs.key] = names
	}
	return out
}

// permissions reads which privileged groups and roles the provider may give.
func (g *grants) permissions(s *section) []string {
	g.permitted = readGrantList(s)
	s.close()
	return labels(g.permitted)
}

// readGrantList reads { roles: [...], groups: [...] }.
func readGrantList(s *section) []grant {
	var out []grant
	for _, kind := range []usher.GrantKind{usher.GrantRole, usher.GrantGroup} {
		s.get(plural(kind)).texts(1_000, func(n node, name string) string {
			if name = label(n, name); name != "" {
				out = append(out, grant{n, kind, name})
			}
			return name
		})
	}
	return out
}

// labels names grants as policies do, sorted, each once.
func labels(all []grant) []string {
	var out []string
	for _, g := range all {
		out = append(out, g.label())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// check holds what can be given against the stores and the privileged names.
func (g *grants) check(c *Config) {
	policy := usher.Policy{Privileged: c.Server.Privileged}
	jit := c.providers[g.to].JIT
	stores := c.lookedIn(jit)
	for _, given := range g.given {
		if policy.IsPrivileged(given.kind, given.name) && !slices.Contains(jit.Sync.MayGrant, given.label()) {
			given.fault("%s is privileged on this server, so no map gives it; allow it with sync.mayGrant: { %s: [%s] }, or remove it",
				quoted(given.name), plural(given.kind), given.name)
		}
		if given.kind == usher.GrantGroup {
			c.takesGroup(given, stores)
		}
	}
	for _, p := range g.permitted {
		switch {
		case !policy.IsPrivileged(p.kind, p.name):
			p.fault("%s is not privileged, so it needs no permission; add it to privileged.%s of the Server document, or remove it here", quoted(p.name), plural(p.kind))
		case !slices.ContainsFunc(g.given, func(x grant) bool { return x.label() == p.label() }):
			p.fault("%s is given by no map, so this has no effect; add it to sync.%sMap, or remove it here", quoted(p.name), p.kind)
		}
	}
}

// takesGroup checks that every store takes a group of that name.
func (c *Config) takesGroup(g grant, stores []string) {
	for _, name := range stores {
		s, ok := c.Store(name)
		if !ok {
			continue // which is a fault of its own
		}
		if unfit := s.fitGroup(g.name); unfit != usher.Fits {
			g.fault("the store %s takes no group called %s: %s; choose another name, or change policy.group there", name, quoted(g.name), unfit.Said())
		}
	}
}

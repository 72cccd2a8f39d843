package config

import (
	"slices"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

const notYet = "is not supported in this version; %s"

// readJIT reads the provisioning policy. Everything has a default, and the
// default of everything is the careful one.
func readJIT(s *section, src rule.Source, doc *section) usher.JIT {
	out := usher.JIT{
		Enabled: s.get("enabled").flag(false),
		Store:   readStore(s.get("store")),
		NoMatch: readLink(s.get("link").section()),
		Sync:    readSync(s.get("sync").section(), src),
	}
	refuseChoice(s.get("ask"), "nothing", "use ask: nothing, or leave it out", "consent", "password+consent", "username+password+consent")
	refuseChoice(s.get("onFailure"), "deny", "use onFailure: deny, or leave it out", "passThrough")

	conflict := s.get("usernameConflict")
	if word, _ := conflict.peek(); word == "ask" {
		conflict.fault("ask "+notYet, "use suffix or deny")
	} else {
		out.UsernameConflict = usher.UsernameConflict(conflict.choice(string(usher.ConflictDeny), string(usher.ConflictDeny), string(usher.ConflictSuffix)))
	}
	s.close()
	if out.Enabled && src.Username == "" {
		at := doc.child("mapping.username", nil)
		if mapping := doc.nodes["mapping"]; mapping.present() {
			at.line, at.column = mapping.line, mapping.column
		}
		at.fault("is missing, but jit.enabled: true needs a name for new accounts; add it, as in username: claims.preferred_username")
	}
	return out
}

// peek is the text of n if it is one, without a fault if it is not.
func (n node) peek() (string, bool) {
	if !n.present() {
		return "", false
	}
	return scalar(n.yaml)
}

// refuseChoice reads a setting of which only one value works yet. The others
// are refused by name rather than as unknown words.
func refuseChoice(n node, works, instead string, later ...string) {
	if word, ok := n.peek(); ok && slices.Contains(later, word) {
		n.fault("%s "+notYet, word, instead)
		return
	}
	n.choice(works, works)
}

// readStore reads where accounts are made. One store exists in this version.
func readStore(n node) string {
	if !n.present() {
		return usher.PrimaryStore
	}
	word, ok := n.peek()
	switch {
	case ok && word == usher.PrimaryStore:
	case ok:
		n.fault("there is no store %s; use PRIMARY, the only one in this version", quoted(word))
	case what(n.yaml) == "a mapping":
		n.fault("choosing the store by the username or a rule "+notYet, "use store: PRIMARY")
	default:
		n.wrong("text")
	}
	return usher.PrimaryStore
}

// readLink reads what happens to people without a link.
func readLink(s *section) usher.NoMatch {
	if rules := s.get("rules"); len(rules.items(100)) > 0 {
		rules.fault("finding people by rules "+notYet, "remove them: a person is found by the link alone")
	}
	word := s.get("noMatch").choice(string(usher.NoMatchCreate), string(usher.NoMatchCreate), string(usher.NoMatchPassThrough), string(usher.NoMatchDeny))
	s.close()
	return usher.NoMatch(word)
}

// readSync reads what a returning sign-in may change.
func readSync(s *section, src rule.Source) usher.Sync {
	mode := func(n node, def usher.SyncMode) usher.SyncMode {
		return usher.SyncMode(n.choice(string(def), string(usher.SyncPreserveLocal), string(usher.SyncOverride), string(usher.SyncNone)))
	}
	out := usher.Sync{
		Attributes: mode(s.get("attributes"), usher.SyncPreserveLocal),
		Groups:     usher.GroupSync(s.get("groups").choice(string(usher.GroupsOwn), string(usher.GroupsOwn), string(usher.GroupsMerge), string(usher.GroupsNone))),
		GroupMap:   readGrants(s.get("groupMap").section()),
		RoleMap:    readGrants(s.get("roleMap").section()),
	}
	for _, a := range s.get("perAttribute").section().all(1_000) {
		if _, mapped := src.Attributes[a.key]; !mapped {
			a.fault("is not mapped; add it to mapping.attributes, or remove it here")
			continue
		}
		if out.PerAttribute == nil {
			out.PerAttribute = map[string]usher.SyncMode{}
		}
		out.PerAttribute[a.key] = mode(a.node, out.Attributes)
	}
	if src.Groups == "" {
		needGroups(s.get("groups"), out.Groups != usher.GroupsNone)
		needGroups(s.get("groupMap"), true)
		needGroups(s.get("roleMap"), true)
	}
	s.close()
	return out
}

// needGroups refuses a setting about groups where no rule reads any.
func needGroups(n node, wants bool) {
	if n.present() && wants {
		n.fault("needs the groups of the provider, but no rule reads them; add mapping.groups, or remove this")
	}
}

// readGrants reads a table from a provider's group to what is granted here. It
// is the whole list of what this provider can grant.
func readGrants(s *section) map[string][]string {
	var out map[string][]string
	for _, g := range s.all(10_000) {
		if label(g.node, g.key) == "" {
			continue
		}
		names := g.texts(1_000, label)
		if len(names) == 0 {
			if list := g.entries(); list != nil && len(list) == 0 {
				g.fault("grants nothing; name at least one group or role, or remove the line")
			}
			continue
		}
		if out == nil {
			out = map[string][]string{}
		}
		slices.Sort(names)
		out[g.key] = names
	}
	return out
}

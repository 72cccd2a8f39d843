package wso2

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/usher-id/usher"
)

const jitPath = "provisioning.jit."

// asInUsername reports whether the username chooses the store.
func (i *importer) asInUsername() bool {
	return strings.EqualFold(text(i.in, "provisioning", "jit", "userstore"), asInUsername)
}

// jit writes the jit block.
func (i *importer) jit(j usher.Value) yaml.MapSlice {
	out := yaml.MapSlice{{Key: "enabled", Value: flag(j.Get("isEnabled"), false)}}
	switch name := text(j, "userstore"); {
	case i.asInUsername():
		i.add("P006", jitPath+"userstore", "a store that does not exist falls back to PRIMARY, as there; write unknown: deny to refuse instead")
		out = append(out, yaml.MapItem{Key: "store", Value: yaml.MapSlice{{Key: "from", Value: "username"}, {Key: "unknown", Value: usher.PrimaryStore}}})
	case name != "" && name != usher.PrimaryStore:
		i.add("P007", jitPath+"userstore", "there must be a document of kind UserStore with the name "+name)
		out = append(out, yaml.MapItem{Key: "store", Value: name})
	}
	scheme := cmp.Or(text(j, "scheme"), schemeSilently)
	way, known := schemes[scheme]
	switch {
	case !known:
		i.add("P009", jitPath+"scheme", "not carried over: "+scheme+" is not known; nothing is asked")
	case way.AsksPassword():
		i.add(map[bool]string{true: "P012", false: "P011"}[way.AsksUsername()], jitPath+"scheme", "the password is of use only with localSignIn: true in the Server document")
	}
	if way != usher.WaySilent {
		out = append(out, yaml.MapItem{Key: "ask", Value: string(way)})
	}
	if link := i.link(j); len(link) > 0 {
		out = append(out, yaml.MapItem{Key: "link", Value: link})
	}
	return append(out, yaml.MapItem{Key: "sync", Value: i.sync(j)})
}

// link writes how people are found.
func (i *importer) link(j usher.Value) yaml.MapSlice {
	var out yaml.MapSlice
	lookups := j.Get("accountLookupAttributeMappings").List()
	skip := flag(j.Get("skipJITForLookupFailure"), false)
	if !flag(j.Get("associateLocalUser"), false) {
		if len(lookups) > 0 {
			i.add("P053", jitPath+"accountLookupAttributeMappings", "not carried over: associateLocalUser is off, so they have no effect there either")
		}
		if skip {
			i.add("P056", jitPath+"skipJITForLookupFailure", "not carried over: associateLocalUser is off, so it has no effect there either")
		}
		return nil
	}
	var rules []yaml.MapSlice
	for _, l := range lookups {
		if r := i.lookup(text(l, "federatedAttribute"), text(l, "localAttribute")); r != nil && !sameRule(rules, r) {
			rules = append(rules, r)
		}
	}
	if len(rules) > 2 {
		i.add("P057", jitPath+"accountLookupAttributeMappings", "only the first two are carried over")
		rules = rules[:2]
	}
	if len(rules) == 0 {
		i.add("P052", jitPath+"associateLocalUser", "refused: a username is never a key. A match rule on the e-mail address asks for a proof instead; when: auto would need vouchesFor and verified addresses on both sides")
		rules = append(rules, i.emailRule())
	}
	out = append(out, yaml.MapItem{Key: "rules", Value: rules})
	if skip {
		i.add("P056", jitPath+"skipJITForLookupFailure", "written as noMatch: passThrough; noMatch: deny lets nobody in whom no rule finds")
		out = append(out, yaml.MapItem{Key: "noMatch", Value: string(usher.NoMatchPassThrough)})
	}
	return out
}

func sameRule(rules []yaml.MapSlice, r yaml.MapSlice) bool {
	return slices.ContainsFunc(rules, func(o yaml.MapSlice) bool { return o[0] == r[0] && o[1] == r[1] })
}

// emailRule is the rule that stands for WSO2's own lookup.
func (i *importer) emailRule() yaml.MapSlice {
	if i.claimOf(usher.AttributeEmail) == "" {
		i.attributes = append(i.attributes, attribute{usher.AttributeEmail, "email"})
	}
	return i.rule(usher.AttributeEmail, usher.AttributeEmail)
}

// lookup is the rule of one lookup mapping, nil if there is none for it.
func (i *importer) lookup(federated, localURI string) yaml.MapSlice {
	claim, ok := i.claim(federated)
	if slices.Contains(usernameClaims, localURI) || !ok || localURI == "" {
		i.add("P052", jitPath+"accountLookupAttributeMappings", "refused: "+federated+" to "+localURI+", for a username is never a key")
		return nil
	}
	name := i.mapsClaim(claim)
	if name == "" {
		name = attributeOf(localURI)
		if i.claimOf(name) != "" {
			i.add("P053", jitPath+"accountLookupAttributeMappings", "not carried over: "+federated+" is not mapped, and "+name+" is mapped from another claim")
			return nil
		}
		i.attributes = append(i.attributes, attribute{name, claim})
	}
	i.add("P053", jitPath+"accountLookupAttributeMappings", federated+" to "+localURI+" asks for a proof (when: confirm); WSO2 links without one")
	return i.rule(name, attributeOf(localURI))
}

func (i *importer) rule(match, local string) yaml.MapSlice {
	out := yaml.MapSlice{{Key: "match", Value: match}, {Key: "local", Value: local}}
	if i.asInUsername() {
		out = append(out, yaml.MapItem{Key: "stores", Value: []string{usher.PrimaryStore}})
	}
	return append(out, yaml.MapItem{Key: "when", Value: string(usher.MatchConfirm)})
}

// sync writes what a returning sign-in may change.
func (i *importer) sync(j usher.Value) yaml.MapSlice {
	method := cmp.Or(text(j, "attributeSyncMethod"), overrideAll)
	mode, known := syncs[method]
	if !known {
		i.add("P032", jitPath+"attributeSyncMethod", "not carried over: "+method+" is not known; preserveLocal is written")
		mode = usher.SyncPreserveLocal
	}
	if mode == usher.SyncOverride {
		i.add("P031", jitPath+"attributeSyncMethod", "override removes what the provider does not send, but only what it wrote itself")
	}
	out := yaml.MapSlice{{Key: "attributes", Value: string(mode)}}
	groups, roles := i.grants()
	if i.groups() == "" {
		return out
	}
	method = cmp.Or(text(j, "idpGroupSyncMethod"), mergeExisting)
	sync, known := groupSyncs[method]
	switch {
	case !known:
		i.add("P042", jitPath+"idpGroupSyncMethod", "not carried over: "+method+" is not known; merge is written")
		sync = usher.GroupsMerge
	case sync == usher.GroupsOwn:
		i.add("P043", jitPath+"idpGroupSyncMethod", "written as own: what this provider granted becomes what it says now; grants of others stay")
	default:
		i.add("P042", jitPath+"idpGroupSyncMethod", "written as merge: a group or role lost at the provider stays; own takes it back")
	}
	out = append(out, yaml.MapItem{Key: "groups", Value: string(sync)})
	if len(groups) > 0 {
		out = append(out, yaml.MapItem{Key: "groupMap", Value: groups})
	}
	if len(roles) > 0 {
		out = append(out, yaml.MapItem{Key: "roleMap", Value: roles})
	}
	i.add("P040", "claims.roleClaim", "a text of groups is split at commas, WSO2's default separator")
	return append(out, yaml.MapItem{Key: "separator", Value: ","})
}

// grants reads which role of the provider gives what here: roles, and groups of
// a store.
func (i *importer) grants() (groups, roles yaml.MapSlice) {
	for _, row := range i.in.Get("roles").Get("mappings").List() {
		theirs, ours := text(row, "idpRole"), text(row, "localRole")
		if theirs == "" || ours == "" {
			continue
		}
		domain, name, found := strings.Cut(ours, "/")
		switch {
		case !found:
			roles = granted(roles, theirs, ours)
		case strings.EqualFold(domain, "Internal"), strings.EqualFold(domain, "Application"):
			roles = granted(roles, theirs, name)
		default:
			i.add("P038", "roles.mappings", ours+" is a group of the store "+domain+": "+name+" is written to sync.groupMap")
			groups = granted(groups, theirs, name)
		}
	}
	for _, g := range i.in.Get("groups").List() {
		if name := text(g, "name"); name != "" {
			i.add("P039", "groups", "what the group "+name+" gives stands with WSO2's roles; add it to sync.roleMap")
		}
	}
	return groups, roles
}

// granted adds one grant to a table.
func granted(table yaml.MapSlice, theirs, ours string) yaml.MapSlice {
	for n, row := range table {
		if row.Key != theirs {
			continue
		}
		if names, _ := row.Value.([]string); !slices.Contains(names, ours) {
			table[n].Value = append(names, ours)
		}
		return table
	}
	return append(table, yaml.MapItem{Key: theirs, Value: []string{ours}})
}

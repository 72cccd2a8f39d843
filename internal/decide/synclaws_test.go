package decide_test

import (
	"slices"

	"github.com/usher-id/usher"
)

var lawsOfSync = []law{
	{"no change touches a value that another source wrote, or that was changed since", func(w world, d usher.Decision) string {
		a := w.known(d)
		if a == nil {
			return ""
		}
		for _, c := range slices.Concat(written(d), changes(d, usher.OpClearAttribute)) {
			if h, has := held(a, c.Name); has && len(h.Values) > 0 && (!w.wrote(h.Source) || !h.Intact) {
				return c.Name
			}
		}
		return ""
	}},
	{"an attribute is written only as the provider sent it, verified flag and all, or as the person gave it", func(w world, d usher.Decision) string {
		for _, c := range written(d) {
			if c.Source == "" && !slices.ContainsFunc(w.identity.Attributes, func(a usher.Attribute) bool {
				return a.Name == c.Name && a.Presence == usher.PresenceSet && a.Verified == c.Verified && slices.Equal(a.Values, c.Values) && len(a.Values) > 0 && !a.Passing
			}) {
				return c.Name
			}
		}
		return ""
	}},
	{"a protected attribute is neither changed nor removed by a sync", func(w world, d usher.Decision) string {
		for _, c := range slices.Concat(written(d), changes(d, usher.OpClearAttribute)) {
			if a := w.known(d); a != nil && slices.Contains(w.policy.JIT.Sync.Protected, c.Name) {
				if h, has := held(a, c.Name); has && len(h.Values) > 0 && !w.isRefused(c.Name, d) {
					return c.Name
				}
			}
		}
		return ""
	}},
	{"an attribute is removed only if the provider sent nothing for it, under a mode that says so, or the person refuses it", func(w world, d usher.Decision) string {
		for _, c := range changes(d, usher.OpClearAttribute) {
			if w.isRefused(c.Name, d) {
				continue
			}
			mode, ok := w.policy.JIT.Sync.PerAttribute[c.Name]
			if !ok {
				mode = w.policy.JIT.Sync.Attributes
			}
			if !slices.ContainsFunc(w.identity.Attributes, func(a usher.Attribute) bool {
				none := a.Presence == usher.PresenceNull || a.Presence == usher.PresenceEmpty
				return a.Name == c.Name && (none && mode == usher.SyncPreserveLocal || (none || a.Presence == usher.PresenceAbsent) && mode == usher.SyncOverride)
			}) {
				return c.Name
			}
		}
		return ""
	}},
	{"every attribute that changes is assumed to be as it was read", func(w world, d usher.Decision) string {
		a := w.known(d)
		if a == nil || d.Verdict == usher.VerdictCreate {
			return ""
		}
		for _, c := range slices.Concat(written(d), changes(d, usher.OpClearAttribute)) {
			h, _ := held(a, c.Name)
			if !slices.ContainsFunc(d.Assumes, func(x usher.Assumption) bool {
				return x.Kind == usher.AssumeAttribute && x.User == a.ID && x.Store == a.Store && x.Name == c.Name &&
					slices.Equal(x.Values, h.Values) && x.Verified == h.Verified
			}) {
				return c.Name
			}
		}
		return ""
	}},
	{"where provisioning is off nothing is synced", func(w world, d usher.Decision) string {
		if w.policy.JIT.Enabled || d.Verdict != usher.VerdictUpdate {
			return ""
		}
		for _, c := range d.Changes {
			if (c.Op == usher.OpSetAttribute && c.Source == "") || slices.Contains([]usher.ChangeOp{usher.OpClearAttribute, usher.OpGrant, usher.OpRevoke}, c.Op) {
				return string(c.Op)
			}
		}
		return ""
	}},
	{"a grant that makes an account privileged comes only with a permission, and what was held back is told of", func(w world, d usher.Decision) string {
		for _, c := range changes(d, usher.OpGrant) {
			label := string(c.Grant) + "/" + c.Name
			if slices.Contains(w.policy.Privileged, label) && !slices.Contains(w.policy.JIT.Sync.MayGrant, label) {
				return c.Name
			}
		}
		for _, c := range changes(d, usher.OpJoinGroup) {
			if label := "group/" + c.Name; slices.Contains(w.policy.Privileged, label) && !slices.Contains(w.policy.JIT.Sync.MayGrant, label) {
				return c.Name
			}
		}
		return ""
	}},
	{"a grant comes only from the maps, out of groups the provider did send", func(w world, d usher.Decision) string {
		for _, c := range changes(d, usher.OpGrant) {
			by := w.policy.JIT.Sync.RoleMap
			if c.Grant == usher.GrantGroup {
				by = w.policy.JIT.Sync.GroupMap
			}
			if w.identity.Groups.Presence != usher.PresenceSet || !slices.ContainsFunc(w.identity.Groups.Values, func(g string) bool { return slices.Contains(by[g], c.Name) }) {
				return c.Name
			}
		}
		return ""
	}},
	{"groups that are not known, and modes other than own, take nothing back", func(w world, d usher.Decision) string {
		p := w.identity.Groups.Presence
		known := p == usher.PresenceEmpty || p == usher.PresenceSet && len(w.identity.Groups.Values) > 0
		taken := len(changes(d, usher.OpRevoke)) + len(changes(d, usher.OpLeaveGroup))
		return when(taken > 0 && (!known || w.policy.JIT.Sync.Groups != usher.GroupsOwn), "taken back")
	}},
	{"only this provider's grants are taken back, and a group is left only when nobody else keeps it", func(w world, d usher.Decision) string {
		a := w.known(d)
		for _, c := range changes(d, usher.OpRevoke) {
			if !w.granted(a, c.Grant, c.Name, true) {
				return c.Name
			}
		}
		for _, c := range changes(d, usher.OpLeaveGroup) {
			if !w.granted(a, usher.GrantGroup, c.Name, true) || w.granted(a, usher.GrantGroup, c.Name, false) || !slices.Contains(a.Groups, c.Name) {
				return c.Name
			}
		}
		return ""
	}},
	{"a membership that nobody granted is never granted, so never taken away", func(w world, d usher.Decision) string {
		a := w.known(d)
		for _, c := range changes(d, usher.OpGrant) {
			if a != nil && c.Grant == usher.GrantGroup && slices.Contains(a.Groups, c.Name) && !w.granted(a, c.Grant, c.Name, true) && !w.granted(a, c.Grant, c.Name, false) {
				return c.Name
			}
		}
		return ""
	}},
	{"joining comes with a grant, leaving with its end", func(_ world, d usher.Decision) string {
		for _, pair := range [][2]usher.ChangeOp{{usher.OpJoinGroup, usher.OpGrant}, {usher.OpLeaveGroup, usher.OpRevoke}} {
			for _, c := range changes(d, pair[0]) {
				if !slices.ContainsFunc(changes(d, pair[1]), func(g usher.Change) bool { return g.Grant == usher.GrantGroup && g.Name == c.Name }) {
					return c.Name
				}
			}
		}
		return ""
	}},
	{"what changes the holdings of an account assumes all of them as read", func(w world, d usher.Decision) string {
		if w.known(d) == nil || len(changes(d, usher.OpGrant))+len(changes(d, usher.OpRevoke)) == 0 {
			return ""
		}
		return when(!assumes(d, usher.AssumeGroups) || !assumes(d, usher.AssumeGrants), "it does not")
	}},
	{"a read-only store is never written", func(w world, d usher.Decision) string {
		for _, c := range d.Changes {
			if w.policy.Store(d.Store).ReadOnly && slices.Contains(storeOps, c.Op) {
				return string(c.Op)
			}
		}
		return ""
	}},
	{"every returning sign-in is noted, and told of exactly when the account changed", func(_ world, d usher.Decision) string {
		if d.Verdict != usher.VerdictUpdate {
			return ""
		}
		changed := slices.ContainsFunc(d.Changes, func(c usher.Change) bool {
			return slices.Contains(storeOps, c.Op) || c.Op == usher.OpGrant || c.Op == usher.OpRevoke
		})
		local := d.Reason == usher.ReasonLocal
		ok := (len(changes(d, usher.OpLogin)) == 1) != local && tells(d, "user.updated") == changed && (local || changed == (d.Reason == usher.ReasonUpdated))
		return when(!ok, "it is not")
	}},
}

// isRefused reports whether no purpose that lists an attribute was accepted with
// it.
func (w world) isRefused(name string, d usher.Decision) bool {
	refused := false
	for _, p := range w.policy.Purposes {
		i := slices.IndexFunc(p.Attributes, func(a usher.PurposeAttribute) bool { return a.Name == name })
		if i < 0 || !w.asksConsent() {
			continue
		}
		attributes, _ := w.saidTo(p, d)
		if attributes != nil && (p.Attributes[i].Mandatory || slices.Contains(attributes, name)) {
			return false
		}
		refused = true
	}
	return refused
}

func held(a *usher.Account, name string) (usher.Held, bool) {
	i := slices.IndexFunc(a.Attributes, func(h usher.Held) bool { return h.Name == name })
	if i < 0 {
		return usher.Held{}, false
	}
	return a.Attributes[i], true
}

func (w world) wrote(s usher.Source) bool {
	return s.Kind == usher.SourceIdP && s.Name == w.identity.IdP
}

// granted reports whether this provider (ours) or anyone else granted something.
func (w world) granted(a *usher.Account, kind usher.GrantKind, name string, ours bool) bool {
	return slices.ContainsFunc(a.Grants, func(g usher.Grant) bool {
		return g.Kind == kind && g.Name == name && w.wrote(g.Source) == ours
	})
}

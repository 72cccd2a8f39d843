package wso2

import (
	"cmp"
	"encoding/json"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// block is provisioning.jit as WSO2's REST API takes and gives it.
type block struct {
	IsEnabled                      bool     `json:"isEnabled"`
	Scheme                         string   `json:"scheme"`
	Userstore                      string   `json:"userstore"`
	AssociateLocalUser             bool     `json:"associateLocalUser"`
	SkipJITForLookupFailure        bool     `json:"skipJITForLookupFailure"`
	AccountLookupAttributeMappings []lookup `json:"accountLookupAttributeMappings"`
	AttributeSyncMethod            string   `json:"attributeSyncMethod"`
	IDPGroupSyncMethod             string   `json:"idpGroupSyncMethod"`
}

// lookup is how one attribute of the provider finds an account.
type lookup struct {
	FederatedAttribute string `json:"federatedAttribute"`
	LocalAttribute     string `json:"localAttribute"`
}

// Provider is what of an identity provider has a place in WSO2's block, or ought
// to have.
type Provider struct {
	JIT       usher.JIT
	Source    rule.Source
	Purposes  []usher.Purpose
	PromptURL string
}

// Export writes the block provisioning.jit of a provider as JSON. What WSO2 has
// no word for is in the notes.
func Export(p Provider) ([]byte, []Note, error) {
	var n notes
	jit := p.JIT
	out := block{
		IsEnabled: jit.Enabled, Userstore: exportStore(jit.Store, &n), AccountLookupAttributeMappings: []lookup{},
		AssociateLocalUser: len(jit.Match) > 0, SkipJITForLookupFailure: len(jit.Match) > 0 && jit.NoMatch != usher.NoMatchCreate,
	}
	out.Scheme, _ = wordFor(schemes, jit.Ask)
	out.AttributeSyncMethod, _ = wordFor(syncs, jit.Sync.Attributes)
	out.IDPGroupSyncMethod = mergeExisting
	if word, ok := wordFor(groupSyncs, jit.Sync.Groups); ok {
		out.IDPGroupSyncMethod = word
	} else if p.Source.Groups != "" {
		n.add("P042", "jit.sync.groups", "none has no word there; "+mergeExisting+" is written, which changes groups at every sign-in")
	}
	for _, m := range jit.Match {
		out.AccountLookupAttributeMappings = append(out.AccountLookupAttributeMappings, exportRule(m, p, &n))
	}
	switch {
	case jit.NoMatch == usher.NoMatchDeny:
		n.add("P056", "jit.link.noMatch", "deny has no word there: people whom nothing finds pass through without an account, or get one")
	case jit.NoMatch == usher.NoMatchPassThrough && len(jit.Match) == 0:
		n.add("P056", "jit.link.noMatch", "passThrough has no word there without a match rule: everybody gets an account")
	}
	exportRest(p, &n)
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, nil, usher.Fail(usher.Internal, "wso2.Export", "", err)
	}
	return append(b, '\n'), n, nil
}

func exportStore(s usher.StoreChoice, n *notes) string {
	switch s.From {
	case usher.StoreFixed:
		return cmp.Or(s.Name, usher.PrimaryStore)
	case usher.StoreUsername:
		if s.Unknown != usher.PrimaryStore {
			n.add("P006", "jit.store.unknown", "there, a store that does not exist always falls back to PRIMARY")
		}
		return asInUsername
	}
	n.add("P003", "jit.store.rule", "a rule has no word there; PRIMARY is written")
	return usher.PrimaryStore
}

func exportRule(m usher.MatchRule, p Provider, n *notes) lookup {
	claim, simple := claimRead(p.Source.Attributes[m.Attribute].Value)
	if !simple {
		claim = m.Attribute
		n.add("P053", "mapping.attributes."+m.Attribute, "more than one claim is read, which a lookup can't; "+claim+" is written")
	}
	switch m.When {
	case usher.MatchAuto:
		n.add("P058", "jit.link.rules", "there, it links also if an address is not verified, or of a domain that the provider does not own")
	case usher.MatchConfirm:
		n.add("P053", "jit.link.rules", "confirm has no word there: it links without a proof")
	default:
		n.add("P053", "jit.link.rules", string(m.When)+" has no word there: it links without a proof")
	}
	return lookup{FederatedAttribute: claim, LocalAttribute: uriOf(m.Local)}
}

// exportRest notes everything else that has no word there.
func exportRest(p Provider, n *notes) {
	jit := p.JIT
	for _, x := range []struct {
		is        bool
		row, path string
	}{
		{jit.Username != usher.UsernameMapped, "P024", "jit.username"},
		{jit.SkipPatterns, "P018", "jit.skipPatterns"},
		{jit.NoPrefill, "P012", "jit.prefill"},
		{len(jit.Require) > 0, "P078", "jit.require"},
		{len(jit.AskFor) > 0, "P078", "jit.askFor"},
		{jit.UsernameConflict != usher.ConflictDeny, "P050", "jit.usernameConflict"},
		{jit.OnFailure != usher.FailureDeny, "P071", "jit.onFailure"},
		{len(jit.Sync.PerAttribute) > 0, "P034", "jit.sync.perAttribute"},
		{len(jit.Sync.Protected) > 0, "P036", "jit.sync.protected"},
		{jit.Sync.Lock, "P106", "jit.sync.lock"},
		{len(jit.Sync.GroupMap)+len(jit.Sync.RoleMap) > 0, "P038", "jit.sync.groupMap and roleMap"},
		{p.PromptURL != "", "P015", "jit.prompt"},
		{len(jit.VouchesFor) > 0, "P058", "vouchesFor"},
		{len(p.Purposes) > 0, "P074", "jit.purposes"},
	} {
		if x.is {
			n.add(x.row, x.path, "has no place in the block; set it there where WSO2 has it, if it has")
		}
	}
}

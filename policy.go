package usher

import "slices"

// Policy is what the operator wrote, as decide reads it: already checked, and
// without expressions, for those have run in rule.
type Policy struct {
	Version     string        `json:"version"` // digest of the configuration it came from
	Tenant      Toggle        `json:"tenant"`
	IdP         Toggle        `json:"idp"`
	Application Application   `json:"application"`
	Stores      []StorePolicy `json:"stores"`               // every user store there is; a name that is not here is unknown
	Privileged  []string      `json:"privileged,omitempty"` // groups and roles that make an account privileged, each Label(kind, name)
	Purposes    []Purpose     `json:"purposes,omitempty"`   // what people from this provider are asked to agree to, in order
	JIT         JIT           `json:"jit"`
}

// Store is the policy of the store of that name; one that is not there is off.
func (p Policy) Store(name string) StorePolicy {
	for _, s := range p.Stores {
		if s.Name == name {
			return s
		}
	}
	return StorePolicy{}
}

// IsPrivileged reports whether holding g makes an account privileged.
func (p Policy) IsPrivileged(kind GrantKind, name string) bool {
	return slices.Contains(p.Privileged, Label(string(kind), name))
}

// Toggle is a named thing that can be switched off. The zero Toggle is off.
type Toggle struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// Application is what decide must know of the application a person is on the
// way to.
type Application struct {
	Toggle
	Providers    []string `json:"providers,omitempty"`    // the providers it allows; none written allows all
	Requires     []string `json:"requires,omitempty"`     // attributes it can't do without, sorted
	NeedsAccount bool     `json:"needsAccount,omitempty"` // it takes nobody without an account
}

// StorePolicy is what decide must know of a user store. A store that does not
// exist is one that is not enabled.
type StorePolicy struct {
	Toggle
	ReadOnly bool     `json:"readOnly,omitempty"`
	Unique   []string `json:"unique,omitempty"` // attributes whose values belong to one account at most, sorted
}

// Purpose is something people are asked to agree to. Its words are not decide's
// business.
type Purpose struct {
	Name       string             `json:"name"`
	Version    int                `json:"version"`             // a receipt of another version does not count
	Mandatory  bool               `json:"mandatory,omitempty"` // who does not agree is not let in
	Attributes []PurposeAttribute `json:"attributes,omitempty"`
}

// PurposeAttribute is one attribute that a purpose is about. A mandatory one is
// agreed to with the purpose; any other can be refused alone.
type PurposeAttribute struct {
	Name      string `json:"name"`
	Mandatory bool   `json:"mandatory,omitempty"`
}

// JIT is the just-in-time provisioning policy of one identity provider. The
// zero JIT provisions nothing.
type JIT struct {
	Enabled          bool             `json:"enabled"`
	Store            StoreChoice      `json:"store"`
	Username         UsernameSource   `json:"username,omitempty"`
	SkipPatterns     bool             `json:"skipPatterns,omitempty"` // derived usernames need not fit the store's own pattern
	Ask              Way              `json:"ask,omitempty"`
	NoPrefill        bool             `json:"noPrefill,omitempty"`  // the username to choose is not proposed
	Require          []string         `json:"require,omitempty"`    // attributes no account of this provider is without, sorted
	AskFor           []string         `json:"askFor,omitempty"`     // attributes that people may give themselves; nothing else is taken from them
	VouchesFor       []string         `json:"vouchesFor,omitempty"` // domains of e-mail addresses whose owner this provider can prove, lower case
	Match            []MatchRule      `json:"match,omitempty"`      // in the order to ask
	NoMatch          NoMatch          `json:"noMatch"`
	UsernameConflict UsernameConflict `json:"usernameConflict"`
	Sync             Sync             `json:"sync"`
	OnFailure        OnFailure        `json:"onFailure,omitempty"`
	Relink           bool             `json:"relink,omitempty"` // links that another issuer made count, and become this issuer's
}

// StoreChoice says in which store new accounts are made.
type StoreChoice struct {
	Name    string    `json:"name,omitempty"` // From StoreFixed
	From    StoreFrom `json:"from,omitempty"`
	Unknown string    `json:"unknown,omitempty"` // the store to fall back to when the one chosen is not there; "" denies
}

// StoreFrom says what chooses the store.
type StoreFrom string

// What can choose the store. Anything else denies.
const (
	StoreFixed    StoreFrom = ""         // StoreChoice.Name
	StoreUsername StoreFrom = "username" // what stands before the first slash of the username, if it is a store's name in any case of ASCII
	StoreRule     StoreFrom = "rule"     // the rule whose outcome is Identity.Store
)

// UsernameSource says what a new account is called.
type UsernameSource string

// The sources of usernames.
const (
	UsernameMapped    UsernameSource = ""          // what mapping.username gave, or the subject if there is no such rule
	UsernameGenerated UsernameSource = "generated" // the account's own id
)

// Way is what a newcomer is asked before an account is made.
type Way string

// The ways of asking. Anything else denies.
const (
	WaySilent          Way = ""                          // nothing; written "nothing"
	WayConsent         Way = "consent"                   // purposes
	WayPasswordConsent Way = "password+consent"          // a password for local sign-in, and purposes
	WayUsername        Way = "username+password+consent" // all three
)

// AsksConsent reports whether purposes are agreed to.
func (w Way) AsksConsent() bool { return w == WayConsent || w.AsksPassword() }

// AsksPassword reports whether a password is asked for.
func (w Way) AsksPassword() bool { return w == WayPasswordConsent || w == WayUsername }

// AsksUsername reports whether the person chooses the username.
func (w Way) AsksUsername() bool { return w == WayUsername }

// MatchRule finds an account that was here before, by an attribute.
type MatchRule struct {
	Attribute string    `json:"attribute"` // of the identity
	Local     string    `json:"local"`     // of the account; the same name if none was written
	Stores    []string  `json:"stores"`    // where to look
	When      MatchWhen `json:"when"`
}

// MatchWhen is what happens to the one account a rule finds.
type MatchWhen string

// What can happen. Anything else denies.
const (
	MatchAuto    MatchWhen = "auto"    // it is linked, if both sides are verified and the provider vouches for the address
	MatchConfirm MatchWhen = "confirm" // the person proves to own it
	MatchNever   MatchWhen = "never"   // nobody is linked, nor let in as somebody new
)

// OnFailure is what happens when no account can be made because the store does
// not answer.
type OnFailure string

// What can happen then. Anything else denies.
const (
	FailureDeny        OnFailure = ""            // written "deny"
	FailurePassThrough OnFailure = "passThrough" // who has no link comes in without an account and without groups
)

// NoMatch is what happens to a person who has no link and whom no rule finds.
type NoMatch string

// What can happen when nobody matches. Anything else denies.
const (
	NoMatchDeny        NoMatch = "deny"
	NoMatchCreate      NoMatch = "create"
	NoMatchPassThrough NoMatch = "passThrough"
)

// UsernameConflict is what happens when the derived username is taken.
type UsernameConflict string

// What can happen on a taken username. Anything else denies.
const (
	ConflictDeny   UsernameConflict = "deny"
	ConflictSuffix UsernameConflict = "suffix"
	ConflictAsk    UsernameConflict = "ask" // the person chooses another one, or proves to own the account that has it
)

// Sync is what a returning login may change.
type Sync struct {
	Attributes   SyncMode            `json:"attributes"`
	PerAttribute map[string]SyncMode `json:"perAttribute,omitempty"`
	Protected    []string            `json:"protected,omitempty"` // attributes that no later sign-in changes or removes, sorted
	Groups       GroupSync           `json:"groups"`
	GroupMap     map[string][]string `json:"groupMap,omitempty"` // provider's group -> groups here; what is not here is not granted
	RoleMap      map[string][]string `json:"roleMap,omitempty"`  // provider's group -> roles here
	Lock         bool                `json:"lock,omitempty"`     // nobody but this provider edits what it wrote
	MayGrant     []string            `json:"mayGrant,omitempty"` // privileged groups and roles that this provider may give, each Label(kind, name)
}

// SyncMode is how a returning login treats an attribute.
type SyncMode string

// The sync modes. Whatever the mode, a value that another source wrote, or that
// was changed since this provider wrote it, stays.
const (
	SyncNone          SyncMode = "none"          // nothing changes after the first login; also the zero mode
	SyncOverride      SyncMode = "override"      // absent here means removed here
	SyncPreserveLocal SyncMode = "preserveLocal" // absent keeps; null, empty and values are taken over
)

// GroupSync is how a returning login treats grants.
type GroupSync string

// The group sync modes.
const (
	GroupsNone  GroupSync = "none"  // nothing changes after the first login; also the zero mode
	GroupsMerge GroupSync = "merge" // only adds
	GroupsOwn   GroupSync = "own"   // exactly what this provider asserts, of what it granted
)

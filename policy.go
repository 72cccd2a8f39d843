package usher

// Policy is what the operator wrote, as decide reads it: already checked, and
// without expressions, for those have run in rule.
type Policy struct {
	Version     string      `json:"version"` // digest of the configuration it came from
	Tenant      Toggle      `json:"tenant"`
	IdP         Toggle      `json:"idp"`
	Application Toggle      `json:"application"`
	Store       StorePolicy `json:"store"` // the store that JIT.Store names
	JIT         JIT         `json:"jit"`
}

// Toggle is a named thing that can be switched off. The zero Toggle is off.
type Toggle struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// StorePolicy is what decide must know of a user store. A store that does not
// exist is one that is not enabled.
type StorePolicy struct {
	Toggle
	ReadOnly bool `json:"readOnly,omitempty"`
}

// JIT is the just-in-time provisioning policy of one identity provider. The
// zero JIT provisions nothing.
type JIT struct {
	Enabled          bool             `json:"enabled"`
	Store            string           `json:"store"`
	NoMatch          NoMatch          `json:"noMatch"`
	UsernameConflict UsernameConflict `json:"usernameConflict"`
	Sync             Sync             `json:"sync"`
}

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
)

// Sync is what a returning login may change.
type Sync struct {
	Attributes   SyncMode            `json:"attributes"`
	PerAttribute map[string]SyncMode `json:"perAttribute,omitempty"`
	Groups       GroupSync           `json:"groups"`
	GroupMap     map[string][]string `json:"groupMap,omitempty"` // provider's group -> groups here; what is not here is not granted
	RoleMap      map[string][]string `json:"roleMap,omitempty"`  // provider's group -> roles here
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

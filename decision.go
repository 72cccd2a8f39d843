package usher

import "errors"

// Verdict is what a decision comes to. The zero Verdict denies.
type Verdict uint8

// The verdicts.
const (
	VerdictDeny        Verdict = iota
	VerdictPrompt              // ask the person first
	VerdictPassThrough         // let in without an account
	VerdictCreate              // make an account and link it
	VerdictLink                // link an account that was found
	VerdictUpdate              // the linked account, brought up to date
)

var verdictNames = [...]string{"deny", "prompt", "passThrough", "create", "link", "update"}

// String is the verdict as records, logs and docs write it.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return verdictNames[VerdictDeny]
}

// MarshalText writes the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's name; an unknown one is an error.
func (v *Verdict) UnmarshalText(b []byte) error {
	for i, name := range verdictNames {
		if name == string(b) {
			*v = Verdict(i)
			return nil
		}
	}
	return errors.New("usher: no such verdict")
}

// Admits reports whether the verdict lets the person in.
func (v Verdict) Admits() bool {
	return v == VerdictPassThrough || v == VerdictCreate || v == VerdictLink || v == VerdictUpdate
}

// Decision is what decide makes of a policy, an identity and a snapshot: data,
// not an act. The zero Decision denies.
type Decision struct {
	Verdict Verdict      `json:"verdict"`
	Reason  Reason       `json:"reason"`
	User    UserID       `json:"user,omitempty"`    // the account, for Create, Link and Update
	Store   string       `json:"store,omitempty"`   // the account's store
	Prompts []Prompt     `json:"prompts,omitempty"` // what to ask the person, for Prompt, in the order to show
	Changes []Change     `json:"changes,omitempty"` // what Apply will do, in order
	Assumes []Assumption `json:"assumes,omitempty"` // what must still hold in the same transaction
	Trace   []Step       `json:"trace"`             // every question asked, in order
}

// ChangeOp is one kind of change.
type ChangeOp string

// The changes. Those on the store come before those on the ledger.
const (
	OpCreateUser     ChangeOp = "createUser"     // store: Name is the username, Values[0] its canonical form
	OpSetAttribute   ChangeOp = "setAttribute"   // store: attribute Name = Values, Verified; with provenance by Rule, from Source
	OpClearAttribute ChangeOp = "clearAttribute" // store: attribute Name is removed; provenance too
	OpJoinGroup      ChangeOp = "joinGroup"      // store: a member of group Name
	OpLeaveGroup     ChangeOp = "leaveGroup"     // store: no longer a member of group Name
	OpSetPassword    ChangeOp = "setPassword"    // store: the password that was given with the answers, which the decision never sees
	OpDropPassword   ChangeOp = "dropPassword"   // store: the account's password is no more
	OpGrant          ChangeOp = "grant"          // ledger: Grant kind and Name, from this provider, by Rule
	OpRevoke         ChangeOp = "revoke"         // ledger: this provider's grant of that kind and Name is taken back
	OpUnlink         ChangeOp = "unlink"         // ledger: the link of this subject, to an account that is gone
	OpLink           ChangeOp = "link"           // ledger: this subject is User
	OpAlias          ChangeOp = "alias"          // ledger: application Name keeps the sub it knew this person by
	OpSeen           ChangeOp = "seen"           // ledger: application Name now knows this subject without an account
	OpLogin          ChangeOp = "login"          // ledger: the link was used now
	OpConsent        ChangeOp = "consent"        // ledger: a receipt for Consent; it takes the place of earlier ones of that purpose
	OpEndSessions    ChangeOp = "endSessions"    // ledger: every session and token of the account ends
	OpTell           ChangeOp = "tell"           // outbox: event Name
)

// Change is one thing Apply will do. Op says which fields count.
type Change struct {
	Op       ChangeOp   `json:"op"`
	Name     string     `json:"name,omitempty"`
	Values   []string   `json:"values,omitempty"`
	Verified bool       `json:"verified,omitempty"`
	Grant    GrantKind  `json:"grant,omitempty"`
	Rule     string     `json:"rule,omitempty"`
	Source   SourceKind `json:"source,omitempty"` // OpSetAttribute: "" is the provider
	Consent  *Consent   `json:"consent,omitempty"`
}

// AssumptionKind is one kind of fact a decision stands on.
type AssumptionKind string

// The facts. Each names what enforces it in Enforcement.
const (
	AssumeLinkFree     AssumptionKind = "linkFree"     // this subject has no link
	AssumeLinkIs       AssumptionKind = "linkIs"       // this subject is linked to User in Store
	AssumeUsernameFree AssumptionKind = "usernameFree" // nobody in Store has the canonical name Name
	AssumeUserActive   AssumptionKind = "userActive"   // User is there and active
	AssumeUserGone     AssumptionKind = "userGone"     // User is not in Store
	AssumeAttribute    AssumptionKind = "attribute"    // attribute Name of User is Values, Verified or not (no values: it has none)
	AssumeGroups       AssumptionKind = "groups"       // User's memberships are exactly Values
	AssumeGrants       AssumptionKind = "grants"       // User's grants are exactly Values, each "kind/name/source kind/source name"
	AssumeUnheld       AssumptionKind = "unheld"       // nobody in Store but User (if named) holds Values[0], folded, in the attribute Name
	AssumeHeldBy       AssumptionKind = "heldBy"       // User alone in Store holds Values[0], folded, in the attribute Name
)

// Assumption is a fact that must still hold in the transaction that applies the
// decision. It is a fact, not a row version: a change that does not touch it
// does not disturb the login.
type Assumption struct {
	Kind     AssumptionKind `json:"kind"`
	Store    string         `json:"store,omitempty"`
	User     UserID         `json:"user,omitempty"`
	Name     string         `json:"name,omitempty"`
	Values   []string       `json:"values,omitempty"`
	Verified bool           `json:"verified,omitempty"`
}

// Enforcement is what keeps a fact true from the check to the end of the commit.
type Enforcement string

// The enforcements.
const (
	ByUniqueKey Enforcement = "unique key"
	ByRowLock   Enforcement = "locked row"
	ByOneWriter Enforcement = "one writer at a time" // where there are several, it takes a reservation
)

// Enforcements says for every kind of assumption what enforces it where the
// store lives in the ledger's database.
var Enforcements = map[AssumptionKind]Enforcement{
	AssumeLinkFree:     ByUniqueKey,
	AssumeLinkIs:       ByRowLock,
	AssumeUsernameFree: ByUniqueKey,
	AssumeUserActive:   ByRowLock,
	AssumeUserGone:     ByRowLock,
	AssumeAttribute:    ByRowLock,
	AssumeGroups:       ByRowLock,
	AssumeGrants:       ByRowLock,
	AssumeUnheld:       ByOneWriter,
	AssumeHeldBy:       ByOneWriter,
}

// Record is a decision with everything it was made from, as the ledger keeps it
// (sealed). Deciding it again gives the same bytes.
type Record struct {
	ID       string   `json:"id"` // the correlation id, a UUIDv7
	Attempt  int      `json:"attempt"`
	Policy   Policy   `json:"-"` // kept once per version
	Identity Identity `json:"identity"`
	Snapshot Snapshot `json:"snapshot"`
	Answers  Answers  `json:"answers"`
	Decision Decision `json:"decision"`
}

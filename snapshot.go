package usher

// QuestionKind says what a [Question] asks.
type QuestionKind string

// The kinds of question decide can need answered.
const (
	AskLink     QuestionKind = "link"     // which account is linked to (tenant, IdP, Subject)? answered with the account
	AskUsername QuestionKind = "username" // who in Store is called Name? answered with the name's canonical form
	AskSeen     QuestionKind = "seen"     // which applications know this subject as a person without an account?
	AskHolders  QuestionKind = "holders"  // which accounts in Store hold Value (folded) in the attribute Name? answered with the account if it is one
	AskAccount  QuestionKind = "account"  // what is the account User in Store?
)

// Question is one fact to be read before deciding. Questions are comparable.
type Question struct {
	Kind       QuestionKind `json:"kind"`
	IdP        string       `json:"idp,omitempty"`
	Subject    string       `json:"subject,omitempty"`
	Store      string       `json:"store,omitempty"`
	Name       string       `json:"name,omitempty"`
	Value      string       `json:"value,omitempty"`      // AskHolders: as [Fold] gives it
	User       UserID       `json:"user,omitempty"`       // AskAccount
	Lax        bool         `json:"lax,omitempty"`        // AskUsername: the store's own pattern need not fit
	Whole      bool         `json:"whole,omitempty"`      // AskUsername: answered with the account, too
	IfUnlinked bool         `json:"ifUnlinked,omitempty"` // need not be read when AskLink found an account
	IfLinked   bool         `json:"ifLinked,omitempty"`   // AskHolders: Store is that of the linked account; need not be read without one, or if it holds Value itself
}

// Finding says how many were found. The zero Finding is "not known", which
// denies wherever it matters.
type Finding string

// The findings.
const (
	FoundUnknown Finding = ""
	FoundNone    Finding = "none"
	FoundOne     Finding = "one"
	FoundSeveral Finding = "several"
)

// Answer is what was read for one question.
type Answer struct {
	Question     Question `json:"question"`
	Found        Finding  `json:"found"`
	Why          string   `json:"why,omitempty"`          // why it is not known
	Link         *Link    `json:"link,omitempty"`         // AskLink, found one
	Down         bool     `json:"down,omitempty"`         // it is not known because the store did not answer
	Account      *Account `json:"account,omitempty"`      // AskLink, found one and the account is there; AskHolders and AskAccount, found one; AskUsername if Whole
	User         UserID   `json:"user,omitempty"`         // AskUsername, found one
	Canonical    string   `json:"canonical,omitempty"`    // AskUsername: the name as the store compares it
	Unfit        Unfit    `json:"unfit,omitempty"`        // AskUsername: why the store can't accept this name
	Applications []string `json:"applications,omitempty"` // AskSeen, sorted
}

// Snapshot is the facts read for a decision, with what must not be drawn inside
// it: the time and an id for an account that may be made.
type Snapshot struct {
	At       Instant  `json:"at"`
	Reserved UserID   `json:"reserved"`
	Answers  []Answer `json:"answers,omitempty"`
}

// Answer is the answer to q; a question that was not answered is not known.
func (s Snapshot) Answer(q Question) Answer {
	for _, a := range s.Answers {
		if a.Question == q {
			return a
		}
	}
	return Answer{Question: q, Why: "not read"}
}

// Link ties a provider's subject to an account. (Tenant, IdP, Subject) is unique.
type Link struct {
	Store   string  `json:"store"`
	User    UserID  `json:"user"`
	Issuer  string  `json:"issuer,omitempty"`  // that vouched when it was made; "" if it was not noted
	Pending bool    `json:"pending,omitempty"` // begun and not finished: a crash between two stores
	At      Instant `json:"at"`                // when it was made
}

// AccountState says whether an account may be used.
type AccountState string

// The account states. Anything but active denies; a login never changes the state.
const (
	StateActive   AccountState = "active"
	StateDisabled AccountState = "disabled"
	StateLocked   AccountState = "locked"
	StatePending  AccountState = "pending"
	StateExpired  AccountState = "expired"
)

// Account is a user as read: what the store holds and what the ledger knows of
// where it came from.
type Account struct {
	ID         UserID       `json:"id"`
	Store      string       `json:"store"`
	Username   string       `json:"username"`
	State      AccountState `json:"state"`
	Attributes []Held       `json:"attributes,omitempty"` // sorted by name
	Groups     []string     `json:"groups,omitempty"`     // memberships in the store, sorted
	Grants     []Grant      `json:"grants,omitempty"`     // sorted by kind, name, source
	Password   Credential   `json:"password,omitempty"`   // whether it has one, never what it is
	Receipts   []Receipt    `json:"receipts,omitempty"`   // those not revoked, sorted by purpose: the latest of each
	Links      []string     `json:"links,omitempty"`      // the providers it is linked to, sorted, each once
}

// Credential says whether an account has a password, and what it is worth.
type Credential string

// The credentials.
const (
	CredentialNone     Credential = ""
	CredentialProven   Credential = "proven"   // set by the person, once they had proved who they are
	CredentialUnproven Credential = "unproven" // set by somebody else; dropped when the account is linked without a proof
)

// Receipt is what an account agreed to, as decide needs it.
type Receipt struct {
	ID         string   `json:"id"`
	Purpose    string   `json:"purpose"`
	Version    int      `json:"version"`
	Accepted   bool     `json:"accepted"`             // false: an optional purpose was refused, and is not asked about again
	Attributes []string `json:"attributes,omitempty"` // those agreed to, sorted
	At         Instant  `json:"at"`
}

// Held is one attribute of an account with its provenance.
type Held struct {
	Name     string   `json:"name"`
	Values   []string `json:"values"`
	Verified bool     `json:"verified,omitempty"`
	Source   Source   `json:"source,omitzero"` // who wrote it; zero if the ledger does not know
	Intact   bool     `json:"intact"`          // still what that source wrote (keyed digest)
}

// SourceKind says what sort of source wrote a value.
type SourceKind string

// The sources.
const (
	SourceIdP    SourceKind = "idp"
	SourceAdmin  SourceKind = "admin"
	SourceUser   SourceKind = "user"
	SourceImport SourceKind = "import"
)

// Source is where an attribute or a grant came from.
type Source struct {
	Kind     SourceKind `json:"kind"`
	Name     string     `json:"name,omitempty"`     // the provider's name, or the actor's
	Rule     string     `json:"rule,omitempty"`     // the rule that put it there
	Decision string     `json:"decision,omitempty"` // the decision that put it there
	At       Instant    `json:"at,omitzero"`
}

// GrantKind tells groups from roles.
type GrantKind string

// The kinds of grant.
const (
	GrantGroup GrantKind = "group"
	GrantRole  GrantKind = "role"
)

// Grant is a group or role held by a user, with the source that gave it.
type Grant struct {
	Kind   GrantKind `json:"kind"`
	Name   string    `json:"name"`
	Source Source    `json:"source"`
}

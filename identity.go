package usher

// Assertion is what a connector verified, as it was received: the connector
// reports, it never maps and never judges who that is here.
type Assertion struct {
	Tenant     string
	IdP        string   // the registered provider's name
	Issuer     string   // the issuer as verified, byte-exact
	Subject    Value    // the provider's name for the person, byte-exact; decide judges its form
	Claims     Value    // an Object, strictly decoded
	Incomplete []string // claims the provider said exist but did not send (group overage); sorted
	AuthTime   Instant  // when the person proved who they are to the provider; 0 if it did not say
	ACR        string
	AMR        []string
	Fault      Fault // what could not be verified; a zero Fault means verified
}

// Fault is why an assertion can't be believed. It is data, because a refused
// assertion ends in a recorded decision like any other.
type Fault struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"` // for the operator; never a claim value, token or secret
}

// Presence tells the ways in which a mapped value can be there, or not.
type Presence string

// The presences. They are five different things: a sync that confuses two of
// them deletes what it should keep.
const (
	PresenceAbsent  Presence = "absent"  // the provider did not send it
	PresenceNull    Presence = "null"    // it sent null: it says there is none
	PresenceEmpty   Presence = "empty"   // it sent "" or []
	PresenceSet     Presence = "set"     // it sent a value
	PresenceUnknown Presence = "unknown" // the rule failed, or the provider held the claim back
)

// Identity is an assertion after the mapping rules: all that decide knows of
// the person. It holds the results and the errors of every rule, and no claim
// that no rule mapped.
type Identity struct {
	Tenant     string      `json:"tenant"`
	IdP        string      `json:"idp"`
	Issuer     string      `json:"issuer"`
	Subject    Value       `json:"subject,omitzero"`
	Fault      Fault       `json:"fault,omitzero"`
	AuthTime   Instant     `json:"authTime,omitzero"`
	ACR        string      `json:"acr,omitempty"`
	AMR        []string    `json:"amr,omitempty"`
	Admission  Admission   `json:"admission"`
	Username   Derived     `json:"username"`
	Store      Derived     `json:"store,omitzero"`       // what the rule jit.store.rule chose
	Home       AccountRef  `json:"home,omitzero"`        // a local sign-in: the account whose password was given
	Attributes []Attribute `json:"attributes,omitempty"` // sorted by name
	Groups     Derived     `json:"groups"`               // the provider's group names, sorted, without duplicates
	Trace      []Step      `json:"trace,omitempty"`      // every expression evaluated, in order
	Redacted   bool        `json:"redacted,omitempty"`   // username, attributes and groups were taken out: the person left
}

// AccountRef names an account.
type AccountRef struct {
	Store string `json:"store"`
	User  UserID `json:"user"`
}

// Admission is what the provider's admit condition said.
type Admission struct {
	Admitted bool   `json:"admitted"`         // false unless every condition held
	Failed   bool   `json:"failed,omitempty"` // an expression failed, which denies
	Why      string `json:"why,omitempty"`    // which condition refused, or how it failed; no claim value
}

// Derived is the outcome of one mapping expression.
type Derived struct {
	Presence Presence `json:"presence"`
	Values   []string `json:"values,omitempty"` // one for a username, any number for groups
	Rule     string   `json:"rule,omitempty"`   // where the rule stands: "mapping.username"
	Why      string   `json:"why,omitempty"`    // why it is unknown; no claim value
}

// Attribute is one mapped attribute.
type Attribute struct {
	Name     string `json:"name"`
	Verified bool   `json:"verified,omitempty"` // the provider vouches for this very value
	Passing  bool   `json:"passing,omitempty"`  // for the application's tokens of this session only; never stored in an account
	Derived
}

// Step is one question asked on the way to a decision, with its answer and the
// rule that asked. Steps hold no claim values.
type Step struct {
	Question string `json:"q"`
	Answer   string `json:"a"`
	Rule     string `json:"rule,omitempty"`
}

package usher

// Answers are what the person gave when asked, as facts. They hold no password.
// They were given to the prompts of one decision, in one browser, at most ten
// minutes ago; the edge keeps that, and decide holds them against the policy and
// the facts of now.
type Answers struct {
	Policy     string    `json:"policy,omitempty"`     // the version whose prompts were answered; under another one nothing here counts
	Left       Left      `json:"left,omitempty"`       // the person did not go on
	Username   string    `json:"username,omitempty"`   // chosen
	Claim      bool      `json:"claim,omitempty"`      // "this is me": the account that has the username in the way
	Password   bool      `json:"password,omitempty"`   // one was given, and meets the policy of the store
	Attributes []Typed   `json:"attributes,omitempty"` // sorted by name
	Consents   []Consent `json:"consents,omitempty"`   // sorted by purpose
	Proof      *Proof    `json:"proof,omitempty"`
}

// Left is how a person left the prompts.
type Left string

// The ways of leaving.
const (
	LeftNot       Left = ""
	LeftDeclined  Left = "declined"  // they said no
	LeftAbandoned Left = "abandoned" // they did not come back in time
	LeftExhausted Left = "exhausted" // they answered too often
)

// Typed is an attribute that the person gave.
type Typed struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Consent is what the person said to one purpose.
type Consent struct {
	Purpose    string   `json:"purpose"`
	Version    int      `json:"version"`
	Accepted   bool     `json:"accepted"`
	Attributes []string `json:"attributes,omitempty"` // those agreed to, sorted; mandatory ones are agreed to with the purpose
	Language   string   `json:"language,omitempty"`   // of the words that were shown (BCP 47)
	PolicyURL  string   `json:"policyUrl,omitempty"`  // that was shown with them
}

// Proof is that the person has shown to own an account that was here before.
// It is good once, for the assertion, in the browser it was given for.
type Proof struct {
	Kind  ProofKind `json:"kind"`
	Store string    `json:"store"`
	User  UserID    `json:"user"`
	At    Instant   `json:"at"`
}

// ProofKind is how an account was proved.
type ProofKind string

// The proofs.
const (
	ProofPassword ProofKind = "password" // the account's own password
	ProofLink     ProofKind = "link"     // a sign-in by a provider the account is linked to
)

// Prompt is one thing the person is asked.
type Prompt struct {
	Kind    PromptKind `json:"kind"`
	Name    string     `json:"name,omitempty"`    // PromptAttribute and PromptConsent: of the attribute, of the purpose
	Value   string     `json:"value,omitempty"`   // PromptUsername: what is proposed
	Version int        `json:"version,omitempty"` // PromptConsent
	Store   string     `json:"store,omitempty"`   // PromptProve: where the account is; PromptUsername, PromptPassword: whose policy holds
	User    UserID     `json:"user,omitempty"`    // PromptProve: the account
	Ways    []string   `json:"ways,omitempty"`    // PromptProve: "password", and the providers that can prove it as "idp/name"
	Problem Unfit      `json:"problem,omitempty"` // what is wrong with the answer given before
	Claim   bool       `json:"claim,omitempty"`   // PromptUsername: the person may say that the account in the way is theirs
}

// PromptKind is one kind of prompt.
type PromptKind string

// The prompts.
const (
	PromptProve     PromptKind = "prove" // stands alone: nothing else is asked before it
	PromptUsername  PromptKind = "username"
	PromptPassword  PromptKind = "password"
	PromptAttribute PromptKind = "attribute"
	PromptConsent   PromptKind = "consent"
)

// Unfit is what is wrong with something that was given, in one stable word. The
// pages have a text for each.
type Unfit string

// What can be wrong.
const (
	Fits             Unfit = ""
	UnfitEmpty       Unfit = "empty"
	UnfitShort       Unfit = "short"       // shorter than the store's policy allows
	UnfitLong        Unfit = "long"        // longer than the store's policy, or any store, allows
	UnfitCharacters  Unfit = "characters"  // not in PRECIS UsernameCaseMapped (RFC 8265), or not an address
	UnfitUnstable    Unfit = "unstable"    // no stable canonical form
	UnfitPattern     Unfit = "pattern"     // the store's pattern
	UnfitReserved    Unfit = "reserved"    // a name nobody gets
	UnfitIdentifier  Unfit = "identifier"  // looks like an id made here
	UnfitConfusable  Unfit = "confusable"  // mixes scripts, or reads as another name in Latin letters
	UnfitTaken       Unfit = "taken"       // it is somebody else's
	UnfitWrong       Unfit = "wrong"       // a proof that did not hold
	UnfitCompromised Unfit = "compromised" // a password that everybody tries first
	UnfitNeeded      Unfit = "needed"      // must be agreed to
)

// Said tells u for the trace and the log, in words of the form "it is ...".
func (u Unfit) Said() string {
	if said, ok := unfitSaid[u]; ok {
		return said
	}
	return "it does not fit"
}

var unfitSaid = map[Unfit]string{
	UnfitEmpty:       "it is empty",
	UnfitShort:       "it is too short",
	UnfitLong:        "it is too long",
	UnfitCharacters:  "it holds something it can't (RFC 8265, UsernameCaseMapped)",
	UnfitUnstable:    "it has no stable canonical form (RFC 8265, UsernameCaseMapped)",
	UnfitPattern:     "it does not match the store's pattern",
	UnfitReserved:    "it is reserved",
	UnfitIdentifier:  "it looks like an account's id",
	UnfitConfusable:  "it can be mistaken for another name",
	UnfitTaken:       "it is somebody else's",
	UnfitWrong:       "it did not hold",
	UnfitCompromised: "it is among those tried first",
	UnfitNeeded:      "it must be agreed to",
}

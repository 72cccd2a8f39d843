package ledger

import (
	"github.com/usher-id/usher"
)

// Linked is the answer to "who is this subject?".
type Linked struct {
	Found   usher.Finding  // one or none
	Link    *usher.Link    // if one was found
	Account *usher.Account // if the link leads to an account in this database
}

// Act is a decision to be applied, with what must not be part of its record.
type Act struct {
	Application  string // the one the person was on the way to
	Record       usher.Record
	PasswordHash string // of the password that was given with the answers, as a PHC text
}

// Session is a browser session. The ledger knows the hash of its id only.
type Session struct {
	Hash     [32]byte // HashOf the id
	Tenant   string
	User     usher.UserID // "" for a person without an account
	Store    string
	IdP      string
	Subject  string
	AuthTime usher.Instant
	ACR      string
	AMR      []string
	Decision string       // correlation id of the decision that let the person in
	Person   []usher.Held // what is known of the person and in no account; sealed at rest
	Created  usher.Instant
	Expires  usher.Instant
	State    usher.AccountState // of the account, as it is now; "" without one or if it is gone; read only
}

// Code is an authorization code. The ledger knows its hash only.
type Code struct {
	Hash        [32]byte // HashOf the code
	Tenant      string
	Application string
	Session     [32]byte // hash of the session's id
	Family      string   // id of the token family the first use begins
	Sub         string   // the subject as this application knows it
	IdP         string   // the provider the person came by
	User        usher.UserID
	Store       string
	RedirectURI string
	Challenge   string // PKCE S256 challenge
	Nonce       string
	Scope       string
	AuthTime    usher.Instant
	ACR         string
	AMR         []string
	Decision    string // correlation id
	Expires     usher.Instant
	Used        bool // it had been redeemed before; read only
}

// Family is all tokens that come from one authorization code. Refreshing moves
// it to its next generation; a token of an older one is a replay.
type Family struct {
	ID          string
	Tenant      string
	Application string
	Session     [32]byte // hash of the session's id
	IdP         string   // the provider the person came by
	User        usher.UserID
	Store       string
	Sub         string
	Scope       string
	Nonce       string
	AuthTime    usher.Instant
	ACR         string
	AMR         []string
	Decision    string // correlation id
	Generation  int64
	Offline     bool // lives on when the session ends
	Created     usher.Instant
	Expires     usher.Instant
	Revoked     bool // as read: its tokens are worth nothing, for whatever reason
}

// LinkOf is a link of an account, with whose it is.
type LinkOf struct {
	IdP, Subject string
	usher.Link
}

// Waiting is a sign-in that waits for the person to answer.
type Waiting struct {
	Application string   // the one the person is on the way to
	Hash        [32]byte // HashOf the id that the browser holds
	Tenant      string
	Record      usher.Record // as far as it is decided; sealed at rest
	Carry       []byte       // what the page needs to go on; sealed at rest
	Tries       int          // how often was answered
	Created     usher.Instant
	Expires     usher.Instant
	Err         error // why Record and Carry can't be opened; read only
}

// Reset is a code with which an account gets another password, once. The ledger
// knows its hash only.
type Reset struct {
	Hash    [32]byte
	Tenant  string
	Store   string
	User    usher.UserID
	Expires usher.Instant
}

// Receipt is what somebody said to a purpose, with the fields of a consent
// receipt (ISO/IEC TS 27560). It stays as it is; a later one takes its place.
type Receipt struct {
	ID          string // a UUIDv7
	Tenant      string
	Store       string
	User        usher.UserID
	Subject     string // the provider's name for the person
	IdP         string
	Application string // the one they were on the way to
	Consent     usher.Consent
	Decision    string // correlation id
	Given       usher.Instant
	Replaced    bool          // a later one of that purpose took its place
	Withdrawn   usher.Instant // zero if it was not
}

// Event is something that happened, to be told to the outside.
type Event struct {
	ID       int64 // the ledger's, in the order of the commits
	Tenant   string
	Name     string // "user.created", for one
	Store    string
	User     usher.UserID
	Decision string // correlation id, if a decision caused it
	Body     []byte // JSON; no attribute, nothing secret
	Secret   []byte // what may be told once, to that user alone; sealed at rest
	Created  usher.Instant
	Tries    int // how often it could not be told
}

// Moved is why a decision could not be applied: a fact it stands on does not
// hold any more. It comes inside an Error of kind Conflict; read again and
// decide again.
type Moved struct {
	Assumption usher.Assumption
}

// Error says which kind of fact moved; its values are not for logs.
func (m *Moved) Error() string { return "no longer so: " + string(m.Assumption.Kind) }

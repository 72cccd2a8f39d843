package ledger

import (
	"github.com/usher-id/usher"
)

// Linked is the answer to "who is this subject?".
type Linked struct {
	Found   usher.Finding  // one or none
	Link    *usher.Link    // if one was found
	Account *usher.Account // if the link leads to an account of PRIMARY that is there
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
	Person   []usher.Held // what is known of a person without an account; sealed at rest
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
	User        usher.UserID
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
	User        usher.UserID
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

// Moved is why a decision could not be applied: a fact it stands on does not
// hold any more. It comes inside an Error of kind Conflict; read again and
// decide again.
type Moved struct {
	Assumption usher.Assumption
}

// Error says which kind of fact moved; its values are not for logs.
func (m *Moved) Error() string { return "no longer so: " + string(m.Assumption.Kind) }

package oidc

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

// Bounds on times, in seconds.
const (
	skew        = 60                 // two clocks may differ by this
	maxLifetime = 366 * 24 * 60 * 60 // exp may be this far ahead
	maxIssued   = 60 * 60            // iat may be this far back; some providers set it five minutes back
	maxDate     = 253402300799       // the last second of the year 9999
)

// expected is what an ID token must say to be for this sign-in.
type expected struct {
	issuer, client, nonce string
	now                   int64  // Unix seconds
	maxAge                *int64 // seconds, as it was asked for; nil if it was not
	accessToken           string // that came with the ID token
	algorithm             string // that signed the ID token
}

// checks are the rules of OpenID Connect Core 1.0, section 3.1.3.7, in order.
// Each says what does not hold, or "".
var checks = []struct {
	reason usher.Reason
	ask    func(usher.Value, expected) string
}{
	{usher.ReasonIssuer, issuer},
	{usher.ReasonAudience, audience},
	{usher.ReasonAudience, authorizedParty},
	{usher.ReasonNonce, nonce},
	{usher.ReasonExpired, expiry},
	{usher.ReasonNotYetValid, issuedAhead},
	{usher.ReasonExpired, issuedBack},
	{usher.ReasonNotYetValid, notBefore},
	{usher.ReasonAuthTime, authTime},
	{usher.ReasonSignature, accessTokenHash},
}

// check is the first rule that claims break, or no fault. It is total and reads
// nothing but its arguments.
func check(claims usher.Value, want expected) usher.Fault {
	for _, c := range checks {
		if detail := c.ask(claims, want); detail != "" {
			return fault(c.reason, detail)
		}
	}
	return usher.Fault{}
}

func issuer(claims usher.Value, want expected) string {
	if iss, ok := claims.Get("iss").Text(); !ok || iss != want.issuer {
		return "iss is not the issuer configured, byte for byte"
	}
	return ""
}

// audience holds for this client alone. A token that others may use too could be
// one that they hand on.
func audience(claims usher.Value, want expected) string {
	aud := claims.Get("aud")
	items := aud.List()
	if aud.Kind() == usher.String {
		items = []usher.Value{aud}
	}
	if len(items) == 0 {
		return "aud is missing or empty"
	}
	for _, item := range items {
		if text, ok := item.Text(); !ok || text != want.client {
			return "aud names someone else than this client"
		}
	}
	if len(items) > 1 && claims.Get("azp").Kind() == usher.Absent {
		return "aud has several members and azp is missing"
	}
	return ""
}

func authorizedParty(claims usher.Value, want expected) string {
	azp := claims.Get("azp")
	if text, _ := azp.Text(); azp.Kind() != usher.Absent && text != want.client {
		return "azp is not this client"
	}
	return ""
}

func nonce(claims usher.Value, want expected) string {
	if text, ok := claims.Get("nonce").Text(); !ok || text == "" || text != want.nonce {
		return "nonce is not the one of this sign-in"
	}
	return ""
}

func expiry(claims usher.Value, want expected) string {
	exp, ok := seconds(claims.Get("exp"))
	switch {
	case !ok:
		return "exp is missing or not a time"
	case exp <= want.now-skew:
		return "exp is in the past by more than 60 s"
	case exp > want.now+maxLifetime:
		return "exp is more than a year ahead"
	}
	return ""
}

func issuedAhead(claims usher.Value, want expected) string {
	iat, ok := seconds(claims.Get("iat"))
	switch {
	case !ok:
		return "iat is missing or not a time"
	case iat > want.now+skew:
		return "iat is in the future by more than 60 s"
	}
	return ""
}

func issuedBack(claims usher.Value, want expected) string {
	if iat, _ := seconds(claims.Get("iat")); iat < want.now-maxIssued {
		return "iat is more than an hour back, before this sign-in began"
	}
	return ""
}

func notBefore(claims usher.Value, want expected) string {
	value := claims.Get("nbf")
	nbf, ok := seconds(value)
	switch {
	case value.Kind() == usher.Absent:
		return ""
	case !ok:
		return "nbf is not a time"
	case nbf > want.now+skew:
		return "nbf is in the future by more than 60 s"
	}
	return ""
}

func authTime(claims usher.Value, want expected) string {
	value := claims.Get("auth_time")
	at, ok := seconds(value)
	switch {
	case value.Kind() == usher.Absent && want.maxAge == nil:
		return ""
	case value.Kind() == usher.Absent:
		return "auth_time is missing although max_age was asked for"
	case !ok:
		return "auth_time is not a time"
	case at > want.now+skew:
		return "auth_time is in the future by more than 60 s"
	case want.maxAge != nil && want.now-at > *want.maxAge+skew:
		return "auth_time is longer ago than max_age allows"
	}
	return ""
}

// accessTokenHash holds when at_hash, if it is there, is the left half of the
// access token's digest (OpenID Connect Core 1.0, section 3.1.3.6).
func accessTokenHash(claims usher.Value, want expected) string {
	value := claims.Get("at_hash")
	if value.Kind() == usher.Absent {
		return ""
	}
	sum := digest(want.algorithm)
	sum.Write([]byte(want.accessToken))
	half := sum.Sum(nil)[:sum.Size()/2]
	if text, ok := value.Text(); !ok || text != base64.RawURLEncoding.EncodeToString(half) {
		return "at_hash is not of the access token that came with it"
	}
	return ""
}

// digest is the hash function that an algorithm's name implies.
func digest(algorithm string) hash.Hash {
	switch {
	case strings.HasSuffix(algorithm, "256"):
		return sha256.New()
	case strings.HasSuffix(algorithm, "384"):
		return sha512.New384()
	}
	return sha512.New() // also EdDSA with Ed25519
}

// seconds is a NumericDate (RFC 7519, section 2): a number, never a text, with
// its fraction cut off.
func seconds(v usher.Value) (int64, bool) {
	literal, ok := v.Literal()
	if !ok {
		return 0, false
	}
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return n, n >= 0 && n <= maxDate
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || f < 0 || f > maxDate {
		return 0, false
	}
	return int64(f), true
}

package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	usher "github.com/usher-id/usher"
)

// A ticket is ticketPrefix and, in base32, the second it was made in, a digest
// of the reason word, something random so that no two are alike, and a MAC.
const (
	ticketPrefix  = "r-"
	ticketTime    = 5 // bytes: seconds since 1970, big-endian
	ticketReason  = 4
	ticketRandom  = 2
	ticketMAC     = 8
	ticketBody    = ticketTime + ticketReason + ticketRandom
	ticketPurpose = "web.ticket"
)

var ticketText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Ticket makes a correlation id for a refusal that leaves no record: the id
// itself says why and when, authenticated, so that nothing has to be stored for
// requests that anybody can make. It has 33 characters.
func (k *Kit) Ticket(reason usher.Reason) string {
	var b [ticketBody + ticketMAC]byte
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(k.now().Unix())) //nolint:gosec // a date after 1970
	digest := sha256.Sum256([]byte(reason))
	copy(b[:ticketTime], at[8-ticketTime:])
	copy(b[ticketTime:], digest[:ticketReason])
	_, _ = rand.Read(b[ticketTime+ticketReason : ticketBody]) // never fails (crypto/rand documents it)
	copy(b[ticketBody:], k.sealer.MAC(ticketPurpose, string(b[:ticketBody])))
	return ticketPrefix + ticketText.EncodeToString(b[:])
}

// ReadTicket is what a ticket of ours says: the reason, and when it was given
// (to the second). Anything that Ticket did not make is not ok.
func (k *Kit) ReadTicket(ticket string) (reason usher.Reason, at usher.Instant, ok bool) {
	text, found := strings.CutPrefix(ticket, ticketPrefix)
	if !found || len(text) != ticketText.EncodedLen(ticketBody+ticketMAC) {
		return "", 0, false
	}
	b, err := ticketText.DecodeString(text)
	if err != nil || ticketText.EncodeToString(b) != text { // the last character has bits to spare
		return "", 0, false
	}
	if !hmac.Equal(b[ticketBody:], k.sealer.MAC(ticketPurpose, string(b[:ticketBody]))[:ticketMAC]) {
		return "", 0, false
	}
	var seconds [8]byte
	copy(seconds[8-ticketTime:], b[:ticketTime])
	at = usher.Instant(binary.BigEndian.Uint64(seconds[:])) * usher.Second //nolint:gosec // 40 bits
	for _, t := range usher.Reasons {
		digest := sha256.Sum256([]byte(t.Reason))
		if string(digest[:ticketReason]) == string(b[ticketTime:ticketTime+ticketReason]) {
			return t.Reason, at, true
		}
	}
	return "", 0, false
}

package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	secretSize = 32 // bytes of a bearer secret
	secretTime = 6  // bytes of it that tell when it was made
)

// NewSecret draws a bearer secret, the id of a session or a code: the time in
// milliseconds (6 bytes) and 208 random bits. The time is no secret; it keeps
// what was made together close together on the disk.
func NewSecret(now time.Time) [secretSize]byte {
	var b [8 + secretSize - secretTime]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli()))
	_, _ = rand.Read(b[8:]) // never fails (crypto/rand documents it)
	return [secretSize]byte(b[8-secretTime:])
}

// HashOf is what the ledger knows of a bearer secret: the time in it as it is,
// then 208 bits of the SHA-256 of the whole.
func HashOf(secret [secretSize]byte) [32]byte {
	sum := sha256.Sum256(secret[:])
	copy(sum[secretTime:], sum[:secretSize-secretTime])
	copy(sum[:secretTime], secret[:secretTime])
	return sum
}

package token

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// A refresh token is base64url of: version (1 byte), family id (16), generation
// (8, big endian), MAC (32). The MAC lets a forged token be told from a used
// one without the ledger, so that nobody can revoke a family by guessing.
const (
	refreshVersion = 1
	familyIDSize   = 16
	refreshSize    = 1 + familyIDSize + 8 + 32
)

// newFamilyID names the family of a code. It begins with the code's time, so that
// families lie in the order of their making, and tells nothing else of the code.
func newFamilyID(code [32]byte) string {
	var b [familyIDSize]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand documents it)
	copy(b[:6], code[:6])
	return hex.EncodeToString(b[:])
}

// Refresh is the refresh token of one generation of a family.
func (m *Minter) Refresh(tenant, family string, generation int64) (string, error) {
	id, err := hex.DecodeString(family)
	if err != nil || len(id) != familyIDSize || generation < 0 {
		return "", invalid("token.Refresh", err)
	}
	b := append(make([]byte, 0, refreshSize), refreshVersion)
	b = append(b, id...)
	b = binary.BigEndian.AppendUint64(b, uint64(generation))
	b = append(b, m.refreshMAC(tenant, family, generation)...)
	return strict.EncodeToString(b), nil
}

// ReadRefresh is the family and generation of a refresh token that this issuer
// made. Anything else is Invalid; the ledger is not asked.
func (m *Minter) ReadRefresh(tenant, token string) (family string, generation int64, err error) {
	const op = "token.ReadRefresh"
	b, ok := decode(token, refreshSize)
	if !ok || b[0] != refreshVersion {
		return "", 0, invalid(op, nil)
	}
	id, rest := b[1:1+familyIDSize], b[1+familyIDSize:]
	family = hex.EncodeToString(id)
	generation = int64(binary.BigEndian.Uint64(rest)) //nolint:gosec // a negative one is refused below
	if generation < 0 || subtle.ConstantTimeCompare(rest[8:], m.refreshMAC(tenant, family, generation)) != 1 {
		return "", 0, invalid(op, nil)
	}
	return family, generation, nil
}

func (m *Minter) refreshMAC(tenant, family string, generation int64) []byte {
	return m.Ring.MAC("refresh", tenant, family, strconv.FormatInt(generation, 10))
}

package key

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	usher "github.com/usher-id/usher"
)

const (
	a256gcm = "A256GCM"
	hs256   = "HS256"

	idSize = 8 // bytes of a key id in front of everything sealed
)

func hexID(b []byte) string { return hex.EncodeToString(b) }

// Seal encrypts plain (AES-256-GCM) under a key of its own for the purpose, bound
// to aad. The same purpose and aad are needed to open it.
func (r *Ring) Seal(purpose string, plain, aad []byte) ([]byte, error) {
	v := r.now.Load()
	aead, err := r.aead(v, purpose, v.sealID)
	if err != nil {
		return nil, usher.Wrap("key.Seal", err)
	}
	id, err := hex.DecodeString(v.sealID)
	if err != nil {
		return nil, usher.Wrap("key.Seal", err)
	}
	out := make([]byte, idSize, idSize+len(plain)+aead.Overhead())
	copy(out, id)
	return aead.Seal(out, nil, plain, aad), nil
}

// Open decrypts what Seal made. Anything else is Invalid.
func (r *Ring) Open(purpose string, sealed, aad []byte) ([]byte, error) {
	const op = "key.Open"
	if len(sealed) < idSize {
		return nil, usher.Fail(usher.Invalid, op, "", nil)
	}
	aead, err := r.aead(r.now.Load(), purpose, hexID(sealed[:idSize]))
	if err != nil {
		return nil, usher.Wrap(op, err)
	}
	plain, err := aead.Open(nil, nil, sealed[idSize:], aad)
	if err != nil {
		return nil, usher.Fail(usher.Invalid, op, "", err)
	}
	return plain, nil
}

// MAC is HMAC-SHA-256 over the parts, each with its length in front so that no
// two lists of parts are alike. Its key is never rotated: what it makes (a
// person's sub, a value's digest) must stay the same for ever.
func (r *Ring) MAC(purpose string, parts ...string) []byte {
	k, ok := r.mac.Load(purpose)
	if !ok {
		k, _ = r.mac.LoadOrStore(purpose, derive(r.now.Load().mac, "mac/"+purpose))
	}
	h := hmac.New(sha256.New, k.([]byte))
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

type sealerName struct{ purpose, id string }

func (r *Ring) aead(v *keys, purpose, id string) (cipher.AEAD, error) {
	name := sealerName{purpose, id}
	if a, ok := r.seal.Load(name); ok {
		return a.(cipher.AEAD), nil
	}
	secret, ok := v.seals[id]
	if !ok {
		return nil, usher.Fail(usher.Invalid, "key.aead", "", nil)
	}
	a, err := newAEAD(derive(secret, "seal/"+purpose))
	if err == nil {
		r.seal.Store(name, a)
	}
	return a, err
}

func newAEAD(k []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// derive is HKDF-SHA-256 (RFC 5869); with these sizes it can't fail.
func derive(secret []byte, info string) []byte {
	k, err := hkdf.Key(sha256.New, secret, nil, "usher/"+info, 32)
	if err != nil {
		panic("key: " + err.Error())
	}
	return k
}

// storedAAD binds a stored key to its row, so that rows can't be swapped.
func storedAAD(k Stored) []byte {
	return []byte(k.ID + "/" + k.Use + "/" + k.Alg + "/" + strconv.FormatInt(int64(k.Created), 10))
}

func sealStored(m Master, k Stored, secret []byte) ([]byte, error) {
	a, err := newAEAD(derive(m[:], "master"))
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, secret, storedAAD(k)), nil
}

func openStored(m Master, k Stored) ([]byte, error) {
	a, err := newAEAD(derive(m[:], "master"))
	if err != nil {
		return nil, err
	}
	secret, err := a.Open(nil, nil, k.Sealed, storedAAD(k))
	if err != nil {
		return nil, usher.Fail(usher.Invalid, "key.openStored",
			"the master key does not open the keys in this database; use the key file that belongs to it", err)
	}
	return secret, nil
}

func drawSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand documents it)
	return b
}

package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// errUnreadable says nothing of the text, for that is a secret of a kind.
var errUnreadable = errors.New("not an argon2id hash in the PHC string format, or its cost is out of bounds")

// The bounds of a hash that was made elsewhere. A hash asks for the memory and
// the time it is checked with, so that one beyond them would be an attack.
const (
	maxMemory          = 128 << 10 // KiB
	maxPasses          = 10
	maxLanes           = 16
	minSalt, maxSalt   = 8, 64 // bytes
	minKey, maxKey     = 16, 64
	maxText            = 256 // bytes of the text
	minMemoryOfOneLane = 8   // KiB (RFC 9106, section 3.1)
)

// cost is what one hash costs to make.
type cost struct {
	memory, passes uint32
	lanes          uint8
}

// hash is a PHC text that was read.
type hash struct {
	cost
	salt, key []byte
}

// String writes it: $argon2id$v=19$m=19456,t=2,p=1$salt$key, both in base64
// without padding.
func (h hash) String() string {
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes, e.EncodeToString(h.salt), e.EncodeToString(h.key))
}

// parse reads what String writes, exactly: every hash has one text.
func parse(text string) (h hash, ok bool) {
	parts := strings.Split(text, "$")
	if len(text) > maxText || len(parts) != 6 {
		return hash{}, false
	}
	var values [3]uint32
	params := strings.Split(parts[3], ",")
	for i, name := range []string{"m=", "t=", "p="} {
		if len(params) != len(values) || !strings.HasPrefix(params[i], name) {
			return hash{}, false
		}
		n, err := strconv.ParseUint(params[i][len(name):], 10, 32)
		if err != nil {
			return hash{}, false
		}
		values[i] = uint32(n)
	}
	if values[2] < 1 || values[2] > maxLanes {
		return hash{}, false
	}
	h.cost = cost{values[0], values[1], uint8(values[2])} //nolint:gosec // maxLanes fits
	strict := base64.RawStdEncoding.Strict()
	var badSalt, badKey error
	h.salt, badSalt = strict.DecodeString(parts[4])
	h.key, badKey = strict.DecodeString(parts[5])
	return h, badSalt == nil && badKey == nil && h.bounded() && h.String() == text
}

func (h hash) bounded() bool {
	return h.memory >= minMemoryOfOneLane*uint32(h.lanes) && h.memory <= maxMemory && h.passes >= 1 && h.passes <= maxPasses &&
		len(h.salt) >= minSalt && len(h.salt) <= maxSalt && len(h.key) >= minKey && len(h.key) <= maxKey
}

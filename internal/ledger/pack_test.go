package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// Every record that was ever written needs these very words to be read again.
func TestWordsNeverChange(t *testing.T) {
	sum := sha256.Sum256(words)
	if got := hex.EncodeToString(sum[:]); got != "eb0919f632a045eda63b39ba85ccc523f900ab9f056c2d1c696460397c733e56" {
		t.Errorf("record.words has changed (%s): records packed with the old one can't be read; make a new form instead", got)
	}
}

func TestPackedRecordsComeBackWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		packed, err := pack(plain)
		if err != nil {
			t.Fatal(err)
		}
		back, err := unpack(packed)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%d bytes came back as %d, %v", len(plain), len(back), err)
		}
	})
	for _, bad := range [][]byte{nil, {}, {0}, {2, 1}, {packedWords, 0xff}} {
		if _, err := unpack(bad); err == nil {
			t.Errorf("%v was unpacked", bad)
		}
	}
	if _, err := pack(make([]byte, maxRecord+1)); err == nil {
		t.Error("a record was packed that can't be unpacked")
	}
	if packed, err := pack(bytes.Clone(words)); err != nil || len(packed) > len(words)/10 {
		t.Errorf("what every record says takes %d of %d bytes, %v", len(packed), len(words), err)
	}
}

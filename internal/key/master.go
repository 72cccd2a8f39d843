package key

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	usher "github.com/usher-id/usher"
)

// Master is the key under which all others are sealed.
type Master [32]byte

// LoadMaster reads the master key from a file: 32 bytes in base64. The file must
// not be readable by anyone but its owner. A missing file is made only when
// fresh says that no stored key depends on it; otherwise it is an error,
// because a new master would silently orphan every sealed key.
func LoadMaster(path string, fresh bool) (Master, error) {
	const op = "key.LoadMaster"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		return makeMaster(path)
	case errors.Is(err, fs.ErrNotExist):
		return Master{}, usher.Fail(usher.Invalid, op,
			"the key file "+path+" is missing, but the database holds keys sealed with it; restore the file from your backup", nil)
	case err != nil:
		return Master{}, usher.Fail(usher.Unavailable, op, "the key file "+path+" can't be read", err)
	case info.Mode().Perm()&0o077 != 0:
		return Master{}, usher.Fail(usher.Invalid, op,
			"the key file "+path+" can be read by others; run: chmod 600 "+path, nil)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Master{}, usher.Fail(usher.Unavailable, op, "the key file "+path+" can't be read", err)
	}
	m, err := ParseMaster(string(raw))
	if err != nil {
		err = usher.Fail(usher.Invalid, op, "the key file "+path+" does not hold 32 bytes in base64; restore it from your backup", err)
	}
	return m, err
}

// ParseMaster reads a master key from its base64 text.
func ParseMaster(text string) (Master, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(Master{}) {
		return Master{}, usher.Fail(usher.Invalid, "key.ParseMaster", "the master key must be 32 bytes in base64", nil)
	}
	return Master(b), nil
}

func makeMaster(path string) (Master, error) {
	const op = "key.LoadMaster"
	var m Master
	_, _ = rand.Read(m[:]) // never fails (crypto/rand documents it)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Master{}, usher.Fail(usher.Unavailable, op, "the key file "+path+" can't be written", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(m[:]) + "\n")
	err = errors.Join(err, f.Sync(), f.Close(), syncFolder(filepath.Dir(path)))
	if err != nil {
		return Master{}, usher.Fail(usher.Unavailable, op, "the key file "+path+" can't be written", err)
	}
	return m, nil
}

// syncFolder makes a new file's name as durable as its content.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package ledger

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"errors"
	"io"
	"sync"
)

// words is what records have in common: names and sentences, the most frequent
// last. It is part of the form of every record packed with it and so never
// changes; better words get a form of their own.
//
//go:embed record.words
var words []byte

const (
	packedWords = 1        // the first byte of a packed record: DEFLATE (RFC 1951) with words as its dictionary
	maxRecord   = 64 << 20 // bytes of a record, unpacked; the largest claims, every character escaped, make less
)

var errPacked = errors.New("ledger: a record is too large, or not packed in a form known here")

// packers are used again, because a new one costs more than packing.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriterDict(nil, 2, words) // the fastest level that uses a dictionary
	if err != nil {
		panic("ledger: " + err.Error()) // the level is a constant
	}
	return w
}}

// pack makes a record small: most of it is said in every record.
func pack(plain []byte) ([]byte, error) {
	if len(plain) > maxRecord {
		return nil, errPacked
	}
	var out bytes.Buffer
	out.WriteByte(packedWords)
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpack is the record that pack packed.
func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 || packed[0] != packedWords {
		return nil, errPacked
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(bytes.NewReader(packed[1:]), words), maxRecord+1))
	if err == nil && len(plain) > maxRecord {
		err = errPacked
	}
	return plain, err
}

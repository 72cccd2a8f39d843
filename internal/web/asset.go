package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// styleSheet is the style sheet of every page.
const styleSheet = "style.css"

// asset is a file that pages use. Its path holds a digest of its content, so
// that it can be kept for ever.
type asset struct {
	path, mime string
	content    []byte
}

// assets are all of them, by file name.
type assets map[string]asset

func newAssets(files map[string][]byte) assets {
	out := assets{}
	for name, content := range files {
		digest := sha256.Sum256(content)
		ext := path.Ext(name)
		out[name] = asset{
			path: "/assets/" + strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(digest[:6]) + ext,
			mime: mimes[ext], content: content,
		}
	}
	return out
}

// ServeHTTP sends the file.
func (a asset) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Content-Length", strconv.Itoa(len(a.content)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(a.content)
}

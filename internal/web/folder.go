package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// The bounds of one file, in bytes, and of the files of one folder.
const (
	maxFile  = 256 << 10
	maxFiles = 200
)

// mimes are the assets that can be served, by the ends of their names.
var mimes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png",
}

// folder is what a package, or a theme, brings for the pages: templates/*.html,
// messages/*.yaml (one for each language) and assets/*.
type folder struct {
	templates map[string]string            // source by file name
	messages  map[string]map[string]string // by language, by key
	assets    map[string][]byte            // by file name
}

func readFolder(fsys fs.FS) (folder, error) {
	f := folder{map[string]string{}, map[string]map[string]string{}, map[string][]byte{}}
	if _, err := fs.Stat(fsys, "."); err != nil {
		return f, err // or a theme that is not there would seem to be an empty one
	}
	for _, dir := range []string{"templates", "messages", "assets"} {
		entries, err := fs.ReadDir(fsys, dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return f, err
		case len(entries) > maxFiles:
			return f, fmt.Errorf("%s: more than %d files", dir, maxFiles)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			content, err := readFile(fsys, path.Join(dir, e.Name()))
			if err == nil {
				err = f.add(dir, e.Name(), content)
			}
			if err != nil {
				return f, fmt.Errorf("%s/%s: %w", dir, e.Name(), err)
			}
		}
	}
	return f, nil
}

// add takes one file in.
func (f folder) add(dir, name string, content []byte) error {
	ext := path.Ext(name)
	switch {
	case dir == "templates" && ext == ".html":
		f.templates[name] = string(content)
	case dir == "messages" && ext == ".yaml":
		texts := map[string]string{}
		if err := yaml.Unmarshal(content, &texts); err != nil {
			return fmt.Errorf("not lines of \"key: text\": %w", err)
		}
		f.messages[strings.TrimSuffix(name, ext)] = texts
	case dir == "assets" && mimes[ext] != "":
		f.assets[name] = content
	default:
		return errors.New("this kind of file has no place here")
	}
	return nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	return content, err
}

// join adds what another package brings. Nothing may be there twice.
func (f folder) join(other folder) error {
	for name, source := range other.templates {
		if _, twice := f.templates[name]; twice {
			return fmt.Errorf("templates/%s: two packages have it", name)
		}
		f.templates[name] = source
	}
	for name, content := range other.assets {
		if _, twice := f.assets[name]; twice {
			return fmt.Errorf("assets/%s: two packages have it", name)
		}
		f.assets[name] = content
	}
	for language, texts := range other.messages {
		all := f.language(language)
		for key, text := range texts {
			if _, twice := all[key]; twice {
				return fmt.Errorf("messages/%s.yaml: %s: two packages have it", language, key)
			}
			all[key] = text
		}
	}
	return nil
}

// The files that only a theme has, and the keys that only it may add.
const (
	themeSheet = "theme.css" // goes after the style sheet
	logoSVG    = "logo.svg"  // instead of our mark
	logoPNG    = "logo.png"
	themeKeys  = "theme."
)

// dress puts a theme over everything else: file by file, and message by message.
// A name that nothing here knows is refused, for it would do nothing.
func (f folder) dress(theme folder) error {
	for name, source := range theme.templates {
		if _, known := f.templates[name]; !known {
			return fmt.Errorf("templates/%s: there is no such page to change", name)
		}
		f.templates[name] = source
	}
	for name, content := range theme.assets {
		if _, known := f.assets[name]; !known && name != themeSheet && name != logoSVG && name != logoPNG || path.Ext(name) == ".js" {
			return fmt.Errorf("assets/%s: a theme can't bring it", name)
		}
		f.assets[name] = content
	}
	for language, texts := range theme.messages {
		all := f.language(language)
		for key, text := range texts {
			if _, known := f.messages[english][key]; !known && !strings.HasPrefix(key, themeKeys) {
				return fmt.Errorf("messages/%s.yaml: %s: there is no such message", language, key)
			}
			all[key] = text
		}
	}
	if sheet, ok := f.assets[themeSheet]; ok {
		f.assets[styleSheet] = slices.Concat(f.assets[styleSheet], []byte{'\n'}, sheet)
		delete(f.assets, themeSheet)
	}
	return nil
}

func (f folder) language(name string) map[string]string {
	if f.messages[name] == nil {
		f.messages[name] = map[string]string{}
	}
	return f.messages[name]
}

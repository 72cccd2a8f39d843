// Package config reads what the operator wrote: YAML documents of the kinds
// Server, UserStore, Purpose, IdentityProvider and Application, in one file or a
// folder of files.
// It turns them into each package's own configuration, fills in the defaults,
// and refuses everything that is unknown, contradictory, unsafe or without
// effect, all of it at once and each with its place and the fix.
//
// It opens no connection and no database, keeps nothing, and is not imported by
// the packages it configures.
package config

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp/oidc"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/outbound"
	"github.com/usher-id/usher/internal/rule"
)

// Config is a whole, checked configuration. It does not change after Load and
// is safe for concurrent use.
type Config struct {
	Server       Server
	Stores       []Store          // PRIMARY first, the others in the order they were written
	Purposes     []Purpose        // in the order they were written
	Providers    []Provider       // in the order they were written
	Applications []op.Application // in the order they were written

	providers    map[string]*Provider
	applications map[string]*op.Application
	policies     []usher.StorePolicy // of all stores
	digest       string              // of what decides and belongs to no provider and no application
}

// Provider is one document of kind IdentityProvider.
type Provider struct {
	Name        string
	DisplayName string
	Enabled     bool
	Discover    []string // e-mail domains whose people are sent here
	JIT         usher.JIT
	Purposes    []usher.Purpose // what its people agree to, in order; none unless JIT.Ask asks for consent
	PromptURL   string          // a page of somebody else's that asks people instead of ours; "" is none
	Source      rule.Source
	Rules       *rule.Set // Source, compiled
	OIDC        oidc.Config
	Outbound    outbound.Options

	digest string // of what decides; part of every policy's version
}

// String says what there is without telling any of it, for Config holds secrets.
func (c *Config) String() string {
	return fmt.Sprintf("%d identity providers, %d applications", len(c.Providers), len(c.Applications))
}

// Load reads the configuration at path, a YAML file or a folder of them; a
// folder without any gives [Default]. env looks up a variable, as os.LookupEnv
// does. The error is of kind Invalid, holds [Faults], and its message has a line
// for each, in the order of the files.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	const op = "config.Load"
	r := &reader{env: env}
	c := r.load(path)
	if len(r.faults) > 0 {
		faults := r.faults.sorted()
		return nil, usher.Fail(usher.Invalid, op, "the configuration can't be used\n"+faults.String(), faults)
	}
	return c, nil
}

// Default is the configuration of an empty folder: a server on this machine,
// with the store PRIMARY and without providers and applications.
func Default() *Config { return (&builder{reader: &reader{}}).config() }

func (r *reader) load(path string) *Config {
	names, err := sources(path)
	if err != nil {
		var f Fault
		errors.As(err, &f)
		r.faults = append(r.faults, f)
		return nil
	}
	b := &builder{reader: r}
	bytes, documents := 0, 0
	for _, name := range names {
		text, err := readBounded(name, maxFileBytes)
		if err != nil {
			r.faults = append(r.faults, Fault{File: name, Msg: err.Error() + "; check the file"})
			continue
		}
		f := &file{name: name, dir: filepath.Dir(name)}
		docs := r.parse(f, text)
		bytes, documents = bytes+len(text), documents+len(docs)
		if bytes > maxAllBytes || documents > maxDocuments {
			r.faults = append(r.faults, Fault{File: name, Msg: fmt.Sprintf("the configuration has more than %d documents or %d bytes; make it smaller", maxDocuments, maxAllBytes)})
			return nil
		}
		for _, d := range docs {
			line, column := place(d)
			b.document(node{r: r, file: f, line: line, column: column, yaml: d})
		}
	}
	return b.config()
}

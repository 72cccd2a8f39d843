package demo

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed usher.yaml
var configText string

var configTemplate = template.Must(template.New("usher.yaml").Option("missingkey=error").Parse(configText))

// World says where everything is and by what secrets the parts know each other.
type World struct {
	Usher   string // URLs, without a slash at the end
	App     string
	Contoso string
	Partner string
	Data    string // the folder of Usher's database and key

	AppSecret      string
	ProviderSecret string
}

// At is a world on this machine with secrets of its own: Usher at the port, the
// application and the two providers at the next three.
//
// Usher is at localhost, where browsers keep Secure cookies without TLS; the
// others are at 127.0.0.1, which to a browser is another site.
func At(port int, data string) World {
	at := func(host string, n int) string { return fmt.Sprintf("http://%s:%d", host, port+n) }
	return World{
		Usher: at("localhost", 0), App: at("127.0.0.1", 1), Contoso: at("127.0.0.1", 2), Partner: at("127.0.0.1", 3),
		Data: data, AppSecret: rand.Text(), ProviderSecret: rand.Text(),
	}
}

// Listen is the address Usher listens on.
func (w World) Listen() string { return strings.TrimPrefix(w.Usher, "http://") }

// place is what the template of the configuration reads.
type place struct {
	World
	Policy
}

// Config is Usher's configuration for this world.
func (w World) Config(p Policy) (string, error) {
	var b strings.Builder
	err := configTemplate.Execute(&b, place{w, p})
	return b.String(), err
}

// jit is the part of the configuration that p decides for a provider.
func (p Policy) jit(provider string) (string, error) {
	var b strings.Builder
	err := configTemplate.ExecuteTemplate(&b, "jit "+provider, place{Policy: p})
	return b.String(), err
}

// addresses are the listen addresses of Usher, the application and the
// providers, in that order.
func (w World) addresses() []string {
	var out []string
	for _, u := range []string{w.Usher, w.App, w.Contoso, w.Partner} {
		out = append(out, strings.TrimPrefix(u, "http://"))
	}
	return out
}

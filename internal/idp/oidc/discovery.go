package oidc

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/outbound"
)

func fault(reason usher.Reason, detail string) usher.Fault {
	return usher.Fault{Reason: reason, Detail: detail}
}

// metadata is what the connector uses of a discovery document (OpenID Connect
// Discovery 1.0, section 3).
type metadata struct {
	endpoint oauth2.Endpoint
	jwks     string
	userinfo string // "" if the provider has none
	saysIss  bool   // responses carry the issuer (RFC 9207)
}

// discover fetches the provider's metadata and refuses it as a whole if
// anything the connector would use is not as it must be.
func (c *Connector) discover(ctx context.Context) (metadata, usher.Fault) {
	answer, f := c.get(ctx, strings.TrimSuffix(c.cfg.Issuer, "/")+"/.well-known/openid-configuration", "")
	if f != (usher.Fault{}) {
		return metadata{}, fault(f.Reason, "discovery document: "+f.Detail)
	}
	doc, err := idp.DecodeClaims(answer.body)
	if err != nil {
		return metadata{}, fault(usher.ReasonUpstreamInvalid, "discovery document: "+usher.Shown(err))
	}
	return c.read(doc)
}

func (c *Connector) read(doc usher.Value) (metadata, usher.Fault) {
	invalid := func(detail string) (metadata, usher.Fault) {
		return metadata{}, fault(usher.ReasonUpstreamInvalid, "discovery document: "+detail)
	}
	if issuer, _ := doc.Get("issuer").Text(); issuer != c.cfg.Issuer {
		return invalid("issuer is not the one configured, byte for byte")
	}
	var m metadata
	for _, e := range []struct {
		name     string
		to       *string
		optional bool
	}{
		{"authorization_endpoint", &m.endpoint.AuthURL, false},
		{"token_endpoint", &m.endpoint.TokenURL, false},
		{"jwks_uri", &m.jwks, false},
		{"userinfo_endpoint", &m.userinfo, true},
	} {
		value := doc.Get(e.name)
		if value.Kind() == usher.Absent && e.optional {
			continue
		}
		text, _ := value.Text()
		if _, ok := endpoint(text, c.cfg.AllowHTTP); !ok {
			return invalid(e.name + " is not an address that may be called")
		}
		*e.to = text
	}
	m.saysIss, _ = doc.Get("authorization_response_iss_parameter_supported").Bool()
	style, ok := c.authStyle(doc.Get("token_endpoint_auth_methods_supported"))
	if !ok {
		return invalid("the token endpoint knows neither client_secret_basic nor client_secret_post")
	}
	m.endpoint.AuthStyle = style
	return m, usher.Fault{}
}

// authStyle chooses how the token endpoint is told who we are. It never tries
// one way and then another: that would show it the code twice.
func (c *Connector) authStyle(offered usher.Value) (oauth2.AuthStyle, bool) {
	method := c.cfg.AuthMethod
	switch {
	case method != "":
	case c.cfg.ClientSecret == "":
		method = AuthNone
	case offered.Kind() == usher.Absent, holds(offered, "client_secret_basic"):
		method = AuthBasic // also what is meant when nothing is said
	case holds(offered, "client_secret_post"):
		method = AuthPost
	default:
		return 0, false
	}
	if method == AuthBasic {
		return oauth2.AuthStyleInHeader, true
	}
	return oauth2.AuthStyleInParams, true
}

func holds(list usher.Value, text string) bool {
	return slices.ContainsFunc(list.List(), func(v usher.Value) bool { s, _ := v.Text(); return s == text })
}

// answer is what an endpoint said with status 200.
type answer struct {
	body []byte
	kind string // the Content-Type
}

// get calls an endpoint. The body is read to its end so that the connection can
// be used again.
func (c *Connector) get(ctx context.Context, address, bearer string) (answer, usher.Fault) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, fault(usher.ReasonUpstreamInvalid, "its address is not valid")
	}
	req.Header.Set("Accept", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return answer{}, fault(usher.ReasonUpstreamUnreachable, outbound.Explain(err))
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	switch {
	case usher.KindOf(err) == usher.Exhausted:
		return answer{}, fault(usher.ReasonUpstreamInvalid, outbound.Explain(err))
	case err != nil:
		return answer{}, fault(usher.ReasonUpstreamUnreachable, outbound.Explain(err))
	case res.StatusCode != http.StatusOK:
		return answer{}, statusFault(res.StatusCode, usher.ReasonUpstreamInvalid)
	}
	return answer{body, res.Header.Get("Content-Type")}, usher.Fault{}
}

// statusFault tells a provider that can't answer now from one that answers no.
func statusFault(status int, no usher.Reason) usher.Fault {
	if status >= 500 || status == http.StatusTooManyRequests {
		no = usher.ReasonUpstreamUnreachable
	}
	return fault(no, "it answered with status "+strconv.Itoa(status))
}

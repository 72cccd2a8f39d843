package flow

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/web"
)

const (
	// lifetime is how long a sign-in may take.
	lifetime = 10 * time.Minute

	// maxCookie is the most a login cookie may hold, name and value, in bytes;
	// browsers promise 4096 with the attributes (RFC 6265, 6.1).
	maxCookie = 3800

	// maxLogins and maxCookies bound the login cookies that a browser keeps, by
	// number and bytes: all of them come along with every request.
	maxLogins  = 8
	maxCookies = 16 << 10

	cookieName = "usher-login-" // and the short id
	purpose    = "login"

	idTime   = 4  // bytes: seconds since 1970, so that the oldest cookie can be told
	idRandom = 16 // bytes
	idShort  = 12 // characters: the time and 40 bits
)

var text64 = base64.RawURLEncoding.Strict()

// id names one sign-in under way. It is the state that goes to the provider
// and comes back (RFC 6749, 10.12).
type id string

func (f *Flow) newID() id {
	var b [idTime + idRandom]byte
	binary.BigEndian.PutUint32(b[:idTime], uint32(f.Now().Unix())) //nolint:gosec // good until 2106
	_, _ = rand.Read(b[idTime:])                                   // never fails (crypto/rand documents it)
	return id(text64.EncodeToString(b[:]))
}

// parseID reads an id; what newID can't have made is not ok.
func parseID(s string) (id, bool) {
	if len(s) != text64.EncodedLen(idTime+idRandom) {
		return "", false
	}
	_, err := text64.DecodeString(s)
	return id(s), err == nil
}

// age is how long ago the id was made, in seconds. Nobody vouches for it.
func (f *Flow) age(i id) int64 {
	b, err := text64.DecodeString(i.short())
	if err != nil {
		return 0
	}
	return f.Now().Unix() - int64(binary.BigEndian.Uint32(b))
}

// short is the part of the id in the cookie's name.
func (i id) short() string { return string(i[:idShort]) }

// cookie is the name of the sign-in's cookie, without [web.CookiePrefix].
func (i id) cookie() string { return cookieName + i.short() }

// key is what is spent when the sign-in is over.
func (i id) key(tenant string) ledger.Key { return ledger.NewKey("login", tenant, "", string(i)) }

// login is the state of one sign-in under way. The browser holds it, sealed;
// while the person is asked something it lies, sealed too, with what is waited
// for, and the browser holds the Secret to that.
type login struct {
	Start       Start
	IdP         string        // where the person was sent; "" while they choose
	Keep        []byte        // what the connector wants back
	Created     usher.Instant // when the person was sent there, or began to choose, or was asked
	Correlation string        // what the decision will be called; "" while they choose
	Chooser     id            // the choice it was made by; "" if there was none to make
	Proves      id            // the sign-in that waits for this one to prove something; "" if none does
	Secret      []byte        // of the sign-in that waits; the ledger knows its hash
	Handed      bool          // a page of somebody else's has asked already
	Missed      bool          // the last sign-in that was to prove something did not
}

// stage is how far a sign-in has come.
type stage uint8

const (
	choosing stage = iota
	away           // at a provider
	asked          // before the prompts
	over           // and the way home is all that is left of it
)

func (l login) stage() stage {
	switch {
	case len(l.Secret) > 0:
		return asked
	case l.IdP == "":
		return choosing
	case l.Correlation == "":
		return over
	}
	return away
}

func (l login) until() usher.Instant { return l.Created + usher.Instant(lifetime.Microseconds()) }

// keep gives the browser the sign-in's sealed state. What does not fit into a
// cookie is Exhausted, and then nothing is set.
func (f *Flow) keep(w http.ResponseWriter, r *http.Request, i id, l login) error {
	const op = "flow.keep"
	sealed, err := f.Sealer.Seal(purpose, l.pack(), aad(i, l.Start.Tenant))
	if err != nil {
		return usher.Wrap(op, err)
	}
	value := text64.EncodeToString(sealed)
	size := len(web.CookiePrefix) + len(i.cookie()) + len(value)
	if size > maxCookie {
		return usher.Fail(usher.Exhausted, op, "The application asked for more than a sign-in can carry. Please tell the people who run it.", nil)
	}
	left := l.until() - f.instant()
	web.SetCookie(w, i.cookie(), value, time.Duration(left)*time.Microsecond)
	f.tidy(w, r, size, i, cmp.Or(l.Proves, l.Chooser))
	return nil
}

// tidy removes the login cookies that are too many beside those in use: the
// oldest first, and whatever no sign-in of ours can have left.
func (f *Flow) tidy(w http.ResponseWriter, r *http.Request, size int, set, inUse id) {
	type old struct {
		short string
		age   int64 // seconds
		size  int
	}
	var others []old
	count := 1
	for short, value := range web.CookiesBelow(r, cookieName) {
		o := old{short, int64(lifetime / time.Second), len(web.CookiePrefix) + len(cookieName) + len(short) + len(value)}
		if len(short) == idShort {
			o.age = f.age(id(short))
		}
		switch {
		case short == set.short(): // counted, and replaced just now
		case inUse != "" && short == inUse.short():
			count, size = count+1, size+o.size
		default:
			others = append(others, o)
		}
	}
	slices.SortFunc(others, func(a, b old) int { return cmp.Or(cmp.Compare(a.age, b.age), cmp.Compare(a.short, b.short)) })
	for _, o := range others {
		count, size = count+1, size+o.size
		if count > maxLogins || size > maxCookies || o.age >= int64(lifetime/time.Second) {
			web.ClearCookie(w, cookieName+o.short)
		}
	}
}

// state opens what the browser keeps of the sign-in i; the reason says why
// there is nothing to go on with.
func (f *Flow) state(r *http.Request, i id) (login, usher.Reason) {
	value, ok := web.Cookie(r, i.cookie())
	switch {
	case !ok && f.age(i) >= int64(lifetime/time.Second):
		return login{}, usher.ReasonStateExpired // the browser has let go of it in time
	case !ok || len(value) > maxCookie:
		return login{}, usher.ReasonStateForeign
	}
	sealed, err := text64.DecodeString(value)
	if err != nil {
		return login{}, usher.ReasonStateForeign
	}
	plain, err := f.Sealer.Open(purpose, sealed, aad(i, tenant(r)))
	if err != nil {
		// Tampered with, of another sign-in or tenant, or sealed under a key that is gone.
		return login{}, usher.ReasonStateExpired
	}
	l, ok := unpack(plain)
	if now := f.instant(); !ok || now >= l.until() || now+usher.Instant(time.Minute.Microseconds()) < l.Created {
		return login{}, usher.ReasonStateExpired
	}
	return l, ""
}

// aad binds a sealed state to its sign-in and tenant. An id has no dot.
func aad(i id, tenant string) []byte { return []byte(string(i) + "." + tenant) }

func (f *Flow) instant() usher.Instant { return usher.Instant(f.Now().UnixMicro()) }

// packed is the version of the packed form; another one is not understood.
const packed = "2"

// pack writes the state as fields, each with its length in front: a third
// smaller than JSON, which matters in a cookie.
func (l login) pack() []byte {
	age, flags := "", ""
	if l.Start.MaxAge != nil {
		age = strconv.FormatInt(*l.Start.MaxAge, 10)
	}
	if l.Handed {
		flags += "h"
	}
	if l.Missed {
		flags += "m"
	}
	var b []byte
	for _, field := range [...]string{
		packed, l.Start.Tenant, l.Start.Application, l.Start.ApplicationName, l.Start.ApplicationURL, string(l.Start.Request),
		l.Start.LoginHint, l.Start.Prompt, age, strings.Join(l.Start.Providers, " "), l.Start.Locales,
		l.IdP, string(l.Keep), strconv.FormatInt(int64(l.Created), 10), l.Correlation, string(l.Chooser),
		string(l.Proves), string(l.Secret), flags,
	} {
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
	}
	return b
}

// unpack reads what pack wrote.
func unpack(b []byte) (login, bool) {
	var l login
	var version, age, request, providers, keep, created, chooser, proves, secret, flags string
	for _, field := range [...]*string{
		&version, &l.Start.Tenant, &l.Start.Application, &l.Start.ApplicationName, &l.Start.ApplicationURL, &request,
		&l.Start.LoginHint, &l.Start.Prompt, &age, &providers, &l.Start.Locales,
		&l.IdP, &keep, &created, &l.Correlation, &chooser,
		&proves, &secret, &flags,
	} {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) { //nolint:gosec // size is within b
			return login{}, false
		}
		*field, b = string(b[size:size+int(n)]), b[size+int(n):] //nolint:gosec // n is within b
	}
	at, err := strconv.ParseInt(created, 10, 64)
	if err != nil || len(b) != 0 || version != packed {
		return login{}, false
	}
	if age != "" {
		n, err := strconv.ParseInt(age, 10, 64)
		if err != nil {
			return login{}, false
		}
		l.Start.MaxAge = &n
	}
	l.Start.Providers = strings.Fields(providers) // names hold no spaces
	l.Created, l.Chooser, l.Proves = usher.Instant(at), id(chooser), id(proves)
	l.Start.Request, l.Keep, l.Secret = []byte(request), []byte(keep), []byte(secret)
	l.Handed, l.Missed = strings.Contains(flags, "h"), strings.Contains(flags, "m")
	return l, true
}

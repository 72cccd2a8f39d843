package store_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// shelf is a driver that records what it is asked.
type shelf struct {
	asked    int
	deadline time.Duration // how long the driver was given
	fail     error
}

func (s *shelf) note(ctx context.Context) error {
	s.asked++
	if end, ok := ctx.Deadline(); ok {
		s.deadline = time.Until(end)
	}
	return s.fail
}

func (s *shelf) Get(ctx context.Context, _ string, id usher.UserID) (store.User, error) {
	return store.User{ID: id}, s.note(ctx)
}

func (s *shelf) Named(ctx context.Context, _ string, _ []string) (map[string]usher.UserID, error) {
	return nil, s.note(ctx)
}

func (s *shelf) Holders(ctx context.Context, _, _, _ string, _ int) ([]usher.UserID, error) {
	return nil, s.note(ctx)
}

func (s *shelf) Password(ctx context.Context, _ string, _ usher.UserID) (store.Password, error) {
	return store.Password{}, s.note(ctx)
}

func (s *shelf) Write(ctx context.Context, _ string, _ store.Write) error { return s.note(ctx) }

func (s *shelf) List(ctx context.Context, _, _ string, _ int) ([]store.User, error) {
	return nil, s.note(ctx)
}

var st = store.New("PRIMARY", store.Policy{}, nil)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ name, canonical string }{
		{"ann", "ann"}, {"Ann", "ann"}, {"ANN@Contoso.TEST", "ann@contoso.test"}, {"caf\u00e9", "caf\u00e9"}, {"cafe\u0301", "caf\u00e9"},
		{"\u212aelvin", "kelvin"}, {"\uff41dmin", "admin"}, {"stra\u00dfe", "stra\u00dfe"}, {"a%b_c*d", "a%b_c*d"}, {"\u0394\u03a3", ""},
		{strings.Repeat("x", 255), strings.Repeat("x", 255)},
		{"", ""}, {" ", ""}, {"a b", ""}, {"ann ", ""}, {" ann", ""}, {"an\tn", ""}, {"an\x00n", ""}, {"an\u200bn", ""}, {"an\u202en", ""},
		{"\u1d2e\u1d35\u1d33", ""}, {"\xff", ""}, {strings.Repeat("x", 256), ""}, {"\ufb01", ""},
	} {
		canonical, unfit := st.Canonical(c.name)
		if c.canonical == "" && c.name == "\u0394\u03a3" { // whatever the final sigma becomes, it must be stable
			c.canonical = canonical
		}
		if canonical != c.canonical || (unfit == "") != (canonical != "") {
			t.Errorf("%q is %q, %q; want %q", c.name, canonical, unfit, c.canonical)
		}
		if unfit != "" && len(c.name) > 2 && strings.Contains(string(unfit), c.name) {
			t.Errorf("%q is repeated in %q", c.name, unfit)
		}
	}
}

func checkCanonical(t interface{ Errorf(string, ...any) }, name string) {
	canonical, unfit := st.Canonical(name)
	if (unfit == "") != (canonical != "") {
		t.Errorf("%q is %q and unfit %q", name, canonical, unfit)
	}
	if unfit != "" {
		return
	}
	if len(canonical) > 255 || !utf8.ValidString(canonical) {
		t.Errorf("%q is %q", name, canonical)
	}
	if again, unfit := st.Canonical(canonical); again != canonical || unfit != "" {
		t.Errorf("%q is %q, which is %q (%s)", name, canonical, again, unfit)
	}
}

// The canonical form of a canonical form is itself.
func TestCanonicalIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkCanonical(t, rapid.String().Draw(t, "name")) })
	odd := rapid.SliceOfN(rapid.SampledFrom([]rune("aA\u00df\u1e9e\u0130\u0131\u03a3\u03c3\u03c2\u212b\u0345\u0301\uff21\u01c5\u1f88\u0390\u1fd3-.@")), 1, 8)
	rapid.Check(t, func(t *rapid.T) { checkCanonical(t, string(odd.Draw(t, "name"))) })
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"", "Ann", "caf\u00e9", "\u0130stanbul", "\u03a3\u03a3", "\u05d0a", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) { checkCanonical(t, name) })
}

func TestWriteIsChecked(t *testing.T) {
	long := strings.Repeat("x", 256)
	attribute := func(name string, values ...string) store.Write {
		return store.Write{User: "u", Set: []store.Attribute{{Name: name, Values: values}}}
	}
	for name, w := range map[string]store.Write{
		"no user":            {},
		"long user":          {User: usher.UserID(long)},
		"state":              {User: "u", State: "happy"},
		"canonical":          {User: "u", Create: &store.NewUser{Username: "Ann", Canonical: "Ann"}},
		"other canonical":    {User: "u", Create: &store.NewUser{Username: "ann", Canonical: "bob"}},
		"unfit":              {User: "u", Create: &store.NewUser{Username: "a b", Canonical: "a b"}},
		"no username":        {User: "u", Create: &store.NewUser{}},
		"attribute unnamed":  attribute(""),
		"attribute long":     attribute(long),
		"attribute NUL":      attribute("a\x00"),
		"attribute not text": attribute("\xff"),
		"value long":         attribute("a", strings.Repeat("x", 64<<10+1)),
		"value not text":     attribute("a", "\xff"),
		"many values":        attribute("a", make([]string, 1001)...),
		"much in all":        attribute("a", strings.Split(strings.Repeat(strings.Repeat("x", 60<<10)+",", 20), ",")...),
		"many attributes":    {User: "u", Set: make([]store.Attribute, 257)},
		"set twice":          {User: "u", Set: []store.Attribute{{Name: "a"}, {Name: "a"}}},
		"group unnamed":      {User: "u", Join: []string{""}},
		"group long":         {User: "u", Join: []string{long}},
		"many groups":        {User: "u", Join: make([]string, 5001)},
		"leave NUL":          {User: "u", Leave: []string{"\x00"}},
		"clear unnamed":      {User: "u", Clear: []string{""}},
		"hash long":          {User: "u", Password: &store.Password{Hash: strings.Repeat("x", 1001)}},
		"hash not text":      {User: "u", Password: &store.Password{Hash: "\xff"}},
	} {
		d := &shelf{}
		if err := store.New("PRIMARY", store.Policy{}, d).Write(t.Context(), "t", w); usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" || d.asked != 0 {
			t.Errorf("%s: %v, the driver was asked %d times", name, err, d.asked)
		}
	}
	good := store.Write{User: "u", Create: &store.NewUser{Username: "Ann", Canonical: "ann"}, State: usher.StatePending,
		Set: []store.Attribute{{Name: "a", Values: []string{"", "\x00"}}, {Name: "b"}}, Clear: []string{"c"}, Join: []string{"d"}, Leave: []string{"e"}}
	d := &shelf{}
	if err := store.New("PRIMARY", store.Policy{}, d).Write(t.Context(), "t", good); err != nil || d.asked != 1 {
		t.Errorf("%v, the driver was asked %d times", err, d.asked)
	}
}

func TestReadsAreChecked(t *testing.T) {
	d := &shelf{}
	s := store.New("PRIMARY", store.Policy{}, d)
	_, many := s.Named(t.Context(), "t", make([]string, 5001))
	_, empty := s.Named(t.Context(), "t", []string{""})
	_, none := s.List(t.Context(), "t", "", 0)
	_, much := s.List(t.Context(), "t", "", 1001)
	_, unnamed := s.Holders(t.Context(), "t", "", "x", 1)
	_, nobody := s.Holders(t.Context(), "t", "email", "x", 0)
	_, crowd := s.Holders(t.Context(), "t", "email", "x", 1001)
	for _, err := range []error{many, empty, none, much, unnamed, nobody, crowd} {
		if usher.KindOf(err) != usher.Invalid || d.asked != 0 {
			t.Errorf("%v, the driver was asked %d times", err, d.asked)
		}
	}
}

func TestEveryCallHasADeadlineAndKeepsTheKindOfItsFailure(t *testing.T) {
	for _, fail := range []error{nil, usher.Fail(usher.NotFound, "x", "", nil), usher.Fail(usher.Unavailable, "x", "", nil)} {
		for name, call := range map[string]func(*store.Store) error{
			"get":   func(s *store.Store) error { _, err := s.Get(t.Context(), "t", "u"); return err },
			"named": func(s *store.Store) error { _, err := s.Named(t.Context(), "t", []string{"a"}); return err },
			"write": func(s *store.Store) error { return s.Write(t.Context(), "t", store.Write{User: "u"}) },
			"list":  func(s *store.Store) error { _, err := s.List(t.Context(), "t", "", 1); return err },
			"holders": func(s *store.Store) error {
				_, err := s.Holders(t.Context(), "t", "email", "x", 2)
				return err
			},
			"password": func(s *store.Store) error { _, err := s.Password(t.Context(), "t", "u"); return err },
		} {
			d := &shelf{fail: fail}
			err := call(store.New("PRIMARY", store.Policy{}, d))
			if d.asked != 1 || d.deadline <= 0 || d.deadline > 5*time.Second {
				t.Errorf("%s: asked %d times, given %v", name, d.asked, d.deadline)
			}
			if (err == nil) != (fail == nil) || usher.KindOf(err) != usher.KindOf(fail) {
				t.Errorf("%s: %v became %v", name, fail, err)
			}
		}
	}
	if got := st.Name(); got != "PRIMARY" {
		t.Errorf("named %q", got)
	}
}

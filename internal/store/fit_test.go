package store_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/pattern"
	"github.com/usher-id/usher/internal/store"
)

func mustCompile(t testing.TB, java string) pattern.Pattern {
	t.Helper()
	p, err := pattern.Compile(java)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fits holds names against what they should be: "" means that they fit.
func fits(t *testing.T, s *store.Store, want map[string]usher.Unfit) {
	t.Helper()
	for name, unfit := range want {
		canonical, got := s.Fit(name)
		if got != unfit || (got == usher.Fits) != (canonical != "") {
			t.Errorf("%q is %q, %q; want %q", name, canonical, got, unfit)
		}
	}
}

func TestA020_ReservedNamesAndIDs(t *testing.T) {
	s := store.New("CORP", store.Policy{Reserved: []string{"Ceo", "\uff42oss", "the board"}}, nil)
	fits(t, s, map[string]usher.Unfit{
		"admin": usher.UnfitReserved, "Admin": usher.UnfitReserved, "\uff41\uff24MIN": usher.UnfitReserved, "ROOT": usher.UnfitReserved, ".": usher.UnfitReserved, "..": usher.UnfitReserved,
		"Me": usher.UnfitReserved, "self": usher.UnfitReserved, "$system": usher.UnfitReserved, "null": usher.UnfitReserved, "PostMaster": usher.UnfitReserved,
		"ceo": usher.UnfitReserved, "CEO": usher.UnfitReserved, "boss": usher.UnfitReserved,
		"admin2": "", "ceo2": "", "meg": "", "...": "", "admin@contoso.test": "", "ann": "",
		"0197c1a0-5f4c-7b3e-8a59-1c2d3e4f5a6b": usher.UnfitIdentifier, "0197C1A0-5F4C-7B3E-8A59-1C2D3E4F5A6B": usher.UnfitIdentifier,
		"{0197c1a0-5f4c-7b3e-8a59-1c2d3e4f5a6b}": usher.UnfitIdentifier, "urn:uuid:0197c1a0-5f4c-7b3e-8a59-1c2d3e4f5a6b": usher.UnfitIdentifier, "0197c1a05f4c7b3e8a591c2d3e4f5a6b": usher.UnfitIdentifier,
		"a197c1\uff410-5f4c-7b3e-8a59-1c2d3e4f5a6b": usher.UnfitIdentifier, "0197c1a0-5f4c-7b3e-8a59-1c2d3e4f5a6b2": "", "0197c1a0": "",
	})
	kept := store.New("CORP", store.Policy{KeepCase: true, Reserved: []string{"ceo"}}, nil)
	fits(t, kept, map[string]usher.Unfit{"Admin": usher.UnfitReserved, "CEO": usher.UnfitReserved, "Ann": ""})

	// An account may be called by its own id, which nobody else can choose.
	const id = "0197c1a0-5f4c-7b3e-8a59-1c2d3e4f5a6b"
	d := &shelf{}
	if err := store.New("CORP", store.Policy{}, d).Write(t.Context(), "t", store.Write{User: id, Create: &store.NewUser{Username: id, Canonical: id}}); err != nil || d.asked != 1 {
		t.Errorf("its own id: %v", err)
	}
}

func TestA024_LookAlikesAndWhatNobodySees(t *testing.T) {
	fits(t, st, map[string]usher.Unfit{
		"\u0430nn": usher.UnfitConfusable, "\u0430\u0441\u0435": usher.UnfitConfusable, "p\u0430ypal": usher.UnfitConfusable, "\u0440\u0430\u0443\u0440\u0430\u04cf": usher.UnfitConfusable,
		"\u03bfvo": usher.UnfitConfusable, "\u0391\u039d\u039d": usher.UnfitConfusable, "\u03bf": usher.UnfitConfusable, "\u0405\u0441\u043e\u0440\u0435": usher.UnfitConfusable,
		"\u0430nn@contoso.test": usher.UnfitConfusable, "ann@c\u043entoso.test": usher.UnfitConfusable, "\u0440\u0430\u0443@contoso.test": usher.UnfitConfusable,
		"\u4e2d\u0434": usher.UnfitConfusable, "\u3042\ud55c": usher.UnfitConfusable, "\u05d0\u03b1": usher.UnfitCharacters, "k\u0131m": usher.UnfitConfusable, "\u0251nn": usher.UnfitConfusable,
		"an\u200bn": usher.UnfitCharacters, "an\u200dn": usher.UnfitCharacters, "an\u00adn": usher.UnfitCharacters, "an\u202en": usher.UnfitCharacters, "an\u2066n": usher.UnfitCharacters, "\ufeffann": usher.UnfitCharacters,
		"ann\ufe0f": usher.UnfitCharacters, "an\u115fn": usher.UnfitCharacters, "\u1d2e\u1d35\u1d33": usher.UnfitCharacters, "\U0001d41a\U0001d427": usher.UnfitCharacters, "\u24d0nn": usher.UnfitCharacters, "\u2603": usher.UnfitCharacters,
		// People's names in their own letters are none of this.
		"caf\u00e9": "", "j\u00fcrgen": "", "\u0142ukasz": "", "stra\u00dfe": "", "kj\u00e6r": "", "\u00c5sa": "", "\u0441\u0435\u0440\u0433\u0435\u0439": "", "\u0441\u0435\u0440\u0433\u0435\u0439@contoso.test": "", "\u0421\u0435\u0440\u0433\u0435\u0439": "",
		"\u03bd\u03af\u03ba\u03bf\u03c2": "", "\u674e\u660e": "", "\u674e\u660elee": "", "\u3055\u304f\u3089": "", "\u6751\u4e0a\u30cf\u30ebjp": "", "\uae40\ubbfc\uc9c0": "", "\u05d3\u05d5\u05d3": "", "\u0645\u062d\u0645\u062f": "", "\u0e2a\u0e21\u0e0a\u0e32\u0e22": "",
		"a-b_c.d+e": "", "1234": "", "\u0434\u0438\u043c\u0430-2": "",
	})
	// Full-width letters are the plain ones, in every form that is compared or read.
	if canonical, unfit := st.Fit("\uff21\uff4e\uff4e"); canonical != "ann" || unfit != "" {
		t.Errorf("full width: %q, %q", canonical, unfit)
	}
}

// Whatever case folding does, there is one form, and who has a letter beyond
// ASCII never has the name of who has not.
func TestA025_LettersWhoseCaseSurprises(t *testing.T) {
	for name, want := range map[string]string{
		"\u212aelvin": "kelvin", "stra\u00dfe": "stra\u00dfe", "STRASSE": "strasse", "\u212bsa": "\u00e5sa", "caf\u00c9": "caf\u00e9",
		"\u0131smail": "", "s\u017fa": "", "\u017f": "", "\ufb01nn": "", "\u0149a": "",
	} {
		if canonical, unfit := st.Fit(name); canonical != want || (unfit == "") != (want != "") {
			t.Errorf("%q is %q, %q; want %q", name, canonical, unfit, want)
		}
	}
	odd := rapid.SliceOfN(rapid.SampledFrom([]rune("kKsSiI\u212a\u017f\u00df\u1e9e\u0130\u0131\u03a3\u03c3\u03c2\u212b\u01c5\u1f88\ufb00")), 1, 6)
	rapid.Check(t, func(t *rapid.T) {
		name := string(odd.Draw(t, "name"))
		canonical, unfit := st.Fit(name)
		if unfit != usher.Fits {
			return
		}
		if again, unfit := st.Fit(canonical); again != canonical || unfit != usher.Fits {
			t.Errorf("%q is %q, which is %q (%s)", name, canonical, again, unfit)
		}
		plain := strings.IndexFunc(canonical, func(r rune) bool { return r >= 0x80 }) < 0
		if plain && strings.ContainsAny(name, "\u017f\u00df\u1e9e\u0131\ufb00") {
			t.Errorf("%q became %q", name, canonical)
		}
	})
}

func TestP017_TheStoresPatternAndLengths(t *testing.T) {
	s := store.New("CORP", store.Policy{Username: mustCompile(t, `^[^\s*?%]{3,30}$`), MinUsername: 4, MaxUsername: 6}, nil)
	fits(t, s, map[string]usher.Unfit{
		"anna": "", "annika": "", "\u00e4nna": "", "ann": usher.UnfitShort, "annikas": usher.UnfitLong, "an*a": usher.UnfitPattern, "50%ig": usher.UnfitPattern,
		"an\uff0aa": usher.UnfitPattern, // a wide asterisk is one
		"":          usher.UnfitEmpty, "an a": usher.UnfitCharacters, strings.Repeat("x", 256): usher.UnfitLong,
	})
	capital := store.New("CORP", store.Policy{Username: mustCompile(t, `[A-Z][a-z]+`)}, nil)
	fits(t, capital, map[string]usher.Unfit{"Ann": "", "\uff21nn": "", "ann": usher.UnfitPattern}) // the name as it is read
}

func TestP018_WithoutPattern(t *testing.T) {
	s := store.New("CORP", store.Policy{Username: mustCompile(t, `[a-z]{3}`), MinUsername: 3, MaxUsername: 3}, nil)
	for name, want := range map[string]usher.Unfit{
		"x": "", "Annika-1": "", "admin": usher.UnfitReserved, "\u0430nn": usher.UnfitConfusable, "a b": usher.UnfitCharacters, "": usher.UnfitEmpty,
		"0197c1a0-5f4c-7b3e-8a59-1c2d3e4f5a6b": usher.UnfitIdentifier,
	} {
		if canonical, unfit := s.FitLax(name); unfit != want || (unfit == "") != (canonical != "") {
			t.Errorf("%q is %q, %q; want %q", name, canonical, unfit, want)
		}
	}
}

func TestP020_OnlyPasswordsThatAreTypedAreChecked(t *testing.T) {
	d := &shelf{}
	s := store.New("CORP", store.Policy{Password: mustCompile(t, `^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).*$`), MaxPassword: 20}, d)
	for plain, want := range map[string]usher.Unfit{
		"": usher.UnfitEmpty, "Sh0rt": usher.UnfitShort, "Sh0rt\u00e9\u00e9": usher.UnfitShort, "L0ngEnough": "", "p\u00e4ssw0rT": "", "pa\u0308ssw0r": usher.UnfitShort, "L0ng" + strings.Repeat("x", 17): usher.UnfitLong,
		"nodigitHere": usher.UnfitPattern, "l0wercase": usher.UnfitPattern, "L0ng\x00enough": usher.UnfitCharacters, "L0ng\xffenough": usher.UnfitCharacters, "L0ng\x00" + strings.Repeat("x", 30): usher.UnfitLong,
		"Passw0rd": usher.UnfitCompromised, "Password123": usher.UnfitCompromised, "12345678": usher.UnfitCompromised, "AAAAAAAAAA": usher.UnfitCompromised,
		"Ann.Le5ter": usher.UnfitCompromised, "ANN.le5ter": usher.UnfitCompromised, "\uff21nn.Le5ter": usher.UnfitCompromised, "ann.Le5ter@co.Test": usher.UnfitCompromised, "ann.Le5ter2": "",
		"With space 1": "", "L0ng \u00e9\u4e2d\U0001f600 wide": "",
	} {
		if got := s.FitPassword(plain, "Ann.Le5ter@co.test"); got != want {
			t.Errorf("%.30q is %q, want %q", plain, got, want)
		}
	}
	var none store.Policy
	for plain, want := range map[string]usher.Unfit{"seven77": usher.UnfitShort, "eight888": "", strings.Repeat("ab", 64): "", strings.Repeat("ab", 64) + "c": usher.UnfitLong} {
		if got := store.New("CORP", none, nil).FitPassword(plain, ""); got != want {
			t.Errorf("%.30q is %q, want %q", plain, got, want)
		}
	}
	// An account without a password is made whatever the policy says of passwords.
	if err := s.Write(t.Context(), "t", store.Write{User: "u", Create: &store.NewUser{Username: "ann", Canonical: "ann"}}); err != nil || d.asked != 1 {
		t.Errorf("%v, the driver was asked %d times", err, d.asked)
	}
}

func TestP021_GroupNamesAreCheckedWhenMade(t *testing.T) {
	d := &shelf{}
	s := store.New("CORP", store.Policy{Group: mustCompile(t, `[a-z/-]{3,30}`)}, d)
	for name, want := range map[string]usher.Unfit{
		"platform": "", "internal/everyone": "", "Platform": usher.UnfitPattern, "ab": usher.UnfitPattern, "": usher.UnfitEmpty, "a\x00bc": usher.UnfitCharacters, "\xff\xff\xff": usher.UnfitCharacters, strings.Repeat("x", 256): usher.UnfitLong,
	} {
		if got := s.FitGroup(name); got != want {
			t.Errorf("%.20q is %q, want %q", name, got, want)
		}
	}
	// One that is there already does not keep anybody from signing in.
	if err := s.Write(t.Context(), "t", store.Write{User: "u", Join: []string{"Platform"}}); err != nil || d.asked != 1 {
		t.Errorf("%v, the driver was asked %d times", err, d.asked)
	}
}

func TestP025_AddressesAreKeptWhole(t *testing.T) {
	for name, want := range map[string]string{"alice@evil.com": "alice@evil.com", "Alice@Evil.COM": "alice@evil.com", "a@b@c": "a@b@c", "alice": "alice", "PRIMARY/alice": "primary/alice"} {
		if canonical, unfit := st.Fit(name); canonical != want || unfit != usher.Fits {
			t.Errorf("%q is %q, %q; want %q", name, canonical, unfit, want)
		}
	}
}

func TestP101_CaseOfUsernames(t *testing.T) {
	kept := store.New("CORP", store.Policy{KeepCase: true}, nil)
	for name, want := range map[string][2]string{
		"Bob": {"bob", "Bob"}, "bob": {"bob", "bob"}, "BOB@Contoso.test": {"bob@contoso.test", "BOB@Contoso.test"}, "\uff22ob": {"bob", "Bob"}, "\u00c9ve": {"\u00e9ve", "\u00c9ve"}, "E\u0301ve": {"\u00e9ve", "\u00c9ve"},
	} {
		for i, s := range []*store.Store{st, kept} {
			if canonical, unfit := s.Fit(name); canonical != want[i] || unfit != usher.Fits {
				t.Errorf("%q is %q, %q; want %q", name, canonical, unfit, want[i])
			}
		}
	}
	// What is written is held to the same form.
	for form, ok := range map[string]bool{"Bob": true, "bob": false} {
		d := &shelf{}
		err := store.New("CORP", store.Policy{KeepCase: true}, d).Write(t.Context(), "t", store.Write{User: "u", Create: &store.NewUser{Username: "Bob", Canonical: form}})
		if (err == nil) != ok {
			t.Errorf("Bob as %q: %v", form, err)
		}
	}
}

func TestMessage(t *testing.T) {
	p := store.Policy{Messages: map[string]map[string]string{
		"username": {"": "Use letters.", "es": "Use letras.", "pt-BR": "Use letras, por favor."}, "group": {"en": "No."},
	}}
	for _, c := range []struct{ what, language, want string }{
		{"username", "es", "Use letras."}, {"username", "es-MX", "Use letras."}, {"username", "es-Latn-MX", "Use letras."}, {"username", "pt-BR", "Use letras, por favor."}, {"username", "pt", "Use letters."}, {"username", "ar", "Use letters."}, {"username", "", "Use letters."},
		{"group", "en-GB", "No."}, {"group", "es", ""}, {"password", "en", ""},
	} {
		if got := p.Message(c.what, c.language); got != c.want {
			t.Errorf("%s in %q: %q, want %q", c.what, c.language, got, c.want)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	for name, username := range map[string]string{"ascii": "ann.lester@contoso.test", "cyrillic": "\u0441\u0435\u0440\u0433\u0435\u0439", "thai": "\u0e2a\u0e21\u0e0a\u0e32\u0e22"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, unfit := st.Fit(username); unfit != usher.Fits {
					b.Fatal(unfit)
				}
			}
		})
	}
}

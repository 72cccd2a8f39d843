package rule

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxAttributes bounds how many attributes one provider may map.
const maxAttributes = 100

// reserved is the words no attribute may be called, in lower case. The first
// two lines are claims that only Usher may put into a token, or that say what
// kind of token it is; the others are fields of an account that no provider may
// write.
var reserved = words(
	"iss sub aud exp iat nbf nonce acr amr azp auth_time sid cnf jti typ client_id scope",
	"is_admin admin disabled enabled state email_verified phone_number_verified password tenant id username groups roles verified",
)

func words(lines ...string) map[string]bool {
	set := map[string]bool{}
	for _, line := range lines {
		for _, w := range strings.Fields(line) {
			set[w] = true
		}
	}
	return set
}

// names checks what the attributes are called.
func (c *compiler) names(src Source) {
	if n := len(src.Attributes); n > maxAttributes {
		c.add("mapping.attributes", strconv.Itoa(n)+" attributes are mapped and "+strconv.Itoa(maxAttributes)+" may be. Leave some out.")
	}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(src.Attributes)) {
		where, folded := "mapping.attributes."+name, strings.ToLower(name)
		switch other, twice := seen[folded]; {
		case !wellNamed(name):
			c.add("mapping.attributes", Misnamed(name))
		case reserved[folded]:
			c.add(where, Misnamed(name))
		case twice:
			c.add(where, "There is also an attribute "+other+". Names must differ in more than upper and lower case.")
		}
		seen[folded] = name
	}
	for _, name := range slices.Sorted(maps.Keys(src.Verified)) {
		if _, mapped := src.Attributes[name]; !mapped {
			c.add("mapping.verified", "There is no attribute "+quoted(name)+" to be verified. Map it under mapping.attributes, or leave this rule out.")
		}
	}
}

// Misnamed says why no attribute can have a name, in a sentence or two, or "".
func Misnamed(name string) string {
	switch {
	case !wellNamed(name):
		return "An attribute can't be called " + quoted(name) + ". A name is a letter and then up to 63 letters, digits and _ . - (ASCII)."
	case reserved[strings.ToLower(name)]:
		return "The name is reserved: Usher itself says what it holds. Map the claim to an attribute of another name."
	}
	return ""
}

func wellNamed(name string) bool {
	const longest = 64
	if name == "" || len(name) > longest || !letter(name[0]) {
		return false
	}
	for i := range len(name) {
		if ch := name[i]; !letter(ch) && !digit(ch) && ch != '_' && ch != '.' && ch != '-' {
			return false
		}
	}
	return true
}

func letter(ch byte) bool { return ch|0x20 >= 'a' && ch|0x20 <= 'z' }

func digit(ch byte) bool { return ch >= '0' && ch <= '9' }

// quoted is a word of the source as a message shows it: short and printable.
func quoted(s string) string {
	const longest = 80
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strconv.QuoteToASCII(s)
}

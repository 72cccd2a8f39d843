package rule

import (
	"slices"

	usher "github.com/usher-id/usher"
)

const (
	whereDomains  = "admit.emailDomains"
	whereVerified = "admit.verified"
)

// admit checks the admission conditions and gives the domains, folded and sorted.
func (c *compiler) admit(src Source) []string {
	email, mapped := src.Attributes[usher.AttributeEmail]
	if len(src.Admit.EmailDomains) > 0 {
		switch {
		case !mapped:
			c.add(whereDomains, "The condition looks at the attribute email, which is not mapped. Map it under mapping.attributes.")
		case email.List:
			c.add(whereDomains, "The condition looks at one address, and the attribute email may hold a list. Map one address.")
		}
	}
	if src.Admit.Verified && src.Verified[usher.AttributeEmail] == "" {
		c.add(whereVerified, "The condition needs to know when the address is verified. Say so in mapping.verified.email.")
	}
	var domains []string
	for _, d := range src.Admit.EmailDomains {
		folded, ok := domain(d)
		if !ok {
			c.add(whereDomains, quoted(d)+" is not a domain. Write it in ASCII (xn-- for other scripts), without @, * or a dot at the end.")
		}
		domains = append(domains, folded)
	}
	slices.Sort(domains)
	return slices.Compact(domains)
}

// admission runs the conditions. The first that does not hold is the one named.
func (r *run) admission(s *Set, attributes []usher.Attribute) usher.Admission {
	var email usher.Attribute
	for _, a := range attributes {
		if a.Name == usher.AttributeEmail {
			email = a
		}
	}
	out := usher.Admission{Admitted: true}
	hold := func(where string, a usher.Admission) {
		r.step(where, yes(a.Admitted, a.Why))
		if out.Admitted && !a.Admitted {
			a.Why = where + ": " + a.Why
			out = a
		}
	}
	if len(s.domains) > 0 {
		hold(whereDomains, inDomains(email, s.domains))
	}
	if s.verified {
		hold(whereVerified, isVerified(email))
	}
	if s.when != nil {
		hold(s.when.where, r.when(s.when))
	}
	return out
}

func inDomains(email usher.Attribute, domains []string) usher.Admission {
	switch email.Presence {
	case usher.PresenceSet:
	case usher.PresenceUnknown:
		return usher.Admission{Failed: true, Why: "the e-mail address is unknown"}
	default:
		return usher.Admission{Why: "there is no e-mail address"}
	}
	d, ok := usher.EmailDomain(email.Values[0])
	if !ok {
		return usher.Admission{Why: "the e-mail address is not one that can be read without doubt"}
	}
	if _, listed := slices.BinarySearch(domains, d); !listed {
		return usher.Admission{Why: "the domain of the e-mail address is not in the list"}
	}
	return usher.Admission{Admitted: true}
}

func isVerified(email usher.Attribute) usher.Admission {
	if !email.Verified {
		return usher.Admission{Why: "the e-mail address is not verified"}
	}
	return usher.Admission{Admitted: true}
}

func (r *run) when(e *expression) usher.Admission {
	holds, why := r.bool(e)
	switch {
	case why != "":
		return usher.Admission{Failed: true, Why: why}
	case !holds:
		return usher.Admission{Why: "the condition does not hold"}
	}
	return usher.Admission{Admitted: true}
}

// domain is a domain name in lower case, if e-mail addresses can end in it.
func domain(name string) (string, bool) { return usher.EmailDomain("a@" + name) }

// Package explain tells a recorded decision as a story in plain words: what was
// asked, what was found, what was done. The command line, the console and the
// sample application show the same story. It does not decide, read or write
// anything, and it shows no attribute values.
package explain

import (
	"fmt"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
)

// Story is one decision, told.
type Story struct {
	ID        string   // the correlation id
	When      string   // UTC, to the second
	Headline  string   // one sentence
	Reason    string   // the reason word
	Meaning   string   // what the word means, for whoever runs Usher
	Account   string   // the account's id, "" if there is none
	Rules     []Line   // the mapping rules as they ran
	Questions []Line   // the questions of the decision, in order
	Prompts   []string // what the person was asked for
	Changes   []string // what was done
}

// Line is a question and its answer.
type Line struct{ Question, Answer, Rule string }

// Tell makes the story of a record.
func Tell(rec usher.Record) Story {
	d := rec.Decision
	s := Story{
		ID: rec.ID, Reason: string(d.Reason), Meaning: d.Reason.Said().Do, Account: string(d.User),
		When:      Moment(rec.Snapshot.At),
		Headline:  headline(rec),
		Rules:     lines(rec.Identity.Trace),
		Questions: lines(d.Trace),
	}
	for _, c := range d.Changes {
		s.Changes = append(s.Changes, change(c))
	}
	for _, p := range d.Prompts {
		s.Prompts = append(s.Prompts, prompt(p))
	}
	return s
}

// Moment is a point in time for people: UTC, to the second.
func Moment(at usher.Instant) string {
	return time.UnixMicro(int64(at)).UTC().Format("2006-01-02 15:04:05 UTC")
}

func lines(steps []usher.Step) []Line {
	out := make([]Line, len(steps))
	for i, s := range steps {
		out[i] = Line{s.Question, s.Answer, s.Rule}
	}
	return out
}

var outcomes = map[usher.Verdict]string{
	usher.VerdictDeny:        "was not let in",
	usher.VerdictPrompt:      "was asked first",
	usher.VerdictPassThrough: "was let in without an account",
	usher.VerdictCreate:      "was let in, with a new account in ",
	usher.VerdictLink:        "was let in, linked to an account in ",
	usher.VerdictUpdate:      "was let in, as the linked account in ",
}

func headline(rec usher.Record) string {
	from := rec.Identity.IdP
	if from == usher.LocalIdP {
		from = "here, with a password,"
	} else {
		from += ","
	}
	return fmt.Sprintf("Somebody from %s on the way to %s, %s%s.",
		from, rec.Policy.Application.Name, outcomes[rec.Decision.Verdict], rec.Decision.Store)
}

// changeWords has one line per change; %s is the change's name.
var changeWords = map[usher.ChangeOp]string{
	usher.OpCreateUser:     "made the account %q",
	usher.OpSetAttribute:   "wrote the attribute %q",
	usher.OpClearAttribute: "removed the attribute %q",
	usher.OpJoinGroup:      "added to the group %q",
	usher.OpLeaveGroup:     "removed from the group %q",
	usher.OpGrant:          "noted that this provider grants %q",
	usher.OpRevoke:         "took back this provider's grant of %q",
	usher.OpSetPassword:    "set the password that was given",
	usher.OpDropPassword:   "dropped a password that nobody had proved",
	usher.OpConsent:        "kept what was said to the purpose %q",
	usher.OpEndSessions:    "ended the account's sessions and tokens",
	usher.OpUnlink:         "removed the link to an account that is gone",
	usher.OpLink:           "linked this provider's subject to the account",
	usher.OpAlias:          "kept the subject identifier that %q already knew",
	usher.OpSeen:           "noted that %q knows this person without an account",
	usher.OpLogin:          "noted the sign-in",
	usher.OpTell:           "queued the event %q",
}

var promptWords = map[usher.PromptKind]string{
	usher.PromptProve:     "a proof that the account is theirs",
	usher.PromptUsername:  "a username",
	usher.PromptPassword:  "a password",
	usher.PromptAttribute: "the attribute %q",
	usher.PromptConsent:   "consent to the purpose %q",
}

func prompt(p usher.Prompt) string {
	words := promptWords[p.Kind]
	if strings.Contains(words, "%q") {
		words = fmt.Sprintf(words, p.Name)
	}
	if p.Problem != usher.Fits {
		words += ", again: " + p.Problem.Said()
	}
	return words
}

func change(c usher.Change) string {
	words, ok := changeWords[c.Op]
	if !ok {
		return string(c.Op)
	}
	name := c.Name
	if c.Consent != nil {
		name = c.Consent.Purpose
	}
	if strings.Contains(words, "%q") {
		words = fmt.Sprintf(words, name)
	}
	if c.Source == usher.SourceUser {
		words += ", as the person typed it"
	}
	if c.Rule != "" {
		words += " (" + c.Rule + ")"
	}
	return words
}

// Text is the story for a terminal.
func (s Story) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", s.Headline)
	for _, f := range [][2]string{{"sign-in", s.ID}, {"when", s.When}, {"reason", s.Reason}, {"meaning", s.Meaning}, {"account", s.Account}} {
		if f[1] != "" {
			fmt.Fprintf(&b, "  %-8s %s\n", f[0], f[1])
		}
	}
	section(&b, "The mapping rules", s.Rules)
	section(&b, "The questions, in order", s.Questions)
	bullets(&b, "What the person is asked for", s.Prompts)
	bullets(&b, "What was done", s.Changes)
	return b.String()
}

func bullets(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "  - %s\n", l)
	}
}

func section(b *strings.Builder, title string, lines []Line) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for i, l := range lines {
		fmt.Fprintf(b, "  %2d. %s\n      %s", i+1, l.Question, l.Answer)
		if l.Rule != "" && l.Rule != l.Question {
			fmt.Fprintf(b, "  [%s]", l.Rule)
		}
		b.WriteByte('\n')
	}
}

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
	return fmt.Sprintf("Somebody from %s, on the way to %s, %s%s.",
		rec.Identity.IdP, rec.Policy.Application.Name, outcomes[rec.Decision.Verdict], rec.Decision.Store)
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
	usher.OpUnlink:         "removed the link to an account that is gone",
	usher.OpLink:           "linked this provider's subject to the account",
	usher.OpAlias:          "kept the subject identifier that %q already knew",
	usher.OpSeen:           "noted that %q knows this person without an account",
	usher.OpLogin:          "noted the sign-in",
	usher.OpTell:           "queued the event %q",
}

func change(c usher.Change) string {
	words, ok := changeWords[c.Op]
	if !ok {
		return string(c.Op)
	}
	if strings.Contains(words, "%q") {
		words = fmt.Sprintf(words, c.Name)
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
	if len(s.Changes) > 0 {
		b.WriteString("\nWhat was done\n")
		for _, c := range s.Changes {
			fmt.Fprintf(&b, "  - %s\n", c)
		}
	}
	return b.String()
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

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/explain"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

// desk is what an operator's commands work with: the ledger, and the path that
// every change of an account takes. It may be opened beside a running server.
type desk struct {
	*vault
	cfg  *config.Config
	path *provision.Path
	out  io.Writer
}

// atDesk runs do with a desk for the configuration, and closes it.
func atDesk(c *cobra.Command, file string, do func(ctx context.Context, d *desk) error) (err error) {
	cfg, err := load(file)
	if err != nil {
		return err
	}
	database := filepath.Join(cfg.Server.Data, databaseFile)
	if _, err := os.Stat(database); err != nil {
		return usher.Fail(usher.Invalid, "usher",
			"there is no database "+database+"; run this in Usher's folder, or name its configuration with --config", err)
	}
	log := logger(cfg.Server, c.ErrOrStderr())
	v, err := openVault(c.Context(), cfg, log, time.Now)
	if err != nil {
		return err
	}
	defer func() {
		if e := v.db.Close(); err == nil {
			err = e
		}
	}()
	d := &desk{vault: v, cfg: cfg, out: c.OutOrStdout(), path: provision.New(provision.Config{
		Ledger: v.ledger, Policies: v.policies, Log: log, Now: time.Now,
	})}
	return do(c.Context(), d)
}

// operator is who acts in notices and records.
const operator = "operator"

// find is the account of that id or username. A username may name its store in
// front, as in CORP/ann; without one it is PRIMARY's.
func (d *desk) find(ctx context.Context, name string) (usher.AccountRef, error) {
	in, rest := usher.PrimaryStore, name
	if before, after, cut := strings.Cut(name, "/"); cut {
		if s, ok := d.cfg.Store(strings.ToUpper(before)); ok {
			in, rest = s.Name, after
		}
	}
	var ref usher.AccountRef
	err := d.ledger.View(ctx, func(tx *ledger.Tx) error {
		for _, s := range d.cfg.Stores {
			if _, err := tx.Account(ctx, usher.DefaultTenant, s.Name, usher.UserID(name)); err == nil {
				ref = usher.AccountRef{Store: s.Name, User: usher.UserID(name)}
				return nil
			}
		}
		at, _ := tx.Store(in)
		canonical, _ := at.Canonical(rest)
		if canonical == "" {
			return nil
		}
		named, err := at.Named(ctx, usher.DefaultTenant, []string{canonical})
		if id, ok := named[canonical]; ok {
			ref = usher.AccountRef{Store: in, User: id}
		}
		return err
	})
	if err == nil && ref.User == "" {
		err = usher.Fail(usher.Invalid, "user", "there is no account "+name+"; give its id, its username, or STORE/username (usher user list)", nil)
	}
	return ref, err
}

// act is what a command does to one account.
type act func(d *desk, ctx context.Context, ref usher.AccountRef, args []string) error

func userCommand() *cobra.Command {
	var file string
	c := &cobra.Command{Use: "user", Short: "Look at accounts and change them"}
	c.PersistentFlags().StringVarP(&file, "config", "c", defaultConfig, "configuration file, or a folder of *.yaml files")
	one := func(use, short string, do act, more int) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(1 + more),
			RunE: func(c *cobra.Command, args []string) error {
				return atDesk(c, file, func(ctx context.Context, d *desk) error {
					ref, err := d.find(ctx, args[0])
					if err != nil {
						return err
					}
					return do(d, ctx, ref, args[1:])
				})
			},
		}
	}
	c.AddCommand(
		listUsers(&file),
		one("show USER", "Show an account, with where everything in it came from", (*desk).show, 0),
		one("state USER active|disabled|locked|pending|expired", "Say whether an account may be used; its sessions end", (*desk).setState, 1),
		one("code USER", "Issue a code with which the person sets a password, once, within 30 minutes", (*desk).issueCode, 0),
		one("set USER NAME=VALUE", "Write an attribute by hand; no sign-in overwrites it", (*desk).set, 1),
		unlinkCommand(&file),
		deleteCommand(&file),
		receiptsCommand(&file),
		withdrawCommand(&file),
	)
	return c
}

func listUsers(file *string) *cobra.Command {
	var in string
	c := &cobra.Command{
		Use: "list", Short: "List the accounts of a store", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return atDesk(c, *file, func(ctx context.Context, d *desk) error { return d.list(ctx, in) })
		},
	}
	c.Flags().StringVar(&in, "store", usher.PrimaryStore, "the user store")
	return c
}

func (d *desk) list(ctx context.Context, in string) error {
	if _, ok := d.cfg.Store(in); !ok {
		return usher.Fail(usher.Invalid, "user.list", "there is no store "+in, nil)
	}
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSERNAME\tSTATE\tSOURCES\tLINKS")
	const page = 500
	for after := ""; ; {
		var users []store.User
		err := d.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
			at, _ := tx.Store(in)
			users, err = at.List(ctx, usher.DefaultTenant, after, page)
			for _, u := range users {
				account, err := tx.Account(ctx, usher.DefaultTenant, in, u.ID)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.ID, u.Username, u.State, strings.Join(sources(account), ","), strings.Join(account.Links, ","))
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(users) < page {
			return w.Flush()
		}
		after = string(users[len(users)-1].ID)
	}
}

// sources lists who wrote anything in an account, each once.
func sources(a usher.Account) []string {
	var out []string
	seen := map[string]bool{}
	for _, h := range a.Attributes {
		if s := sourceOf(h.Source); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func sourceOf(s usher.Source) string {
	switch s.Kind {
	case usher.SourceIdP:
		return s.Name
	case "":
		return "unknown"
	}
	return string(s.Kind)
}

// show prints an account with the source, rule and time of all that is in it.
func (d *desk) show(ctx context.Context, ref usher.AccountRef, _ []string) error {
	a, err := d.ledger.Account(ctx, usher.DefaultTenant, ref.Store, ref.User)
	if err != nil {
		return err
	}
	links, err := d.ledger.Links(ctx, usher.DefaultTenant, ref.Store, ref.User)
	if err != nil {
		return err
	}
	password := "none"
	if a.Password != usher.CredentialNone {
		password = string(a.Password)
	}
	fmt.Fprintf(d.out, "%s  %s/%s  %s  password: %s\n", a.ID, a.Store, a.Username, a.State, password)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nATTRIBUTE\tVALUE\tVERIFIED\tSOURCE\tRULE\tWRITTEN\tINTACT")
	for _, h := range a.Attributes {
		fmt.Fprintf(w, "%s\t%s\t%t\t%s\t%s\t%s\t%t\n", h.Name, strings.Join(h.Values, ", "), h.Verified, sourceOf(h.Source), h.Source.Rule, moment(h.Source.At), h.Intact)
	}
	fmt.Fprintln(w, "\nGRANT\tNAME\tSOURCE\tRULE\tGIVEN")
	for _, g := range a.Grants {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", g.Kind, g.Name, sourceOf(g.Source), g.Source.Rule, moment(g.Source.At))
	}
	fmt.Fprintln(w, "\nLINK\tSUBJECT\tISSUER\tMADE")
	for _, l := range links {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.IdP, l.Subject, l.Issuer, moment(l.At))
	}
	fmt.Fprintln(w, "\nPURPOSE\tVERSION\tACCEPTED\tATTRIBUTES\tRECEIPT")
	for _, r := range a.Receipts {
		fmt.Fprintf(w, "%s\t%d\t%t\t%s\t%s\n", r.Purpose, r.Version, r.Accepted, strings.Join(r.Attributes, ", "), r.ID)
	}
	return w.Flush()
}

// moment is explain's, and nothing for a time that is not known.
func moment(at usher.Instant) string {
	if at == 0 {
		return ""
	}
	return explain.Moment(at)
}

func (d *desk) setState(ctx context.Context, ref usher.AccountRef, args []string) error {
	if err := d.path.SetState(ctx, usher.DefaultTenant, ref, usher.AccountState(args[0]), operator); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s is %s now; its sessions and tokens have ended.\n", ref.User, args[0])
	return nil
}

func (d *desk) issueCode(ctx context.Context, ref usher.AccountRef, _ []string) error {
	code, until, err := d.credentials.Issue(ctx, usher.DefaultTenant, ref)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "Good once, until %s:\n\n    %s/login/reset?code=%s\n", explain.Moment(until), d.cfg.Server.Issuer, code)
	return nil
}

func (d *desk) set(ctx context.Context, ref usher.AccountRef, args []string) error {
	name, value, ok := strings.Cut(args[0], "=")
	if !ok {
		return usher.Fail(usher.Invalid, "user.set", "write it as name=value, or name= to remove the attribute", nil)
	}
	var set []store.Attribute
	var remove []string
	if value == "" {
		remove = []string{name}
	} else {
		set = []store.Attribute{{Name: name, Values: []string{value}}}
	}
	return d.path.Edit(ctx, usher.DefaultTenant, ref, operator, set, remove)
}

func unlinkCommand(file *string) *cobra.Command {
	var last bool
	c := &cobra.Command{
		Use: "unlink PROVIDER SUBJECT", Short: "Take a provider's subject away from its account", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return atDesk(c, *file, func(ctx context.Context, d *desk) error {
				return d.path.Unlink(ctx, usher.DefaultTenant, args[0], args[1], operator, last)
			})
		},
	}
	c.Flags().BoolVar(&last, "last", false, "even if it is the only way into the account")
	return c
}

func deleteCommand(file *string) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "delete USER", Short: "Remove an account and all that is kept about it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return atDesk(c, *file, func(ctx context.Context, d *desk) error {
				ref, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				if !yes {
					return usher.Fail(usher.Invalid, "user.delete", "this removes "+ref.Store+"/"+string(ref.User)+" for good; say --yes if that is meant", nil)
				}
				return d.path.Delete(ctx, usher.DefaultTenant, ref, operator)
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// receiptJSON is a consent receipt with the names of ISO/IEC TS 27560:2023,
// clause 6, as far as a sign-in knows them.
type receiptJSON struct {
	ID            string   `json:"recordId"`
	Principal     string   `json:"piiPrincipalId"`
	Controller    string   `json:"piiController"`
	Purpose       string   `json:"purpose"`
	Version       int      `json:"noticeVersion"`
	Language      string   `json:"noticeLanguage,omitempty"`
	PolicyURL     string   `json:"privacyNotice,omitempty"`
	Attributes    []string `json:"piiInformation"`
	Method        string   `json:"collectionMethod"`
	Type          string   `json:"consentType"`
	State         string   `json:"eventState"`
	Given         string   `json:"eventTime"`
	Withdrawn     string   `json:"withdrawalTime,omitempty"`
	Application   string   `json:"recipient,omitempty"`
	Source        string   `json:"piiSource,omitempty"`
	CorrelationID string   `json:"correlationId"`
}

func receiptsCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use: "receipts USER", Short: "Export what a person agreed to, as JSON (ISO/IEC TS 27560)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return atDesk(c, *file, func(ctx context.Context, d *desk) error {
				ref, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				return d.receipts(ctx, ref)
			})
		},
	}
}

func (d *desk) receipts(ctx context.Context, ref usher.AccountRef) error {
	all, err := d.ledger.Receipts(ctx, usher.DefaultTenant, ref.Store, ref.User)
	if err != nil {
		return err
	}
	out := []receiptJSON{}
	for _, r := range all {
		j := receiptJSON{
			ID: r.ID, Principal: string(r.User), Controller: d.cfg.Server.Issuer, Purpose: r.Consent.Purpose, Version: r.Consent.Version,
			Language: r.Consent.Language, PolicyURL: r.Consent.PolicyURL, Attributes: r.Consent.Attributes,
			Method: "sign-in page", Type: "explicit", State: "given", Given: rfc3339(r.Given),
			Application: r.Application, Source: r.IdP, CorrelationID: r.Decision,
		}
		switch {
		case r.Withdrawn != 0:
			j.State, j.Withdrawn = "withdrawn", rfc3339(r.Withdrawn)
		case r.Replaced:
			j.State = "replaced"
		case !r.Consent.Accepted:
			j.State = "refused"
		}
		if j.Attributes == nil {
			j.Attributes = []string{}
		}
		out = append(out, j)
	}
	e := json.NewEncoder(d.out)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func rfc3339(at usher.Instant) string { return time.UnixMicro(int64(at)).UTC().Format(time.RFC3339) }

func withdrawCommand(file *string) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw RECEIPT", Short: "Take back a consent; what it alone justified is removed", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return atDesk(c, *file, func(ctx context.Context, d *desk) error {
				return d.path.Withdraw(ctx, usher.DefaultTenant, args[0], operator)
			})
		},
	}
}

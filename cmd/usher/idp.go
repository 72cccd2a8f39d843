package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/outbound"
	"github.com/usher-id/usher/internal/wso2"
)

func idpCommand() *cobra.Command {
	var file string
	var users bool
	c := &cobra.Command{Use: "idp", Short: "Carry over or remove what is kept of an identity provider"}
	c.PersistentFlags().StringVarP(&file, "config", "c", defaultConfig, "configuration file, or a folder of *.yaml files")
	rename := &cobra.Command{
		Use: "rename OLD NEW", Short: "Carry links, sources and grants over after a provider was given another name", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return atDesk(c, file, func(ctx context.Context, d *desk) error {
				if _, ok := d.cfg.Provider(usher.DefaultTenant, args[1]); !ok {
					return usher.Fail(usher.Invalid, "idp.rename", "there is no provider "+args[1]+" in the configuration; change its name there first", nil)
				}
				return d.path.Rename(ctx, usher.DefaultTenant, args[0], args[1])
			})
		},
	}
	forget := &cobra.Command{
		Use: "forget NAME", Short: "Remove the links of a provider that is no more", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return atDesk(c, file, func(ctx context.Context, d *desk) error {
				if _, ok := d.cfg.Provider(usher.DefaultTenant, args[0]); ok {
					return usher.Fail(usher.Invalid, "idp.forget", "the provider "+args[0]+" is still in the configuration; remove it there first", nil)
				}
				links, removed, err := d.path.Forget(ctx, usher.DefaultTenant, args[0], users)
				if err != nil {
					return err
				}
				fmt.Fprintf(d.out, "%d links and %d accounts were removed.\n", links, removed)
				return nil
			})
		},
	}
	forget.Flags().BoolVar(&users, "users", false, "remove the accounts, too, that had no other way in")
	c.AddCommand(rename, forget)
	return c
}

func importCommand() *cobra.Command {
	var private bool
	c := &cobra.Command{Use: "import", Short: "Read another product's configuration"}
	from := &cobra.Command{
		Use: "wso2 FILE|URL", Short: "Read an identity provider of WSO2 Identity Server, and write it as Usher's YAML",
		Long: strings.TrimSpace(`
Read the JSON of an identity provider, as WSO2 Identity Server's REST interface
gives it, and write it as YAML for Usher. What is changed or refused is told on
the standard error, each with the reason; secrets are never written.`),
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return importWSO2(c.Context(), args[0], private, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	from.Flags().BoolVar(&private, "allow-private-network", false, "the URL may be an address inside the network, and http")
	c.AddCommand(from)
	return c
}

// maxImport is the most that is read, in bytes; the import itself refuses more.
const maxImport = 1<<20 + 1

func importWSO2(ctx context.Context, from string, private bool, out, errOut io.Writer) error {
	in, err := opened(ctx, from, private)
	if err != nil {
		return err
	}
	defer in.Close()
	text, notes, err := wso2.Import(io.LimitReader(in, maxImport))
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(errOut, n.String())
	}
	_, err = io.WriteString(out, text)
	return err
}

func opened(ctx context.Context, from string, private bool) (io.ReadCloser, error) {
	const op = "import.wso2"
	if !strings.Contains(from, "://") {
		f, err := os.Open(from)
		if err != nil {
			return nil, usher.Fail(usher.Invalid, op, "the file "+from+" can't be read", err)
		}
		return f, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, usher.Fail(usher.Invalid, op, "this is not a URL that can be read", err)
	}
	req.Header.Set("Accept", "application/json")
	if token := os.Getenv("WSO2_TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := outbound.New(outbound.Options{AllowPrivate: private, AllowHTTP: private}).Do(req)
	if err != nil {
		return nil, usher.Fail(usher.Invalid, op, "the URL can't be read: "+outbound.Explain(err), err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, usher.Fail(usher.Invalid, op, "the URL answered "+res.Status+"; a bearer token is read from WSO2_TOKEN", nil)
	}
	return res.Body, nil
}

func exportCommand() *cobra.Command {
	var file, format string
	c := &cobra.Command{
		Use: "export PROVIDER", Short: "Write a provider's just-in-time provisioning for another product", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if format != "wso2" {
				return usher.Fail(usher.Invalid, "export", "the one format is wso2", nil)
			}
			cfg, err := load(file)
			if err != nil {
				return err
			}
			p, ok := cfg.Provider(usher.DefaultTenant, args[0])
			if !ok {
				return usher.Fail(usher.Invalid, "export", "there is no provider "+args[0]+" in the configuration", nil)
			}
			b, notes, err := wso2.Export(wso2.Provider{JIT: p.JIT, Source: p.Source, Purposes: p.Purposes, PromptURL: p.PromptURL})
			if err != nil {
				return err
			}
			for _, n := range notes {
				fmt.Fprintln(c.ErrOrStderr(), n.String())
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), strings.TrimSpace(string(b)))
			return err
		},
	}
	c.Flags().StringVarP(&file, "config", "c", defaultConfig, "configuration file, or a folder of *.yaml files")
	c.Flags().StringVar(&format, "format", "wso2", "wso2")
	return c
}

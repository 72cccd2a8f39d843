// Command usher lets people in: it takes the word of an outside identity
// provider, decides who that is here, makes or updates the account just in
// time, and gives the application its own tokens. This package wires the parts
// together by plain literals and holds no logic of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	usher "github.com/usher-id/usher"
)

// gcPercent trades some memory, which a broker has, for CPU at every sign-in.
// GOGC in the environment overrides it.
const gcPercent = 300

func main() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "usher: "+complaint(err))
		os.Exit(1)
	}
}

// complaint is what is said about err on a terminal: what may be shown if there
// is something, otherwise everything, for the operator is the one who reads it.
func complaint(err error) string {
	if msg := usher.Shown(err); msg != "" && usher.KindOf(err) == usher.Invalid {
		return msg
	}
	return err.Error()
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "usher",
		Short:         "An identity broker that decides, explains, and does it exactly once",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(serveCommand(), demoCommand(), explainCommand(), userCommand(), idpCommand(), importCommand(), exportCommand())
	return c
}

func serveCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the broker",
		Long: strings.TrimSpace(`
Run the broker. Without a configuration file it starts with an empty SQLite
database and new keys in the current folder, and says how to add the first
identity provider.`),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return serve(c.Context(), file, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVarP(&file, "config", "c", defaultConfig, "configuration file, or a folder of *.yaml files")
	return c
}

func demoCommand() *cobra.Command {
	var port int
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run Usher with two practice providers and a sample application",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c.Context(), port, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().IntVar(&port, "port", 8080, "Usher's port; the practice parts take the next three")
	return c
}

func explainCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "explain CORRELATION-ID",
		Short: "Tell why a sign-in came out as it did",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := explainID(c.Context(), file, args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVarP(&file, "config", "c", defaultConfig, "configuration file, or a folder of *.yaml files")
	return c
}

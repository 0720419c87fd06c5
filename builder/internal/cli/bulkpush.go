// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/bulkpush"
	"github.com/prismeai/workspaces-release/builder/internal/config"
	"github.com/prismeai/workspaces-release/builder/internal/egress"
	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/scan/format"
)

// apiFlags configure access to a platform. Tokens are not flags, because other users can see
// command lines.
type apiFlags struct {
	// side is from or to if there are two platforms, else empty.
	side           string
	url, tokenFile string
	ca             []string
}

// apiTokenEnvs returns the variables with tokens of platforms.
func apiTokenEnvs() []string {
	var names []string
	for _, side := range []string{"", "from", "to"} {
		names = append(names, (&apiFlags{side: side}).tokenEnv())
	}
	return names
}

// flagName returns the name of a flag of this side.
func (f *apiFlags) flagName(name string) string {
	if f.side == "" {
		return name
	}
	return f.side + "-" + name
}

func (f *apiFlags) tokenEnv() string { return config.EnvName(f.flagName("token")) }

func (f *apiFlags) register(flags *pflag.FlagSet) {
	platform := map[string]string{
		"":     "the platform",
		"from": "the source platform",
		"to":   "the target platform",
	}[f.side]
	flags.StringVar(&f.url, f.flagName("api-url"), "", "use the API of "+platform+" at this `URL`, such as "+
		"https://api.example.com/v2")
	flags.StringVar(&f.tokenFile, f.flagName("token-file"), "",
		"read the access token of "+platform+" from this `file` (default: the token in $"+f.tokenEnv()+")")
	flags.StringArrayVar(&f.ca, f.flagName("api-ca"), nil,
		"trust the certificate authorities in this PEM `file` for "+platform+","+
			" in addition to those of the system (repeat)")
	assignGroup(flags, groupPlatform)
}

// newClient returns a client that acts as the token's user.
func (f *apiFlags) newClient(a *app) (*platform.Client, error) {
	token, err := f.readToken(a)
	if err != nil {
		return nil, err
	}
	proxy, err := egress.Proxy(a.getenv)
	if err != nil {
		return nil, err
	}
	pool, err := egress.CertPool(f.ca...)
	if err != nil {
		return nil, err
	}
	transport := egress.NewTransport(proxy, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	transport.ResponseHeaderTimeout = 0 // the response may arrive only after a long operation: the client bounds it
	return platform.New(platform.Options{
		BaseURL:   f.url,
		Identity:  platform.Bearer(platform.Fixed(token)),
		Transport: transport,
		Grace:     time.Second,
		UserAgent: "workspaces-release-builder/" + version.Get().Version,
	})
}

func (f *apiFlags) readToken(a *app) (secret.Value, error) {
	if f.tokenFile != "" {
		return secret.ReadFile(f.tokenFile)
	}
	token := secret.New(strings.TrimSpace(a.env[f.tokenEnv()]))
	if token.Empty() {
		return token, fmt.Errorf("a token is required: --%s, or variable %s", f.flagName("token-file"), f.tokenEnv())
	}
	return token, nil
}

// pushFlags select what is pushed, and the reports.
type pushFlags struct {
	bulkpush.Options
	reports []string
}

// pushReports are the formats of a push report.
var pushReports = []format.Format{format.JSON, format.JUnit}

func (f *pushFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.Repository, "repository", "", "push to the platform repository with this `id` (required)")
	flags.StringSliceVar(&f.Groups, "groups", nil, "push the workspaces of these groups: `names`, separated by "+
		"commas (required)")
	flags.StringVar(&f.Name, "name", "", "give the version this `name`, such as v2.4.0 (default: the platform chooses "+
		"one)")
	flags.StringVar(&f.Description, "description", "", "give the version this `text` as its description")
	flags.BoolVar(&f.Force, "force", false, "also push workspaces that have not changed since their last push")
	flags.BoolVar(&f.DryRun, "dry-run", false, "ask the platform what it would push, and push nothing")
	assignGroup(flags, groupPush)
	flags.DurationVar(&f.Timeout, "timeout", 30*time.Minute, "give up this `time` after the request, such as 90s or 1h")
	flags.DurationVar(&f.WaitLock, "wait-lock", 0, "wait up to this `time` while another operation holds the write lock "+
		"of the platform (default: do not wait)")
	assignGroup(flags, groupLimits)
	flags.StringArrayVar(&f.reports, "report", nil, "write a report to a file: `FORMAT=FILE`, where FORMAT is json or "+
		"junit (repeat)")
	assignGroup(flags, groupOutput)
}

func (f *pushFlags) validateFlags() error {
	f.Groups = slices.DeleteFunc(f.Groups, func(g string) bool { return strings.TrimSpace(g) == "" })
	switch {
	case f.Repository == "":
		return errors.New("--repository is required: the id of the platform repository to push to")
	case len(f.Groups) == 0:
		return errors.New("--groups is required: the groups whose workspaces are pushed")
	case f.Timeout < time.Second:
		return fmt.Errorf("--timeout %s is less than a second", f.Timeout)
	case f.WaitLock < 0:
		return fmt.Errorf("--wait-lock %s is negative", f.WaitLock)
	}
	_, err := parseTargets(f.reports, pushReports)
	return err
}

func (a *app) newBulkPushCommand() *cobra.Command {
	var api apiFlags
	var push pushFlags
	var show progressFlag
	cmd := &cobra.Command{
		Use:   "bulk-push --api-url URL --repository ID --groups NAMES",
		Short: "Have a platform push groups of workspaces to its Git repository",
		Example: `builder bulk-push --api-url https://api.example.com/v2 --token-file token \
  --repository sources --groups base1,base2,extended --name v2.4.0
# Ask what would be pushed.
builder bulk-push --api-url https://api.example.com/v2 --token-file token \
  --repository sources --groups base1 --dry-run`,
		Long: `Bulk-push has a platform push all workspaces of the given groups to a platform
repository, shows the progress, and waits for the outcome. It fails if a workspace was not
pushed, and says what to do about it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := push.validateFlags(); err != nil {
				return usageError(cmd, err)
			}
			if api.url == "" {
				return usageError(cmd, errors.New("--api-url is required: the URL of the platform's API"))
			}
			client, err := api.newClient(a)
			if err != nil {
				return withCode(exitUsage, err)
			}
			display, err := show.newDisplay(a)
			if err != nil {
				return err
			}
			defer client.CloseIdleConnections()
			result, err := bulkpush.Run(cmd.Context(), client, display, push.Options)
			if err == nil {
				err = pushError(result)
			}
			return errors.Join(err, display.Close(), a.writeOutcome(push.reports, result))
		},
	}
	registerFlags(cmd, &api, &push, &show)
	return cmd
}

// operationResult is the result of a push or a transfer.
type operationResult interface {
	WriteSummary(w io.Writer) error
	WriteProblems(w io.Writer) error
	WriteJUnit(w io.Writer) error
}

// writeOutcome writes the reports, the summary, and the problems.
func (a *app) writeOutcome(reports []string, result operationResult) error {
	targets, err := parseTargets(reports, pushReports)
	errs := []error{err}
	for _, t := range targets {
		errs = append(errs, replaceFile(t.path, func(w io.Writer) error {
			if t.format == format.JUnit {
				return result.WriteJUnit(w)
			}
			return document.Write(w, result)
		}))
	}
	return errors.Join(append(errs, result.WriteSummary(a.Out), result.WriteProblems(a.Err))...)
}

// pushError returns the exit code of a result whose problems have been printed.
func pushError(result *bulkpush.Result) error {
	switch result.Outcome {
	case outcome.Done:
		return nil
	case outcome.Unknown:
		return &exitError{code: exitUnknown, err: errors.New("the outcome of the push is unknown"), reported: true}
	default:
		return &exitError{code: exitPush, err: errors.New("the push failed"), reported: true}
	}
}

// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/version"
)

// versionFlags are the flags of the version command.
type versionFlags struct{ format string }

func (f *versionFlags) newFlagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("version", flag.ContinueOnError)
	addFormatFlag(fs, &f.format)
	return fs
}

func (a *app) runVersion(_ context.Context, args []string) error {
	var f versionFlags
	if err := parseFlags(f.newFlagSet(), args); err != nil {
		return err
	}
	v := version.Get()
	if f.format == "json" {
		return a.writeJSON(v)
	}
	_, err := fmt.Fprintf(a.Out, "sidecar %s (%s, %s)\n", v.Version, v.Go, v.Platform)
	return err
}

func addFormatFlag(fs *flag.FlagSet, p *string) {
	*p = "text"
	fs.Func("format", "print the result in this format: `text|json` (default: text)", func(s string) error {
		if s != "text" && s != "json" {
			return errors.New("want text or json")
		}
		*p = s
		return nil
	})
}

// parseFlags parses the flags of a command that takes no other arguments.
func parseFlags(fs *flag.FlagSet, args []string) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError(err)
	case fs.NArg() > 0:
		return usageError(fmt.Errorf("unexpected argument %q", fs.Arg(0)))
	}
	return nil
}

func (a *app) writeJSON(v any) error {
	return document.Write(a.Out, v)
}

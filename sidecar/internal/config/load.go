// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Loader loads the settings from a fixed command line, a fixed environment and a file that may
// change between loads.
type Loader struct {
	args    []string
	env     map[string]string
	podName string
}

// NewLoader returns a loader for the arguments and the environment of a command.
func NewLoader(args []string, env map[string]string) *Loader {
	host, _ := os.Hostname() // without a name, events are matched by time
	return &Loader{args: args, env: env, podName: host}
}

// Load loads and validates the settings. It returns [flag.ErrHelp] if the command line asks for
// help.
func (l *Loader) Load(ctx context.Context) (*Config, error) {
	c := Default(l.podName)
	settings := c.Settings()
	set, err := l.applyFlags(settings)
	if err != nil {
		return nil, err
	}
	if err := l.applyEnvironment(settings, set); err != nil {
		return nil, err
	}
	if c.File != "" {
		if err := applyFile(ctx, c.File, settings, set); err != nil {
			return nil, err
		}
	}
	if c.Policy.PodName == "" {
		c.Policy.PodName = l.podName
	}
	return c, c.validate()
}

// TerminationLog returns the value of --termination-log even if other settings are invalid. It
// ignores the configuration file, which may be the cause of the error to report.
func (l *Loader) TerminationLog() string {
	const name = "termination-log"
	c := Default(l.podName)
	if path, ok := l.env[EnvPrefix+"TERMINATION_LOG"]; ok {
		c.TerminationLog = path
	}
	for n, arg := range l.args {
		flagName, path, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case flagName != name || !strings.HasPrefix(arg, "-"):
		case joined:
			c.TerminationLog = path
		case n+1 < len(l.args):
			c.TerminationLog = l.args[n+1]
		}
	}
	return c.TerminationLog
}

// applyFlags applies the command line and returns the names of the flags that it sets.
func (l *Loader) applyFlags(settings []Setting) (set map[string]bool, err error) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for i := range settings {
		fs.Var(settings[i].value, settings[i].Name, settings[i].Usage)
	}
	if err := fs.Parse(l.args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	set = map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	return set, nil
}

// applyEnvironment applies the environment variables of settings that are not in set.
func (l *Loader) applyEnvironment(settings []Setting, set map[string]bool) error {
	if err := checkEnvironment(l.env, settings); err != nil {
		return err
	}
	for i := range settings {
		s := &settings[i]
		name, text, ok := s.lookupEnvironment(l.env)
		if set[s.Name] || !ok {
			continue
		}
		set[s.Name] = true
		if err := s.value.Set(text); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

func (s *Setting) lookupEnvironment(env map[string]string) (name, text string, ok bool) {
	if text, ok := env[s.EnvironmentVariable()]; ok {
		return s.EnvironmentVariable(), text, true
	}
	if s.Alias != "" && env[s.Alias] != "" {
		return s.Alias, env[s.Alias], true
	}
	return "", "", false
}

// serviceLink matches the variables that Kubernetes sets for each Service of the namespace. A
// Service whose name starts with "sidecar" has our prefix.
var serviceLink = regexp.MustCompile(
	`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// checkEnvironment rejects variables with our prefix that do not belong to a setting.
func checkEnvironment(env map[string]string, settings []Setting) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		known := slices.ContainsFunc(settings, func(s Setting) bool { return s.EnvironmentVariable() == name })
		if strings.HasPrefix(name, EnvPrefix) && !known && !serviceLink.MatchString(name) {
			return fmt.Errorf("unknown environment variable %s: correct its name or unset it", name)
		}
	}
	return nil
}

// CheckRestart returns an error that lists the settings that differ between c and next and take effect
// only after a restart.
func (c *Config) CheckRestart(next *Config) error {
	var names []string
	old := c.Settings()
	for i, s := range next.Settings() {
		if s.Fixed && s.Value() != old[i].Value() {
			names = append(names, s.Name)
		}
	}
	if len(names) > 0 {
		return errors.New("restart the pod to change " + strings.Join(names, ", "))
	}
	return nil
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// EnvPrefix is the prefix of the builder's environment variables.
const EnvPrefix = "BUILDER_"

// Resolve sets every flag that the command line did not set, from the environment or else from
// file, which may be nil. A variable that includes the command name takes precedence. Resolve
// returns an error for a variable with [EnvPrefix] that is not in others and sets none of the known
// flags, which are those of all commands: a misspelt variable would have no effect.
func Resolve(command string, flags *pflag.FlagSet, env map[string]string, file *File, known, others []string) error {
	if err := checkNames(env, known, others); err != nil {
		return err
	}
	settings := map[string][]string{}
	if file != nil {
		settings = file.settings()
	}
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || err != nil {
			return
		}
		if name := findVariable(env, command, f.Name); name != "" {
			err = setFlag(flags, f, "environment variable "+name, envValues(f, env[name]))
		} else if values := settings[f.Name]; len(values) > 0 {
			err = setFlag(flags, f, "release file", values)
		}
	})
	return err
}

// findVariable returns the name of the variable that sets a flag, or "".
func findVariable(env map[string]string, command, flag string) string {
	for _, name := range []string{EnvName(command + "-" + flag), EnvName(flag)} {
		if _, ok := env[name]; ok {
			return name
		}
	}
	return ""
}

// EnvName returns the environment variable of a flag.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// envValues splits the value of a repeatable flag at white space, because values may contain commas
// but never white space.
func envValues(f *pflag.Flag, value string) []string {
	if f.Value.Type() == "stringArray" {
		return strings.Fields(value)
	}
	return []string{value}
}

func setFlag(flags *pflag.FlagSet, f *pflag.Flag, where string, values []string) error {
	for _, value := range values {
		if err := flags.Set(f.Name, value); err != nil {
			return fmt.Errorf("%s: setting %q: %w", where, f.Name, err)
		}
	}
	return nil
}

func checkNames(env map[string]string, known, others []string) error {
	names := slices.Clone(others)
	for _, flag := range known {
		names = append(names, EnvName(flag))
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, EnvPrefix) && !slices.Contains(names, name) {
			if near := spelling.Nearest(name, slices.Values(names)); near != "" {
				return fmt.Errorf("environment variable %s does not belong to a setting, did you mean %s?", name, near)
			}
			return fmt.Errorf("environment variable %s does not belong to a setting: correct its name or unset it", name)
		}
	}
	return nil
}

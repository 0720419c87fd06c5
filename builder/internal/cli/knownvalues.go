// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/scan/known"
)

// knownValuesFlag is the file with values that the target uses.
type knownValuesFlag struct {
	path string

	set *known.Set
}

func (f *knownValuesFlag) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "known-values", "", "fail if the workspaces contain a value that the target platform uses, "+
		"from this `file`: one value or NAME=value per line, or JSON of one or more Secrets (kubectl get secret -o json)")
	assignGroup(flags, groupScan)
}

// readValues reads the values. Errors do not contain any part of them.
func (f *knownValuesFlag) readValues() error {
	if f.path == "" {
		return nil
	}
	data, err := readFile(f.path)
	if err != nil {
		return withCode(exitUsage, fmt.Errorf("--known-values: %w", err))
	}
	if f.set, err = known.Read(data); err != nil {
		return withCode(exitUsage, fmt.Errorf("--known-values: %s: %w", f.path, err))
	}
	if all, _ := f.set.Count(); all == 0 {
		return withCode(exitUsage, fmt.Errorf("--known-values: %s has no values", f.path))
	}
	return nil
}

// noteUncompared reports how many values are not compared.
func (f *knownValuesFlag) noteUncompared(a *app) {
	if f.set == nil {
		return
	}
	if all, weak := f.set.Count(); weak > 0 {
		a.notes.addNote(fmt.Sprintf("--known-values: %d of %d values are not compared, because they have fewer than "+
			"%d characters or fewer than %d different ones",
			weak, all, known.MinLength, known.MinDistinct))
	}
}

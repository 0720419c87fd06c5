// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/scan"
)

func readBaseline(path string) (*scan.Baseline, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, withCode(exitUsage, fmt.Errorf("read baseline: %w", err))
	}
	baseline, err := scan.ReadBaseline(path, data)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return baseline, nil
}

// writeBaselineFlag names the baseline to bring up to date with what is found.
type writeBaselineFlag struct{ path string }

func (f *writeBaselineFlag) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "write-baseline", "", "scan with the baseline in `file` if there is one, and write it anew: with all findings, and what people filled in before")
}

// apply takes the file that is to be written as the baseline.
func (f *writeBaselineFlag) apply(checks *pipeline.Checks) error {
	if f.path == "" {
		return nil
	}
	if checks.Baseline != nil {
		return withCode(exitUsage, errors.New("--baseline and --write-baseline exclude each other: --write-baseline reads its file, too"))
	}
	if err := report.CheckPath(f.path); err != nil {
		return withCode(exitUsage, err)
	}
	baseline, err := readBaseline(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		baseline = scan.NewBaseline(f.path)
	} else if err != nil {
		return err
	}
	checks.Baseline = baseline.Renewed()
	return nil
}

// write writes the baseline, and says what is left to do.
func (f *writeBaselineFlag) write(a *app, baseline *scan.Baseline, found *scan.Report) error {
	if f.path == "" {
		return nil
	}
	updated := baseline.Update(found, time.Now())
	var out bytes.Buffer
	if err := updated.Write(&out); err != nil {
		return err
	}
	if err := renameio.WriteFile(f.path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	all, incomplete := updated.Entries()
	fmt.Fprintf(a.Err, "wrote %s; findings in it: %d, to be given an owner and a reason before they are accepted: %d\n", f.path, all, incomplete)
	return nil
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

const mergeDriverHelp = `Merge-driver merges two versions of an .import.yml, as Git asks for it: both sides may
come from a push of the platform. ANCESTOR, OURS and THEIRS are files, PATH is the name of
the file in messages. The result replaces OURS.

The result has the groups, dependencies and checksums of both sides, without those that one
side removed. If both sides are pushes, it has the version of the newer one. If people changed
a value on both sides, such as a version name, it has conflict markers, and the exit code is
1, as Git expects.

--setup prints the commands that configure a repository to use the merge driver:
builder merge-driver --setup | sh`

// mergeSetup configures Git to use the merge driver. It is idempotent.
const mergeSetup = `set -e
git config merge.prismeai-import.name "Merge .import.yml of Prisme.ai workspaces"
git config merge.prismeai-import.driver "builder merge-driver --marker-size %L %O %A %B %P"
cd "$(git rev-parse --show-toplevel)"
line=".import.yml merge=prismeai-import"
grep -qsxF "$line" .gitattributes || echo "$line" >>.gitattributes
`

// defaultMarkerSize is Git's default length of conflict markers.
const defaultMarkerSize = 7

// maxMarkerSize bounds the length of conflict markers. Git adds two per nested merge.
const maxMarkerSize = 200

func (a *app) newMergeDriverCommand() *cobra.Command {
	var setup bool
	size := count(defaultMarkerSize)
	cmd := &cobra.Command{
		Use:   "merge-driver ANCESTOR OURS THEIRS PATH",
		Short: "Merge .import.yml for Git",
		Long:  mergeDriverHelp,
		Example: `# Make Git use the merge driver in this repository.
builder merge-driver --setup | sh
# What Git runs then.
builder merge-driver --marker-size 7 ancestor ours theirs .import.yml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if setup {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(4)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if setup {
				_, err := io.WriteString(a.Out, mergeSetup)
				return err
			}
			if size > maxMarkerSize {
				return usageError(cmd, fmt.Errorf("--marker-size is at most %d", maxMarkerSize))
			}
			return a.mergeFiles(args, int(size))
		},
	}
	cmd.Flags().BoolVar(&setup, "setup", false, "print the commands that configure the Git repository of the current "+
		"directory to use the merge driver")
	cmd.Flags().Var(&size, "marker-size", "write conflict markers of this `length`")
	assignGroup(cmd.Flags(), groupMerge)
	return cmd
}

// mergeFiles merges the files given by Git. If an error is not a conflict, ours is unchanged.
func (a *app) mergeFiles(args []string, size int) error {
	var versions [3][]byte
	for i, name := range args[:3] {
		var err error
		if versions[i], err = readMergeFile(name); err != nil {
			return withCode(exitSource, err)
		}
	}
	merged, invalid := workspace.MergeMetadata(versions[0], versions[1], versions[2], workspace.Limits{}, size)
	if merged.Data == nil {
		return invalid
	}
	info, err := os.Stat(args[1])
	if err != nil {
		return withCode(exitSource, err)
	}
	err = replaceFileMode(info.Mode().Perm(), args[1], func(w io.Writer) error {
		_, err := w.Write(merged.Data)
		return err
	})
	if err != nil {
		return err
	}
	path := terminal.Safe(args[3])
	if merged.Files > 0 {
		a.notes.addNote(fmt.Sprintf("%s: both sides changed %s: run builder fmt when the merge is done", path,
			terminal.Plural(merged.Files, "file")))
	}
	if len(merged.Conflicts) > 0 {
		text := path + ": conflict in " + strings.Join(merged.Conflicts, ", ")
		return withCode(exitConflict, errors.Join(errors.New(text), invalid))
	}
	return nil
}

func readMergeFile(name string) ([]byte, error) {
	return limit.ReadFile(name, source.DefaultLimits().FileSize)
}

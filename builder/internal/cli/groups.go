// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Flag groups in the help.
const (
	groupSource       = "Source and Git"
	groupTransfer     = "Transfer"
	groupPush         = "Push"
	groupRelease      = "Release"
	groupValidation   = "Validation"
	groupVerification = "Verification"
	groupMerge        = "Merge"
	groupScan         = "Scan"
	groupBaseline     = "Baseline"
	groupRegistry     = "Registry"
	groupBuildKit     = "BuildKit"
	groupPlatform     = "Platform"
	groupOutput       = "Output"
	groupLimits       = "Limits"
	groupGeneral      = "General"
)

// listGroups lists the groups in the order of the help.
func listGroups() []string {
	return []string{
		groupTransfer, groupPush, groupSource, groupRelease, groupValidation, groupVerification, groupMerge,
		groupScan, groupBaseline,
		groupRegistry, groupBuildKit, groupPlatform, groupOutput, groupLimits, groupGeneral,
	}
}

// flagSet is a set of flags that several commands may have.
type flagSet interface{ register(flags *pflag.FlagSet) }

// registerFlags registers sets of flags with a command, in the order of the help.
func registerFlags(cmd *cobra.Command, sets ...flagSet) {
	for _, set := range sets {
		set.register(cmd.Flags())
	}
}

// groupAnnotation is the flag annotation that names its group.
const groupAnnotation = "builder_group"

// assignGroup assigns the flags without a group to one. Functions that register flags call it at their
// end.
func assignGroup(flags *pflag.FlagSet, name string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if flagGroup(f) != "" {
			return
		}
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[groupAnnotation] = []string{name}
	})
}

// flagGroup returns the group of a flag, or "".
func flagGroup(f *pflag.Flag) string {
	names := f.Annotations[groupAnnotation]
	if len(names) == 0 || !slices.Contains(listGroups(), names[0]) {
		return ""
	}
	return names[0]
}

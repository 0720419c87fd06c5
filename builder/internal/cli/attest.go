// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
)

// attestFlags select the attestations; all by default. They match those of docker buildx where
// possible.
type attestFlags struct {
	provenance bool
	sbom       sbomFlag
	attest     []string
}

func (f *attestFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.provenance, "provenance", true, "attest how the image was built, as SLSA provenance")
	f.sbom = sbomOn
	flags.Var(&f.sbom, "sbom", "attest what the image contains, as an SPDX bill of materials with the workspaces; files "+
		"also lists each of their files, about 480 bytes per file")
	flags.Lookup("sbom").NoOptDefVal = string(sbomOn)
	flags.StringArrayVar(&f.attest, "attest", nil, "turn off one kind of attestation (provenance, sbom or scan): "+
		"`type=KIND,disabled=true` (repeat)")
	assignGroup(flags, groupRelease)
}

// selectedKinds returns the selected kinds. --attest takes precedence over the other flags.
func (f *attestFlags) selectedKinds() (attest.Kinds, error) {
	kinds := attest.Kinds{
		Provenance: f.provenance, SBOM: f.sbom != sbomOff, Files: f.sbom == sbomFiles, Scan: true,
	}
	for _, text := range f.attest {
		kind, disabled, err := parseAttest(text)
		if err != nil {
			return kinds, err
		}
		switch kind {
		case "provenance":
			kinds.Provenance = !disabled
		case "sbom":
			kinds.SBOM = !disabled
		case "scan":
			kinds.Scan = !disabled
		default:
			return kinds, fmt.Errorf("attestation %q: unknown type, want provenance, sbom or scan", text)
		}
	}
	return kinds, nil
}

// sbomFlag selects the bill of materials: a boolean, as in docker buildx, or files.
type sbomFlag string

const (
	sbomOn    sbomFlag = "true"
	sbomOff   sbomFlag = "false"
	sbomFiles sbomFlag = "files"
)

var _ pflag.Value = (*sbomFlag)(nil)

// String implements [pflag.Value].
func (f *sbomFlag) String() string { return string(*f) }

// Type implements [pflag.Value].
func (f *sbomFlag) Type() string { return "true|false|files" }

// Set implements [pflag.Value].
func (f *sbomFlag) Set(text string) error {
	if text == string(sbomFiles) {
		*f = sbomFiles
		return nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is not one of true, false and files", text)
	}
	*f = sbomFlag(strconv.FormatBool(on))
	return nil
}

func parseAttest(text string) (kind string, disabled bool, err error) {
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "type":
			kind = value
		case "disabled":
			disabled, err = strconv.ParseBool(value)
		default:
			err = fmt.Errorf("unknown key %q, want type and disabled", key)
		}
		if err != nil {
			return "", false, fmt.Errorf("attestation %q: %w", text, err)
		}
	}
	return kind, disabled, nil
}

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
	provenance, sbom bool
	attest           []string
}

func (f *attestFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.provenance, "provenance", true, "attest where the image comes from: SLSA provenance")
	flags.BoolVar(&f.sbom, "sbom", true, "attest what the image holds: an SPDX bill of materials")
	flags.StringArrayVar(&f.attest, "attest", nil, "switch off one kind of attestation: "+
		"`type=KIND,disabled=true` with a kind of provenance, sbom and scan (repeat)")
	group(flags, groupRelease)
}

// selectedKinds returns the selected kinds. --attest takes precedence over the other flags.
func (f *attestFlags) selectedKinds() (attest.Kinds, error) {
	kinds := attest.Kinds{Provenance: f.provenance, SBOM: f.sbom, Scan: true}
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
			return kinds, fmt.Errorf("attestation %q: the type is none of provenance, sbom and scan", text)
		}
	}
	return kinds, nil
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

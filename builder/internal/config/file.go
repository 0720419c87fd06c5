// SPDX-License-Identifier: AGPL-3.0-or-later

// Package config resolves the builder's settings from, in order of precedence, the command line,
// the environment, the release file and the defaults.
//
// Every setting is a flag. The environment variable of flag --digest-file is BUILDER_DIGEST_FILE.
// [File] defines the keys of the release file.
package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// maxFileSize bounds the release file, in bytes.
const maxFileSize = 1 << 20

// File is the release file (release.yaml). Unknown keys are errors.
type File struct {
	// Release is the name of the release, such as v2.4.0.
	Release string `yaml:"release"`
	// Base is the image to build on, or "scratch".
	Base      string   `yaml:"base"`
	Tags      []string `yaml:"tags"`
	Platforms []string `yaml:"platforms"`
	// Repository is the platform repository that the image provides.
	Repository struct {
		ID        string `yaml:"id"`
		Name      string `yaml:"name"`
		Directory string `yaml:"directory"`
	} `yaml:"repository"`
	// Groups lists the groups in import order.
	Groups []Group `yaml:"groups"`
	// Exclude lists globs, as in .gitignore, of files that do not ship.
	Exclude []string `yaml:"exclude"`
	// Workspaces sets groups and versions, by slug, for workspaces whose .import.yml lacks them.
	Workspaces map[string]struct {
		Groups  []string `yaml:"groups"`
		Version string   `yaml:"version"`
	} `yaml:"workspaces"`
	// DefaultGroup and DefaultVersion (commit, release or a name) apply to all other workspaces.
	DefaultGroup   string `yaml:"defaultGroup"`
	DefaultVersion string `yaml:"defaultVersion"`
	// Labels and Annotations are added to the image.
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
	Limits      struct {
		FileSize  string `yaml:"fileSize"`
		TotalSize string `yaml:"totalSize"`
		Files     string `yaml:"files"`
	} `yaml:"limits"`
	Scan struct {
		// Policy is the policy file, Baseline the file of accepted findings.
		Policy           string   `yaml:"policy"`
		Baseline         string   `yaml:"baseline"`
		CheckLive        *bool    `yaml:"checkLive"`
		ExcludePaths     []string `yaml:"excludePaths"`
		IncludeDetectors []string `yaml:"includeDetectors"`
		ExcludeDetectors []string `yaml:"excludeDetectors"`
	} `yaml:"scan"`
	Registry struct {
		Insecure []string `yaml:"insecure"`
		CA       []string `yaml:"ca"`
		// Mirrors maps a registry to mirrors that are tried first.
		Mirrors map[string][]string `yaml:"mirrors"`
		// ClientCertificates maps a registry to a client certificate.
		ClientCertificates map[string]ClientCertificate `yaml:"clientCertificates"`
	} `yaml:"registry"`
	// BulkPush configures the command bulk-push.
	BulkPush struct {
		APIURL     string   `yaml:"apiUrl"`
		Repository string   `yaml:"repository"`
		Groups     []string `yaml:"groups"`
	} `yaml:"bulkPush"`
	// Rules set the severity of rules. The last match wins.
	Rules []RuleSetting `yaml:"rules"`
	// ExternalApps are slugs of apps that the target already has.
	ExternalApps []string `yaml:"externalApps"`
	Strict       *bool    `yaml:"strict"`
	// KeepBaseWorkspaces keeps the workspaces of the base instead of hiding them.
	KeepBaseWorkspaces *bool `yaml:"keepBaseWorkspaces"`
	// StampVersions is none or content.
	StampVersions string `yaml:"stampVersions"`
	// Checksums is warn, verify, refresh or ignore.
	Checksums string `yaml:"checksums"`
	// Compression is gzip or zstd, optionally with a level: zstd,9.
	Compression string `yaml:"compression"`
	// Attestations selects the attestations; a missing value means true.
	Attestations struct {
		Provenance *bool `yaml:"provenance"`
		// SBOM is true, false or files.
		SBOM string `yaml:"sbom"`
		Scan *bool  `yaml:"scan"`
	} `yaml:"attestations"`
}

// ClientCertificate names PEM files. Key is empty if Certificate contains the key.
type ClientCertificate struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// String formats the certificate as in --registry-client-cert, without the registry: cert[,key].
func (c ClientCertificate) String() string {
	if c.Key == "" {
		return c.Certificate
	}
	return c.Certificate + "," + c.Key
}

// Group is a group of workspaces and the labels that assign a workspace to it.
type Group struct {
	Name   string   `yaml:"name"`
	Labels []string `yaml:"labels"`
}

// RuleSetting sets the severity of a rule.
type RuleSetting struct {
	// Rule is the ID of the rule, decoded as a node to keep its line number.
	Rule yaml.Node `yaml:"rule"`
	// Path is a glob of files; empty for all.
	Path     string `yaml:"path"`
	Severity string `yaml:"severity"`
	Reason   string `yaml:"reason"`
	// Until is the last day of the setting, such as 2027-01-31.
	Until string `yaml:"until"`
}

// String formats the group as in --group: name, or name=label,label.
func (g Group) String() string {
	if len(g.Labels) == 0 {
		return g.Name
	}
	return g.Name + "=" + strings.Join(g.Labels, ",")
}

// ReadFile reads a release file. Errors contain the file name and the line.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open release file: %w", err)
	}
	defer f.Close()
	file, err := decodeFile(f)
	if err != nil {
		return nil, fmt.Errorf("release file %s: %w", path, err)
	}
	return file, nil
}

func decodeFile(r io.Reader) (*File, error) {
	limited := limit.NewReader(r, "it", maxFileSize)
	dec := yaml.NewDecoder(limited)
	dec.KnownFields(true)
	file := new(File)
	err := dec.Decode(file)
	if limited.Exceeded() {
		return nil, limited.Err
	}
	if err != nil && !errors.Is(err, io.EOF) { // an empty file is valid
		return nil, explainDecoding(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it contains more than one YAML document")
	}
	return file, nil
}

// unknownField matches the error of the YAML library (v3.0.4) for an unknown key.
var unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)

// wrongType matches the YAML library's error for a value of the wrong type.
var wrongType = regexp.MustCompile(`cannot unmarshal !!(\w+) (?:` + "`" + `.*` + "`" + ` )?into (\S+)`)

// explainDecoding rewords errors of the YAML library for users.
func explainDecoding(err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		return err
	}
	lines := make([]string, len(typed.Errors))
	for i, line := range typed.Errors {
		line = unknownField.ReplaceAllString(line, `unknown key "$1"`)
		lines[i] = wrongType.ReplaceAllStringFunc(line, explainType)
	}
	return errors.New(strings.Join(lines, "; "))
}

// explainType names the expected type of a value.
func explainType(text string) string {
	wanted := wrongType.FindStringSubmatch(text)[2]
	switch {
	case strings.HasPrefix(wanted, "[]"):
		return "want a list"
	case wanted == "bool":
		return "want true or false"
	case wanted == "string":
		return "want a text"
	}
	return "want a mapping of keys to values"
}

// settings returns the values of the file by flag name.
func (f *File) settings() map[string][]string {
	s := map[string][]string{
		"release":              singleSetting(f.Release),
		"base":                 singleSetting(f.Base),
		"tag":                  f.Tags,
		"platform":             f.Platforms,
		"leave-out":            f.Exclude,
		"default-group":        singleSetting(f.DefaultGroup),
		"default-version":      singleSetting(f.DefaultVersion),
		"workspace-groups":     nil,
		"workspace-version":    nil,
		"repository-id":        singleSetting(f.Repository.ID),
		"repository-name":      singleSetting(f.Repository.Name),
		"directory":            singleSetting(f.Repository.Directory),
		"label":                formatPairs(f.Labels),
		"annotation":           formatPairs(f.Annotations),
		"max-file-size":        singleSetting(f.Limits.FileSize),
		"max-total-size":       singleSetting(f.Limits.TotalSize),
		"max-files":            singleSetting(f.Limits.Files),
		"policy":               singleSetting(f.Scan.Policy),
		"baseline":             singleSetting(f.Scan.Baseline),
		"exclude-path":         f.Scan.ExcludePaths,
		"include-detector":     f.Scan.IncludeDetectors,
		"exclude-detector":     f.Scan.ExcludeDetectors,
		"insecure-registry":    f.Registry.Insecure,
		"registry-ca":          f.Registry.CA,
		"check-live":           boolSetting(f.Scan.CheckLive),
		"api-url":              singleSetting(f.BulkPush.APIURL),
		"repository":           singleSetting(f.BulkPush.Repository),
		"groups":               f.BulkPush.Groups,
		"strict":               boolSetting(f.Strict),
		"keep-base-workspaces": boolSetting(f.KeepBaseWorkspaces),
		"stamp-versions":       singleSetting(f.StampVersions),
		"checksums":            singleSetting(f.Checksums),
		"compression":          singleSetting(f.Compression),
		"provenance":           boolSetting(f.Attestations.Provenance),
		"sbom":                 singleSetting(f.Attestations.SBOM),
		"attest":               nil,
		"group":                nil,
		"registry-mirror":      nil,
		"registry-client-cert": nil,
	}
	if scan := f.Attestations.Scan; scan != nil {
		s["attest"] = singleSetting("type=scan,disabled=" + strconv.FormatBool(!*scan))
	}
	for _, slug := range slices.Sorted(maps.Keys(f.Workspaces)) {
		w := f.Workspaces[slug]
		if len(w.Groups) > 0 {
			s["workspace-groups"] = append(s["workspace-groups"], slug+"="+strings.Join(w.Groups, ","))
		}
		if w.Version != "" {
			s["workspace-version"] = append(s["workspace-version"], slug+"="+w.Version)
		}
	}
	for _, g := range f.Groups {
		s["group"] = append(s["group"], g.String())
	}
	f.addRegistries(s)
	return s
}

// addRegistries adds the settings that the file groups by registry.
func (f *File) addRegistries(s map[string][]string) {
	for _, registry := range slices.Sorted(maps.Keys(f.Registry.ClientCertificates)) {
		cert := f.Registry.ClientCertificates[registry]
		s["registry-client-cert"] = append(s["registry-client-cert"], registry+"="+cert.String())
	}
	for _, registry := range slices.Sorted(maps.Keys(f.Registry.Mirrors)) {
		for _, mirror := range f.Registry.Mirrors[registry] {
			s["registry-mirror"] = append(s["registry-mirror"], registry+"="+mirror)
		}
	}
}

func singleSetting(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func boolSetting(value *bool) []string {
	if value == nil {
		return nil
	}
	return []string{strconv.FormatBool(*value)}
}

func formatPairs(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}

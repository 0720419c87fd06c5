// SPDX-License-Identifier: AGPL-3.0-or-later

// Package config finds the value of every setting of the builder: on the command
// line, else in the environment, else in the release file, else its default.
//
// A setting is a flag. The environment variable of flag --digest-file is
// BUILDER_DIGEST_FILE. The keys of the release file are those of [File].
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
	// Groups in import order.
	Groups []Group `yaml:"groups"`
	// Exclude are globs of what does not ship, as in .gitignore.
	Exclude []string `yaml:"exclude"`
	// Workspaces says, by slug, what the .import.yml of a workspace does not say.
	Workspaces map[string]struct {
		Groups  []string `yaml:"groups"`
		Version string   `yaml:"version"`
	} `yaml:"workspaces"`
	// DefaultGroup and DefaultVersion (commit, release or a name) are those of all other
	// workspaces.
	DefaultGroup   string `yaml:"defaultGroup"`
	DefaultVersion string `yaml:"defaultVersion"`
	// Labels and Annotations of the image, beside ours.
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
	Limits      struct {
		FileSize  string `yaml:"fileSize"`
		TotalSize string `yaml:"totalSize"`
		Files     string `yaml:"files"`
	} `yaml:"limits"`
	Scan struct {
		// Policy is the policy file, Baseline that of accepted findings.
		Policy           string   `yaml:"policy"`
		Baseline         string   `yaml:"baseline"`
		Verify           *bool    `yaml:"verify"`
		ExcludePaths     []string `yaml:"excludePaths"`
		IncludeDetectors []string `yaml:"includeDetectors"`
		ExcludeDetectors []string `yaml:"excludeDetectors"`
	} `yaml:"scan"`
	Registry struct {
		Insecure []string `yaml:"insecure"`
		CA       []string `yaml:"ca"`
		// Mirrors maps a registry to the mirrors that are asked first.
		Mirrors map[string][]string `yaml:"mirrors"`
		// ClientCertificates maps a registry to the certificate that is shown to it.
		ClientCertificates map[string]ClientCertificate `yaml:"clientCertificates"`
	} `yaml:"registry"`
	// BulkPush says what bulk-push pushes, and where.
	BulkPush struct {
		APIURL     string   `yaml:"apiUrl"`
		Repository string   `yaml:"repository"`
		Groups     []string `yaml:"groups"`
	} `yaml:"bulkPush"`
	// Rules set the severity of rules, in order: the last one that matches counts.
	Rules []RuleSetting `yaml:"rules"`
	// ExternalApps are the slugs of apps that the target has without this release.
	ExternalApps []string `yaml:"externalApps"`
	Strict       *bool    `yaml:"strict"`
	// KeepBaseWorkspaces adds to the workspaces of the base instead of hiding them.
	KeepBaseWorkspaces *bool `yaml:"keepBaseWorkspaces"`
	// StampVersions is none or content.
	StampVersions string `yaml:"stampVersions"`
	// Checksums is warn, verify, refresh or ignore.
	Checksums string `yaml:"checksums"`
	// Attestations about the image; each is made unless it is false.
	Attestations struct {
		Provenance *bool `yaml:"provenance"`
		SBOM       *bool `yaml:"sbom"`
		Scan       *bool `yaml:"scan"`
	} `yaml:"attestations"`
}

// ClientCertificate names PEM files; Key is empty if the key is in the file Certificate.
type ClientCertificate struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// String is the notation of --registry-client-cert after the registry: cert[,key].
func (c ClientCertificate) String() string {
	if c.Key == "" {
		return c.Certificate
	}
	return c.Certificate + "," + c.Key
}

// Group is a group of workspaces and the labels that put a workspace into it.
type Group struct {
	Name   string   `yaml:"name"`
	Labels []string `yaml:"labels"`
}

// RuleSetting gives a rule another severity.
type RuleSetting struct {
	// Rule is the id, as a node, which knows its line.
	Rule yaml.Node `yaml:"rule"`
	// Path is a glob of files; empty for all.
	Path     string `yaml:"path"`
	Severity string `yaml:"severity"`
	Reason   string `yaml:"reason"`
	// Until is the last day on which the setting counts, such as 2027-01-31.
	Until string `yaml:"until"`
}

// String is the notation of --group: name, or name=label,label.
func (g Group) String() string {
	if len(g.Labels) == 0 {
		return g.Name
	}
	return g.Name + "=" + strings.Join(g.Labels, ",")
}

// ReadFile reads a release file. Errors name the file and the line.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open release file: %w", err)
	}
	defer f.Close()
	file, err := decode(f)
	if err != nil {
		return nil, fmt.Errorf("release file %s: %w", path, err)
	}
	return file, nil
}

func decode(r io.Reader) (*File, error) {
	limited := &io.LimitedReader{R: r, N: maxFileSize + 1}
	dec := yaml.NewDecoder(limited)
	dec.KnownFields(true)
	file := new(File)
	err := dec.Decode(file)
	if limited.N == 0 {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFileSize)
	}
	if err != nil && !errors.Is(err, io.EOF) { // EOF: an empty file sets nothing
		return nil, explainDecoding(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one YAML document")
	}
	return file, nil
}

// unknownField matches what the YAML library (v3.0.4) says of an unknown key, with a Go type.
var unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)

// wrongType matches what it says of a value of another type.
var wrongType = regexp.MustCompile(`cannot unmarshal !!(\w+) (?:` + "`" + `.*` + "`" + ` )?into (\S+)`)

// explainDecoding replaces the words of the YAML library by those of a person.
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

// explainType says which kind of value a key wants.
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

// settings returns what the file sets, by flag name.
func (f *File) settings() map[string][]string {
	s := map[string][]string{
		"release":              one(f.Release),
		"base":                 one(f.Base),
		"tag":                  f.Tags,
		"platform":             f.Platforms,
		"leave-out":            f.Exclude,
		"default-group":        one(f.DefaultGroup),
		"default-version":      one(f.DefaultVersion),
		"workspace-groups":     nil,
		"workspace-version":    nil,
		"repository-id":        one(f.Repository.ID),
		"repository-name":      one(f.Repository.Name),
		"directory":            one(f.Repository.Directory),
		"label":                pairs(f.Labels),
		"annotation":           pairs(f.Annotations),
		"max-file-size":        one(f.Limits.FileSize),
		"max-total-size":       one(f.Limits.TotalSize),
		"max-files":            one(f.Limits.Files),
		"policy":               one(f.Scan.Policy),
		"baseline":             one(f.Scan.Baseline),
		"exclude-path":         f.Scan.ExcludePaths,
		"include-detector":     f.Scan.IncludeDetectors,
		"exclude-detector":     f.Scan.ExcludeDetectors,
		"insecure-registry":    f.Registry.Insecure,
		"registry-ca":          f.Registry.CA,
		"verify":               flag(f.Scan.Verify),
		"api-url":              one(f.BulkPush.APIURL),
		"repository":           one(f.BulkPush.Repository),
		"groups":               f.BulkPush.Groups,
		"strict":               flag(f.Strict),
		"keep-base-workspaces": flag(f.KeepBaseWorkspaces),
		"stamp-versions":       one(f.StampVersions),
		"checksums":            one(f.Checksums),
		"provenance":           flag(f.Attestations.Provenance),
		"sbom":                 flag(f.Attestations.SBOM),
		"attest":               nil,
		"group":                nil,
		"registry-mirror":      nil,
		"registry-client-cert": nil,
	}
	if scan := f.Attestations.Scan; scan != nil {
		s["attest"] = one("type=scan,disabled=" + strconv.FormatBool(!*scan))
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

// addRegistries adds the settings that the file has by registry.
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

func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func flag(value *bool) []string {
	if value == nil {
		return nil
	}
	return []string{strconv.FormatBool(*value)}
}

func pairs(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}

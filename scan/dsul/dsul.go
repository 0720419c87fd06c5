// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dsul is a detector for package scan that understands workspaces. It finds the typical
// leak: a literal where a {{secret.name}} reference belongs.
//
// It walks the YAML of a workspace (DSUL, the platform's workspace language), follows aliases,
// and parses what strings contain: JSON, code, environment files, URLs and base64. It decides
// whether a value is a secret from the shape of the value (an Authorization header, a URL with
// user-info, a private key), the name next to it (password, apiKey) and its location (the
// configuration of an app, the headers of a request). It scans comments, invalid YAML and other
// files as text.
//
// It ignores templates, placeholders, words, type names and identifiers. docs/secret-scan.md
// documents every rule for users.
package dsul

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

const (
	// Name is the name of the scanner in findings and for selection.
	Name = "dsul"
	// rulesVersion is for readers and changes when the rules change noticeably. Programs
	// compare the digest of the rules instead.
	rulesVersion = "2"
)

// The rules in order of precedence: if several match the same text, the first one reports it.
const (
	rulePrivateKey    = "dsul-private-key"
	ruleAccessToken   = "dsul-platform-access-token"
	ruleOrgKey        = "dsul-platform-organisation-key"
	ruleJWT           = "dsul-jwt"
	ruleURL           = "dsul-url-user-info"
	ruleWebhook       = "dsul-webhook"
	ruleAuthorization = "dsul-authorization"
	ruleCookie        = "dsul-cookie"
	rulePassword      = "dsul-password"
	ruleCredential    = "dsul-credential"
	ruleHash          = "dsul-password-hash"
	ruleReference     = "dsul-unresolved-reference"
	ruleOpaque        = "dsul-opaque-value"
	ruleUnnamed       = "dsul-unnamed-key"
)

// reasons describe the finding of each rule.
var reasons = []struct{ rule, reason string }{
	{rulePrivateKey, "private key"},
	{ruleAccessToken, "access token of the platform"},
	{ruleOrgKey, "API key of an organisation of the platform"},
	{ruleJWT, "signed token (JWT)"},
	{ruleURL, "URL with a password or a token"},
	{ruleWebhook, "webhook URL, which anyone who knows it can use"},
	{ruleAuthorization, "credentials of a request in plain text"},
	{ruleCookie, "session cookie in plain text"},
	{rulePassword, "password in plain text"},
	{ruleCredential, "token, key or secret in plain text"},
	{ruleHash, "hash of a password, from which a weak password can be recovered"},
	{ruleReference, "ciphertext, or a reference that the platform does not resolve"},
	{ruleOpaque, "value that looks like a key, in a place for credentials"},
	{ruleUnnamed, "random text that may be a key; if it is not, give it a name that ends in id or hash"},
}

// Rules returns the names of all rules.
func Rules() []string {
	var names []string
	for _, r := range reasons {
		names = append(names, r.rule)
	}
	return names
}

// CheckNames returns an error for a name that is neither a rule nor [Name].
func CheckNames(names []string) error {
	for _, name := range names {
		if name != Name && !slices.Contains(Rules(), name) {
			return fmt.Errorf("%q is not a rule of the workspace scanner: want %s or one of %s",
				name, Name, strings.Join(Rules(), ", "))
		}
	}
	return nil
}

// Options select the rules to run.
type Options struct {
	// Include and Exclude hold rule names, or [Name] for all rules. An empty Include selects
	// all.
	Include, Exclude []string
}

// Detector implements [scan.Detector].
type Detector struct {
	rules []string
	names nameCache
}

var (
	_ scan.Detector   = (*Detector)(nil)
	_ scan.PartReader = (*Detector)(nil)
)

// New returns a detector with the selected rules. It returns an error for an unknown name.
func New(opts Options) (*Detector, error) {
	if err := CheckNames(slices.Concat(opts.Include, opts.Exclude)); err != nil {
		return nil, err
	}
	listed := func(list []string, rule string) bool {
		return slices.Contains(list, Name) || slices.Contains(list, rule)
	}
	d := new(Detector)
	for _, rule := range Rules() {
		if (len(opts.Include) == 0 || listed(opts.Include, rule)) && !listed(opts.Exclude, rule) {
			d.rules = append(d.rules, rule)
		}
	}
	if len(d.rules) == 0 {
		return nil, errors.New("no rule of the workspace scanner is left")
	}
	return d, nil
}

// Describe implements [scan.Detector].
func (d *Detector) Describe() release.Scanner {
	return release.Scanner{
		Name: Name, Version: rulesVersion, Detectors: len(d.rules),
		Rules: describeRules(d.rules, rulesDigest),
	}
}

// describeRules returns the digest of the detection code and the names of the enabled rules.
func describeRules(rules []string, code string) digest.Digest {
	return digest.FromString(code + "\n" + strings.Join(rules, "\n"))
}

// ReadsParts implements [scan.PartReader]. The YAML walk already unescapes and decodes scalars.
func (*Detector) ReadsParts(kind scan.PartKind) bool { return kind == scan.InScalar }

// Scan implements [scan.Detector]. It scans a file that is not valid YAML as text, and returns
// an error if expanding the aliases exceeds the visit limit.
func (d *Detector) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	names := d.names.take()
	defer d.names.give(names)
	s := newFileScan(f, names)
	if !s.isSurelyClean() {
		if err := s.scanContent(ctx); err != nil {
			return scan.Result{}, err
		}
	}
	if ctx.Err() != nil {
		return scan.Result{}, context.Cause(ctx)
	}
	result := scan.Result{Bytes: int64(len(f.Data)), Public: s.findPublicKeys()}
	isDisabled := func(m scan.Match) bool { return !slices.Contains(d.rules, m.Rule) }
	result.Matches = slices.DeleteFunc(s.sortedMatches(), isDisabled)
	return result, nil
}

// fileScan holds the state of scanning one file.
type fileScan struct {
	*memory
	file scan.File
	// part is the part of the workspace that contains the file.
	part  string
	kind  fileKind
	lines lines.Starts
	found map[findingKey]scan.Match
	// visits counts visited nodes, including repeated visits through aliases.
	visits int
}

func newFileScan(f scan.File, names *memory) *fileScan {
	return &fileScan{
		memory: names, file: f, part: part(f.InWorkspace()), kind: kindOf(f), found: map[findingKey]scan.Match{},
	}
}

func (s *fileScan) scanContent(ctx context.Context) error {
	s.lines = lines.New(s.file.Data)
	whole := position{extent: extent{length: len(s.file.Data)}}
	whole.settings = isYAML(s.file.Path) || s.kind.settings
	docs, ok := s.parse()
	if !ok {
		s.scanText(ctx, string(s.file.Data), whole)
		return nil
	}
	s.scanComments(ctx)
	for _, doc := range docs {
		if err := s.scanNode(ctx, doc, location{label: s.kind.translation}, 0); err != nil {
			return err
		}
	}
	return nil
}

// parse returns the documents of the file. It returns false if the file is not valid YAML, or too
// large to parse.
func (s *fileScan) parse() ([]*yaml.Node, bool) {
	if !isYAML(s.file.Path) || !s.isParsable() {
		return nil, false
	}
	return parseYAML(s.file.Data)
}

func isYAML(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yml", ".yaml", ".json":
		return true
	}
	return false
}

// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dsul is a detector of package scan that knows what a workspace is. It
// looks for the typical leak: a literal where a {{secret.name}} reference belongs.
//
// It walks the YAML of a workspace (DSUL, the platform's workspace language) with its
// aliases, and what is nested in its strings: JSON, code, environment files, URLs,
// base64. What it takes for a secret depends on the shape of a value (an
// Authorization header, a URL with user-info, a private key), on the name beside it
// (password, apiKey), and on the place (the configuration of an app, the headers of a
// request). Comments, and files that are not YAML or are broken, are read as text.
//
// Templates, placeholders, words, names of types and identifiers are not secrets.
// docs/secret-scan.md tells it to users, rule by rule.
package dsul

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

const (
	// Name of the scanner, in findings and for selection.
	Name = "dsul"
	// rulesVersion is raised when what is found changes much, to tell people. What
	// programs compare is the digest of the rules.
	rulesVersion = "2"
)

// The rules, in the order of their precedence: of two that find the same text, the
// first one reports it.
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
)

// reasons say what each rule has found.
var reasons = []struct{ rule, reason string }{
	{rulePrivateKey, "a private key stands here"},
	{ruleAccessToken, "an access token of the platform stands here"},
	{ruleOrgKey, "an API key of an organisation of the platform stands here"},
	{ruleJWT, "a signed token (JWT) stands here"},
	{ruleURL, "a URL carries a password or a token"},
	{ruleWebhook, "the URL of a webhook is its only protection"},
	{ruleAuthorization, "credentials of a request stand here as text"},
	{ruleCookie, "the cookie of a session stands here as text"},
	{rulePassword, "a password stands here as text"},
	{ruleCredential, "a token, key or secret stands here as text"},
	{ruleHash, "the hash of a password stands here, from which a weak one is soon found"},
	{ruleReference, "this is ciphertext, or a reference that the platform does not resolve"},
	{ruleOpaque, "a value that looks like a key stands where credentials are configured"},
}

// Rules returns the names of all rules.
func Rules() []string {
	var names []string
	for _, r := range reasons {
		names = append(names, r.rule)
	}
	return names
}

// CheckNames reports a name that is neither that of a rule nor [Name].
func CheckNames(names []string) error {
	for _, name := range names {
		if name != Name && !slices.Contains(Rules(), name) {
			return fmt.Errorf("%q is not a rule of the workspace scanner: want %s or one of %s", name, Name, strings.Join(Rules(), ", "))
		}
	}
	return nil
}

// Options select rules.
type Options struct {
	// Include and Exclude hold names of rules, or [Name] for all of them. No Include
	// means all.
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

// New prepares the rules that are selected. Unknown names are errors.
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

// describeRules digests the code that finds secrets, and the names of the rules in use.
func describeRules(rules []string, code string) digest.Digest {
	return digest.FromString(code + "\n" + strings.Join(rules, "\n"))
}

// ReadsParts implements [scan.PartReader]: the walk through YAML sees values without their
// escapes, and decodes what is in them.
func (*Detector) ReadsParts(kind scan.PartKind) bool { return kind == scan.InScalar }

// Scan implements [scan.Detector]. A file that is not YAML, or not valid, is looked
// at as text; one whose aliases stand for too much is an error.
func (d *Detector) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	names := d.names.take()
	defer d.names.give(names)
	s := newFileScan(ctx, f, names)
	if !s.quiet() {
		if err := s.run(); err != nil {
			return scan.Result{}, err
		}
	}
	if ctx.Err() != nil {
		return scan.Result{}, context.Cause(ctx)
	}
	result := scan.Result{Bytes: int64(len(f.Data)), Public: s.publicKeys()}
	result.Matches = slices.DeleteFunc(s.matches(), func(m scan.Match) bool { return !slices.Contains(d.rules, m.Rule) })
	return result, nil
}

// fileScan is the scan of one file.
type fileScan struct {
	*memory
	ctx  context.Context //nolint:containedctx // a scan of one file ends with it
	file scan.File
	// part of the workspace that the file is.
	part  string
	base  base
	lines lines.Starts
	found map[place]scan.Match
	// visits counts nodes, those behind aliases each time.
	visits int
}

func newFileScan(ctx context.Context, f scan.File, names *memory) *fileScan {
	return &fileScan{memory: names, ctx: ctx, file: f, part: part(f.InWorkspace()), base: baseOf(f.Path), found: map[place]scan.Match{}}
}

func (s *fileScan) run() error {
	s.lines = lines.New(s.file.Data)
	whole := where{extent: extent{length: len(s.file.Data)}}
	whole.settings = isYAML(s.file.Path) || s.base.settings
	if !isYAML(s.file.Path) {
		s.text(string(s.file.Data), whole)
		return nil
	}
	if !s.parsable() {
		s.text(string(s.file.Data), whole)
		return nil
	}
	docs, ok := parseYAML(s.file.Data)
	if !ok {
		s.text(string(s.file.Data), whole)
		return nil
	}
	s.comments()
	for _, doc := range docs {
		if err := s.visit(doc, spot{}, 0); err != nil {
			return err
		}
	}
	return nil
}

func isYAML(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yml", ".yaml", ".json":
		return true
	}
	return false
}

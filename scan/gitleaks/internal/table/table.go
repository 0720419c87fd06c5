// SPDX-License-Identifier: AGPL-3.0-or-later

// Package table generates the rule table that package gitleaks embeds from the configuration of
// the gitleaks program.
package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// Module is the module of the gitleaks program. Its version is pinned in .tools/gitleaks.
const Module = "github.com/zricethezav/gitleaks/v8"

// Table is the rule table that package gitleaks embeds.
type Table struct {
	// Source is the module with its version; Licence is the licence of the rules.
	Source  string `json:"source"`
	Licence string `json:"licence"`
	// Allow and Stopwords identify values that are not secret under any rule.
	Allow     []string `json:"allow"`
	Stopwords []string `json:"stopwords"`
	Rules     []Rule   `json:"rules"`
}

// Rule is a rule. It applies to files whose path matches Path and that contain one of the
// keywords.
type Rule struct {
	ID       string   `json:"id"`
	Keywords []string `json:"keywords"`
	Regex    string   `json:"regex"`
	// Group is the group of the expression that captures the secret; 0 selects the first
	// non-empty group.
	Group   int     `json:"group,omitempty"`
	Entropy float64 `json:"entropy,omitempty"`
	Path    string  `json:"path,omitempty"`
	// Allow matches values that are not secret under this rule.
	Allow []string `json:"allow,omitempty"`
}

// omittedRules maps the omitted rules to the reasons.
var omittedRules = map[string]string{
	"generic-api-key": "it guesses by name and entropy, which the workspace scanner does with knowledge of the " +
		"place",
	"kubernetes-secret-yaml": "the workspace scanner reads the data of a Secret",
	"private-key":            "both other scanners know private keys",
	"jwt":                    "the workspace scanner knows which tokens are examples",
	"pkcs12-file":            "it judges a file by its name",
}

// keywords replaces keywords that occur in most files with longer ones from the same tokens.
var keywords = map[string][]string{
	"twilio-api-key": {
		"sk0",
		"sk1",
		"sk2",
		"sk3",
		"sk4",
		"sk5",
		"sk6",
		"sk7",
		"sk8",
		"sk9",
		"ska",
		"skb",
		"skc",
		"skd",
		"ske",
		"skf",
	},
	"vault-service-token": {"hvs."},
}

// config is the part of the program's configuration that the table needs.
type config struct {
	Allowlist struct {
		Regexes, Stopwords []string
	}
	Rules []struct {
		ID, Regex, Path string
		Keywords        []string
		Entropy         float64
		SecretGroup     int
		Allowlists      []struct {
			RegexTarget string
			Regexes     []string
		}
	}
}

// Generate returns the table as JSON. Root is the root of this repository.
func Generate(root string) ([]byte, error) {
	version, text, err := readModule(root)
	if err != nil {
		return nil, err
	}
	var c config
	if err := toml.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("parse gitleaks.toml: %w", err)
	}
	t := Table{
		Source: Module + " " + version, Licence: "MIT, Copyright (c) 2019 Zachary Rice, see LICENSE.gitleaks",
		Allow: c.Allowlist.Regexes, Stopwords: c.Allowlist.Stopwords,
	}
	for _, r := range c.Rules {
		if omittedRules[r.ID] != "" {
			continue
		}
		rule := Rule{ID: r.ID, Regex: r.Regex, Path: r.Path, Keywords: r.Keywords, Entropy: r.Entropy, Group: r.SecretGroup}
		if longer := keywords[r.ID]; longer != nil {
			rule.Keywords = longer
		}
		for _, a := range r.Allowlists {
			if a.RegexTarget == "" {
				rule.Allow = append(rule.Allow, a.Regexes...)
			}
		}
		t.Rules = append(t.Rules, rule)
	}
	slices.SortFunc(t.Rules, func(a, b Rule) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(t); err != nil {
		return nil, fmt.Errorf("encode rules: %w", err)
	}
	return out.Bytes(), nil
}

// readModule returns the version and the configuration file of the module.
func readModule(root string) (version string, text []byte, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", Module)
	cmd.Dir = filepath.Join(root, ".tools", "gitleaks")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("find module %s: %w", Module, err)
	}
	var m struct{ Version, Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", nil, fmt.Errorf("find module %s: %w", Module, err)
	}
	text, err = os.ReadFile(filepath.Join(m.Dir, "config", "gitleaks.toml"))
	return m.Version, text, err
}

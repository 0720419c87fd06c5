// SPDX-License-Identifier: AGPL-3.0-or-later

// Package table makes the table of rules that package gitleaks embeds out of the
// configuration that the gitleaks program ships.
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

// Table is what package gitleaks embeds.
type Table struct {
	// Source names the module and its version; Licence is that of the rules.
	Source  string `json:"source"`
	Licence string `json:"licence"`
	// Allow and Stopwords say which values are no secrets, whatever rule finds them.
	Allow     []string `json:"allow"`
	Stopwords []string `json:"stopwords"`
	Rules     []Rule   `json:"rules"`
}

// Rule is one rule. A file is looked at if its path matches Path and it has one of the keywords.
type Rule struct {
	ID       string   `json:"id"`
	Keywords []string `json:"keywords"`
	Regex    string   `json:"regex"`
	// Group of the expression is the secret; 0 is the first one that is not empty.
	Group   int     `json:"group,omitempty"`
	Entropy float64 `json:"entropy,omitempty"`
	Path    string  `json:"path,omitempty"`
	// Allow matches secrets that are none.
	Allow []string `json:"allow,omitempty"`
}

// left lists the rules that are left out, and why.
var left = map[string]string{
	"generic-api-key":        "it guesses by name and entropy, which the workspace scanner does with knowledge of the place",
	"kubernetes-secret-yaml": "the workspace scanner reads the data of a Secret",
	"private-key":            "both other scanners know private keys",
	"jwt":                    "the workspace scanner knows which tokens are examples",
	"pkcs12-file":            "it judges a file by its name",
}

// keywords replaces keywords that are in most files, by longer ones that the same tokens have.
var keywords = map[string][]string{
	"twilio-api-key":      {"sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb", "skc", "skd", "ske", "skf"},
	"vault-service-token": {"hvs."},
}

// config is what we read of the program's configuration.
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

// Make returns the table as JSON. The root is that of this repository.
func Make(root string) ([]byte, error) {
	version, text, err := read(root)
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
		if left[r.ID] != "" {
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

// read returns the version of the module and its configuration file.
func read(root string) (version string, text []byte, err error) {
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

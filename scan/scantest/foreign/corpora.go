// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// example is a text in which a rule finds a secret.
type example struct{ rule, text, secret string }

// dump replaces the function with which gitleaks' generator validates its rules. It prints the
// texts that the function would validate.
const dump = `package utils

import (
	"encoding/json"
	"os"

	"github.com/zricethezav/gitleaks/v8/config"
)

func emit(r config.Rule, text string) {
	secret := text
	if m := r.Regex.FindStringSubmatch(text); m != nil {
		secret = m[0]
		for _, group := range m[1:] {
			if group != "" {
				secret = group
				break
			}
		}
	}
	json.NewEncoder(os.Stdout).Encode([]string{r.RuleID, text, secret})
}

func Validate(r config.Rule, positive []string, _ []string) *config.Rule {
	for _, text := range positive {
		emit(r, text)
	}
	return &r
}

func ValidateWithPaths(r config.Rule, positive, _ map[string]string) *config.Rule {
	for _, text := range positive {
		if r.Regex != nil {
			emit(r, text)
		}
	}
	return &r
}
`

// seeded replaces the function with which the generator makes up a secret, so that it makes up the
// same ones each time.
const seeded = `package secrets

import (
	"hash/fnv"

	"github.com/lucasjones/reggen"
)

func NewSecret(regex string) string {
	g, err := reggen.NewGenerator(regex)
	if err != nil {
		panic(err)
	}
	hash := fnv.New64a()
	hash.Write([]byte(regex))
	g.SetSeed(int64(hash.Sum64()))
	return g.Generate(1)
}
`

// gitleaksExamples runs the generator in a patched copy of gitleaks, which prints its examples.
func gitleaksExamples(ctx context.Context, checkout string, perRule int) ([]example, error) {
	dir, err := os.MkdirTemp("", "foreign")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(checkout)); err != nil {
		return nil, err
	}
	if err := chmodAll(dir); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"cmd/generate/config/utils/validate.go": dump,
		"cmd/generate/secrets/regen.go":         seeded,
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "run", ".", filepath.Join(dir, "out.toml"))
	cmd.Dir = filepath.Join(dir, "cmd/generate/config")
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run the generator of gitleaks: %w", err)
	}
	var all []example
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var row [3]string
		if err := dec.Decode(&row); errors.Is(err, io.EOF) {
			return firstOfRules(all, perRule), nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, example{row[0], row[1], row[2]})
	}
}

// firstOfRules returns the first examples of each rule in the order of their texts, because the
// generator makes up examples in a random order.
func firstOfRules(all []example, perRule int) []example {
	slices.SortFunc(all, func(a, b example) int {
		return cmp.Or(strings.Compare(a.rule, b.rule), strings.Compare(a.text, b.text))
	})
	var list []example
	count := map[string]int{}
	for _, e := range all {
		if count[e.rule]++; count[e.rule] <= perRule {
			list = append(list, e)
		}
	}
	return list
}

// chmodAll makes a copy of a module writable.
func chmodAll(dir string) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(name, 0o755)
		}
		return os.Chmod(name, 0o644)
	})
}

// yamlExamples reads rules in the format of kingfisher, noseyparker and titus. It returns the examples
// and the number of files that have some.
func yamlExamples(dir string, perRule int) ([]example, int, error) {
	var list []example
	files := 0
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".yml" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var file struct {
			Rules []struct {
				ID, Pattern string
				Examples    []string
			}
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		before := len(list)
		for _, r := range file.Rules {
			for _, text := range r.Examples[:min(perRule, len(r.Examples))] {
				list = append(list, example{r.ID, text, secretIn(r.Pattern, text)})
			}
		}
		if len(list) > before {
			files++
		}
		return nil
	})
	return list, files, err
}

var comment = regexp.MustCompile(`(?m)(^|\s)#.*$|\s+`)

// secretIn returns the text that the capturing group of a verbose expression matches, or the
// whole text if Go cannot compile the expression.
func secretIn(pattern, text string) string {
	if strings.HasPrefix(pattern, "(?x)") {
		pattern = comment.ReplaceAllString(strings.TrimPrefix(pattern, "(?x)"), "")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return strings.TrimSpace(text)
	}
	m := re.FindStringSubmatch(text)
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] != "" {
			return m[i]
		}
	}
	return strings.TrimSpace(text)
}

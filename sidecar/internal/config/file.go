// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

// maxFileSize limits the configuration file, in bytes.
const maxFileSize = 1 << 20

// applyFile applies the settings in a file that are not in set. Sources of higher precedence have
// filled set.
func applyFile(ctx context.Context, path string, settings []Setting, set map[string]bool) error {
	data, err := watch.Read(ctx, path, maxFileSize)
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	found, err := decodeSettings(data, settings)
	if err != nil {
		return fmt.Errorf("configuration file %s: %w", path, err)
	}
	for _, e := range found {
		if set[e.setting.Name] {
			continue
		}
		if err := e.setting.value.Set(e.text); err != nil {
			return fmt.Errorf("configuration file %s: line %d: %s: %w", path, e.line, e.setting.Name, err)
		}
	}
	return nil
}

// entry is a setting in a file.
type entry struct {
	setting *Setting
	text    string
	line    int
}

// decodeSettings reads a mapping of settings. Its errors never contain values, because a value under a
// wrong key could be a secret.
func decodeSettings(data []byte, settings []Setting) ([]entry, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil // an empty file sets nothing
	} else if err != nil {
		return nil, errors.New("invalid YAML" + errorPosition(err))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has more than one YAML document")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("want a mapping of settings")
	}
	var found []entry
	for i := 0; i < len(root.Content); i += 2 {
		e, err := decodeEntry(root.Content[i], root.Content[i+1], settings)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", root.Content[i].Line, err)
		}
		if slices.ContainsFunc(found, func(f entry) bool { return f.setting == e.setting }) {
			return nil, fmt.Errorf("line %d: duplicate key %s", e.line, e.setting.Name)
		}
		found = append(found, e)
	}
	return found, nil
}

func decodeEntry(key, node *yaml.Node, settings []Setting) (entry, error) {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == key.Value })
	switch {
	case i < 0:
		return entry{}, fmt.Errorf("unknown key %q", key.Value)
	case settings[i].NotInFile:
		return entry{}, fmt.Errorf("%s can only be set on the command line", key.Value)
	}
	e := entry{setting: &settings[i], line: key.Line}
	var err error
	if e.text, err = flagText(node, e.setting.value.nodeKind()); err != nil {
		return entry{}, fmt.Errorf("%s: %w", key.Value, err)
	}
	return e, nil
}

// flagText converts a node to the notation of the flag.
func flagText(node *yaml.Node, want yaml.Kind) (string, error) {
	if node.Kind == yaml.ScalarNode && want != yaml.MappingNode {
		if node.Tag == "!!null" {
			return "", errors.New("missing value")
		}
		return node.Value, nil
	}
	if node.Kind != want {
		names := map[yaml.Kind]string{
			yaml.ScalarNode:   "single value",
			yaml.SequenceNode: "list",
			yaml.MappingNode:  "mapping",
		}
		return "", fmt.Errorf("want a %s", names[want])
	}
	var parts []string
	for _, n := range node.Content {
		if n.Kind != yaml.ScalarNode || strings.Contains(n.Value, ",") {
			return "", errors.New("want plain values without commas")
		}
		parts = append(parts, n.Value)
	}
	if want == yaml.SequenceNode {
		return strings.Join(parts, ","), nil
	}
	var pairs []string
	for pair := range slices.Chunk(parts, 2) {
		pairs = append(pairs, strings.Join(pair, "="))
	}
	return strings.Join(pairs, ","), nil
}

// yamlLine matches the position in a syntax error of go.yaml.in/yaml/v3 (v3.0.5), which has no type.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// errorPosition returns the position in a YAML error. The rest of the error may quote the file's
// content.
func errorPosition(err error) string {
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		return ""
	}
	return " at line " + found[1]
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// editMetadata edits the mapping of an .import.yml. It returns data unchanged if edit reports no
// change or the file is invalid. Otherwise it re-encodes the file, which keeps comments, quotes and
// line endings but not spacing.
func editMetadata(data []byte, limits Limits, edit func(top *yaml.Node) bool) ([]byte, error) {
	if _, errs := parseYAML(data, limits); len(errs) > 0 {
		return data, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 ||
		doc.Content[0].Kind != yaml.MappingNode {
		return data, nil // the validation reports it
	}
	if !edit(doc.Content[0]) {
		return data, nil
	}
	out, err := encodeMetadata(&doc)
	if err != nil {
		return data, err
	}
	if bytes.Contains(data, []byte("\r\n")) {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	if _, errs := parseYAML(out, limits); len(errs) > 0 {
		return data, errors.New("anchors or aliases prevent the edit")
	}
	return out, nil
}

func encodeMetadata(doc *yaml.Node) ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
		return nil, fmt.Errorf("encode %s: %w", metadataFile, err)
	}
	return buf.Bytes(), nil
}

// textNode returns a string scalar; the encoder quotes it if necessary.
func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// ensureChild returns the collection under a key. If the key is missing or has a value of another
// kind, it creates the collection and returns true.
func ensureChild(mapping *yaml.Node, key string, kind yaml.Kind) (*yaml.Node, bool) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if yamltree.KeyText(mapping.Content[i]) != key {
			continue
		}
		if mapping.Content[i+1].Kind != kind {
			mapping.Content[i+1] = &yaml.Node{Kind: kind}
			return mapping.Content[i+1], true
		}
		return mapping.Content[i+1], false
	}
	made := &yaml.Node{Kind: kind}
	mapping.Content = append(mapping.Content, textNode(key), made)
	return made, true
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

// maxMetadata is the maximum size of .import.yml in which checksums are skipped, in bytes.
const maxMetadata = 4 << 20

// checksum matches the checksums of the platform: MD5 in hex, or sha256: followed by hex.
var checksum = regexp.MustCompile(`^(?:[0-9a-f]{32}|sha256:[0-9a-f]{64})$`)

// blankChecksums returns the content to scan. The checksums in <workspace>/.import.yml, which
// the platform generates, look like API keys. blankChecksums replaces every scalar under the
// top-level key checksums that is exactly a checksum with spaces. This is the only built-in
// exception. Any other content, including invalid YAML, is returned unchanged.
//
// The second result is the number of replaced bytes.
func blankChecksums(f File) ([]byte, int64) {
	slug, name, nested := strings.Cut(f.InWorkspace(), "/")
	if !nested || slug == "" || name != ".import.yml" || len(f.Data) > maxMetadata {
		return f.Data, 0
	}
	var values []*yaml.Node
	if root := decodeMapping(f.Data); root != nil {
		if block := mappingValue(root, "checksums"); block != nil && block.Kind == yaml.MappingNode {
			values = appendChecksums(block, values)
		}
	}
	if len(values) == 0 {
		return f.Data, 0
	}
	data := bytes.Clone(f.Data)
	starts := lines.New(f.Data)
	blanked := int64(0)
	for _, v := range values {
		if at, ok := locateScalar(f.Data, starts, v); ok {
			copy(data[at:], strings.Repeat(" ", len(v.Value)))
			blanked += int64(len(v.Value))
		}
	}
	return data, blanked
}

// decodeMapping returns the root of a YAML document, or nil if it is not a mapping.
func decodeMapping(data []byte) (root *yaml.Node) {
	defer func() {
		if recover() != nil { // the parser may panic
			root = nil
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	return doc.Content[0]
}

func mappingValue(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// appendChecksums appends the checksums below node. It skips keys, which are names, and aliases, which
// refer to content outside the block.
func appendChecksums(node *yaml.Node, list []*yaml.Node) []*yaml.Node {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			list = appendChecksums(node.Content[i], list)
		}
	case yaml.ScalarNode:
		if checksum.MatchString(node.Value) {
			list = append(list, node)
		}
	}
	return list
}

// locateScalar returns the offset of a scalar's text, after an opening quote. It returns false if the
// text does not appear verbatim at the scalar's position.
func locateScalar(data []byte, starts lines.Starts, v *yaml.Node) (int, bool) {
	at, ok := starts.Offset(data, v.Line, v.Column)
	if v.Style == yaml.SingleQuotedStyle || v.Style == yaml.DoubleQuotedStyle {
		at++
	}
	return at, ok && at+len(v.Value) <= len(data) && string(data[at:at+len(v.Value)]) == v.Value
}

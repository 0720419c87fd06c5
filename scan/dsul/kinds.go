// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"context"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// reportSecretKey reports a mapping key that is itself a secret: apiKeys: {<random>: enabled}.
func (s *fileScan) reportSecretKey(key *yaml.Node, above location) {
	if above.strength >= credential && !above.schema && !above.label && literal.LooksRandom(key.Value) {
		s.report(ruleCredential, key.Value, s.positionOf(key, above))
	}
}

// reportDropped reports an unquoted password that starts with #, ! or &, and which YAML therefore
// parses as a comment, a tag or an anchor. The raw file still ships with the password.
func (s *fileScan) reportDropped(key, value *yaml.Node, at location) {
	if at.strength < credential || at.outer != nil || value.Kind != yaml.ScalarNode || value.Value != "" ||
		value.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return
	}
	offset, ok := s.lines.Offset(s.file.Data, key.Line, key.Column)
	if !ok {
		return
	}
	line, _, _ := bytes.Cut(s.file.Data[offset:], []byte("\n"))
	_, rest, found := strings.Cut(string(line), ":")
	text, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if !found || len(text) < minStrong || strings.IndexByte("#!&", text[0]) < 0 || literal.IsWordy(text) ||
		literal.IsPlaceholder(text) {
		return
	}
	rule := ruleCredential
	if at.strength == password {
		rule = rulePassword
	}
	s.report(rule, text, position{at, extent{offset: offset, length: len(line)}})
}

// scanKubernetesSecret scans the data of a Kubernetes Secret, regardless of the key names.
func (s *fileScan) scanKubernetesSecret(n *yaml.Node, at location) {
	isSecret := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		isSecret = isSecret || n.Content[i].Value == "kind" && n.Content[i+1].Value == "Secret"
	}
	if !isSecret {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, data := n.Content[i].Value, n.Content[i+1]
		if data.Kind != yaml.MappingNode || name != "data" && name != "stringData" {
			continue
		}
		for j := 0; j+1 < len(data.Content); j += 2 {
			s.scanSecretData(data.Content[j], data.Content[j+1], name == "data", s.locateValue(at, name))
		}
	}
}

// scanSecretData scans one value of a Kubernetes Secret, which is base64 under data.
func (s *fileScan) scanSecretData(key, value *yaml.Node, encoded bool, at location) {
	below := s.locateValue(at, key.Value)
	text := strings.TrimSpace(value.Value)
	if value.Kind != yaml.ScalarNode || below.strength >= credential ||
		strings.Contains(literal.MaskTemplates(text), string(literal.Mask)) {
		return
	}
	plain := text
	if encoded {
		decoded, ok := decodeBase64(text)
		if !ok {
			return
		}
		plain = strings.TrimSpace(decoded)
	}
	if literal.LooksGenerated(plain) && !strings.Contains(literal.MaskTemplates(plain), string(literal.Mask)) {
		s.report(ruleCredential, text, s.positionOf(value, below))
	}
}

// scanComments scans the comments of the file. A # inside a string looks like a comment, and the
// scanText after it is scanned again; report removes the duplicates.
func (s *fileScan) scanComments(ctx context.Context) {
	for i, start := range s.lines {
		end := len(s.file.Data)
		if i+1 < len(s.lines) {
			end = s.lines[i+1]
		}
		line := s.file.Data[start:end]
		at := bytes.IndexByte(line, '#')
		for at > 0 && line[at-1] != ' ' && line[at-1] != '\t' {
			next := bytes.IndexByte(line[at+1:], '#')
			if next < 0 {
				at = -1
				break
			}
			at += next + 1
		}
		if at >= 0 && ctx.Err() == nil {
			s.scanLine(ctx, string(line[at:]), position{extent: extent{offset: start + at, length: len(line) - at}})
		}
	}
}

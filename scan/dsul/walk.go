// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

const (
	// maxYAML is the maximum size of a file to parse, in bytes; maxNodes is the maximum number
	// of nodes that it may contain. Larger files are scanned as text.
	maxYAML  = 8 << 20
	maxNodes = 400_000
	// maxVisits limits the number of visited nodes, counting repeated visits through aliases;
	// maxDepth limits their depth.
	maxVisits = 2_000_000
	maxDepth  = 5000
	// maxNested limits the nesting of strings within strings.
	maxNested = 4
)

var (
	errAliases = errors.New("its aliases stand for too many nodes")
	errDepth   = errors.New("it is nested too deeply")
)

// isParsable reports whether the file is small enough to parse. The estimate is needed because
// the library builds the complete tree before its nodes can be counted.
func (s *fileScan) isParsable() bool {
	return len(s.file.Data) <= maxYAML && mayHaveNodes(s.file.Data) <= maxNodes
}

// mayHaveNodes returns an upper bound for the number of nodes, within a small factor: each node
// requires one of these characters.
func mayHaveNodes(data []byte) int {
	n := 0
	for _, mark := range []string{"\n", ",", "[", "{", "- ", "-\t", "? ", "?\t", ": ", ":\t"} {
		n += bytes.Count(data, []byte(mark))
	}
	return n
}

// parseYAML returns the documents of a text. It returns false if the text is invalid.
func parseYAML(data []byte) (docs []*yaml.Node, ok bool) {
	defer func() {
		if recover() != nil { // the parser may panic
			docs, ok = nil, false
		}
	}()
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		doc := new(yaml.Node)
		switch err := dec.Decode(doc); {
		case errors.Is(err, io.EOF):
			return docs, true
		case err != nil:
			return nil, false
		}
		docs = append(docs, doc)
	}
}

// scanNode scans a node and its descendants.
func (s *fileScan) scanNode(ctx context.Context, n *yaml.Node, at location, depth int) error {
	if s.visits++; s.visits > maxVisits {
		return errAliases
	}
	if depth > maxDepth {
		return errDepth
	}
	if s.visits%1024 == 0 && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		for _, child := range n.Content {
			if err := s.scanNode(ctx, child, at, depth+1); err != nil {
				return err
			}
		}
	case yaml.AliasNode:
		if n.Alias == nil || at.strength == unnamed && !at.configured {
			return nil // the anchor is visited at its definition
		}
		return s.scanNode(ctx, n.Alias, at, depth+1)
	case yaml.MappingNode:
		return s.scanMapping(ctx, n, at, depth)
	case yaml.SequenceNode:
		return s.scanSequence(ctx, n, at, depth)
	case yaml.ScalarNode:
		s.scanScalar(ctx, n, at)
	}
	return nil
}

func (s *fileScan) scanMapping(ctx context.Context, n *yaml.Node, at location, depth int) error {
	paired := pair(n)
	s.scanKubernetesSecret(n, at)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		below := s.locateValue(at, key.Value)
		if key.Kind != yaml.ScalarNode {
			below = at
			if err := s.scanNode(ctx, key, at, depth+1); err != nil {
				return err
			}
		} else {
			s.scanKeyText(ctx, key, below)
			s.reportSecretKey(key, at)
		}
		if value == paired.value && s.strengthOf(paired.name) >= below.strength {
			below.name = paired.name
			below.strength = s.strengthOf(paired.name)
			below.header = below.header || isHeader(paired.name)
			below.label = below.label || paired.label
		}
		s.reportDropped(key, value, below)
		if err := s.scanNode(ctx, value, below, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pairNames and pairValues are the keys of {name: apiKey, value: …}. Labels are for people.
var (
	pairNames = literal.NewVocabulary(`name key variable header field id k property param parameter setting
		option attribute fieldname envname keyname varname`)
	pairLabels = literal.NewVocabulary(`label title caption libelle libellé bezeichnung etiqueta etichetta`)
	pairValues = literal.NewVocabulary(`value val v default content valeur wert valor valore waarde fieldvalue text`)
)

// namedNode is a value with the name next to it.
type namedNode struct {
	name  string
	value *yaml.Node
	// label: the name is for people to read.
	label bool
}

// pair recognizes {name: apiKey, value: …}, the notation of the set instruction and of lists of
// headers and variables.
func pair(n *yaml.Node) namedNode {
	var found namedNode
	label := ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, child := strings.ToLower(n.Content[i].Value), n.Content[i+1]
		isText := child.Kind == yaml.ScalarNode
		switch {
		case pairNames[key] && isText && found.name == "":
			found.name = child.Value
		case pairLabels[key] && isText && label == "":
			label = child.Value
		case pairValues[key] && found.value == nil:
			found.value = child
		}
	}
	if found.name == "" {
		found.name = label
		found.label = label != ""
	}
	return found
}

// isHeader reports HTTP headers whose values are always secret.
func isHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "set-cookie":
		return true
	}
	return false
}

func (s *fileScan) scanSequence(ctx context.Context, n *yaml.Node, at location, depth int) error {
	if s.scanJoined(n, at) {
		return nil
	}
	s.reportLoginPair(n, at)
	for i, child := range n.Content {
		if i > 0 {
			s.scanOptionPair(n.Content[i-1], child, at.item(i))
		}
		if err := s.scanNode(ctx, child, at.item(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// scanJoined scans the items of a list as one text, because private keys are sometimes stored line
// by line. It reports whether it found a key.
func (s *fileScan) scanJoined(n *yaml.Node, at location) bool {
	if len(n.Content) < 3 || n.Content[0].Kind != yaml.ScalarNode || !strings.Contains(n.Content[0].Value, pemBegin) {
		return false
	}
	var lines []string
	for _, child := range n.Content {
		lines = append(lines, child.Value)
	}
	return s.findPrivateKeys(strings.Join(lines, "\n"), s.positionOf(n.Content[0], at))
}

// scanScalar scans a scalar value.
func (s *fileScan) scanScalar(ctx context.Context, n *yaml.Node, at location) {
	switch tag := n.ShortTag(); {
	case tag == "!!null", tag == "!!bool", tag == "!!timestamp" && at.strength < password:
		return
	case !strings.HasPrefix(tag, "!!"): // a custom tag changes the meaning of the value
		at.strength, at.configured, at.assigned = unnamed, false, false
	}
	s.scanValue(ctx, n.Value, s.positionOf(n, at))
}

// scanKeyText scans a mapping key, which may be an expression: conditions are keys.
func (s *fileScan) scanKeyText(ctx context.Context, key *yaml.Node, at location) {
	if len(key.Value) < minNested || simpleName(key.Value) {
		return
	}
	at.name, at.strength, at.configured, at.header = "", unnamed, false, false
	position := s.positionOf(key, at)
	s.scanExpressions(key.Value, position)
	s.findForms(ctx, key.Value, position)
	masked := literal.MaskTemplates(key.Value)
	s.findShapes(masked, position)
	s.findUnnamed(masked, position)
	s.findAssignments(ctx, key.Value, position)
}

// simpleName reports keys that are plain names.
func simpleName(key string) bool {
	for i := range len(key) {
		if !isNameByte(key[i]) {
			return false
		}
	}
	return len(key) <= maxSegment
}

// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// value is the variable of a setting. Set does not fail for values that could be a secret by
// mistake, because package flag would repeat the text in its error: [Config.validate] rejects them.
type value interface {
	String() string
	Set(string) error
	// nodeKind returns the YAML node kind of the setting in the file: a scalar, a sequence or a
	// mapping.
	nodeKind() yaml.Kind
	// fileValue returns the value to encode in the file.
	fileValue() any
}

type text struct{ p *string }

func (v text) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}
func (v text) Set(s string) error { *v.p = s; return nil }
func (text) nodeKind() yaml.Kind  { return yaml.ScalarNode }
func (v text) fileValue() any     { return *v.p }

type list struct{ p *[]string }

func (v list) String() string {
	if v.p == nil {
		return ""
	}
	return strings.Join(*v.p, ",")
}

func (v list) Set(s string) error {
	*v.p = splitCommas(s)
	return nil
}

func (list) nodeKind() yaml.Kind { return yaml.SequenceNode }
func (v list) fileValue() any    { return append([]string{}, *v.p...) }

// splitCommas splits at commas, trims white space and drops empty parts.
func splitCommas(s string) []string {
	var parts []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// headers is a list of name=value. A part without = becomes a name with an empty value, which check
// rejects.
type headers struct{ p *map[string]string }

func (v headers) String() string {
	if v.p == nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(*v.p)) {
		parts = append(parts, name+"="+(*v.p)[name])
	}
	return strings.Join(parts, ",")
}

func (v headers) Set(s string) error {
	*v.p = map[string]string{}
	for _, part := range splitCommas(s) {
		name, value, _ := strings.Cut(part, "=")
		(*v.p)[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return nil
}

func (headers) nodeKind() yaml.Kind { return yaml.MappingNode }
func (v headers) fileValue() any    { return *v.p }

type boolean struct{ p *bool }

func (v boolean) String() string {
	if v.p == nil {
		return "false"
	}
	return strconv.FormatBool(*v.p)
}

func (v boolean) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("want true or false")
	}
	*v.p = b
	return nil
}

func (boolean) IsBoolFlag() bool    { return true }
func (boolean) nodeKind() yaml.Kind { return yaml.ScalarNode }
func (v boolean) fileValue() any    { return *v.p }

type duration struct{ p *time.Duration }

func (v duration) String() string {
	if v.p == nil {
		return "0s"
	}
	return v.p.String()
}

func (v duration) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return errors.New("want a duration such as 90s or 5m")
	}
	*v.p = d
	return nil
}

func (duration) nodeKind() yaml.Kind { return yaml.ScalarNode }
func (v duration) fileValue() any    { return v.p.String() }

type gate struct{ p *state.GatePolicy }

func (v gate) String() string {
	if v.p == nil {
		return ""
	}
	return v.p.String()
}

func (v gate) Set(s string) (err error) {
	*v.p, err = state.ParseGatePolicy(s)
	return err
}

func (gate) nodeKind() yaml.Kind { return yaml.ScalarNode }
func (v gate) fileValue() any    { return v.p.String() }

// choice is one of a fixed set of words.
type choice[T ~string] struct {
	p       *T
	allowed []T
}

func newChoice[T ~string](p *T, allowed ...T) choice[T] { return choice[T]{p, allowed} }

func (v choice[T]) String() string {
	if v.p == nil {
		return ""
	}
	return string(*v.p)
}

func (v choice[T]) Set(s string) error {
	if !slices.Contains(v.allowed, T(s)) {
		return fmt.Errorf("want one of %v", v.allowed)
	}
	*v.p = T(s)
	return nil
}

func (choice[T]) nodeKind() yaml.Kind { return yaml.ScalarNode }
func (v choice[T]) fileValue() any    { return string(*v.p) }

// choices is a comma-separated list of words from a fixed set.
type choices[T ~string] struct {
	p       *[]T
	allowed []T
}

func newChoices[T ~string](p *[]T, allowed ...T) choices[T] { return choices[T]{p, allowed} }

func (v choices[T]) String() string {
	if v.p == nil {
		return ""
	}
	return strings.Join(v.chosenTexts(), ",")
}

func (v choices[T]) chosenTexts() []string {
	texts := make([]string, len(*v.p))
	for n, one := range *v.p {
		texts[n] = string(one)
	}
	return texts
}

func (v choices[T]) Set(s string) error {
	var chosen []T
	for _, part := range splitCommas(s) {
		if !slices.Contains(v.allowed, T(part)) {
			return fmt.Errorf("want a comma-separated list of %v", v.allowed)
		}
		chosen = append(chosen, T(part))
	}
	*v.p = chosen
	return nil
}

func (choices[T]) nodeKind() yaml.Kind { return yaml.SequenceNode }
func (v choices[T]) fileValue() any    { return v.chosenTexts() }

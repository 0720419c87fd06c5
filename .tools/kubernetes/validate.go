// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strconv"
	"strings"

	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/yaml"
)

// custom are groups of resources that are not Kubernetes' own.
var custom = []string{"monitoring.coreos.com", "grafana.integreatly.org", "external-secrets.io"}

// validate returns the errors of all manifests.
func validate(schemaFile string, in io.Reader) error {
	types, err := readTypes(schemaFile)
	if err != nil {
		return err
	}
	var errs []error
	documents := yamlutil.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(errs...)
		} else if err != nil {
			return err
		}
		errs = append(errs, validateOne(types, document))
	}
}

func validateOne(types *typed.Parser, document []byte) error {
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
	}
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	if head.Kind == "" && head.APIVersion == "" {
		return nil // comments only
	}
	group, version, ok := strings.Cut(head.APIVersion, "/")
	if !ok {
		group, version = "core", group
	}
	if slices.Contains(custom, group) {
		return nil
	}
	domain, _, _ := strings.Cut(group, ".")
	name := fmt.Sprintf("io.k8s.api.%s.%s.%s", domain, version, head.Kind)
	kind := types.Type(name)
	if !kind.IsValid() {
		return fmt.Errorf("%s %s: this version has no %s", head.Kind, head.Metadata.Name, name)
	}
	if _, err := kind.FromYAML(typed.YAMLObject(document)); err != nil {
		return fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err)
	}
	return nil
}

// readTypes reads the constant schemaYAML of a Go file.
func readTypes(path string) (*typed.Parser, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	var schema string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "schemaYAML" {
			return true
		}
		ast.Inspect(spec, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok {
				schema, err = strconv.Unquote(lit.Value)
			}
			return true
		})
		return false
	})
	if err != nil || schema == "" {
		return nil, errors.Join(fmt.Errorf("%s: no schemaYAML", path), err)
	}
	return typed.NewParser(typed.YAMLObject(schema))
}

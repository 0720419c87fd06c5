// SPDX-License-Identifier: Apache-2.0

// Command kubernetes does to manifests what an API server would, without one:
//
//	kubernetes validate INTERNAL.GO <MANIFESTS
//	kubernetes admit POLICY.YAML <POD
//
// The first checks each manifest against the types of a version of Kubernetes: it
// refuses unknown fields, wrong types and duplicates in what is a set. The types
// are those of server-side apply, which client-go of that version holds in the
// file applyconfigurations/internal/internal.go.
//
// The second applies a MutatingAdmissionPolicy to a Pod with the code of the API
// server, and prints the Pod. Constraints and bindings are not looked at.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 2 {
		switch args[0] {
		case "validate":
			return validate(args[1], in)
		case "admit":
			return admit(args[1], in, out)
		}
	}
	return fmt.Errorf("usage: kubernetes validate INTERNAL.GO | admit POLICY.YAML")
}

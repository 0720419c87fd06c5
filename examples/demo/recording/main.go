// SPDX-License-Identifier: Apache-2.0

// Command recording turns the output of the demo into an animated SVG:
//
//	go run ./examples/demo | go run ./examples/demo/recording docs/demo.svg
//
// It shortens the output and replaces the parts that differ between runs. It adds nothing.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// maxOutput limits the size of the output, in bytes.
const maxOutput = 1 << 20

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: recording FILE.svg <OUTPUT-OF-THE-DEMO")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, file string) error {
	output, err := limit.ReadAll(in, "the output", maxOutput)
	if err != nil {
		return err
	}
	lines := selectLines(string(output))
	if len(lines) < rows {
		return fmt.Errorf("the output has %d lines of the scenes, want at least %d: did the demo fail?", len(lines), rows)
	}
	return os.WriteFile(file, []byte(drawAnimation(lines)), 0o644)
}

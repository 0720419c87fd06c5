// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestErrorPosition compares the texts of the YAML library's errors with the expression for them.
func TestErrorPosition(t *testing.T) {
	for text, want := range map[string]string{
		"poll: 1s\n\tx":     " at line 2",
		"x: 1\na: b: c":     " at line 2",
		"a: [1,\n2":         " at line 2",
		"a: 'b":             "", // the library omits the first line
		"x: 1\ny: *unknown": "",
	} {
		err := yaml.Unmarshal([]byte(text), new(yaml.Node))
		if err == nil {
			t.Errorf("%q is valid", text)
			continue
		}
		if got := errorPosition(err); got != want {
			t.Errorf("%q instead of %q: %v", got, want, err)
		}
	}
}

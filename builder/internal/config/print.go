// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// Print writes every flag and its value as YAML, sorted by name. Flags hold no secrets, which are
// read from files and from other environment variables.
func Print(w io.Writer, flags *pflag.FlagSet) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "config" || f.Name == "print-config" {
			return
		}
		key := new(yaml.Node)
		value := new(yaml.Node)
		key.SetString(f.Name)
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value.Encode(list.GetSlice())
		} else {
			value.SetString(f.Value.String())
		}
		root.Content = append(root.Content, key, value)
	})
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("print settings: %w", err)
	}
	return enc.Close()
}

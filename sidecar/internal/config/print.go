// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Print writes the settings as a configuration file.
func (c *Config) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range c.Settings() {
		if s.NotInFile {
			continue
		}
		key := new(yaml.Node)
		value := new(yaml.Node)
		key.SetString(s.Name)
		if err := value.Encode(s.value.fileValue()); err != nil {
			return fmt.Errorf("print the settings: %w", err)
		}
		root.Content = append(root.Content, key, value)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("print the settings: %w", err)
	}
	return enc.Close()
}

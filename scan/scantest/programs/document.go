// SPDX-License-Identifier: AGPL-3.0-or-later

package programs

import (
	"fmt"
	"os"
	"strings"
)

// ReplaceSection replaces a section of a Markdown document, from its heading up to the next one of
// the second level.
func ReplaceSection(path, heading, text string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	start := "\n## " + heading + "\n"
	above, rest, found := strings.Cut(string(data), start)
	if !found {
		return fmt.Errorf("%s has no section %q", path, heading)
	}
	if _, below, found := strings.Cut(rest, "\n## "); found {
		text += "\n## " + below
	}
	return os.WriteFile(path, []byte(above+start+text), 0o644)
}

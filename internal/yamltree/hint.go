// SPDX-License-Identifier: Apache-2.0

package yamltree

import "fmt"

// suggestCause suggests what may be wrong with the text at the current position.
func (p *parser) suggestCause() string {
	switch c := p.in[p.pos]; c {
	case '%', '@', '`':
		return fmt.Sprintf(": text cannot start with %c, put it in quotes", c)
	case ':':
		return ": text with a colon and a space needs quotes"
	case '-', '"', '\'', '{', '[', '|', '>':
		return fmt.Sprintf(": %c begins a value here; put the whole text in quotes", c)
	case '}', ']':
		return ": text with braces or brackets, such as {{name}}, needs quotes"
	}
	return ""
}

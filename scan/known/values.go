// SPDX-License-Identifier: AGPL-3.0-or-later

package known

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/prismeai/workspaces-release/internal/plaintext"
)

// maxValues is the maximum number of values.
const maxValues = 100_000

// entry is a value of a file. It holds several texts if the notation is ambiguous.
type entry []string

// parseValues parses the values of a file: the JSON of a Kubernetes Secret or a list of Secrets,
// NAME=value lines, or one value per line. Errors do not contain any part of a value.
func parseValues(data []byte) ([]entry, error) {
	data, err := plaintext.Decode(data)
	if err != nil {
		return nil, err
	}
	var list []entry
	switch text := bytes.TrimSpace(data); {
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		list, err = parseSecrets(text)
	case yamlForm.Match(data):
		err = errors.New("it is YAML: want lines, NAME=value, or the JSON of a Secret (kubectl get secret NAME -o json)")
	default:
		list, err = parseLines(string(data))
	}
	if err == nil && len(list) > maxValues {
		err = fmt.Errorf("it has more than %d values", maxValues)
	}
	return list, err
}

var yamlForm = regexp.MustCompile(`(?m)^(apiVersion|kind):\s`)

// resource is a Kubernetes Secret or a list.
type resource struct {
	Kind       string            `json:"kind"`
	Data       map[string]string `json:"data"`
	StringData map[string]string `json:"stringData"`
	Items      []resource        `json:"items"`
}

func parseSecrets(data []byte) ([]entry, error) {
	var top resource
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, errors.New("it is not the JSON of a Secret: it cannot be decoded") // the cause may quote a value
	}
	switch top.Kind {
	case "Secret":
		return top.secretValues()
	case "List", "SecretList":
	default:
		return nil, fmt.Errorf(
			"it is JSON of the kind %q: want a Secret or a list of them (kubectl get secret -o json)",
			top.Kind,
		)
	}
	var list []entry
	for i, item := range top.Items {
		if item.Kind != "Secret" && (item.Kind != "" || top.Kind != "SecretList") {
			return nil, fmt.Errorf("item %d of the list is of the kind %q, want Secret", i+1, item.Kind)
		}
		values, err := item.secretValues()
		if err != nil {
			return nil, err
		}
		list = append(list, values...)
	}
	return list, nil
}

func (r resource) secretValues() ([]entry, error) {
	var list []entry
	for key, encoded := range r.Data {
		value, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("data.%s of the Secret is not base64", key)
		}
		list = append(list, entry{string(value)})
	}
	for _, value := range r.StringData {
		list = append(list, entry{value})
	}
	return list, nil
}

// assignment matches a line of an environment file.
var assignment = regexp.MustCompile(`^(?:export\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*=\s*(.*)$`)

// parseLines parses an environment file, in which every line is NAME=value, or a file with one
// value per line. Because a password may contain =, the text after = counts as a value, too.
// Quoted values may span several lines.
func parseLines(text string) ([]entry, error) {
	var list []entry
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	assignments := true
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line == "#" || strings.HasPrefix(line, "# ") {
			continue
		}
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			assignments = false
			list = append(list, entry{line})
			continue
		}
		value := m[1]
		if quote := openQuote(value); quote != "" {
			rest := i + 1
			for rest < len(lines) && !strings.HasSuffix(strings.TrimRight(lines[rest], " \t"), quote) {
				rest++
			}
			if rest == len(lines) {
				return nil, fmt.Errorf("line %d: the quote of the value is not closed", i+1)
			}
			value = strings.TrimRight(strings.Join(append([]string{value}, lines[i+1:rest+1]...), "\n"), " \t")
			i = rest
		}
		list = append(list, entry{unquoteValue(value), line})
	}
	for i := range list {
		if assignments {
			list[i] = list[i][:1]
		}
	}
	return list, nil
}

// openQuote returns the quote at the start of a value that has no closing quote.
func openQuote(value string) string {
	for _, quote := range []string{`"`, `'`} {
		if strings.HasPrefix(value, quote) && strings.Count(value, quote) == 1 {
			return quote
		}
	}
	return ""
}

// unquoteValue removes quotes, and replaces \n and \" in double quotes.
func unquoteValue(value string) string {
	if len(value) < 2 || value[0] != value[len(value)-1] || value[0] != '"' && value[0] != '\'' {
		return value
	}
	inner := value[1 : len(value)-1]
	if value[0] == '\'' {
		return inner
	}
	return strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`).Replace(inner)
}

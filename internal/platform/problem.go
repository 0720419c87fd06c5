// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Problem is an error in a response or an event. It decodes all known shapes (platform contract
// §1.3, §14).
type Problem struct {
	// Code is the name of the error, such as SlugAlreadyInUse, or empty.
	Code string
	// Message is the text, or the compact JSON of a problem without a text. It is never empty. It
	// excludes the file content that js-yaml quotes.
	Message string
}

// Codes for problems without a name in the response.
const (
	// CodeYAML is the code for a file that the platform's YAML parser rejects.
	CodeYAML = "YAMLException"
	// CodeException is the code for an exception in the service that the response does not
	// describe.
	CodeException = "Exception"
)

func (p Problem) String() string {
	if p.Code == "" || p.Code == p.Message {
		return p.Message
	}
	return p.Code + ": " + p.Message
}

// UnmarshalJSON implements [json.Unmarshaler]. It accepts any JSON.
func (p *Problem) UnmarshalJSON(data []byte) error {
	*p = Problem{}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) == nil {
		p.readFields(fields)
	} else {
		p.Message = decodeString(data)
	}
	p.Message = p.messageWithoutCode()
	if p.Message == "" {
		p.Message = truncateText(string(removeFileText(data)), maxText)
	}
	return nil
}

// messageWithoutCode returns the message without a leading code, which String adds.
func (p *Problem) messageWithoutCode() string {
	message := p.Message
	for p.Code != "" {
		rest, found := strings.CutPrefix(message, p.Code+": ")
		if !found || rest == "" {
			break
		}
		message = rest
	}
	return message
}

// readFields reads message, msg, error or err, each a string or another object. If error is a
// string next to a text, it is the name of the error.
func (p *Problem) readFields(fields map[string]json.RawMessage) {
	p.Code = decodeString(fields["code"])
	if p.Code == "" && decodeString(fields["error"]) != "" && (decodeString(fields["message"]) != "" ||
		decodeString(fields["msg"]) != "") {
		p.Code = decodeString(fields["error"])
	}
	p.Code = cmp.Or(p.Code, decodeString(fields["name"]))
	if p.readYAMLError(fields) || p.readSystemError(fields) {
		return
	}
	for _, name := range []string{"message", "msg", "error", "err"} {
		if p.Message = decodeString(fields[name]); p.Message != "" {
			if name == "msg" {
				p.addCause(fields["err"])
			}
			return
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(fields[name], &inner) == nil && len(inner) > 0 {
			p.readNested(inner, fields[name])
			return
		}
	}
}

// addCause adds the cause of an error. The error's own text is the same for every file; the cause
// explains it.
func (p *Problem) addCause(data []byte) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		p.Code = cmp.Or(p.Code, decodeString(data)) // for example SlugAlreadyInUse
		return
	}
	if fields == nil {
		return
	}
	if len(fields) == 0 {
		p.Code = CodeException
		return
	}
	var cause Problem
	cause.readFields(fields)
	p.Code = cmp.Or(cause.Code, p.Code)
	p.Message = p.messageWithoutCode()
	if text := cause.messageWithoutCode(); !strings.HasSuffix(p.Message, text) {
		p.Message = truncateText(p.Message+": "+text, maxText)
	}
}

// readYAMLError reads an error of js-yaml. Its mark contains the whole file and its message quotes some
// lines, which may hold secrets. Only the reason and the position are kept.
func (p *Problem) readYAMLError(fields map[string]json.RawMessage) bool {
	if _, marked := fields["mark"]; !marked && decodeString(fields["name"]) != CodeYAML {
		return false
	}
	var mark struct {
		Line   *int `json:"line"`
		Column int  `json:"column"`
	}
	_ = json.Unmarshal(fields["mark"], &mark) // keep the reason if there is no position
	p.Code = CodeYAML
	p.Message = cmp.Or(decodeString(fields["reason"]), "the file cannot be read")
	if mark.Line != nil {
		p.Message += fmt.Sprintf(" (line %d, column %d)", *mark.Line+1, mark.Column+1)
	}
	return true
}

// readSystemError reads a file system error of the service.
func (p *Problem) readSystemError(fields map[string]json.RawMessage) bool {
	call := decodeString(fields["syscall"])
	if call == "" || decodeString(fields["message"]) != "" {
		return false
	}
	p.Message = truncateText(call+" "+decodeString(fields["path"]), maxText)
	return true
}

func (p *Problem) readNested(fields map[string]json.RawMessage, data []byte) {
	// Only one level: deeper objects become text.
	p.Code = cmp.Or(decodeString(fields["code"]), p.Code)
	inner := Problem{Code: p.Code}
	if inner.readYAMLError(fields) || inner.readSystemError(fields) {
		*p = inner
		return
	}
	p.Message = cmp.Or(decodeString(fields["message"]), decodeString(fields["msg"]),
		truncateText(string(removeFileText(data)), maxText))
}

// removeFileText removes the fields that quote files from JSON.
func removeFileText(data []byte) []byte {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return data
	}
	if !dropFileText(value) {
		return data
	}
	clean, err := json.Marshal(value)
	if err != nil {
		return nil // unreachable: value was decoded from JSON
	}
	return clean
}

// dropFileText removes those fields in place. It reports whether there were any.
func dropFileText(value any) bool {
	dropped := false
	switch v := value.(type) {
	case map[string]any:
		hidden := []string{"mark", "buffer", "snippet"}
		if _, marked := v["mark"]; marked || v["name"] == CodeYAML {
			hidden = append(hidden, "message")
		}
		for name, inner := range v {
			if slices.Contains(hidden, name) {
				delete(v, name)
				dropped = true
			} else if dropFileText(inner) {
				dropped = true
			}
		}
	case []any:
		for _, inner := range v {
			if dropFileText(inner) {
				dropped = true
			}
		}
	}
	return dropped
}

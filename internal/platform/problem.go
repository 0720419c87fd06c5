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
		p.fromFields(fields)
	} else {
		p.Message = str(data)
	}
	p.Message = p.withoutCode()
	if p.Message == "" {
		p.Message = clip(string(withoutText(data)), maxText)
	}
	return nil
}

// withoutCode returns the message without a leading code, which String adds.
func (p *Problem) withoutCode() string {
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

// fromFields reads message, msg, error or err, each a string or another object. If error is a
// string next to a text, it is the name of the error.
func (p *Problem) fromFields(fields map[string]json.RawMessage) {
	p.Code = str(fields["code"])
	if p.Code == "" && str(fields["error"]) != "" && (str(fields["message"]) != "" || str(fields["msg"]) != "") {
		p.Code = str(fields["error"])
	}
	p.Code = cmp.Or(p.Code, str(fields["name"]))
	if p.fromYAML(fields) || p.fromSystem(fields) {
		return
	}
	for _, name := range []string{"message", "msg", "error", "err"} {
		if p.Message = str(fields[name]); p.Message != "" {
			if name == "msg" {
				p.addCause(fields["err"])
			}
			return
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(fields[name], &inner) == nil && len(inner) > 0 {
			p.nested(inner, fields[name])
			return
		}
	}
}

// addCause adds the cause of an error. The error's own text is the same for every file; the cause
// explains it.
func (p *Problem) addCause(data []byte) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		p.Code = cmp.Or(p.Code, str(data)) // for example SlugAlreadyInUse
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
	cause.fromFields(fields)
	p.Code = cmp.Or(cause.Code, p.Code)
	p.Message = p.withoutCode()
	if text := cause.withoutCode(); !strings.HasSuffix(p.Message, text) {
		p.Message = clip(p.Message+": "+text, maxText)
	}
}

// fromYAML reads an error of js-yaml. Its mark contains the whole file and its message quotes some
// lines, which may hold secrets. Only the reason and the position are kept.
func (p *Problem) fromYAML(fields map[string]json.RawMessage) bool {
	if _, marked := fields["mark"]; !marked && str(fields["name"]) != CodeYAML {
		return false
	}
	var mark struct {
		Line   *int `json:"line"`
		Column int  `json:"column"`
	}
	_ = json.Unmarshal(fields["mark"], &mark) // keep the reason if there is no position
	p.Code = CodeYAML
	p.Message = cmp.Or(str(fields["reason"]), "the file cannot be read")
	if mark.Line != nil {
		p.Message += fmt.Sprintf(" (line %d, column %d)", *mark.Line+1, mark.Column+1)
	}
	return true
}

// fromSystem reads a file system error of the service.
func (p *Problem) fromSystem(fields map[string]json.RawMessage) bool {
	call := str(fields["syscall"])
	if call == "" || str(fields["message"]) != "" {
		return false
	}
	p.Message = clip(call+" "+str(fields["path"]), maxText)
	return true
}

func (p *Problem) nested(fields map[string]json.RawMessage, data []byte) {
	// Only one level: deeper objects become text.
	p.Code = cmp.Or(str(fields["code"]), p.Code)
	inner := Problem{Code: p.Code}
	if inner.fromYAML(fields) || inner.fromSystem(fields) {
		*p = inner
		return
	}
	p.Message = cmp.Or(str(fields["message"]), str(fields["msg"]), clip(string(withoutText(data)), maxText))
}

// withoutText removes the fields that quote files from JSON.
func withoutText(data []byte) []byte {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return data
	}
	if !dropText(value) {
		return data
	}
	clean, err := json.Marshal(value)
	if err != nil {
		return nil // unreachable: value was decoded from JSON
	}
	return clean
}

// dropText removes those fields in place. It reports whether there were any.
func dropText(value any) bool {
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
			} else if dropText(inner) {
				dropped = true
			}
		}
	case []any:
		for _, inner := range v {
			if dropText(inner) {
				dropped = true
			}
		}
	}
	return dropped
}

// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Error shapes of the recorded service.
func TestRecordedProblems(t *testing.T) {
	const msg = `"msg":"Some error occured","filepath":"x/automations/a.yml"`
	for name, tt := range map[string]struct {
		answer string
		want   FileProblem
	}{
		"class with error": {`{` + msg + `,"err":{"error":"InvalidSlugError","message":"Invalid slug","details":{}}}`,
			FileProblem{"x/automations/a.yml", Problem{"InvalidSlugError", "Some error occured: Invalid slug"}}},
		"exception": {`{` + msg + `,"err":{}}`, FileProblem{"x/automations/a.yml", Problem{CodeException, "Some error occured"}}},
		"YAML": {`{` + msg + `,"err":{"name":"YAMLException","reason":"unknown tag","message":"unknown tag (3:4)\n\n 3 | a: s3cret","mark":{"name":null,` +
			`"buffer":"a: s3cret","line":2,"column":3,"snippet":" 3 | a: s3cret"}}}`,
			FileProblem{"x/automations/a.yml", Problem{CodeYAML, "Some error occured: unknown tag (line 3, column 4)"}}},
		"YAML without a place": {`{"name":"YAMLException","reason":"expected a single document in the stream, but found more","message":"s3cret"}`,
			FileProblem{"", Problem{CodeYAML, "expected a single document in the stream, but found more"}}},
		"file system": {`{"msg":"Could not refresh some dsul index","err":{"errno":-2,"code":"ENOENT","syscall":"open","path":"/data/workspaces/x"}}`,
			FileProblem{"", Problem{"ENOENT", "Could not refresh some dsul index: open /data/workspaces/x"}}},
		"database": {`{` + msg + `,"err":{"errors":{},"_message":"m","name":"ValidationError","message":"labels.0: Cast failed"}}`,
			FileProblem{"x/automations/a.yml", Problem{"ValidationError", "Some error occured: labels.0: Cast failed"}}},
		"class in both texts": {`{"msg":"SlugAlreadyInUse: x is taken","err":{"error":"SlugAlreadyInUse","message":"SlugAlreadyInUse: x is taken"}}`,
			FileProblem{"", Problem{"SlugAlreadyInUse", "x is taken"}}},
		"class in the text of the cause": {`{"msg":"Import failed","err":{"error":"SlugAlreadyInUse","message":"SlugAlreadyInUse: x is taken"}}`,
			FileProblem{"", Problem{"SlugAlreadyInUse", "Import failed: x is taken"}}},
		"class in the text":      {`{"error":"SlugAlreadyInUse","message":"SlugAlreadyInUse: SlugAlreadyInUse: x is taken"}`, FileProblem{"", Problem{"SlugAlreadyInUse", "x is taken"}}},
		"class and nothing else": {`{"error":"E","message":"E: "}`, FileProblem{"", Problem{"E", "E: "}}},
		"text with that of its cause": {`{"msg":"Import failed: x is taken","err":{"error":"SlugAlreadyInUse","message":"x is taken"}}`,
			FileProblem{"", Problem{"SlugAlreadyInUse", "Import failed: x is taken"}}},
		"name alone":                {`{"msg":"Could not rename","err":"SlugAlreadyInUse","slug":"x"}`, FileProblem{"", Problem{"SlugAlreadyInUse", "Could not rename"}}},
		"unknown shape with a mark": {`{"odd":{"mark":{"buffer":"s3cret"},"why":"x"}}`, FileProblem{"", Problem{"", `{"odd":{"why":"x"}}`}}},
		"mark as a list":            {`{"mark":["s3cret"],"reason":"r"}`, FileProblem{"", Problem{CodeYAML, "r"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got FileProblem
			if err := json.Unmarshal([]byte(tt.answer), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got.String(), "s3cret") {
				t.Errorf("a text of the file is shown: %s", got)
			}
		})
	}
}

// A problem never contains text of a file, wherever the mark of js-yaml is.
func FuzzProblemsHideFiles(f *testing.F) {
	for _, shape := range []string{`{"err":MARK}`, `{"msg":"m","err":MARK}`, `{"error":{"err":MARK}}`, `{"a":[MARK]}`,
		`[MARK]`, `{"err":{"err":MARK}}`} {
		f.Add(shape)
	}
	const canary = `{"name":"YAMLException","reason":"r","message":"CANARY","mark":{"buffer":"CANARY","snippet":"CANARY"}}`
	f.Fuzz(func(t *testing.T, shape string) {
		if strings.Contains(shape, "CANARY") {
			return
		}
		var p FileProblem
		if json.Unmarshal([]byte(strings.ReplaceAll(shape, "MARK", canary)), &p) == nil && strings.Contains(p.File+p.String(),
			"CANARY") {
			t.Errorf("%s reads %s", shape, p)
		}
	})
}

func TestObjectMissing(t *testing.T) {
	for code, want := range map[string]bool{"ObjectNotFoundError": true, "ObjectNotFound": true, "NotFoundError": false,
		"RequestValidationError": false, "": false} {
		if e := (&Error{Class: ClassNotFound, Code: code}); e.ObjectMissing() != want {
			t.Errorf("%q is the platform's word: %v", code, !want)
		}
	}
	if (&Error{Class: ClassRejected, Code: "ObjectNotFoundError"}).ObjectMissing() {
		t.Error("a 400 is taken for a missing object")
	}
}

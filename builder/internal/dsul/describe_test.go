// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribe(t *testing.T) {
	got, ok := Describe("v1/other.yml", []byte(`slug: ask
private: true
authorizations: {}
arguments:
  question: {type: string, required: true}
  topic: {type: string}
when:
  endpoint: true
  events: [asked]
do:
  - fetch: {url: 'https://user:pass@API.example.com:8443/v1?x=1'}
  - fetch: {url: '{{config.ocrUrl}}/read'}
  - fetch: {url: '{{global.apiUrl}}/x'}
  - fetch: {url: 'https://{{config.region}}.example.com/'}
  - fetch: {url: '{{anything}}', stream: {event: chunk}}
  - emit: {event: answered}
  - Mail.send: {to: a, output: b}
  - Mail.send: {body: c}
`))
	want := &Description{
		Slug: "ask", Endpoint: "ask", Private: true, Guarded: true,
		Arguments: map[string]bool{"question": true, "topic": false},
		Calls:     map[string][]string{"Mail.send": {"to", "body"}},
		Emits:     []string{"chunk", "answered"}, Listens: []string{"asked"},
		Hosts: []string{"api.example.com:8443", "{{config.ocrurl}}", "{{config.region}}.example.com"},
	}
	want.Hosts[1] = "{{config.ocrUrl}}"
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
	if _, ok := Describe("a.yml", []byte("do: [")); ok {
		t.Error("what is no YAML was described")
	}
	if got, _ := Describe("v1/ask.yml", []byte("when: {endpoint: true}")); got == nil || got.Endpoint != "v1/ask" {
		t.Errorf("without a slug: %+v", got)
	}
}

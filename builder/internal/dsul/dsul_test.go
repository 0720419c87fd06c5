// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// check returns what is found in files, as "file:line:column rule message". The keys of apps
// are workspaces, its values the apps that they publish.
func check(files, apps map[string]string) []string {
	r := New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		slug, within, _ := strings.Cut(name, "/")
		r.Add(slug, within, []byte(files[name]))
	}
	for slug, app := range apps {
		r.Publish(slug, app)
	}
	var out []string
	for _, f := range r.Check() {
		out = append(out, fmt.Sprintf("%s:%d:%d %s %s", f.File, f.Line, f.Column, f.Rule, f.Message))
	}
	return out
}

// do returns an automation with instructions.
func do(instructions string) string {
	return "slug: main\nname: Main\ndo:\n" + instructions
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		apps  map[string]string
		want  []string
	}{
		{
			name:  "misspelt instruction",
			files: map[string]string{"w/automations/main.yml": do("  - emitt:\n      event: done\n")},
			want:  []string{`w/automations/main.yml:4:5 dsul-unknown-instruction "emitt" is neither an instruction nor an automation of the workspace, did you mean "emit"?`},
		},
		{
			name: "misspelt automation, in every nested list",
			files: map[string]string{
				"w/automations/open-claim.yml": "slug: open-claim\nname: x\ndo: []\n",
				"w/automations/main.yml": do("  - conditions:\n      '{{a}}':\n        - open-clam: {}\n      default:\n        - repeat:\n            on: '{{list}}'\n            do:\n" +
					"              - try:\n                  do:\n                    - all:\n                        - opn-claim: {}\n                  catch:\n                    - open-claims: {}\n"),
			},
			want: []string{
				`w/automations/main.yml:6:11 dsul-unknown-instruction "open-clam" is neither an instruction nor an automation of the workspace, did you mean "open-claim"?`,
				`w/automations/main.yml:14:27 dsul-unknown-instruction "opn-claim" is neither an instruction nor an automation of the workspace, did you mean "open-claim"?`,
				`w/automations/main.yml:16:23 dsul-unknown-instruction "open-claims" is neither an instruction nor an automation of the workspace, did you mean "open-claim"?`,
			},
		},
		{
			name: "unknown fields, nested ones included",
			files: map[string]string{"w/automations/main.yml": do("  - fetch:\n      urll: https://example.com\n      stream:\n        event: x\n        targt: y\n" +
				"  - emit:\n      event: a\n      options:\n        persists: true\n  - wait:\n      oneOf:\n        - event: a\n          filter: {}\n")},
			want: []string{
				`w/automations/main.yml:5:7 dsul-unknown-field fetch has no field "urll", did you mean "url"?`,
				`w/automations/main.yml:8:9 dsul-unknown-field fetch.stream has no field "targt", did you mean "target"?`,
				`w/automations/main.yml:12:9 dsul-unknown-field emit.options has no field "persists", did you mean "persist"?`,
				`w/automations/main.yml:16:11 dsul-unknown-field wait.oneOf has no field "filter", did you mean "filters"?`,
			},
		},
		{
			name:  "misspelt key of an automation and of its trigger",
			files: map[string]string{"w/automations/main.yml": "slug: main\nname: x\nargument: {}\nwhen:\n  shedules: []\n  mcp: {}\nsomething: new\ndo: []\n"},
			want: []string{
				`w/automations/main.yml:3:1 dsul-unknown-field an automation has no key "argument", did you mean "arguments"?`,
				`w/automations/main.yml:5:3 dsul-unknown-field when has no key "shedules", did you mean "schedules"?`,
			},
		},
		{
			name:  "fields beside the instruction instead of below it",
			files: map[string]string{"w/automations/main.yml": do("  - emit:\n    event: done\n")},
			want: []string{
				`w/automations/main.yml:5:5 dsul-instruction-keys "emit" and "event" stand in one instruction`,
			},
		},
		{
			name: "expressions that do not end",
			files: map[string]string{"w/automations/main.yml": do("  - set:\n      name: a\n      value: 'Hello {{user.name}, all'\n  - conditions:\n      '{{a > 1':\n        - set:\n            name: b\n            value: '{% {{a}} + 1 '\n" +
				"  - set:\n      name: c\n      value: |\n        {\"json\": {\"a\": {{b}}}} {{ x }} {{list[{{i}}].id}} {{{{name}}}} 100{%20} {% {{a}} + 1 %}\n")},
			want: []string{
				`w/automations/main.yml:6:7 dsul-unclosed-expression an expression that begins with {{ does not end`,
				`w/automations/main.yml:8:7 dsul-unclosed-expression an expression that begins with {{ does not end`,
				`w/automations/main.yml:11:13 dsul-unclosed-expression an expression that begins with {% does not end`,
			},
		},
		{
			name: "app instances: not installed, app outside of the release, app within it",
			files: map[string]string{
				"w/imports/Custom Code.yml":    "appSlug: Custom Code\nslug: Custom Code\n",
				"w/imports/Directory.yml":      "appSlug: Customer Directory\n",
				"w/automations/main.yml":       do("  - Custom Cod.run:\n      function: f\n  - Custom Code.whatever: {}\n  - Directory.find:\n      emial: a\n      output: c\n  - Directory.fnd: {}\n  - Directory.Sub.more: {}\n"),
				"d/automations/find.yml":       "slug: find\nname: x\narguments:\n  email:\n    type: string\ndo: []\n",
				"d/imports/Sub.yml":            "appSlug: Elsewhere\n",
				"other/automations/unused.yml": "slug: unused\nname: x\ndo: []\n",
			},
			apps: map[string]string{"d": "Customer Directory"},
			want: []string{
				`w/automations/main.yml:4:5 dsul-unknown-app-instance workspace "w" has no app instance "Custom Cod", did you mean "Custom Code"?`,
				`w/automations/main.yml:8:7 dsul-unknown-argument "Directory.find" takes no argument "emial", did you mean "email"?`,
				`w/automations/main.yml:10:5 dsul-unknown-automation workspace "d" has no automation "fnd", did you mean "find"?`,
			},
		},
		{
			name: "arguments: declared, read, computed, of schemas, of nobody",
			files: map[string]string{
				"w/automations/a.yml": "slug: a\nname: x\narguments:\n  one: {}\ndo:\n  - set:\n      name: x\n      value: '{{two}}'\n",
				"w/automations/b.yml": "slug: b\nname: x\nschemas:\n  - payload: {}\narguments:\n  one: {}\ndo: []\n",
				"w/automations/c.yml": "slug: c\nname: x\ndo: []\n",
				"w/automations/d.yml": "slug: d\nname: x\narguments:\n  one: {}\ndo: []\noutput: '{{payload}}'\n",
				"w/automations/main.yml": do("  - a:\n      one: 1\n      two: 2\n      three: 3\n      body: {}\n      '{{x}}': 4\n      output: r\n  - a: '{{all}}'\n  - b:\n      any: 1\n  - c:\n      any: 1\n  - d:\n      any: 1\n" +
					"  - runWorkflow:\n      workflow: a\n      parameters:\n        four: 1\n  - runWorkflow:\n      workflow: nowhere\n  - '{{dynamic}}': {}\n"),
			},
			want: []string{
				`w/automations/main.yml:7:7 dsul-unknown-argument "a" takes no argument "three"`,
				`w/automations/main.yml:21:9 dsul-unknown-argument "a" takes no argument "four"`,
				`w/automations/main.yml:23:7 dsul-unknown-automation workspace "w" has no automation "nowhere"`,
			},
		},
		{
			name: "events: emitted, native, of an app instance, in a page, of nobody",
			files: map[string]string{
				"w/imports/Chat.yml":         "appSlug: Chat\n",
				"w/pages/index.yml":          "slug: index\nblocks:\n  - slug: Form\n    onSubmit: decision\n",
				"w/automations/listen.yml":   "slug: listen\nname: x\nwhen:\n  events:\n    - order.created\n    - ordr.created\n    - workspaces.imported\n    - Chat.message\n    - decision\n    - '{{config.event}}'\n    - a b\ndo: []\n",
				"w/automations/main.yml":     do("  - emit:\n      event: order.created\n  - wait:\n      oneOf:\n        - event: never.sent\n"),
				"spa/pages/app/src/main.tsx": "events.emit('anything')\n",
				"spa/automations/l.yml":      "slug: l\nname: x\nwhen:\n  events:\n    - unknown.event\ndo: []\n",
				"dyn/automations/l.yml":      "slug: l\nname: x\nwhen:\n  events:\n    - unknown.event\ndo:\n  - emit:\n      event: '{{name}}'\n",
				"app/automations/l.yml":      "slug: l\nname: x\nwhen:\n  events:\n    - unknown.event\ndo: []\n",
			},
			apps: map[string]string{"app": "App"},
			want: []string{
				`w/automations/listen.yml:6:7 dsul-unknown-event nothing in the release emits event "ordr.created", did you mean "order.created"?`,
				`w/automations/main.yml:8:11 dsul-unknown-event nothing in the release emits event "never.sent"`,
			},
		},
		{
			name: "pages and blocks",
			files: map[string]string{
				"w/automations/load.yml": "slug: load\nname: x\ndo: []\n",
				"w/index.yml":            "name: W\nblocks:\n  Card:\n    automation: lod\n",
				"w/pages/index.yml": "slug: index\nautomation: load\nblocks:\n  - slug: List\n    automation:\n      slug: nothing\n    blocks:\n      - slug: Card\n        automation: Nowhere.x\n" +
					"  - slug: Action\n    type: internal\n    value: /en/claim?x=1\n  - slug: Action\n    type: internal\n    value: clam\n  - slug: Action\n    type: external\n    value: https://example.com\n  - slug: Action\n    type: internal\n    value: '{{page}}'\n",
				"w/pages/claim.yml": "slug: claim\n",
			},
			want: []string{
				`w/index.yml:4:5 dsul-unknown-automation workspace "w" has no automation "lod", did you mean "load"?`,
				`w/pages/index.yml:5:5 dsul-unknown-automation workspace "w" has no automation "nothing"`,
				`w/pages/index.yml:9:9 dsul-unknown-app-instance workspace "w" has no app instance "Nowhere"`,
				`w/pages/index.yml:15:5 dsul-unknown-page the workspace has no page "clam", did you mean "claim"?`,
			},
		},
		{
			name: "endpoints: open, private, checked, checked by what they call, guarded",
			files: map[string]string{
				"w/automations/open.yml":      "slug: open\nname: x\nwhen:\n  endpoint: true\ndo: []\n",
				"w/automations/path.yml":      "slug: path\nname: x\nwhen:\n  endpoint: v1/users/:id\ndo: []\n",
				"w/automations/closed.yml":    "slug: closed\nname: x\nwhen:\n  endpoint: false\ndo: []\n",
				"w/automations/private.yml":   "slug: private\nname: x\nprivate: true\nwhen:\n  endpoint: true\ndo: []\n",
				"w/automations/user.yml":      "slug: user\nname: x\nwhen:\n  endpoint: true\ndo:\n  - conditions:\n      '!{{user.id}}':\n        - break: {}\n",
				"w/automations/delegates.yml": "slug: delegates\nname: x\nwhen:\n  endpoint: true\ndo:\n  - middle: {}\n",
				"w/automations/middle.yml":    "slug: middle\nname: x\ndo:\n  - verify: {}\n",
				"w/automations/verify.yml":    "slug: verify\nname: x\ndo:\n  - conditions:\n      '{{run.authenticatedWorkspaceId}} != {{config.caller}}':\n        - break: {}\n",
				"g/security.yml":              "authorizations:\n  rules:\n    - role: editor\n      action: execute\n      subject: automations\n",
				"g/automations/open.yml":      "slug: open\nname: x\nwhen:\n  endpoint: true\ndo: []\n",
			},
			want: []string{
				`w/automations/open.yml:0:0 dsul-open-endpoint the endpoint answers to everybody: the automation does not look at who calls it`,
				`w/automations/path.yml:0:0 dsul-open-endpoint the endpoint answers to everybody: the automation does not look at who calls it`,
			},
		},
		{
			name: "what the documentation shows",
			files: map[string]string{
				"w/imports/mySlackInstance.yml": "appSlug: Slack\n",
				"w/automations/main.yml": do("  - set: { name: a, value: 1, type: merge, lifespan: 3 }\n  - delete:\n      name: a\n  - comment: any text with {{ in it\n" +
					"  - rateLimit: { name: a, window: 60, limit: 5, consumer: '{{user.id}}', output: limits }\n  - auth: { workspace: true, output: jwt }\n" +
					"  - createUserTopic: { topic: a, userIds: [x] }\n  - joinUserTopic: { topic: a }\n  - break: {}\n  - break: { scope: all, payload: { reason: x } }\n" +
					"  - run: { module: collections, function: create, parameters: {}, onError: break, output: o }\n  - all:\n      do:\n        - mySlackInstance.sendMessage: { channel: x }\n" +
					"  - repeat: { until: 5, batch: { size: 3, interval: 500 }, do: [] }\n  - fetch: { url: x, auth: { basic: { user: a } }, multipart: [ { fieldname: a, value: b } ], outputMode: base64 }\n  - null\n  - text\n"),
			},
		},
		{
			name:  "aliases and merges",
			files: map[string]string{"w/automations/main.yml": "slug: main\nname: x\ndo:\n  - fetch: &f\n      url: a\n  - fetch:\n      <<: *f\n      methd: get\n  - fetch: *f\n"},
			want:  []string{`w/automations/main.yml:8:7 dsul-unknown-field fetch has no field "methd", did you mean "method"?`},
		},
		{
			name:  "what is no YAML is left to the check of the syntax",
			files: map[string]string{"w/automations/main.yml": "do: [", "w/automations/empty.yml": "", "w/pages/a.yml": "- x", "w/index.yml": ":", "w/imports/a.yml": "{"},
		},
		{
			name:  "a secret in the place of a name is not quoted",
			files: map[string]string{"w/automations/main.yml": do("  - 'hunter2+/=!': {}\n")},
			want:  []string{`w/automations/main.yml:4:5 dsul-unknown-instruction (a text of 11 bytes) is neither an instruction nor an automation of the workspace`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, check(c.files, c.apps)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryRuleSaysWhatToDo(t *testing.T) {
	for _, rule := range Rules() {
		if rule.Help == "" || strings.HasSuffix(rule.Help, ".") {
			t.Errorf("help of %s: %q", rule.ID, rule.Help)
		}
	}
}

// Adding the files in another order must not change what is found.
func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	files := map[string]string{
		"w/automations/a/same.yml": "name: x\narguments:\n  one: {}\ndo: []\n",
		"w/automations/b/same.yml": "name: x\narguments:\n  two: {}\ndo: []\n",
		"w/automations/main.yml":   do("  - same:\n      two: 1\n"),
	}
	want := check(files, nil)
	r := New()
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(files))) {
		r.Add("w", strings.TrimPrefix(name, "w/"), []byte(files[name]))
	}
	got := r.Check()
	if len(got) != len(want) || !strings.Contains(want[0], got[0].Message) {
		t.Errorf("%v, and in reverse %v", want, got)
	}
}

// A workspace in which nothing exists must not take the time of its square.
func TestTimeIsLinear(t *testing.T) {
	r := New()
	for i := range 1000 {
		r.Add("w", fmt.Sprintf("automations/automation-number-%d.yml", i), []byte(do(fmt.Sprintf("  - automation-numbr-%d: {}\n  - wait:\n      oneOf:\n        - event: none.%d\n", i, i))))
	}
	c := checker{Release: r, known: map[*workspace]map[string]*automation{}, budget: maxCompared}
	c.workspace(r.workspaces["w"])
	if len(c.found) != 2000 {
		t.Errorf("%d findings instead of 2000", len(c.found))
	}
	if c.budget > 0 {
		t.Errorf("%d comparisons are left, so that the test proves nothing", c.budget)
	}
}

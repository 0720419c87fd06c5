// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// matrixFault is a row of the matrix.
type matrixFault struct {
	name string
	// hit is the fault of the first request in the phase.
	hit platformtest.Fault
	// world and after run once per cell, before and after that request.
	world, after func(*cell, *replica)
	// slack is the additional time that the scenario may take.
	slack      time.Duration
	breaksLock bool // imports may overlap, because the lock is not honoured
	repeats    bool // workspaces may be imported twice
	drifts     bool // the change remains reported
	races      bool // the reported reason depends on timing
	rivals     *rivalry
}

func answer(status int, body string) platformtest.Fault {
	return platformtest.Fault{Kind: platformtest.Answer, Status: status, Body: body}
}

func withHeader(f platformtest.Fault, name, value string) platformtest.Fault {
	f.Header = http.Header{name: {value}}
	return f
}

func alter(edit func([]byte) []byte) platformtest.Fault {
	return platformtest.Fault{Kind: platformtest.Alter, Edit: edit}
}

// from applies a fault to every request for an operation from now on.
func from(op string, f platformtest.Fault) func(*cell, *replica) {
	return func(_ *cell, r *replica) {
		f.Op, f.Times = op, -1
		r.Faults.Add(f)
	}
}

// until is like from, for a limited time.
func until(d time.Duration, op string, f platformtest.Fault) func(*cell, *replica) {
	return func(_ *cell, r *replica) {
		end := time.Now().Add(d)
		f.Op, f.Times, f.If = op, -1, func(*http.Request) bool { return time.Now().Before(end) }
		r.Faults.Add(f)
	}
}

const (
	flat   = `{"error":"SomeError","message":"something"}`
	nested = `{"error":{"code":"SomeError","message":"something","requestId":"r-1"}}`
)

// matrixFaults returns the rows. The first row has no fault.
func matrixFaults() []matrixFault {
	return slices.Concat([]matrixFault{{name: "none"}}, slowFaults(), brokenFaults(), refusals(), oddAnswers(),
		clockFaults(), crashes(), lockFaults(), eventFaults(), dataFaults(), rivalFaults())
}

func slowFaults() []matrixFault {
	return []matrixFault{
		{name: "delay of 1 s", hit: platformtest.Fault{Kind: platformtest.Pass, Delay: time.Second}},
		{name: "delay of 25 s", hit: platformtest.Fault{Kind: platformtest.Pass, Delay: 25 * time.Second}, slack: time.Minute},
		{name: "no answer at all", hit: platformtest.Fault{Kind: platformtest.Hang}, slack: time.Minute},
		{name: "stall before the first byte", hit: platformtest.Fault{Kind: platformtest.Stall}, slack: time.Minute},
		{name: "stall after 20 bytes", hit: platformtest.Fault{Kind: platformtest.Stall, Bytes: 20}, slack: time.Minute},
		{name: "stall before the last byte", hit: platformtest.Fault{Kind: platformtest.Stall, Bytes: -1}, slack: time.Minute},
		{name: "every answer takes 1 s from now on", world: from("", platformtest.Fault{Kind: platformtest.Pass, Delay: time.Second}), slack: 2 * time.Minute},
	}
}

func brokenFaults() []matrixFault {
	return []matrixFault{
		{name: "reset before the request is handled", hit: platformtest.Fault{Kind: platformtest.ResetBefore}},
		{name: "reset after the request was handled", hit: platformtest.Fault{Kind: platformtest.ResetAfter}},
		{name: "resets for 10 s", world: until(10*time.Second, "", platformtest.Fault{Kind: platformtest.ResetBefore}), slack: 30 * time.Second},
		{name: "end of file before the body", hit: platformtest.Fault{Kind: platformtest.Truncate}},
		{name: "cut after 1 byte", hit: platformtest.Fault{Kind: platformtest.Truncate, Bytes: 1}},
		{name: "cut after 20 bytes", hit: platformtest.Fault{Kind: platformtest.Truncate, Bytes: 20}},
		{name: "cut before the last byte", hit: platformtest.Fault{Kind: platformtest.Truncate, Bytes: -1}},
		{name: "half a body with the right length", hit: alter(func(b []byte) []byte { return b[:len(b)/2] })},
		{name: "the request arrives twice", hit: platformtest.Fault{Kind: platformtest.Duplicate}},
	}
}

func refusals() []matrixFault {
	limited := `{"error":"TooManyRequests","message":"Too many requests","details":{"retryAfter":12.5}}`
	return []matrixFault{
		{name: "400", hit: answer(400, flat)},
		{name: "401", hit: answer(401, flat)},
		{name: "401 in the nested shape, with the credential", hit: answer(401, strings.Replace(nested, "something", "Bearer "+token, 1))},
		{name: "403", hit: answer(403, nested)},
		{name: "404", hit: answer(404, flat)},
		{name: "408 of a gateway", hit: answer(408, `{"error":"TimeoutError","timeout":20000}`)},
		{name: "handled, then 408", hit: platformtest.Fault{Kind: platformtest.AnswerAfter, Status: 408, Body: `{"error":"TimeoutError"}`}},
		{name: "409 that does not mention the lock", hit: answer(409, flat)},
		{name: "413", hit: answer(413, platformtest.HTML)},
		{name: "423", hit: answer(423, nested)},
		{name: "429 with details.retryAfter", hit: answer(429, limited), slack: 30 * time.Second},
		{name: "429 with Retry-After", hit: withHeader(answer(429, flat), "Retry-After", "12"), slack: 30 * time.Second},
		{name: "429 without a time", hit: answer(429, "")},
		{name: "429 with an absurd time", hit: withHeader(answer(429, flat), "Retry-After", "999999"), slack: 7 * time.Minute},
		{name: "500", hit: answer(500, `{"error":"Internal","message":"Internal server error","success":false}`)},
		{name: "handled, then 500", hit: platformtest.Fault{Kind: platformtest.AnswerAfter, Status: 500, Body: flat}},
		{name: "502 in HTML", hit: answer(502, platformtest.HTML)},
		{name: "503 for 10 s", world: until(10*time.Second, "", answer(503, flat)), slack: 30 * time.Second},
		{name: "handled, then 504", hit: platformtest.Fault{Kind: platformtest.AnswerAfter, Status: 504, Body: platformtest.HTML}},
		{name: "599", hit: answer(599, "")},
	}
}

func oddAnswers() []matrixFault {
	return []matrixFault{
		{name: "redirect", hit: withHeader(answer(302, ""), "Location", "https://elsewhere.example.com/")},
		{name: "200 without a body", hit: answer(200, "")},
		{name: "204", hit: answer(204, "")},
		{name: "login page", hit: withHeader(answer(200, platformtest.HTML), "Content-Type", "text/html")},
		{name: "garbage", hit: answer(200, platformtest.Garbage)},
		{name: "huge", hit: answer(200, platformtest.Huge(1<<20))},
		{name: "null", hit: answer(200, "null")},
		{name: "an empty object", hit: answer(200, "{}")},
		{name: "an empty list", hit: answer(200, "[]"), slack: 30 * time.Second},
		{name: "deep nesting", hit: answer(200, strings.Repeat(`{"result":`, 20000)+"1"+strings.Repeat("}", 20000))},
		{name: "a byte order mark", hit: alter(func(b []byte) []byte { return append([]byte("\ufeff"), b...) })},
		{name: "the wrong content type", hit: withHeader(alter(nil), "Content-Type", "text/plain")},
		{name: "unknown fields", hit: alter(addFields)},
		{name: "processing, wherever it came from", hit: answer(200, `{"processing":true,"message":"still at it"}`)},
		{name: "the response to another request", hit: answer(200, `{"repositoryId":"release","groups":["group-z"],"errors":[],"workspaces":[{"slug":"z","status":"imported"}]}`)},
		{name: "the silent fallback", hit: answer(200, `{"imported":[],"errors":[],"deleted":[],"workspace":{"id":"platform"}}`)},
		{name: "success without a workspace", hit: answer(200, `{"repositoryId":"release","errors":[]}`)},
		{name: "an error of the whole import", hit: alter(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"errors":[],"groups"`), []byte(`"errors":[{"msg":"disk full"}],"groups"`), 1)
		}), repeats: true},
	}
}

// addFields adds fields of all kinds to an object.
func addFields(body []byte) []byte {
	if len(body) < 2 || body[0] != '{' {
		return body
	}
	return append([]byte(`{"new":{"a":[1,null,"x"]},"nothing":null,"timestamp":"2026-01-01",`), body[1:]...)
}

func clockFaults() []matrixFault {
	date := func(d time.Duration) func(*cell, *replica) {
		return func(x *cell, r *replica) {
			from("", withHeader(alter(nil), "Date", time.Now().Add(d).UTC().Format(http.TimeFormat)))(x, r)
		}
	}
	return []matrixFault{
		{name: "the platform's clock is an hour fast", world: date(time.Hour), slack: 30 * time.Second},
		{name: "the platform's clock is an hour slow", world: date(-time.Hour), slack: 30 * time.Second},
		{name: "no date from now on", world: from("", withHeader(alter(nil), "Date", "")), slack: 30 * time.Second},
		{name: "another correlation id", hit: withHeader(alter(nil), "X-Correlation-Id", "other")},
	}
}

func crashes() []matrixFault {
	pod := func(x *cell, r *replica) { x.killPod(r) }
	sidecar := func(x *cell, r *replica) { x.killSidecar(r) }
	both := func(x *cell, r *replica) {
		sidecar(x, r)
		pod(x, r)
	}
	left := matrixExpiry + 30*time.Second // the lock of a dead holder
	return []matrixFault{
		{name: "the port is closed for 5 s", world: func(x *cell, r *replica) {
			r.SetListening(false)
			x.later(5*time.Second, func() { r.SetListening(true) })
		}, slack: 30 * time.Second},
		{name: "the service is killed before the request", world: pod, slack: left},
		{name: "the service is killed after the answer", after: pod, slack: left, races: true},
		{name: "the sidecar is killed before the request", world: sidecar, slack: 30 * time.Second, races: true},
		{name: "the sidecar is killed after the answer", after: sidecar, slack: 30 * time.Second, races: true},
		{name: "both are killed", world: both, slack: left + 30*time.Second, races: true},
		{name: "a person asks for another pass", world: func(_ *cell, r *replica) { r.verifyAgain() }},
	}
}

// seize takes the lock for a while as soon as it is free.
func seize(reason string, hold time.Duration) func(*cell, *replica) {
	return func(x *cell, _ *replica) {
		var try func()
		try = func() {
			if !x.Lock("stranger", reason) {
				x.later(100*time.Millisecond, try)
			} else if hold > 0 {
				x.later(hold, x.Unlock)
			}
		}
		try()
	}
}

func lockFaults() []matrixFault {
	lock := []byte(`"writeLock":{"lockedAt":"2026-01-01T00:00:00.000Z","lockedBy":"ghost","reason":"manual"},"id"`)
	show := func(b []byte) []byte { return bytes.Replace(b, []byte(`"id"`), lock, 1) }
	hide := func(b []byte) []byte { return bytes.Replace(b, []byte("writeLock"), []byte("hidden"), 1) }
	return []matrixFault{
		{name: "a stranger holds the lock for 10 s", world: seize("manual", 10*time.Second), slack: 30 * time.Second},
		{name: "a stranger dies with the lock", world: seize("pull_in_progress", 0), slack: matrixExpiry + 30*time.Second},
		{name: "a merge conflict for 20 s", world: seize("merge_conflict", 20*time.Second), slack: time.Minute},
		{name: "a lock beyond its expiry", world: seize("merge-conflict-like", matrixExpiry-time.Second), slack: matrixExpiry + 30*time.Second},
		{name: "the lock vanishes", world: func(x *cell, _ *replica) { x.Unlock() }, breaksLock: true, repeats: true},
		{name: "the lock is not shown for 15 s", world: until(15*time.Second, "workspace", alter(hide)), slack: 30 * time.Second},
		{name: "a lock that does not exist is shown for 15 s", world: until(15*time.Second, "workspace", alter(show)), slack: 30 * time.Second},
	}
}

func eventFaults() []matrixFault {
	return []matrixFault{
		{name: "events are lost", world: from("events", answer(200, `{"result":{"events":[]}}`)), slack: time.Minute},
		{name: "events may not be read", world: from("events", answer(403, flat)), slack: time.Minute},
		{name: "events are limited in rate", world: from("events", answer(429, `{"error":"TooManyRequests","details":{"retryAfter":60}}`)), slack: time.Minute},
		{name: "events cannot be searched", world: from("events", answer(500, nested)), slack: time.Minute},
		{name: "events come in another order", world: from("events", alter(eventList(func(e []any) []any { slices.Reverse(e); return e }))), slack: 30 * time.Second},
		{name: "events come twice", world: from("events", alter(eventList(func(e []any) []any { return append(e, e...) }))), slack: 30 * time.Second},
		{name: "events of the end are lost", world: from("events", alter(eventList(withoutEnd))), slack: time.Minute},
		{name: "events have no correlation id", world: from("events", alter(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("correlationId"), []byte("other")) })), slack: time.Minute},
	}
}

// eventList edits the events of a response.
func eventList(edit func([]any) []any) func([]byte) []byte {
	return func(body []byte) []byte {
		var page struct {
			Result struct {
				Events []any `json:"events"`
			} `json:"result"`
		}
		if json.Unmarshal(body, &page) != nil {
			return body
		}
		page.Result.Events = edit(page.Result.Events)
		out, _ := json.Marshal(page) // it was JSON before
		return out
	}
}

func withoutEnd(events []any) []any {
	return slices.DeleteFunc(events, func(e any) bool {
		kind, _ := e.(map[string]any)["type"].(string)
		return strings.HasSuffix(kind, "completed")
	})
}

func dataFaults() []matrixFault {
	return []matrixFault{
		{name: "installed versions are hidden", world: from("workspaces", alter(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("lastPull"), []byte("hidden")) })), slack: 30 * time.Second},
		{name: "the list of workspaces cannot be read", world: until(20*time.Second, "workspaces", answer(500, flat)), slack: time.Minute},
		{name: "comparisons do not exist", world: from("status", answer(404, flat))},
		{name: "comparisons fail", world: until(40*time.Second, "status", answer(500, flat)), slack: time.Minute},
		{name: "another workspace fails twice", world: func(x *cell, _ *replica) { x.FailTimes("b1", "Could not rename workspace slug: already used", 2) }, slack: 30 * time.Second},
		{name: "somebody edits a workspace", world: func(x *cell, _ *replica) { x.Edit("a0") }, drifts: true},
		{name: "the token is rotated, and its file follows after 10 s", world: func(x *cell, _ *replica) {
			const next = token + "-next"
			x.SetToken(next)
			x.later(10*time.Second, func() { x.useToken(next) })
		}, slack: 30 * time.Second},
		{name: "the manifest cannot be read for 10 s", world: func(x *cell, r *replica) {
			r.fail(errors.New("no such file"))
			x.later(10*time.Second, func() { r.fail(nil) })
		}, slack: 30 * time.Second},
		{name: "the manifest has other content", world: func(_ *cell, r *replica) {
			r.change()
			r.trigger()
		}, slack: time.Minute, repeats: true},
	}
}

const documentHead = `# Fault matrix

The faults that the sidecar survives, and the reasons that it reports meanwhile. Generated by
` + "`go test ./sidecar/internal/importer -run TestMatrix -update`" + `.

%d faults at %d phases in clusters of 1, 2, 5 and 20 replicas: %d cells. Each cell plays a whole import against a fake
platform, with one fault when a replica is in the phase (at every replica if the fault concerns a request). The test
compares the cell with the ledger of the fake platform, which must show these invariants:

| | invariant |
|---|---|
| I1 | when a gate opens, the platform has every workspace of the release in that pod |
| I2 | a pod that is Ready stays Ready |
| I4 | groups are imported in their order |
| I5 | a group is posted again only if its outcome was unknown or failed, and a workspace is imported only once |
| I6 | imports do not overlap while the platform honours the lock |
| I8 | the number of requests is bounded |
| I9 | all replicas converge within a time limit, also without memory of earlier passes |
| I11 | no output contains a credential |

In the rows about another release, the same holds for the pods of that release, and the current release is the one that
remains. Other tests check that liveness depends on the process alone (I3), that each attempt reads its inputs again
(I7), that a shutdown is not a failure (I10), and that metrics name the release and the group that failed (I12).

A cell of the table has the next reason that a single replica reports. ` + "`·`" + ` means that it reports the same as
without the fault: the fault was absorbed. An empty cell means that the pass succeeded, unlike without the fault,
and ` + "`…`" + ` that the reason depends on timing.

`

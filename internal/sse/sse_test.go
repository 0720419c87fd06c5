// SPDX-License-Identifier: Apache-2.0

package sse

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/limit"
)

const maxEvent = 64

var tooLarge = &limit.Error{Subject: "an event of the stream", Max: maxEvent}

// all reads a stream to its end. It returns nil for io.EOF.
func all(in io.Reader) (events []Event, err error) {
	r := NewReader(in, maxEvent)
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

// framings lists streams with their events.
var framings = []struct {
	name, stream string
	want         []Event
}{
	{"nothing", "", nil},
	{"blank lines", "\n\r\n\r\r\n", nil},
	{"one event", "data: a\n\n", []Event{{Data: "a"}}},
	{"two events", "data: a\n\ndata: b\n\n", []Event{{Data: "a"}, {Data: "b"}}},
	{"several lines of data", "data: {\ndata:  \"a\": 1\ndata: }\n\n", []Event{{Data: "{\n \"a\": 1\n}"}}},
	{"CRLF", "event: progress\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", []Event{{Name: "progress", Data: "a\nb"}, {Data: "c"}}},
	{"CR", "data: a\rdata: b\r\rdata: c\r\r", []Event{{Data: "a\nb"}, {Data: "c"}}},
	{"mixed ends of lines", "data: a\r\ndata: b\r\n\ndata: c\n\r\n", []Event{{Data: "a\nb"}, {Data: "c"}}},
	{"no blank line at the end", "data: a\n\ndata: b\n", []Event{{Data: "a"}, {Data: "b"}}},
	{"no line feed at the end", "data: a\n\ndata: b", []Event{{Data: "a"}, {Data: "b"}}},
	{"comments", ": hello\n\n:\ndata: a\n: in the middle\ndata: b\n\n: bye", []Event{{Data: "a\nb"}}},
	{"keep-alives only", ":\n\n:\n\n: ping\n", nil},
	{"no space after the colon", "data:a\ndata:  b\n\n", []Event{{Data: "a\n b"}}},
	{"no colon", "data\ndata\n\n", []Event{{Data: "\n"}}},
	{"empty data", "data:\n\n", []Event{{}}},
	{"names", "event: error\ndata: a\n\nevent: message\ndata: b\n\n", []Event{{Name: "error", Data: "a"}, {Data: "b"}}},
	{"a name without data", "event: x\n\ndata: a\n\n", []Event{{Data: "a"}}},
	{"a name without data at the end", "data: a\n\nevent: x", []Event{{Data: "a"}}},
	{"ids stay", "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", []Event{{Data: "a", ID: "1"}, {Data: "b", ID: "1"}, {Data: "c"}}},
	{"an id with NUL", "id: 1\nid: a\x00\ndata: a\n\n", []Event{{Data: "a", ID: "1"}}},
	{"fields of nobody", "retry: 10\nDATA: x\n data: x\nfoo\ndata: a\n\n", []Event{{Data: "a"}}},
	{"byte order mark", "\ufeffdata: a\n\n\ufeffdata: b\n\n", []Event{{Data: "a"}}},
	{"colons in data", "data: a: b:\n\n", []Event{{Data: "a: b:"}}},
}

func TestFramings(t *testing.T) {
	for _, tt := range framings {
		t.Run(tt.name, func(t *testing.T) {
			got, err := all(strings.NewReader(tt.stream))
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// A connection that breaks drops the incomplete event, and nothing else.
func TestBrokenStreamDropsTheEventThatItBrokeIn(t *testing.T) {
	for stream, want := range map[string][]Event{
		"data: a\n\ndata: b\n":  {{Data: "a"}},
		"data: a\n\ndata: {\"b": {{Data: "a"}},
		"data: a\n":             nil,
	} {
		got, err := all(io.MultiReader(strings.NewReader(stream), iotest.ErrReader(os.ErrDeadlineExceeded)))
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %v %s", stream, err, diff)
		}
	}
}

func TestLargeEventIsRefused(t *testing.T) {
	fits := "data:" + strings.Repeat("x", maxEvent-len("data:"))
	for stream, want := range map[string]error{
		fits + "\n\n" + fits + "\n\n":                  nil,
		fits + "x\n\n":                                 tooLarge,
		strings.Repeat("data: 0123456789\n", maxEvent): tooLarge,
		":" + strings.Repeat("x", 1000):                tooLarge,
		strings.Repeat(": ping\n\n", maxEvent):         nil,
	} {
		if _, err := all(strings.NewReader(stream)); !errors.Is(err, want) {
			t.Errorf("%.20q: got %v, want %v", stream, err, want)
		}
	}
}

// An event is available as soon as its blank line is read, even if the line ends with a CR that a
// line feed may follow.
func TestEventIsThereAsSoonAsItIsComplete(t *testing.T) {
	for _, stream := range []string{"data: a\n\n", "data: a\r\n\r", "data: a\r\r"} {
		in, out := io.Pipe()
		go io.WriteString(out, stream)
		got := make(chan Event, 1)
		go func() {
			e, _ := NewReader(in, maxEvent).Next()
			got <- e
		}()
		select {
		case e := <-got:
			if e.Data != "a" {
				t.Errorf("%q: got %+v", stream, e)
			}
		case <-time.After(2 * time.Minute):
			t.Errorf("%q: the event is not there", stream)
		}
		in.Close()
	}
}

// FuzzSSE checks that the events do not depend on how the bytes are split, and that events survive
// being written in another framing.
func FuzzSSE(f *testing.F) {
	for _, tt := range framings {
		f.Add(tt.stream)
	}
	f.Add("data: a\r")
	f.Add("data: " + strings.Repeat("x", 2*maxEvent))
	f.Fuzz(func(t *testing.T, stream string) {
		want, wantErr := all(strings.NewReader(stream))
		for name, in := range map[string]io.Reader{
			"byte by byte":      iotest.OneByteReader(strings.NewReader(stream)),
			"in halves":         iotest.HalfReader(strings.NewReader(stream)),
			"data with its EOF": iotest.DataErrReader(strings.NewReader(stream)),
		} {
			got, err := all(in)
			if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, wantErr) {
				t.Errorf("%s: %v instead of %v %s", name, err, wantErr, diff)
			}
		}
		if wantErr != nil {
			return
		}
		again, err := all(strings.NewReader(write(want)))
		if diff := cmp.Diff(want, again); diff != "" && !errors.Is(err, tooLarge) {
			t.Error(diff)
		}
	})
}

// write frames events with CRLF and comments.
func write(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("id:" + e.ID + "\r\n\r\n: ping\r\n\r\nevent:  " + e.Name + "\r\n")
		if e.Name == "" {
			b.WriteString("event\r\n")
		} else {
			b.WriteString("event: " + e.Name + "\r\n")
		}
		for line := range strings.SplitSeq(e.Data, "\n") {
			b.WriteString("data: " + line + "\r\n")
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

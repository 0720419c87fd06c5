// SPDX-License-Identifier: Apache-2.0

package manual

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func samplePage() Page {
	return Page{
		Name: "ship send", Summary: "Send a parcel", Usage: "ship send PARCEL [flags]",
		Description: "Send takes a parcel to\nits place.\n\n  by sea\n  by air\n\n.hidden files stay.",
		Examples:    "# Send one.\nship send box --to 'here'",
		Groups: []Group{{Title: "Route", Flags: []Flag{
			{Name: "to", Short: "t", Value: "place", Text: "send the parcel to this place, wherever it may be on the map", Default: "home"},
			{Name: "way-that-is-very-long", Value: "name", Text: "take this way"},
			{Name: "via", Value: "names", Text: "pass here", Default: "a-long-name-of-a-place,another-long-name-of-a-place"},
		}}},
		ExitCodes:   []Item{{"0", "success"}},
		Environment: []Item{{"SHIP_TO", "The place."}},
		Files:       []Item{{`C:\ship`, "The ship."}},
		SeeAlso:     []string{"ship", "ship-list"},
	}
}

func TestHelp(t *testing.T) {
	const want = `Send takes a parcel to its place.

  by sea
  by air

.hidden files stay.

Usage:
  ship send PARCEL [flags]

Examples:
  # Send one.
  ship send box --to 'here'

Route:
  -t, --to place              send the parcel to this
                              place, wherever it may be
                              on the map (default: home)
      --way-that-is-very-long name
                              take this way
      --via names             pass here (default:
                              a-long-name-of-a-place,
                              another-long-name-of-a-place)

Exit codes:
  0             success
`
	p := samplePage()
	var out bytes.Buffer
	if err := p.WriteHelp(&out, 56); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWidth(t *testing.T) {
	for columns, want := range map[string]int{"": 80, "120": 120, "10": minWidth, "-1": 80, "wide": 80} {
		if got := Width(new(bytes.Buffer), columns); got != want {
			t.Errorf("COLUMNS=%s: %d columns instead of %d", columns, got, want)
		}
	}
}

func TestManualPage(t *testing.T) {
	dir := t.TempDir()
	date := time.Unix(1700000000, 0).UTC()
	if err := WriteMen(dir, []Page{samplePage()}, Edition{Source: "ship v1", Date: date}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "man1", "ship-send.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		".TH SHIP-SEND 1 2023-11-14 \"ship v1\" \"Workspaces release\"\n",
		"ship\\-send \\- Send a parcel\n", ".SH \"EXAMPLES\"\n", "\n\\&.hidden files stay.\n",
		"\n\\fB\\-t\\fR, \\fB\\-\\-to\\fR \\fIplace\\fR\n", ".SH \"EXIT STATUS\"\n", ".SH \"ENVIRONMENT\"\n", ".SH \"FILES\"\n",
		"\n.B \"C:\\eship\"\n", "\nship(1), ship\\-list(1)\n",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the page lacks %q:\n%s", want, data)
		}
	}
	for line := range strings.Lines(string(data)) {
		if len(line) > 81 {
			t.Errorf("a long line: %s", line)
		}
	}
}

func TestMarkdown(t *testing.T) {
	p := samplePage()
	p.Commands = []Item{{"now", "Send it | at once"}}
	var out bytes.Buffer
	if err := p.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## ship send\n\nSend a parcel.\n", "```\n  by sea\n  by air\n```\n", "| [now](#ship-send-now) | Send it \\| at once |\n",
		"**Route**\n\n```\n  -t, --to place ", "| 0 | success |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, out.String())
		}
	}
}

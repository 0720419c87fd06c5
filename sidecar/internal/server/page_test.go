// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func pages() map[string]*state.Snapshot {
	return map[string]*state.Snapshot{
		"healthy": healthy(), "failing": failing(), "waiting": waiting(), "importing": importing(), "drifted": drifted(),
		"timed-out": timedOut(), "hostile": hostile(),
	}
}

func testPage() *page {
	return newPage(version.Info{Version: "v1.2.3", Commit: "0123abc"}, place{"workspaces-6d5f7c9b8-x2x1p", "prod", "eu-1"},
		"")
}

func render(t *testing.T, s *state.Snapshot, still bool) string {
	t.Helper()
	var buf bytes.Buffer
	if err := testPage().writePage(&buf, s, state.GatePolicy{OpenAfter: 10 * time.Minute}, noon, still); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// withoutAssets removes style and script from a page.
func withoutAssets(page string) string {
	return strings.Replace(strings.Replace(page, pageCSS, "", 1), pageJS, "", 1)
}

// TestPage compares the pages, without style and script, with the goldens.
func TestPage(t *testing.T) {
	for name, s := range pages() {
		t.Run(name, func(t *testing.T) {
			got := withoutAssets(render(t, s, false))
			golden.Compare(t, filepath.Join("testdata", "page-"+name+".html"), got)
		})
	}
}

// TestPageObeysNoText checks that untrusted text is escaped, on one line and in order.
func TestPageObeysNoText(t *testing.T) {
	got := strings.Replace(render(t, hostile(), false), "<script>"+pageJS+"</script>", "", 1)
	if n := strings.Count(got, "&lt;script&gt;alert(1)"); n < 10 {
		t.Errorf("the hostile text stands in %d places: the test looks at nothing", n)
	}
	for _, element := range []string{"<script", "<img", "</script"} {
		if strings.Contains(got, element) {
			t.Errorf("the page has %s", element)
		}
	}
	for _, r := range got {
		if r != '\n' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar) {
			t.Errorf("the page has %U", r)
		}
	}
	if opened, closed := strings.Count(got, "<bdi"), strings.Count(got, "</bdi>"); opened != closed {
		t.Errorf("%d elements bdi are opened and %d are closed", opened, closed)
	}
}

// TestPageOfTenThousandWorkspaces checks that the page is bounded and shows failed workspaces
// first.
func TestPageOfTenThousandWorkspaces(t *testing.T) {
	got := render(t, large(), false)
	if len(got) > 400<<10 {
		t.Errorf("the page has %d bytes", len(got))
	}
	if n := strings.Count(got, "<li>"); n != maxRows {
		t.Errorf("%d rows, want %d", n, maxRows)
	}
	if n := strings.Count(got, "<span aria-hidden=\"true\">✓</span> imported"); n != 0 {
		t.Errorf("%d imported workspaces are shown, while failed ones are not", n)
	}
	for _, want := range []string{"<strong>9752</strong> of 10000 workspaces", "9752 done, 248 failed", "248 workspaces: ",
		"and 148 more", "Not shown: 2438 imported.", "Not shown: 48 failed, 2438 imported."} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestPageOfManyGroups(t *testing.T) {
	s := healthy()
	s.Groups = make([]state.Group, maxGroups+7)
	got := render(t, s, false)
	if n := strings.Count(got, "<details"); n != maxGroups || !strings.Contains(got, "7 more groups are not shown") {
		t.Errorf("%d groups are shown, or the page does not say that there are more", n)
	}
}

// TestPageShowsFailingFirst checks the order within each group: failed workspaces first, otherwise
// import order.
func TestPageShowsFailingFirst(t *testing.T) {
	s := healthy()
	s.Groups[0].Workspaces = []state.Workspace{{Slug: "a", State: state.WorkspaceImported},
		{Slug: "b", State: state.WorkspacePending},
		{Slug: "c", State: state.WorkspaceMissing}, {Slug: "d", State: state.WorkspaceSkipped}, {Slug: "e", State: state.WorkspaceFailed}}
	v := newView(s, state.GatePolicy{}, noon, version.Info{}, "")
	var got []string
	for _, r := range v.Groups[0].Rows {
		got = append(got, r.Slug)
	}
	if diff := cmp.Diff([]string{"c", "e", "b", "a", "d"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeadline(t *testing.T) {
	unconfirmed := drifted()
	unconfirmed.Confirmed, unconfirmed.Problem = false, nil
	off := importing()
	off.Gate = state.Gate{Open: true, Why: state.GateOff}
	for name, c := range map[string]struct {
		s       *state.Snapshot
		tone    tone
		text    string
		warning bool
	}{
		"healthy":       {healthy(), toneGood, "Ready", false},
		"waiting":       {waiting(), toneBusy, "Not ready yet", false},
		"importing":     {importing(), toneBusy, "Not ready yet", false},
		"failing":       {failing(), toneBad, "Not ready", false},
		"drifted":       {drifted(), toneWarning, "Ready, but needs attention", false},
		"timed out":     {timedOut(), toneWarning, "Ready without confirmation", true},
		"off":           {off, toneWarning, "Ready without confirmation", true},
		"another one":   {unconfirmed, toneBusy, "Ready, and importing another release", false},
		"a short break": {func() *state.Snapshot { s := healthy(); s.Problem = waiting().Problem; return s }(), toneGood, "Ready", false},
	} {
		v := newView(c.s, state.GatePolicy{}, noon, version.Info{}, "")
		if v.Tone != c.tone || v.Headline != c.text || (v.Warning != "") != c.warning {
			t.Errorf("%s: %s %q, warning %q; want %s %q", name, v.Tone, v.Headline, v.Warning, c.tone, c.text)
		}
	}
}

// TestSummary checks that every phase has a sentence.
func TestSummary(t *testing.T) {
	seen := map[string]state.Phase{}
	for _, phase := range state.Phases() {
		s := importing()
		s.Phase = phase
		text := describePhase(s, noon)
		if other, double := seen[text]; double && phase != state.Watching || !strings.HasSuffix(text, ".") {
			t.Errorf("%s is %q, as %s", phase, text, other)
		}
		seen[text] = phase
	}
	s := healthy()
	s.Release.Verification = state.Partial
	if text := describePhase(s, noon); !strings.Contains(text, "Without a manifest") {
		t.Errorf("partial verification is %q", text)
	}
}

// TestPageOfAPartlyKnownRelease covers a release without a manifest: first the repository is known,
// then the workspaces group by group.
func TestPageOfAPartlyKnownRelease(t *testing.T) {
	s := failing()
	s.Release.Name, s.Groups[2].Workspaces = "", nil
	got := render(t, s, false)
	if !strings.Contains(got, `<p class="release"><bdi>Repository release</bdi></p>`) ||
		!strings.Contains(got, "<strong>5</strong> of 7 workspaces so far") {
		t.Errorf("%s", got)
	}
	if s.Release.Repository = ""; strings.Contains(render(t, s, false), `class="release"`) {
		t.Error("the page names a release that is not known")
	}
}

func TestPageRefreshes(t *testing.T) {
	for name, c := range map[string]struct {
		s       *state.Snapshot
		still   bool
		refresh bool
		says    string
	}{
		"importing":             {importing(), false, true, ">Pause<"},
		"importing, held":       {importing(), true, false, "Paused at "},
		"failing":               {failing(), false, true, ">Pause<"},
		"healthy":               {healthy(), false, false, "Up to date"},
		"healthy, held already": {healthy(), true, false, "Up to date"},
	} {
		got := render(t, c.s, c.still)
		if strings.Contains(got, `http-equiv="refresh"`) != c.refresh || !strings.Contains(got, c.says) {
			t.Errorf("%s: refreshes %t, want %t and %q", name, !c.refresh, c.refresh, c.says)
		}
	}
}

func TestDistance(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 499 * time.Millisecond: "now", -time.Second: "in 1 s", time.Second: "1 s ago",
		119 * time.Second: "119 s ago",
		2 * time.Minute:   "2 min ago", -90 * time.Minute: "in 90 min", 3 * time.Hour: "3 h ago", 47 * time.Hour: "47 h ago",
		-48 * time.Hour: "in 2 days",
	} {
		if got := strings.ReplaceAll(formatDistance(noon, noon.Add(-d)), "\u00a0", " "); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestRunbook(t *testing.T) {
	for v, ref := range map[string]string{"v1.2.3": "v1.2.3", "v1.2.3-0.2026": "main", "": "main", "devel": "main",
		"v1.2.3/../x": "main"} {
		want := "https://github.com/prismeai/workspaces-release/blob/" + ref + "/docs/runbooks/drift.md"
		if got := newRunbook("docs/runbooks/drift.md", publicRunbookURL(version.Info{Version: v})); got.URL != want ||
			got.Path != "docs/runbooks/drift.md" {
			t.Errorf("%s: %s", v, got)
		}
	}
	for _, base := range []string{"https://wiki.example.com/books", "https://wiki.example.com/books/"} {
		if got := newRunbook("docs/runbooks/drift.md", base); got.URL != "https://wiki.example.com/books/drift.md" {
			t.Errorf("%s: %s", base, got.URL)
		}
	}
}

// TestContrast checks the contrast of all text in both color schemes (WCAG 2.2, level AA).
func TestContrast(t *testing.T) {
	light, dark, ok := strings.Cut(pageCSS, "prefers-color-scheme: dark")
	if !ok {
		t.Fatal("there is no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "@media print")
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(css, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		pairs := [][2]string{{"text", "back"}, {"text", "card"}, {"muted", "back"}, {"muted", "card"}, {"link", "back"},
			{"link", "card"}}
		for _, tone := range []tone{toneGood, toneBusy, toneWarning, toneBad, toneQuiet} {
			tint := string(tone) + "-tint"
			pairs = append(pairs, [2]string{string(tone), tint}, [2]string{string(tone), "card"}, [2]string{"text", tint})
		}
		for _, pair := range pairs {
			a, known := colours[pair[0]]
			b, both := colours[pair[1]]
			if ratio := (max(a, b) + .05) / (min(a, b) + .05); !known || !both || ratio < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.1f, want 4.5", scheme, pair[0], pair[1], ratio)
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for n, weight := range []float64{.2126, .7152, .0722} {
		c, err := strconv.ParseUint(hex[2*n:2*n+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(c) / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// FuzzPage checks that text of the platform never changes the elements of the page.
func FuzzPage(f *testing.F) {
	f.Add(nasty)
	f.Add("\x00")
	f.Add("<!-- --></title><meta http-equiv=refresh content=0>")
	elements := regexp.MustCompile(`</?[a-z!][a-z0-9]*|<!`)
	f.Fuzz(func(t *testing.T, text string) {
		s := failing()
		fill := func(text string) string {
			s.Release.Name, s.Problem.Message, s.Problem.Group, s.CorrelationID = text, text, text, text
			s.Groups[1].Name, s.Groups[1].Workspaces[2].Slug, s.Groups[1].Workspaces[2].Error = text, text, text
			return fmt.Sprint(elements.FindAllString(withoutAssets(render(t, s, false)), -1))
		}
		if sanitize(text, maxName) == "" || sanitize(text, maxName) == "…" {
			return // an empty element is omitted
		}
		if want, got := fill("x"), fill(text); got != want {
			t.Errorf("%q makes the elements %s, want %s", text, got, want)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	s, p := large(), testPage()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.writePage(io.Discard, s, state.GatePolicy{}, noon, false); err != nil {
			b.Fatal(err)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// browser is a real browser. It renders pages and reports policy violations.
type browser struct {
	program string
	profile string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("chromium takes seconds for each page")
	}
	return &browser{needs.Program(t, "chromium"), t.TempDir()}
}

// run loads url in headless mode. It returns standard output and the console messages of the pages.
func (b *browser) run(t *testing.T, url string, args ...string) (out, console string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	args = append(args, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
		"--disable-background-networking",
		"--disable-dev-shm-usage", "--enable-logging=stderr", "--user-data-dir="+b.profile, url)
	cmd := exec.CommandContext(ctx, b.program, args...)
	cmd.WaitDelay = patience
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, &stderr)
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			console += line
		}
	}
	return stdout.String(), console
}

// shoot takes a screenshot of a page. scheme is light or dark.
func (b *browser) shoot(t *testing.T, url, scheme string, width, height int) image.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.png")
	preference := map[string]string{"dark": "0", "light": "1"}[scheme]
	_, console := b.run(t, url, "--screenshot="+file, fmt.Sprintf("--window-size=%d,%d", width, height),
		"--blink-settings=preferredColorScheme="+preference)
	if console != "" {
		t.Errorf("the page says on the console: %s", console)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// TestBrowserShowsThePage checks colors in both schemes and the absence of policy violations.
func TestBrowserShowsThePage(t *testing.T) {
	b := newBrowser(t)
	for name, c := range map[string]struct {
		s    *state.Snapshot
		tint map[string]color.NRGBA // of the banner
	}{
		"healthy": {healthy(), map[string]color.NRGBA{"light": {0xdf, 0xf4, 0xe5, 0xff}, "dark": {0x12, 0x30, 0x1f, 0xff}}},
		"failing": {failing(), map[string]color.NRGBA{"light": {0xfd, 0xe3, 0xe5, 0xff}, "dark": {0x40, 0x1a, 0x20, 0xff}}},
		"hostile": {hostile(), map[string]color.NRGBA{"light": {0xfd, 0xe3, 0xe5, 0xff}}},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(New(storeOf(c.s), options()).Handler())
			defer web.Close()
			dom, console := b.run(t, web.URL+"/?refresh=off", "--dump-dom")
			if !strings.Contains(dom, `<h1 id="state">`) || strings.Count(dom, "<script") != 1 ||
				strings.Contains(dom, "<img") || console != "" {
				t.Errorf("the browser says %q, and understands\n%s", console, dom)
			}
			for scheme, want := range c.tint {
				picture := b.shoot(t, web.URL+"/?refresh=off", scheme, 1280, 900)
				if got := share(picture, want); got < .05 || got > .5 {
					t.Errorf("%s: %.1f %% of the picture has the colour of the banner", scheme, got*100)
				}
			}
		})
	}
}

// share returns the share of pixels of one color.
func share(picture image.Image, want color.NRGBA) float64 {
	n, size := 0, picture.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			if color.NRGBAModel.Convert(picture.At(x, y)) == want {
				n++
			}
		}
	}
	return float64(n) / float64(size.Dx()*size.Dy())
}

// TestPageFitsAPhone checks that the page does not scroll horizontally at the width of a phone,
// even with long names. It uses a frame, because a headless browser is at least 500 pixels wide.
func TestPageFitsAPhone(t *testing.T) {
	b := newBrowser(t)
	all := pages()
	all["hundreds"] = hundreds()
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			web := servePageAtNoon(t, s, true)
			dom, _ := b.run(t, web.URL+"/phone", "--dump-dom")
			_, after, _ := strings.Cut(dom, "<title>")
			if title, _, _ := strings.Cut(after, "</title>"); title != "width 390 of 390" {
				t.Errorf("%s, want 390 of 390\n%s", title, dom)
			}
		})
	}
}

// servePageAtNoon serves a page at /, and a frame with the width of a phone that has it at /phone.
func servePageAtNoon(t *testing.T, s *state.Snapshot, still bool) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		if err := testPage().writePage(w, s, state.GatePolicy{}, noon, still); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/phone", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<!DOCTYPE html><body style="margin:0">
			<iframe src="/" width="390" height="1800" style="border:0" onload="
			let page = this.contentDocument.documentElement;
			document.title = 'width ' + page.clientWidth + ' of ' + page.scrollWidth"></iframe>`)
	})
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return web
}

var pictures = flag.String("pictures", "", "draw the status page for docs/ into this directory")

// TestPictures draws the pictures of the documentation, if -pictures is set.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("only with -pictures")
	}
	b := newBrowser(t)
	web := servePageAtNoon(t, hundreds(), false)
	for name, c := range map[string]struct {
		path string
		size image.Rectangle
	}{
		"desktop": {"/", image.Rect(0, 0, 1280, 1310)},
		"phone":   {"/phone", image.Rect(0, 0, 390, 1220)},
	} {
		shot := b.shoot(t, web.URL+c.path, "light", max(c.size.Dx(), 500), c.size.Dy())
		picture := image.NewNRGBA(c.size)
		draw.Draw(picture, c.size, shot, image.Point{}, draw.Src)
		var data bytes.Buffer
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		if err := encoder.Encode(&data, picture); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*pictures, "status-page-"+name+".png"), data.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

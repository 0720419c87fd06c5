// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// sizes are the numbers of workspaces of the picture.
var sizes = []int{10, 30, 100, 300, 1000, 3000}

// panel is a part of the picture: one figure over the number of workspaces.
type panel struct {
	title         string
	first, second []float64
}

// drawGrowth builds growing numbers of workspaces, each number a second time after one change, and
// draws time, memory, requests and bytes.
func (b *bench) drawGrowth(ctx context.Context) error {
	if b.picture == "" {
		return nil
	}
	m := b.startMeter()
	defer m.Close()
	panels := []panel{
		{title: "time in s"},
		{title: "peak memory in MiB"},
		{title: "requests"},
		{title: "bytes sent in kB"},
	}
	for _, n := range sizes {
		name := fmt.Sprintf("g%d", n)
		if err := b.writeCorpus(name, n/2, n-n/2); err != nil {
			return err
		}
		source := filepath.Join(b.dir, name)
		first, err := b.measureBuild(ctx, m, source, name, "v1")
		if err != nil {
			return err
		}
		if err := b.changeOne(name); err != nil {
			return err
		}
		second, err := b.measureBuild(ctx, m, source, name, "v2")
		if err != nil {
			return err
		}
		for i, figure := range []func(traffic) float64{
			func(t traffic) float64 { return t.wall.Seconds() },
			func(t traffic) float64 { return t.peak },
			func(t traffic) float64 { return float64(t.requests) },
			func(t traffic) float64 { return float64(t.sent) / 1e3 },
		} {
			panels[i].first = append(panels[i].first, figure(first))
			panels[i].second = append(panels[i].second, figure(second))
		}
		if err := os.RemoveAll(source); err != nil {
			return err
		}
	}
	return os.WriteFile(b.picture, []byte(drawPanels(panels)), 0o644)
}

// Measures of the picture in its own units.
const (
	panelWidth  = 360
	panelHeight = 240
	margin      = 48
)

// drawPanels draws the panels in two columns, with logarithmic axes.
func drawPanels(panels []panel) string {
	var b strings.Builder
	rows := (len(panels) + 1) / 2
	fmt.Fprintf(&b, "<svg xmlns=%q viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">\n",
		"http://www.w3.org/2000/svg", 2*panelWidth, rows*panelHeight+30)
	fmt.Fprintf(&b, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n")
	for i, p := range panels {
		fmt.Fprintf(&b, "<g transform=\"translate(%d %d)\">\n", i%2*panelWidth, i/2*panelHeight)
		p.drawPanel(&b)
		b.WriteString("</g>\n")
	}
	y := rows*panelHeight + 12
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" fill=\"#1f5fbf\">● first build</text>\n", margin, y)
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" fill=\"#c2571a\">● after a change of one workspace, with a cache</text>\n",
		margin+110, y)
	b.WriteString("</svg>\n")
	return b.String()
}

// drawPanel draws a panel. Both axes span whole powers of ten.
func (p panel) drawPanel(b *strings.Builder) {
	low := math.Inf(1)
	high := math.Inf(-1)
	for _, v := range append(append([]float64{}, p.first...), p.second...) {
		low = math.Min(low, math.Floor(math.Log10(v)))
		high = math.Max(high, math.Ceil(math.Log10(v)))
	}
	right := math.Ceil(math.Log10(float64(sizes[len(sizes)-1])))
	x := func(workspaces float64) float64 {
		return margin + (math.Log10(workspaces)-1)/(right-1)*(panelWidth-2*margin)
	}
	y := func(value float64) float64 {
		return panelHeight - margin - (math.Log10(value)-low)/(high-low)*(panelHeight-2*margin)
	}
	fmt.Fprintf(b, "<text x=\"%d\" y=\"24\" font-size=\"13\" font-weight=\"bold\">%s</text>\n", margin, p.title)
	for e := low; e <= high; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(
			b,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>",
			margin,
			panelWidth-margin,
			y(v),
			y(v),
		)
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", margin-6, y(v)+4, formatTick(v))
	}
	for e := 1.0; e <= right; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(
			b,
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x(v),
			panelHeight-margin+18,
			formatTick(v),
		)
	}
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"#555\">workspaces</text>\n",
		panelWidth/2, panelHeight-margin+32)
	for _, line := range []struct {
		color  string
		values []float64
	}{{"#1f5fbf", p.first}, {"#c2571a", p.second}} {
		var points []string
		for i, v := range line.values {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(float64(sizes[i])), y(v)))
			fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>", x(float64(sizes[i])), y(v), line.color)
		}
		fmt.Fprintf(b, "<polyline fill=\"none\" stroke=\"%s\" points=\"%s\"/>\n", line.color, strings.Join(points, " "))
	}
}

// formatTick writes a power of ten with separators of thousands.
func formatTick(v float64) string {
	if v < 1 {
		return fmt.Sprintf("%g", v)
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

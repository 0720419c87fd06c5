// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Layout of the picture, in pixels.
const (
	pictureWidth = 880
	plotHeight   = 150
	plotGap      = 46
	marginLeft   = 56
	marginRight  = 36
)

// slotColors returns the colors of the slots.
func slotColors() []string { return []string{"#c4162a", "#3274d9", "#37872d", "#e5850a"} }

// plot is a chart over the time of the soak.
type plot struct {
	title string
	dots  []dot
}

// dot is a value of a slot at a time.
type dot struct {
	at    time.Time
	slot  int
	value float64
}

// Draw writes an SVG with the time from start to Ready of each sidecar, and the memory and file
// descriptors of the sidecars over time. Vertical lines mark the pauses.
func (r *Record) Draw(out io.Writer) error {
	var b strings.Builder
	plots := r.newPlots()
	height := len(plots)*(plotHeight+plotGap) + 30
	fmt.Fprintf(&b, "<svg xmlns=%q viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		"http://www.w3.org/2000/svg", pictureWidth, height)
	fmt.Fprintf(&b, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", pictureWidth, height)
	for n, p := range plots {
		r.drawPlot(&b, p, 24+n*(plotHeight+plotGap))
	}
	for slot, color := range slotColors() {
		x := marginLeft + slot*170
		name := fmt.Sprintf("sidecar %d", slot+1)
		if slot == 0 {
			name += ", never restarted"
		}
		fmt.Fprintf(&b, "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=%q/>", x, height-14, color)
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\">%s</text>\n", x+10, height-10, name)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Record) newPlots() []plot {
	ready := plot{title: "Seconds from the start of a sidecar to Ready"}
	for _, l := range r.Lives {
		if !l.Ready.IsZero() {
			ready.dots = append(ready.dots, dot{at: l.Ready, slot: l.Slot, value: l.Ready.Sub(l.Begin).Seconds()})
		}
	}
	rss := plot{title: "Resident memory in MB"}
	fds := plot{title: "Open file descriptors"}
	for _, s := range r.Samples {
		rss.dots = append(rss.dots, dot{s.At, s.Slot, s.RSS / 1e6})
		fds.dots = append(fds.dots, dot{s.At, s.Slot, float64(s.FDs)})
	}
	return []plot{ready, rss, fds}
}

// drawPlot draws a chart whose upper edge is at top.
func (r *Record) drawPlot(b *strings.Builder, p plot, top int) {
	highest := 1.0
	for _, d := range p.dots {
		highest = max(highest, d.value)
	}
	x := func(t time.Time) float64 {
		return marginLeft + t.Sub(r.Begin).Seconds()/r.End.Sub(r.Begin).Seconds()*(pictureWidth-marginLeft-marginRight)
	}
	y := func(v float64) float64 { return float64(top) + plotHeight*(1-v/highest) }
	fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", marginLeft, top-8, p.title)
	for _, s := range r.Settled {
		drawLine(b, x(s.At), float64(top), x(s.At), float64(top+plotHeight), "#ddd")
	}
	for _, share := range []float64{0, .5, 1} {
		at := y(highest * share)
		drawLine(b, marginLeft, at, pictureWidth-marginRight, at, "#bbb")
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n", marginLeft-6, at+4, highest*share)
	}
	for _, d := range p.dots {
		fmt.Fprintf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=%q fill-opacity=\"0.7\"/>\n",
			x(d.at), y(d.value), slotColors()[d.slot])
	}
	minutes := r.End.Sub(r.Begin).Minutes()
	for _, share := range []float64{0, .25, .5, .75, 1} {
		at := r.Begin.Add(time.Duration(share * float64(r.End.Sub(r.Begin))))
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.3g min</text>\n",
			x(at), top+plotHeight+16, share*minutes)
	}
}

func drawLine(b *strings.Builder, x1, y1, x2, y2 float64, color string) {
	fmt.Fprintf(b, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=%q/>\n", x1, y1, x2, y2, color)
}

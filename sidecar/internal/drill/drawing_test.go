// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// pageModel is the input of the template.
type pageModel struct {
	Title, Caption string
	Height         int
	Panels         []drawing
}

func (p *pageModel) add(d drawing) {
	p.Panels = append(p.Panels, d)
	p.Height = max(p.Height, d.Y+d.H+12)
}

// drawing is a panel in pixels.
type drawing struct {
	Type, Title  string
	X, Y, W, H   int
	PlotW, PlotH int
	Series       []series
	Legend       []series
	Columns      []string
	Rows         [][]string
	Shapes       []shape
	unit         string
	from, to     float64
}

// shape is an SVG element.
type shape struct {
	Kind       string // text, rect, area, line
	X, Y, W, H float64
	Text       string
	Color      string
}

const (
	left   = 60 // for the labels of the axis and of rows, in pixels
	bottom = 14
	tick   = 32 // width of a label of the time axis, with its margin
)

func newDrawing(p *panelModel, all []series, span [2]time.Time) drawing {
	g := p.Grid
	d := drawing{Type: p.Type, Title: p.Title, X: g.X*column + 8, Y: g.Y * line, W: g.W*column - 6, H: g.H*line - 6,
		Series: all,
		unit:   p.Field.Defaults.Unit, from: float64(span[0].UnixMilli()) / 1000, to: float64(span[1].UnixMilli()) / 1000}
	d.PlotW, d.PlotH = d.W-18, d.H-42
	switch p.Type {
	case "stat":
		d.stat(p)
	case "table":
		d.table()
	case "state-timeline":
		d.timeline(p)
	case "timeseries":
		d.graph(p)
	}
	return d
}

func (d *drawing) stat(p *panelModel) {
	d.Series = slices.DeleteFunc(d.Series, d.gone)
	for n := range d.Series {
		s := &d.Series[n]
		s.Text = inUnit(s.last(), d.unit)
		for _, step := range p.Field.Defaults.Thresholds.Steps {
			if step.Value == nil || s.last() >= *step.Value {
				s.Color = color(step.Color)
			}
		}
	}
}

// gone reports whether the series ended before the end of the picture.
func (d *drawing) gone(s series) bool { return s.Points[len(s.Points)-1].At < d.to-2 }

func (d *drawing) table() {
	d.Series = slices.DeleteFunc(d.Series, d.gone)
	names := map[string]bool{}
	for _, s := range d.Series {
		for name := range s.Labels {
			names[name] = true
		}
	}
	d.Columns = slices.Sorted(maps.Keys(names))
	for _, s := range d.Series {
		var row []string
		for _, c := range d.Columns {
			row = append(row, s.Labels[c])
		}
		d.Rows = append(d.Rows, row)
	}
}

func (d *drawing) x(at float64) float64 {
	return left + (at-d.from)/(d.to-d.from)*float64(d.PlotW-left)
}

// timeline draws a row of colored bars for each series.
func (d *drawing) timeline(p *panelModel) {
	states := p.Field.Defaults.Mappings[0].Options
	height := float64(d.PlotH-bottom) / float64(len(d.Series))
	used := map[string]bool{}
	for n, s := range d.Series {
		y := float64(n) * height
		d.Shapes = append(d.Shapes, shape{Kind: "text", Y: y + height/2 + 3, Text: s.Name, Color: "#24292e"})
		for i := 0; i < len(s.Points); {
			j := i
			for j < len(s.Points) && s.Points[j].Value == s.Points[i].Value {
				j++
			}
			end := d.to
			if j < len(s.Points) {
				end = s.Points[j].At
			}
			at := states[fmt.Sprint(s.Points[i].Value)]
			used[fmt.Sprint(s.Points[i].Value)] = true
			x, w := d.x(s.Points[i].At), d.x(end)-d.x(s.Points[i].At)
			d.Shapes = append(d.Shapes, shape{Kind: "rect", X: x, Y: y + 3, W: max(w, 1), H: height - 6, Color: at.Color})
			if w > 7*float64(len(at.Text)) {
				d.Shapes = append(d.Shapes, shape{Kind: "text", X: x + 3, Y: y + height/2 + 3, Text: at.Text, Color: "#fff"})
			}
			i = j
		}
	}
	for _, key := range slices.Sorted(maps.Keys(used)) {
		d.Legend = append(d.Legend, series{Name: states[key].Text, Color: states[key].Color})
	}
	d.axis()
}

// axis draws the time axis in seconds, with as many labels as have space.
func (d *drawing) axis() {
	step := 5.0
	for d.x(d.from+step)-d.x(d.from) < tick {
		step *= 2
	}
	for s := 0.0; d.x(d.from+s)+tick <= float64(d.PlotW); s += step {
		d.Shapes = append(d.Shapes, shape{Kind: "text", X: d.x(d.from + s), Y: float64(d.PlotH) - 2,
			Text: fmt.Sprintf("%.0f s", s), Color: "#888"})
	}
}

// color returns a Grafana color by name.
func color(name string) string {
	if named := map[string]string{"green": "#37872d", "semi-dark-green": "#96d98d", "orange": "#e5850a", "red": "#c4162a",
		"blue": "#3274d9", "yellow": "#e5c70a"}[name]; named != "" {
		return named
	}
	return name
}

// colorSeries assigns each series its color in the dashboard, or a default.
func (d *drawing) colorSeries(p *panelModel) {
	palette := []string{"#3274d9", "#e5850a", "#37872d", "#c4162a", "#8f3bb8", "#56a6d6", "#b0a30d", "#8e8e8e"}
	for n := range d.Series {
		d.Series[n].Color = palette[n%len(palette)]
		for _, o := range p.Field.Overrides {
			if o.Matcher.Options == d.Series[n].Name {
				d.Series[n].Color = color(o.Properties[0].Value.FixedColor)
			}
		}
	}
}

// graph draws lines or stacked areas.
func (d *drawing) graph(p *panelModel) {
	d.colorSeries(p)
	stacked := p.Field.Defaults.Custom.Stacking.Mode == "normal"
	at, top := map[float64]float64{}, 0.0
	for n := range d.Series {
		for _, p := range d.Series[n].Points {
			v := p.Value
			if stacked {
				at[p.At] += v
				v = at[p.At]
			}
			top = max(top, v)
		}
	}
	if top == 0 {
		top = 1
	}
	height := float64(d.PlotH - bottom - 6)
	y := func(v float64) float64 { return 6 + height*(1-v/top) }
	for _, share := range []float64{0, .5, 1} {
		d.Shapes = append(d.Shapes, shape{Kind: "rect", X: left, Y: y(top * share), W: float64(d.PlotW - left), H: .6,
			Color: "#e3e3e3"},
			shape{Kind: "text", X: 0, Y: y(top*share) + 4, Text: inUnit(top*share, d.unit), Color: "#666"})
	}
	base := map[float64]float64{}
	for _, s := range d.Series {
		var upper, lower []string
		for _, p := range s.Points {
			lower = append(lower, fmt.Sprintf("%.1f,%.1f", d.x(p.At), y(base[p.At])))
			v := p.Value
			if stacked {
				base[p.At] += v
				v = base[p.At]
			}
			upper = append(upper, fmt.Sprintf("%.1f,%.1f", d.x(p.At), y(v)))
		}
		one := shape{Kind: "line", Text: strings.Join(upper, " "), Color: s.Color}
		if stacked {
			slices.Reverse(lower)
			one = shape{Kind: "area", Text: strings.Join(append(upper, lower...), " "), Color: s.Color}
		}
		d.Shapes = append(d.Shapes, one)
	}
	d.Legend = d.Series
	d.axis()
}

func inUnit(v float64, unit string) string {
	switch unit {
	case "percentunit":
		return fmt.Sprintf("%.3g %%", v*100)
	case "s":
		if days := v / 86400; days >= 2 {
			return fmt.Sprintf("%.1f d", days)
		}
		return time.Duration(v * float64(time.Second)).Round(10 * time.Millisecond).String()
	case "reqps":
		return fmt.Sprintf("%.3g/s", v)
	}
	return fmt.Sprintf("%.3g", v)
}

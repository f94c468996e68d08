package main

import (
	"cmp"
	"fmt"
	"html"
	"strings"
)

// bar is one bar of a plot.
type bar struct {
	group, label     string
	value, low, high float64
	strong           bool // ours
}

// Sizes of plots, in pixels.
const (
	plotWidth  = 760
	plotLeft   = 230
	plotRight  = 90
	barHeight  = 18
	barPitch   = 26
	groupSpace = 34
	plotTop    = 34
)

// style colours a plot for both themes: what embeds it as an image passes no colours on.
const style = `<style>
text{font:13px sans-serif;fill:#24292f}.title{font-weight:bold}.quiet{fill:#57606a}
.bar{fill:#8c959f}.ours{fill:#0969da}.line{stroke:#24292f;stroke-width:1.5;fill:none}.axis{stroke:#d0d7de}.curve{stroke:#0969da;stroke-width:1.5;fill:none}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.bar{fill:#6e7681}.ours{fill:#4493f8}.line{stroke:#e6edf3}.axis{stroke:#3d444d}.curve{stroke:#4493f8}}
</style>
`

// barPlot draws bars from the left, with a whisker from the least to the most.
func barPlot(title string, bars []bar) string {
	most := 0.0
	for _, b := range bars {
		most = max(most, b.value, b.high)
	}
	scale := float64(plotWidth-plotLeft-plotRight) / cmp.Or(most, 1)
	var body strings.Builder
	y, group := plotTop, ""
	for _, b := range bars {
		if b.group != group {
			group = b.group
			y += groupSpace
			fmt.Fprintf(&body, "<text x=\"10\" y=\"%d\" class=\"quiet\">%s</text>\n", y-10, html.EscapeString(group))
		}
		class := "bar"
		if b.strong {
			class = "ours"
		}
		middle := float64(y) + barHeight/2.0
		fmt.Fprintf(&body, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", plotLeft-8, middle+4.5, html.EscapeString(b.label))
		fmt.Fprintf(&body, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>\n", plotLeft, y, b.value*scale, barHeight, class)
		fmt.Fprintf(&body, "<path d=\"M%.1f %.1fH%.1f\" class=\"line\"/>\n", plotLeft+b.low*scale, middle, plotLeft+b.high*scale)
		fmt.Fprintf(&body, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", plotLeft+max(b.value, b.high)*scale+8, middle+4.5, count(int(b.value)))
		y += barPitch
	}
	return svgPage(title, y+10, body.String())
}

// curve is a line over time.
type curve struct {
	label  string
	points [][2]float64 // x, y
}

// curvePlot draws curves below one another, each scaled to its own length in x and all to the same height.
func curvePlot(title, unit string, curves []curve) string {
	const height, left = 200, 60
	var body strings.Builder
	y, top := plotTop+10, 0.0
	for _, c := range curves {
		for _, p := range c.points {
			top = max(top, p[1])
		}
	}
	for _, c := range curves {
		right := 0.0
		for _, p := range c.points {
			right = max(right, p[0])
		}
		scaleX, scaleY := float64(plotWidth-left-20)/cmp.Or(right, 1), float64(height)/cmp.Or(top, 1)
		fmt.Fprintf(&body, "<text x=\"10\" y=\"%d\" class=\"quiet\">%s</text>\n", y+14, html.EscapeString(c.label))
		base := y + 24 + height
		fmt.Fprintf(&body, "<path d=\"M%d %dV%dH%d\" class=\"axis\" fill=\"none\"/>\n", left, y+24, base, plotWidth-20)
		fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f %s</text>\n", left-4, y+34, top, unit)
		fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f s</text>\n", plotWidth-20, base+16, right)
		body.WriteString("<path class=\"curve\" d=\"")
		for i, p := range c.points {
			fmt.Fprintf(&body, "%c%.1f %.1f", "ML"[min(i, 1)], left+p[0]*scaleX, float64(base)-p[1]*scaleY)
		}
		body.WriteString("\"/>\n")
		y = base + 30
	}
	return svgPage(title, y, body.String())
}

func svgPage(title string, height int, body string) string {
	title = html.EscapeString(title)
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n<title>%s</title>\n%s<text x=\"10\" y=\"22\" class=\"title\">%s</text>\n%s</svg>\n",
		plotWidth, height, title, style, title, body)
}

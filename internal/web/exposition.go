package web

import (
	"bufio"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/text"
)

// sheet is the response to one scrape, in Prometheus's text format 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
type sheet struct{ families map[string]*family }

// family is a metric with a value for each set of labels.
type family struct {
	kind, help string
	samples    []sample
}

// sample is a line of the format. Histograms add a suffix to the name.
type sample struct {
	suffix string
	labels []string // alternating names and values
	value  float64
}

// gauge adds a value. labels are alternating names and values.
func (x *sheet) gauge(name, help string, value float64, labels ...string) {
	x.add("gauge", name, help, sample{"", labels, value})
}

// counter adds a value that never decreases.
func (x *sheet) counter(name, help string, value float64, labels ...string) {
	x.add("counter", name, help, sample{"", labels, value})
}

// histogram adds the number of observations up to each bound, and their sum.
func (x *sheet) histogram(name, help string, h *histogram, labels ...string) {
	var samples []sample
	upTo := uint64(0)
	for i, n := range h.counts {
		bound := math.Inf(1)
		if i < len(h.bounds) {
			bound = h.bounds[i]
		}
		upTo += n
		samples = append(samples, sample{"_bucket", append(slices.Clone(labels), "le", number(bound)), float64(upTo)})
	}
	x.add("histogram", name, help, append(samples, sample{"_sum", labels, h.sum}, sample{"_count", labels, float64(upTo)})...)
}

func (x *sheet) add(kind, name, help string, samples ...sample) {
	if x.families == nil {
		x.families = map[string]*family{}
	}
	f := x.families[name]
	if f == nil {
		f = &family{kind: kind, help: help}
		x.families[name] = f
	}
	f.samples = append(f.samples, samples...)
}

// write writes the families in the order of their names.
func (x *sheet) write(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(x.families)) {
		f := x.families[name]
		w.WriteString("# HELP " + name + " " + helpEscape.Replace(f.help) + "\n")
		w.WriteString("# TYPE " + name + " " + f.kind + "\n")
		for _, s := range f.samples {
			w.WriteString(name + s.suffix)
			for i := 0; i < len(s.labels); i += 2 {
				w.WriteByte("{,"[min(i, 1)])
				w.WriteString(s.labels[i] + `="` + labelEscape.Replace(label(s.labels[i+1])) + `"`)
			}
			if len(s.labels) > 0 {
				w.WriteByte('}')
			}
			w.WriteString(" " + number(s.value) + "\n")
		}
	}
	return w.Flush()
}

// The format requires escapes in help texts and label values.
var (
	helpEscape  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// label returns a name with invisible characters made visible, for use in a label.
func label(s string) string { return text.Visible(s) }

// histogram counts observations in buckets. A bound is part of the bucket that it ends.
type histogram struct {
	bounds []float64
	counts []uint64 // one more than bounds; the last is above all bounds
	sum    float64
}

func newHistogram(bounds []float64) *histogram {
	return &histogram{bounds: bounds, counts: make([]uint64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i]++
	h.sum += v
}

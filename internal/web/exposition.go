package web

import (
	"bufio"
	_ "embed"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"cocsync/internal/text"
)

// families has the help and the type of each metric, in the order of their names.
//
//go:embed assets/metrics.txt
var families string

// samples is the response to one scrape, in Prometheus's text format 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
type samples struct {
	names  map[string][]string // names and labels, as written, by metric
	values map[string]float64  // by name and labels
}

func newSamples() samples { return samples{map[string][]string{}, map[string]float64{}} }

// add adds to a value. labels are alternating names and values. Names that are equal once
// invisible characters are replaced share a value.
func (x *samples) add(metric string, value float64, labels ...string) {
	x.addTo(metric, metric, value, labels)
}

func (x *samples) addTo(metric, name string, value float64, labels []string) {
	sample := name
	if len(labels) > 0 {
		var pairs []string
		for i := 0; i < len(labels); i += 2 {
			pairs = append(pairs, labels[i]+`="`+escapeLabel(text.Visible(labels[i+1]))+`"`)
		}
		sample += "{" + strings.Join(pairs, ",") + "}"
	}
	if _, ok := x.values[sample]; !ok {
		x.names[metric] = append(x.names[metric], sample)
	}
	x.values[sample] += value
}

// escapeLabel escapes a label's value as the format requires.
func escapeLabel(value string) string {
	value = strings.ReplaceAll(value, `\`, `\\`)
	value = strings.ReplaceAll(value, "\n", `\n`)
	return strings.ReplaceAll(value, `"`, `\"`)
}

// observe adds a value to a histogram. A bound is part of the bucket that it ends.
func (x *samples) observe(metric string, bounds []float64, value float64, labels ...string) {
	for _, bound := range append(slices.Clone(bounds), math.Inf(1)) {
		within := boolean(value <= bound)
		x.addTo(metric, metric+"_bucket", within, append(slices.Clone(labels), "le", number(bound)))
	}
	x.addTo(metric, metric+"_sum", value, labels)
	x.addTo(metric, metric+"_count", 1, labels)
}

// merge adds the samples of other metrics.
func (x *samples) merge(other samples) {
	maps.Copy(x.names, other.names)
	maps.Copy(x.values, other.values)
}

// write writes the metrics that have values, in the order of families.
func (x *samples) write(out io.Writer, families string) error {
	w := bufio.NewWriter(out)
	for family := range strings.SplitSeq(families, "# HELP ") {
		name, _, _ := strings.Cut(family, " ")
		if len(x.names[name]) > 0 {
			w.WriteString("# HELP " + family)
		}
		for _, sample := range x.names[name] {
			w.WriteString(sample + " " + number(x.values[sample]) + "\n")
		}
	}
	return w.Flush()
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// boolean returns 1 for true and 0 for false.
func boolean(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

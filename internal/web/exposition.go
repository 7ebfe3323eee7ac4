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

// sheet is the response to one scrape, in Prometheus's text format 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
type sheet struct {
	samples map[string][]string // names and labels, as written, by metric
	values  map[string]float64  // by sample
}

func newSheet() sheet { return sheet{map[string][]string{}, map[string]float64{}} }

// add adds to a value. labels are alternating names and values. Names that are equal once
// invisible characters are replaced share a value.
func (x *sheet) add(metric string, value float64, labels ...string) {
	x.addTo(metric, metric, value, labels)
}

func (x *sheet) addTo(metric, name string, value float64, labels []string) {
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(labels[i] + `="` + labelEscape.Replace(text.Visible(labels[i+1])) + `"`)
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	sample := b.String()
	if _, ok := x.values[sample]; !ok {
		x.samples[metric] = append(x.samples[metric], sample)
	}
	x.values[sample] += value
}

// labelEscape has the escapes that the format requires.
var labelEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// observe adds a value to a histogram. A bound is part of the bucket that it ends.
func (x *sheet) observe(metric string, bounds []float64, value float64, labels ...string) {
	for _, bound := range append(slices.Clone(bounds), math.Inf(1)) {
		within := boolean(value <= bound)
		x.addTo(metric, metric+"_bucket", within, append(slices.Clone(labels), "le", number(bound)))
	}
	x.addTo(metric, metric+"_sum", value, labels)
	x.addTo(metric, metric+"_count", 1, labels)
}

// merge adds the values of another sheet with other metrics.
func (x *sheet) merge(other sheet) {
	maps.Copy(x.samples, other.samples)
	maps.Copy(x.values, other.values)
}

// write writes the metrics that have values, in the order of families.
func (x *sheet) write(out io.Writer, families string) error {
	w := bufio.NewWriter(out)
	for family := range strings.SplitSeq(families, "# HELP ") {
		name, _, _ := strings.Cut(family, " ")
		if len(x.samples[name]) > 0 {
			w.WriteString("# HELP " + family)
		}
		for _, sample := range x.samples[name] {
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

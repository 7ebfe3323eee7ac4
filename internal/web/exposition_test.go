package web

import (
	"strings"
	"testing"
)

// Output follows the format: families sorted by name, cumulative buckets, and escaped texts
// and labels.
func TestExposition(t *testing.T) {
	h := newHistogram([]float64{0.5, 2})
	for _, v := range []float64{0.25, 0.5, 1, 3, 1e9} {
		h.observe(v)
	}
	var x sheet
	x.gauge("b", `A \ and a "quote"`+"\nand a line.", 1, "name", "a\"b\\c\nd")
	x.histogram("c_seconds", "How long.", h, "watch", "w")
	x.counter("a_total", "Some.", 12345678.5)
	x.gauge("b", "", 0.1, "name", "", "other", "x")
	var out strings.Builder
	if err := x.write(&out); err != nil {
		t.Fatal(err)
	}
	want := `# HELP a_total Some.
# TYPE a_total counter
a_total 1.23456785e+07
# HELP b A \\ and a "quote"\nand a line.
# TYPE b gauge
b{name="a\"b\\c^Jd"} 1
b{name="",other="x"} 0.1
# HELP c_seconds How long.
# TYPE c_seconds histogram
c_seconds_bucket{watch="w",le="0.5"} 2
c_seconds_bucket{watch="w",le="2"} 3
c_seconds_bucket{watch="w",le="+Inf"} 5
c_seconds_sum{watch="w"} 1.00000000475e+09
c_seconds_count{watch="w"} 5
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

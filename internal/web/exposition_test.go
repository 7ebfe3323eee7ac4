package web

import (
	"strings"
	"testing"
)

// Output follows the format: metrics with values in the order of
// families, cumulative buckets, and escaped labels.
func TestExposition(t *testing.T) {
	x := newSamples()
	x.add("b", 1, "name", "a\"b\\c\nd")
	for _, v := range []float64{0.25, 0.5, 1, 3, 1e9} {
		x.observe("c_seconds", []float64{0.5, 2}, v, "watch", "w")
	}
	x.add("a_total", 12345678)
	x.add("a_total", 0.5)
	x.add("b", 0.1, "name", "", "other", "x")
	var out strings.Builder
	families := "# HELP a_total Some.\n# TYPE a_total counter\n# HELP absent None.\n# TYPE absent gauge\n# HELP b A word.\n# TYPE b gauge\n" +
		"# HELP c_seconds How long.\n# TYPE c_seconds histogram\n"
	if err := x.write(&out, families); err != nil {
		t.Fatal(err)
	}
	want := `# HELP a_total Some.
# TYPE a_total counter
a_total 1.23456785e+07
# HELP b A word.
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

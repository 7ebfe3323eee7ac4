package web

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// Text has a contrast of at least 4.5 to 1 with its background, in the light and the dark
// scheme: https://www.w3.org/TR/WCAG22/#contrast-minimum.
func TestContrast(t *testing.T) {
	colors := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)`).FindAllStringSubmatch(styleSheet(t), -1) {
		colors[m[1]] = [2]string{m[2], m[3]}
	}
	for _, tt := range []struct {
		text        string
		backgrounds []string
	}{
		{"text", []string{"page", "band", "red-line", "red-word", "green-line", "green-word", "raw"}},
		{"muted", []string{"page", "band", "red-line", "green-line"}},
		{"link", []string{"page", "band", "raw"}},
		{"change", []string{"page", "band", "raw"}},
		{"red", []string{"page", "band", "red-line"}},
		{"green", []string{"page", "band", "raw"}},
	} {
		for _, background := range tt.backgrounds {
			for i, mode := range []string{"light", "dark"} {
				got := contrast(t, colors[tt.text][i], colors[background][i])
				t.Logf("%s on %s, %s: %.1f", tt.text, background, mode, got)
				if got < 4.5 {
					t.Errorf("%s on %s, %s: contrast %.2f, want at least 4.5", tt.text, background, mode, got)
				}
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance returns the relative luminance of a color:
// https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(color, 16, 24)
	if err != nil {
		t.Fatalf("color %q: %v", color, err)
	}
	part := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

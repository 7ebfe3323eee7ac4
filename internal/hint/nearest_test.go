package hint

import (
	"strings"
	"testing"
)

// A distance counts letters, and a swap of neighbours once.
func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"", "", 0}, {"log", "log", 0}, {"log", "", 3}, {"lgo", "log", 1}, {"statsu", "status", 1}, {"diff", "dif", 1}, {"作业", "作事", 1},
	} {
		if got := distance(tt.from, tt.to); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}

// Names that share most letters with what was typed, or contain it, are near.
func TestNearest(t *testing.T) {
	names := []string{"restart-unhealthy-nodes", "expand-data-disk", "ops", "", "OPS", "数据盘扩容"}
	for typed, want := range map[string]string{
		"restart-unhealty-nodes": "restart-unhealthy-nodes", "unhealthy": "restart-unhealthy-nodes", "opps": "ops OPS",
		"EXPAND-data-disk": "expand-data-disk", "something else entirely": "", "": "", "xy": "", "d": "", "扩容": "数据盘扩容",
	} {
		if got := strings.Join(Nearest(typed, names), " "); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

// A hint has the near names, or else all names, on one line.
func TestOneOf(t *testing.T) {
	for _, tt := range []struct {
		typed string
		names []string
		want  string
	}{
		{"prd", []string{"prod", "test"}, "did you mean prod?"},
		{"other", []string{"prod", "test"}, "known: prod, test"},
		{"other", []string{"prod"}, "known: prod"},
		{"prod", nil, "there are none yet"},
		{"evil", []string{"evi\nl"}, "did you mean evi^Jl?"},
	} {
		if got := OneOf(tt.typed, tt.names); got != tt.want {
			t.Errorf("OneOf(%q, %q) = %q, want %q", tt.typed, tt.names, got, tt.want)
		}
	}
}

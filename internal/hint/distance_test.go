package hint

import "testing"

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"", "", 0}, {"log", "log", 0}, {"log", "", 3}, {"lgo", "log", 1}, {"statsu", "status", 1}, {"diff", "dif", 1}, {"作业", "作事", 1},
	} {
		if got := Distance(tt.from, tt.to); got != tt.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}

package diff

import "testing"

// A text that some YAML parsers read as another type is not shown without quotes.
func TestPlainTag(t *testing.T) {
	for s, want := range map[string]string{
		"yes": oldTag, "NO": oldTag, "Off": oldTag, "y": oldTag, "=": oldTag,
		"5e29471": oldTag, "1e322": oldTag, "0b1010": oldTag, "0o17": oldTag, "1_000": oldTag, "+.5": oldTag, "1.": oldTag,
		"12:30": oldTag, "1:30.5": oldTag,
		"2024-01-01 10:00:00 +08:00": oldTag, "2001-12-14t21:59:43.10-05:00": oldTag, "2024-1-1": oldTag,
		"yesterday": "!!str", "node": "!!str", "10.0.0.1": "!!str", "10.0.0.1:8080": "!!str", "8080:80": "!!str", "1.2.3": "!!str",
		"-": "!!str", "+": "!!str", ".": "!!str", "e5": "!!str", "1e": "!!str", "5m": "!!str", "2024-01": "!!str",
		"2024-01-01-rc1": "!!str", "c:1": "!!str",
	} {
		if got := plainTag(s); got != want {
			t.Errorf("plainTag(%q) = %s, want %s", s, got, want)
		}
	}
}

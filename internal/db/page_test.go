package db

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cocsync/internal/coc"
)

// A part of the documents is found by what stands in a name or begins an id, and no
// character of it is a pattern's.
func TestPart(t *testing.T) {
	d, _ := open(t)
	for i, name := range []string{"restart", "Restart 100%", "stop_all", "stopXall"} {
		s := step(fmt.Sprintf("DM%d", i), name)
		s.Name, s.Meta = name, &coc.Meta{Name: &name}
		commit(t, d, s)
	}
	for _, tt := range []struct {
		part Part
		want []string
		all  int
	}{
		{Part{Limit: 10}, []string{"Restart 100%", "restart", "stopXall", "stop_all"}, 4},
		{Part{Limit: 2, Skip: 1}, []string{"restart", "stopXall"}, 4},
		{Part{Limit: 10, Text: "RESTART"}, []string{"Restart 100%", "restart"}, 2},
		{Part{Limit: 10, Text: "0%"}, []string{"Restart 100%"}, 1},
		{Part{Limit: 10, Text: "p_a"}, []string{"stop_all"}, 1},
		{Part{Limit: 10, Text: "dm2"}, []string{"stop_all"}, 1},
		{Part{Limit: 10, Text: "M2"}, nil, 0},
		{Part{Limit: 10, State: coc.Deleted}, nil, 0},
		{Part{Limit: 10, Account: "prod", State: coc.Present, Text: "stop"}, []string{"stopXall", "stop_all"}, 2},
		{Part{Limit: 10, Account: "test"}, nil, 0},
	} {
		docs, all, err := d.Part(t.Context(), tt.part)
		var got []string
		for _, doc := range docs {
			got = append(got, doc.Name)
		}
		if err != nil || all != tt.all || !slices.Equal(got, tt.want) {
			t.Errorf("Part(%+v) = %q of %d, %v, want %q of %d", tt.part, got, all, err, tt.want, tt.all)
		}
	}
	times, err := d.Times(t.Context(), 0, time.Time{})
	if err != nil || len(times) != 4 || !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Errorf("Times = %v, %v, want four in order", times, err)
	}
}

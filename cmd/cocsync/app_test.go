package main

import "testing"

// Each command is found if only that one was built; all are built if the arguments do not
// name one.
func TestSingleCommand(t *testing.T) {
	all := (&app{}).root().Commands()
	for _, c := range all {
		alone := (&app{}).root("--db", "show", "-c", "log", c.Name(), "status")
		if got, _, err := alone.Find([]string{c.Name()}); err != nil || got.Name() != c.Name() {
			t.Errorf("%s is not found: %v", c.Name(), err)
		}
		whole := c.Name() == "help" || c.Name() == "completion"
		if n := len(alone.Commands()); whole && n != len(all) || !whole && n != 3 { // with help and completion
			t.Errorf("%s is built with %d commands", c.Name(), n)
		}
	}
	for _, args := range [][]string{{}, {"--help"}, {"__complete", "sh"}, {"--db=show", "log"}, {"--db", "show"}, {"shwo", "log"}} {
		if n := len((&app{}).root(args...).Commands()); n != len(all) {
			t.Errorf("%q builds %d commands, want all %d", args, n, len(all))
		}
	}
}

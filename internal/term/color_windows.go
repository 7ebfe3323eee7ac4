package term

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// obeysColors has the console obey codes of colours, which by default it shows, and
// reports whether it does: those from before Windows 10 can't
// (https://learn.microsoft.com/en-us/windows/console/console-virtual-terminal-sequences).
func obeysColors(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	var mode uint32
	console := windows.Handle(f.Fd())
	return windows.GetConsoleMode(console, &mode) == nil &&
		windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

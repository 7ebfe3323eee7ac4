package term

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// supportsColors enables the console's color codes, which it shows as text by
// default, and reports whether it supports them: those before Windows 10 do not
// (https://learn.microsoft.com/en-us/windows/console/console-virtual-terminal-sequences).
func supportsColors(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	var mode uint32
	console := windows.Handle(f.Fd())
	return windows.GetConsoleMode(console, &mode) == nil &&
		windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

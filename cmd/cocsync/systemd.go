package main

import (
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// beats is how often within systemd's patience the daemon says that it lives.
const beats = 4

// systemdNotify tells systemd how the daemon stands, if that started it, and how often
// it wants to hear that the daemon lives; 0 for never.
func systemdNotify(log *slog.Logger) (notify func(state string), alive time.Duration) {
	patience, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is left alone", "err", err)
	}
	return func(state string) {
		if _, err := systemd.SdNotify(false, state); err != nil {
			log.Warn("systemd not told", "err", err)
		}
	}, patience / beats
}

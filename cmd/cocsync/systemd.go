package main

import (
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// beats is how often within systemd's patience the daemon says that it works.
const beats = 4

// systemdNotify tells systemd how the daemon stands, if that started it, and how often
// it wants to hear that the daemon works; 0 for never.
func systemdNotify(log *slog.Logger) (notify func(state string), alive time.Duration) {
	patience, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is left alone", "err", err)
	}
	return func(state string) {
		if state == systemd.SdNotifyReloading {
			// Type=notify-reload wants to know since when:
			// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
			state = systemd.SdNotifyMonotonicUsec() + state
		}
		if _, err := systemd.SdNotify(false, state); err != nil {
			log.Warn("systemd not told", "err", err)
		}
	}, patience / beats
}

package main

import (
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// beats is the number of watchdog notifications within systemd's timeout.
const beats = 4

// systemdNotify returns a function that sends the daemon's state to systemd, if systemd
// started it, and the interval of watchdog notifications; 0 for none.
func systemdNotify(log *slog.Logger) (notify func(state string), alive time.Duration) {
	patience, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not notified", "err", err)
	}
	return func(state string) {
		if state == systemd.SdNotifyReloading {
			// Type=notify-reload needs the time of the reload:
			// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
			state = systemd.SdNotifyMonotonicUsec() + state
		}
		if _, err := systemd.SdNotify(false, state); err != nil {
			log.Warn("systemd not notified", "err", err)
		}
	}, patience / beats
}

//go:build lab && full

package test

import "testing"

// TestLabFullPlanned changes the site on purpose, under load.
func TestLabFullPlanned(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	// A few at a time: a command of the tests has five minutes.
	ha.shortDrills(t, "app-broken-release", "planned-reload", "planned-apply")
	ha.shortDrills(t, "planned-release", "planned-switch")
	ha.shortDrills(t, "planned-reboot")
}

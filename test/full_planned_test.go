//go:build lab && full

package test

import "testing"

// TestLabFullPlanned changes the site on purpose, under load.
func TestLabFullPlanned(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	ha.shortDrills(t, "app-broken-release", "planned-reload", "planned-apply", "planned-release", "planned-switch", "planned-reboot")
}

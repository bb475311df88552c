package topology

import "scaleup/internal/spec"

// Spare is how many of the working servers of a tier may fail while the tier goes on
// working; none: each of them is a single point of failure. All but the last may, except
// of database servers: what is left of the group must be a majority of those that were
// in it. Members that left before do not count, the group is smaller then.
func Spare(r spec.Role, working int) int {
	if r == spec.Database {
		return max(0, (working-1)/2)
	}
	return max(0, working-1)
}

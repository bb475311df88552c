package status

import "scaleup/internal/spec"

// Programs names the components that a server of a role runs, as Server.Components
// tells them.
func Programs(r spec.Role) []string {
	var names []string
	for _, p := range componentsOf(r) {
		names = append(names, p.name)
	}
	return names
}

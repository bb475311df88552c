package scaffold

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"scaleup/internal/spec"
)

// Size is how many servers of each role a site starts with.
type Size struct {
	Name   string
	Counts [4]int // by spec.Roles
	// Survives says in a sentence which losses the site survives, and which it does not.
	Survives string
}

// sizes are in order, from the smallest. A site grows by adding servers to its file.
var sizes = []Size{
	{"single", [4]int{1, 1, 1, 1}, "Every one of them is a single point of failure; it is the smallest site, to try things on."},
	{"exercise", [4]int{2, 1, 1, 1}, "Either load balancer may fail; web1, app1 and db1 are single points of failure."},
	{"ha", [4]int{2, 2, 2, 3}, "Any one of them may fail and the site stays up."},
}

// Sizes lists the sizes, from the smallest.
func Sizes() []Size { return slices.Clone(sizes) }

// SizeNames lists their names.
func SizeNames() []string {
	names := make([]string, len(sizes))
	for i, s := range sizes {
		names[i] = s.Name
	}
	return names
}

// SizeOf finds a size by name; the error lists those there are.
func SizeOf(name string) (Size, error) {
	i := slices.IndexFunc(sizes, func(s Size) bool { return s.Name == name })
	if i < 0 {
		return Size{}, fmt.Errorf("%q is not a size; there are: %s", name, strings.Join(SizeNames(), ", "))
	}
	return sizes[i], nil
}

// String is the size in a sentence: "2 load balancers, 1 web server, …".
func (s Size) String() string {
	parts := make([]string, len(spec.Roles))
	for i, role := range spec.Roles {
		parts[i] = strconv.Itoa(s.Counts[i]) + " " + nouns[role]
		if s.Counts[i] != 1 {
			parts[i] += "s"
		}
	}
	return strings.Join(parts, ", ")
}

// Servers is the number of servers.
func (s Size) Servers() int { return s.Counts[0] + s.Counts[1] + s.Counts[2] + s.Counts[3] }

var (
	nouns    = map[spec.Role]string{spec.LoadBalancer: "load balancer", spec.Web: "web server", spec.App: "app server", spec.Database: "database server"}
	prefixes = map[spec.Role]string{spec.LoadBalancer: "lb", spec.Web: "web", spec.App: "app", spec.Database: "db"}
)

// Names lists the servers of a size by tier: lb1, lb2, web1, …
func (s Size) Names() []string {
	var names []string
	for i, role := range spec.Roles {
		for n := range s.Counts[i] {
			names = append(names, prefixes[role]+strconv.Itoa(n+1))
		}
	}
	return names
}

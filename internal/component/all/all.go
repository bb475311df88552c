// Package all is the one explicit list of components. It is the only place that
// knows them all.
package all

import (
	"fmt"

	"scaleup/internal/component"
	"scaleup/internal/component/app"
	"scaleup/internal/component/base"
	"scaleup/internal/component/firewall"
	"scaleup/internal/component/haproxy"
	"scaleup/internal/component/keepalived"
	"scaleup/internal/component/mysql"
	"scaleup/internal/component/nginx"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

// Components lists every component in the order in which a server gets them:
// what all servers have, then the tiers in the order requests pass them.
func Components() []component.Component {
	return []component.Component{
		base.Component{},
		firewall.Component{},
		haproxy.Component{},
		keepalived.Component{},
		nginx.Component{},
		app.Component{},
		mysql.Component{},
	}
}

// Owned is a resource and the component that wants it.
type Owned struct {
	Component string
	Spec      resource.Spec
}

// For lists what a server should hold, in the order the resources depend on each
// other. Two resources of one ID are an error: a plan could not tell them apart.
func For(in component.Input) ([]Owned, error) {
	var owned []Owned
	owner := map[string]string{}
	for _, c := range Components() {
		if !c.On(in.Server.Role) {
			continue
		}
		specs, err := c.Resources(in)
		if err != nil {
			return nil, err
		}
		for _, s := range specs {
			id := s.ID()
			if other, ok := owner[id]; ok {
				return nil, fmt.Errorf("%s: %s is wanted twice, by %s and by %s", in.Server.Name, id, other, c.Name())
			}
			owner[id] = c.Name()
			owned = append(owned, Owned{Component: c.Name(), Spec: s})
		}
	}
	return owned, nil
}

// Packages lists the packages of a role's servers: what a layer of the lab holds.
func Packages(role spec.Role, site *spec.Site) []resource.Packages {
	var packages []resource.Packages
	for _, c := range Components() {
		if c.On(role) {
			packages = append(packages, c.Packages(site)...)
		}
	}
	return packages
}

// Package plan compares what a site should be with what its servers are and
// writes the difference down as steps, in the order in which they do no harm. It
// is pure: the same input gives the same plan, byte by byte, and nothing here
// reads a server or the clock.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"scaleup/internal/resource"
	"scaleup/internal/topology"
)

// State is a resource's state; see resource.State.
type State = resource.State

// Item is one wanted resource of one server, in the component's order.
type Item struct {
	Server    string
	Component string
	Spec      resource.Spec
}

// Backend is one server of a HAProxy backend that belongs into rotation.
type Backend struct {
	Server  string // the machine
	Backend string // HAProxy's name of the backend
	Name    string // HAProxy's name of the server in it: web1, app1-a
}

// Rotation is a backend server's place in rotation as all load balancers see it.
type Rotation string

// Places in rotation, as plans print them.
const (
	Ready   Rotation = "ready"   // up in every load balancer
	Drained Rotation = "drained" // taken out on purpose in at least one
	Down    Rotation = "down"    // failing its checks in at least one
	Unknown Rotation = "unknown" // no load balancer knows it yet
)

// Observed is what was read from the servers.
type Observed struct {
	States   map[string]map[string]State // server, resource ID
	Rotation map[string]Rotation         // by Backend.Name
	Holder   string                      // load balancer that holds the VIPs, "" for none
	Primary  string                      // database server, "" for none; it may be one that the file does not name any more
	Members  []string                    // database servers as the running guards know them
	Yielding []string                    // load balancers that were told to keep the VIPs away
	Boots    map[string]State            // server: which boot it runs since
	Missing  []string                    // servers of the file the lab has not made yet
	Surplus  []string                    // lab machines the file does not name any more
}

// Desired is what the site should be.
type Desired struct {
	Topology *topology.Topology
	Items    []Item
	Backends []Backend // that belong into rotation; idle slots are not here
}

// Step is one change, or one wait for a condition that gates what follows.
type Step struct {
	Stage     int    `json:"stage"`
	Server    string `json:"server"`
	Component string `json:"component"`
	Resource  string `json:"resource"`
	Action    Action `json:"action"`
	From      State  `json:"from"`
	To        State  `json:"to"`
	Reason    string `json:"reason"`
}

// Action is what a step does, as a word for people.
type Action string

// The actions of a plan.
const (
	Create  Action = "create"
	Update  Action = "update"
	Install Action = "install"
	Start   Action = "start"
	Stop    Action = "stop"
	Restart Action = "restart"
	Reload  Action = "reload"
	Enable  Action = "enable"
	Remove  Action = "remove"
	Migrate Action = "migrate"
	Drain   Action = "drain"
	Return  Action = "return" // back into rotation
	Move    Action = "move"   // a VIP or the primary, away from the server
	Wait    Action = "wait"
	Boot    Action = "reboot" // the whole server, anew
)

// Plan is an ordered list of steps.
type Plan struct {
	Steps []Step
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// Hash names the plan: apply --hash refuses when the plan has become another.
func (p Plan) Hash() string {
	data, err := json.Marshal(p.Steps)
	if err != nil { // strings and numbers always encode
		panic(fmt.Sprintf("encode plan: %v", err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Stages parts the steps by their stage, in order.
func (p Plan) Stages() [][]Step {
	var stages [][]Step
	for i, s := range p.Steps {
		if i == 0 || s.Stage != p.Steps[i-1].Stage {
			stages = append(stages, nil)
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], s)
	}
	return stages
}

// IDs of site resources: things several servers hold together.
const (
	VIP     = "vip:main"
	Primary = "primary:db"
)

// RotationID names a backend server's place in rotation.
func RotationID(name string) string { return "rotation:" + name }

// RebootID names a server's restart.
func RebootID(name string) string { return "reboot:" + name }

// ServerID names a server itself, which the lab makes and removes.
func ServerID(name string) string { return "server:" + name }

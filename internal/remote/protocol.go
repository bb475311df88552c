// Package remote is the far end: what scaleup does when it runs on a server. It
// answers requests, one JSON document per line on its standard input, with one
// JSON document per line on its standard output, until its input ends.
//
// It knows resources, faults, HAProxy's admin socket and the guard's local interface;
// it knows nothing of sites and plans and opens no connection to other servers.
package remote

import (
	"encoding/json"

	"scaleup/internal/facts"
	"scaleup/internal/fault"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/inspect"
	"scaleup/internal/resource"
)

// Paths on a server that scaleup and its helpers share.
const (
	TrackFile   = "/run/scaleup-lb/track"         // what lb-agent tells keepalived: 0 is fit
	YieldFile   = "/run/scaleup-lb/yield"         // while it exists, lb-agent keeps the VIP away
	GuardSocket = "/run/scaleup-guard/guard.sock" // the guard's local control socket
	MySQLSocket = "/run/mysqld/mysqld.sock"       // where root asks MySQL
)

// Request asks one server for any of these, which are answered in this order.
type Request struct {
	Background bool                `json:"background,omitempty"` // from now on, whatever works on the server goes first
	Observe    []resource.Resource `json:"observe,omitempty"`    // states, by resource ID
	Apply      *Apply              `json:"apply,omitempty"`
	Confirm    bool                `json:"confirm,omitempty"` // keep the firewall just applied
	Rotate     *Rotate             `json:"rotate,omitempty"`
	HandOver   *HandOver           `json:"hand_over,omitempty"` // load balancer: give the VIPs away and keep away from them
	StandBy    bool                `json:"stand_by,omitempty"`  // load balancer: take the VIPs again when they are free
	Park       string              `json:"park,omitempty"`      // load balancer: hold new connections to this primary back, for 5 s at most
	Steer      *Steer              `json:"steer,omitempty"`     // load balancer: lead writes to the next primary once it takes them, and let them in again
	Switch     string              `json:"switch,omitempty"`    // database: name of the member that becomes primary
	Rejoin     bool                `json:"rejoin,omitempty"`    // database: its member leaves the group and joins it again
	Reboot     bool                `json:"reboot,omitempty"`    // restart the whole server, in a moment
	Units      []string            `json:"units,omitempty"`     // states of units: running, failed, stopped
	Facts      bool                `json:"facts,omitempty"`
	Candidates []string            `json:"candidates,omitempty"` // with Facts: packages whose version apt is asked for while they are not installed
	Balancer   bool                `json:"balancer,omitempty"`   // load balancer: its view of every backend server, and its fitness
	Member     string              `json:"member,omitempty"`     // database: URL of the guard's status
	Known      bool                `json:"known,omitempty"`      // database: all that its guard can tell about its group, now and before
	SignIn     *SignIn             `json:"sign_in,omitempty"`    // database: which passwords it takes
	Query      *Query              `json:"query,omitempty"`      // database: one statement that reads
	Inspect    *inspect.Ask        `json:"inspect,omitempty"`    // what the server shows of itself
	LogsOf     string              `json:"logs_of,omitempty"`    // name of a request (X-Request-ID): what the programs wrote of it
	Preflight  *PreflightAsk       `json:"preflight,omitempty"`  // what has to be known before the server is changed
	Fault      *fault.Order        `json:"fault,omitempty"`      // drills: break, prove, mend
}

// Apply brings one resource to its wanted state.
type Apply struct {
	Resource resource.Resource `json:"resource"`
	From     resource.State    `json:"from"` // what the plan saw
}

// Rotate sets a backend server's administrative state in this load balancer.
type Rotate struct {
	Backend string           `json:"backend"`
	Server  string           `json:"server"`
	State   haproxyctl.Order `json:"state"`
	End     bool             `json:"end,omitempty"` // then end the sessions that it still has, whichever backend they are of
}

// Response answers a Request.
type Response struct {
	Error      string                    `json:"error,omitempty"` // why the request failed; nothing else is set then
	States     map[string]resource.State `json:"states,omitempty"`
	Applied    *Applied                  `json:"applied,omitempty"`
	Ended      int                       `json:"ended,omitempty"` // sessions, of Rotate
	HandedOver *HandedOver               `json:"handed_over,omitempty"`
	Units      map[string]string         `json:"units,omitempty"`
	Facts      *facts.Facts              `json:"facts,omitempty"`
	Balancer   *Balancer                 `json:"balancer,omitempty"`
	Member     json.RawMessage           `json:"member,omitempty"`
	Known      json.RawMessage           `json:"known,omitempty"`     // guard.Known; absent when no guard answers
	SignedIn   []bool                    `json:"signed_in,omitempty"` // of SignIn, login by login
	Rows       [][]string                `json:"rows,omitempty"`      // of Query
	Inspection *inspect.Report           `json:"inspection,omitempty"`
	LogLines   []LogLine                 `json:"log_lines,omitempty"` // of LogsOf
	Preflight  *Preflight                `json:"preflight,omitempty"`
	Fault      *fault.Report             `json:"fault,omitempty"`
}

// Balancer is one load balancer's own view.
type Balancer struct {
	Servers  []haproxyctl.Server `json:"servers"`  // of all backends; empty while HAProxy does not answer
	Fit      bool                `json:"fit"`      // lb-agent lets keepalived hold the VIPs here
	Yielding bool                `json:"yielding"` // it was told to keep the VIPs away
}

// Applied is the outcome of an Apply.
type Applied struct {
	Before resource.State `json:"before"`
	After  resource.State `json:"after"`
	Stale  bool           `json:"stale,omitempty"` // Before is neither From nor the wanted state: nothing was done
}

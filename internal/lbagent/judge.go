package lbagent

// Outcome is what one probe saw.
type Outcome int

// The outcomes, from good to hopeless.
const (
	Served  Outcome = iota // 200 in time
	Busy                   // no answer in time, and programs waited for a processor all along
	Slow                   // no answer in time, or another one
	Broken                 // the connection ended before the answer
	Refused                // nothing listens
)

func (o Outcome) String() string {
	return [...]string{"served", "busy", "slow", "broken", "refused"}[o]
}

// doubt is how much an outcome speaks against HAProxy. When nothing listens, it
// is dead and waiting helps no one. A connection that breaks may be the last of
// an old process at a reload; two in a row are not. Silence may be a short one: four
// in a row are about 1.6 s. Where nobody gets a processor, it says nothing about
// HAProxy: the crowd that makes one load balancer slow makes the next one slow, and
// moving the addresses cuts everybody's connections on top. Twenty in a row, about 8 s,
// are too much all the same: the other one may have a processor left.
func (o Outcome) doubt() int {
	switch o {
	case Served:
		return 0
	case Busy:
		return 1
	case Slow:
		return 5
	case Broken:
		return 10
	default:
		return doubtLimit
	}
}

const (
	doubtLimit     = 20
	successesAgain = 3 // in a row, before HAProxy counts as serving again
)

// Judge is the agent's opinion of HAProxy. The zero Judge trusts nothing yet.
type Judge struct {
	Serving bool
	doubt   int // against a serving HAProxy, since the last success
	good    int // successes in a row, while it does not serve
}

// After is the opinion after one more probe.
func (j Judge) After(o Outcome) Judge {
	if j.Serving {
		if j.doubt += o.doubt(); o == Served {
			j.doubt = 0
		}
		if j.doubt >= doubtLimit {
			return Judge{}
		}
		return j
	}
	if o != Served {
		return Judge{}
	}
	if j.good++; j.good >= successesAgain {
		return Judge{Serving: true}
	}
	return j
}

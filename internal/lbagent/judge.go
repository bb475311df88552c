package lbagent

// Outcome is what one probe saw.
type Outcome int

// The outcomes, from good to hopeless.
const (
	Served  Outcome = iota // 200 in time
	Slow                   // no answer in time, or another one
	Broken                 // the connection ended before the answer
	Refused                // nothing listens
)

func (o Outcome) String() string {
	return [...]string{"served", "slow", "broken", "refused"}[o]
}

// doubt is how much an outcome speaks against HAProxy. When nothing listens, it
// is dead and waiting helps no one. A connection that breaks may be the last of
// an old process at a reload; two in a row are not. Silence may also be a busy
// processor, which the other load balancer may suffer from as well, and two that
// give up serve less than one that is slow: four in a row, about 1.6 s.
func (o Outcome) doubt() int {
	switch o {
	case Served:
		return 0
	case Slow:
		return 1
	case Broken:
		return 2
	default:
		return 4
	}
}

const (
	doubtLimit     = 4
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

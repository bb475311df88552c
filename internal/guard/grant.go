package guard

import (
	"fmt"
	"slices"
)

// GrantRequest asks a voter to promise an epoch to a candidate.
type GrantRequest struct {
	Epoch     uint64 `json:"epoch"`
	Candidate string `json:"candidate"`
	Newest    Record `json:"newest"` // the newest record the candidate knows
	GTIDs     string `json:"gtids"`  // everything the candidate executed or received
}

// Promise checks whether this voter may grant the request and returns its record
// with the promise in it, which must be durable before the answer leaves. It is
// the last line of defence, so it trusts nothing that the candidate concluded: it
// checks again what this server knows itself. my must be a probe made for this
// request.
func Promise(q GrantRequest, r Record, my MySQL, p Policy) (Record, error) {
	switch {
	case q.Newest.Group != p.Group || r.Group != p.Group || my.Group != p.Group:
		return r, fmt.Errorf("the request is about group %q, this server's group is %q", q.Newest.Group, p.Group)
	case !slices.Contains(p.Voters, q.Candidate):
		return r, fmt.Errorf("%q is not a voter", q.Candidate)
	case r.ReplacedBy != "":
		return r, fmt.Errorf("%s knows that this group was given up for group %s", p.Server, r.ReplacedBy)
	case !my.Reachable:
		return r, fmt.Errorf("MySQL of %s does not answer", p.Server)
	case my.State != Offline || my.Bootstrapping:
		return r, fmt.Errorf("MySQL of %s is %s in Group Replication", p.Server, my.State)
	case r.compare(q.Newest) > 0:
		return r, fmt.Errorf("%s knows a newer view than the candidate: %v", p.Server, r.Members)
	case q.Epoch <= r.Epoch:
		return r, fmt.Errorf("epoch %d has been: %s is in epoch %d", q.Epoch, p.Server, r.Epoch)
	case q.Epoch < r.Granted.Epoch, q.Epoch == r.Granted.Epoch && q.Candidate != r.Granted.To:
		return r, fmt.Errorf("%s has promised epoch %d to %s", p.Server, r.Granted.Epoch, r.Granted.To)
	}
	mine, err := readCandidate(Answer{Server: p.Server, MySQL: my})
	if err != nil {
		return r, err
	}
	theirs, err := ParseGTIDSet(q.GTIDs)
	if err != nil {
		return r, err
	}
	mine.record = r
	if mine.blank() {
		return r, fmt.Errorf("the data of %s is gone, and what it had with it", p.Server)
	}
	ever := r.EverMember || mine.all.HasSource(p.Group)
	lacks, err := p.beyondLoss(mine.all.Subtract(theirs), q.Candidate, r, ever)
	if err != nil {
		return r, err
	}
	if !lacks.Empty() {
		return r, fmt.Errorf("%s lacks transactions that %s has: %s", q.Candidate, p.Server, listed(lacks))
	}
	r.Granted = Grant{Epoch: q.Epoch, To: q.Candidate}
	return r, nil
}

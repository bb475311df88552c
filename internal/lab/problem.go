package lab

// Problem is something that is wrong with this computer or its surroundings,
// in the user's words: one sentence, and a way out.
type Problem struct {
	Reason string // what and where
	Fix    string // what to do about it
	Err    error  // the cause, if there is one worth keeping
}

func (p *Problem) Error() string {
	if p.Err != nil {
		return p.Reason + ": " + p.Err.Error()
	}
	return p.Reason
}

// Hint is the line to print below the error.
func (p *Problem) Hint() string { return p.Fix }

func (p *Problem) Unwrap() error { return p.Err }

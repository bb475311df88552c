package guard

import (
	"net/http"
	"time"
)

// Known is all that a guard can tell about its group, now and before: the document
// of GET /known on the control socket. It is for the operator who has to decide
// what to do about a voter that does not answer.
type Known struct {
	Answer  Answer           `json:"answer"`  // of its own server
	Message string           `json:"message"` // what it waits for; "" when all is well
	Heard   map[string]Heard `json:"heard"`   // the other voters' last answers, by server; gone when the guard restarts
}

// Heard is the last answer of another voter's guard.
type Heard struct {
	Ago    float64 `json:"ago"`             // seconds since it was asked for
	Error  string  `json:"error,omitempty"` // of the last question, "" when that is the one answered
	Answer Answer  `json:"answer"`
}

func (g *guard) known(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, g.memory().known(time.Now()))
}

func (s *Snapshot) known(now time.Time) Known {
	k := Known{Answer: s.answer(now), Message: s.Message, Heard: map[string]Heard{}}
	for name, p := range s.Peers {
		if !p.Asked.IsZero() {
			k.Heard[name] = Heard{Ago: now.Sub(p.Asked).Seconds(), Error: p.Error, Answer: p.Answer}
		}
	}
	return k
}

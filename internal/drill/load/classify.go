package load

import (
	"net/http"

	"scaleup/internal/drill/record"
)

// Reach is how far a request had come when its fate was sealed. Below Sent, the
// site has provably not carried it out.
type Reach uint8

// The stages of a request.
const (
	Connecting Reach = iota // there was no TCP connection yet
	Securing                // TLS was being negotiated
	Ready                   // the connection stood, and nothing of the request had been written
	Returned                // HTTP/2 handed it back: the server said that it had not processed it
	Sent                    // the server may have had all of it
)

// Reply is what came back for one request, as far as Classify needs to know.
type Reply struct {
	Reach  Reach
	Err    error // why there is no complete answer; nil when there is
	Status int   // HTTP status, 0 when none arrived

	Cache    string // header X-Cache of the web servers
	Unserved bool   // header X-Scaleup-Unserved: 1, on HAProxy's own 503, before dispatch
	Code     string // code in the application's JSON error
	Wrong    bool   // the body is not what it has to be
	Lately   bool   // the same path was answered freshly within the last seconds
}

// The headers that tell what an answer is worth.
const (
	headerCache    = "X-Cache"
	headerUnserved = "X-Scaleup-Unserved"
)

// Codes in the JSON errors of the reference application (foobar/internal/web).
const (
	codeUnavailable = "unavailable" // nothing was written
	codeInDoubt     = "in_doubt"    // it cannot tell whether something was
)

// The words of answers that arrived and were not right.
const (
	wordWrong       = "wrong body"
	wordCached      = "cached"
	wordUnserved    = "503 unserved"
	wordUnavailable = "503 unavailable"
	wordInDoubt     = "503 in doubt"
)

// Classify decides what became of an operation, and says why in a word or two when
// it is not OK. It never says Slow, which is a matter of time.
func Classify(class record.Class, r Reply) (record.Outcome, string) {
	if r.Reach == Connecting && ours(r.Err) {
		return record.Unsent, word(r.Reach, r.Err)
	}
	if class.Read() {
		return classifyRead(class, r)
	}
	return classifyWrite(r)
}

func classifyRead(class record.Class, r Reply) (record.Outcome, string) {
	switch {
	case r.Err != nil:
		return record.Failed, word(r.Reach, r.Err)
	case r.Status != http.StatusOK:
		return record.Failed, statusWord(r)
	case r.Wrong:
		return record.Failed, wordWrong
	case class == record.API && fromCache(r.Cache):
		return record.Failed, wordCached
	case isStale(r):
		return record.Stale, ""
	}
	return record.OK, ""
}

// fromCache reports whether the application was not asked for this answer.
// (REVALIDATED and EXPIRED say that it was.)
func fromCache(status string) bool {
	return status == "HIT" || status == "STALE" || status == "UPDATING"
}

// isStale reports whether the answer is an old one by the cache's own word. STALE and
// UPDATING are also what the application's own stale-while-revalidate comes to: the
// old page while the new one is fetched. That is as good as fresh as long as the
// fetching succeeds within the time that the application allows.
func isStale(r Reply) bool {
	return (r.Cache == "STALE" || r.Cache == "UPDATING") && !r.Lately
}

func classifyWrite(r Reply) (record.Outcome, string) {
	reason := statusWord(r)
	if r.Err != nil {
		reason = word(r.Reach, r.Err)
	}
	switch {
	case r.Reach < Sent,
		r.Status >= 400 && r.Status < 500,
		r.Status == http.StatusServiceUnavailable && (r.Unserved || r.Code == codeUnavailable):
		return record.Failed, reason
	case r.Err != nil, r.Status != http.StatusOK && r.Status != http.StatusCreated:
		return record.Indeterminate, reason
	case r.Wrong:
		return record.Indeterminate, wordWrong
	}
	return record.OK, ""
}

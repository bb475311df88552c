package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// maxRequest bounds a request body; a GTID set with many gaps is the largest part.
const maxRequest = 4 << 20

// introduction is how long a guard that has just begun lets a check wait rather than
// answer that it knows nothing yet; within the timeout of HAProxy's checks (300 ms).
const introduction = 250 * time.Millisecond

// introduced waits until MySQL was asked and, where it takes itself for the primary, has
// its lease; not longer than introduction after the guard began.
func (g *guard) introduced(ctx context.Context) {
	until := g.begun.Add(introduction)
	if time.Now().After(until) {
		return // without the lock that changes takes: who holds it may wait for the disk
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for {
		changes := g.changes()
		if s := g.memory(); !s.Probed.IsZero() && (!s.Claims || !s.Confirmed.IsZero()) {
			return
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}

// checks answers the load balancers and the operator, all from memory:
//
//	/primary   200 while this member may take writes; ?soon has MySQL asked again at once, for
//	           whoever waits for a switch and asks again
//	/replica   200 while it is a secondary at most 5 s behind
//	/readable  200 while it is ONLINE in a majority, in any role and however far behind, or
//	           while it was in the last one and no other member is in a living group
//	/health    200 while MySQL answers, in or out of the group
//	/status    Status as JSON, always 200
//	/metrics   the same, and what the guard does, for Prometheus
//
// Anything but 200 is 503 with the reason in one line.
func (g *guard) checks() http.Handler {
	mux := http.NewServeMux()
	check := func(path string, why func(s *Snapshot, now time.Time) string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			g.introduced(r.Context())
			if r.URL.Query().Has("soon") {
				g.wake("")
			}
			if reason := why(g.memory(), time.Now()); reason != "" {
				http.Error(w, reason, http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "ok")
		})
	}
	check("/primary", (*Snapshot).primary)
	check("/replica", (*Snapshot).replica)
	check("/readable", (*Snapshot).readable)
	check("/health", (*Snapshot).answering)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, g.memory().status(time.Now()))
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		// A scraper that hangs up is no concern of ours.
		_ = writeMetrics(w, g.memory().metrics(time.Now()))
	})
	return mux
}

// peerAPI answers other guards; the TLS layer has checked who they are:
//
//	GET  /answer   Answer as JSON; with ?primary, from one whose member takes itself for the
//	               primary, also whether this guard promises to confirm nobody else
//	POST /grant    the promise of an epoch: 204, or 409 with the reason
//	POST /joining  notes that whoever asks is about to join: 204 when that is on disk
//	POST /turn     {"id":"…"} notes that whoever asks is about to take its member out of use:
//	               204 when that is on disk, or 409 with the reason why it must not
func (g *guard) peerAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /answer", func(w http.ResponseWriter, r *http.Request) {
		promised := r.URL.Query().Has("primary") && g.confirm(r.Context(), peerName(r, g.policy.Voters))
		a := g.memory().answer(time.Now())
		a.Promised = promised
		writeJSON(w, a)
	})
	mux.HandleFunc("POST /grant", func(w http.ResponseWriter, r *http.Request) {
		var q GrantRequest
		if !readJSON(w, r, &q) {
			return
		}
		// One guard must not collect promises in the name of another.
		if name := peerName(r, g.policy.Voters); name != q.Candidate {
			http.Error(w, fmt.Sprintf("%q asks for a grant to %q", name, q.Candidate), http.StatusForbidden)
			return
		}
		reply(w, g.ask(r.Context(), request{kind: wantGrant, grant: q}))
	})
	mux.HandleFunc("POST /joining", func(w http.ResponseWriter, r *http.Request) {
		reply(w, g.ask(r.Context(), request{kind: wantNoted, to: peerName(r, g.policy.Voters)}))
	})
	mux.HandleFunc("POST /turn", func(w http.ResponseWriter, r *http.Request) {
		var q turnRequest
		if readJSON(w, r, &q) {
			reply(w, g.ask(r.Context(), request{kind: wantTurn, to: peerName(r, g.policy.Voters), turn: q.ID}))
		}
	})
	return mux
}

// control takes planned work from the server itself, over a unix socket that only
// root and the guard may open:
//
//	POST /switch {"to":"db2"}  hands the primary over
//	POST /leave                leaves the group and stays out until mysqld restarts or /join
//	POST /join                 ends that
//	GET /known                 Known as JSON: records and transactions, own and others'
//
// 204 when done, otherwise 409 with the reason in one line.
func (g *guard) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /switch", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			To string `json:"to"`
		}
		if readJSON(w, r, &q) {
			reply(w, g.ask(r.Context(), request{kind: wantSwitch, to: q.To}))
		}
	})
	mux.HandleFunc("GET /known", g.known)
	mux.HandleFunc("POST /leave", func(w http.ResponseWriter, r *http.Request) {
		reply(w, g.ask(r.Context(), request{kind: wantLeave}))
	})
	mux.HandleFunc("POST /join", func(w http.ResponseWriter, r *http.Request) {
		reply(w, g.ask(r.Context(), request{kind: wantJoin}))
	})
	return mux
}

func reply(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// The status line is out; a peer that hangs up is no concern of ours.
	_ = json.NewEncoder(w).Encode(v)
}

// readJSON decodes a request strictly; on a mistake it has answered already.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		http.Error(w, "decode request: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

package web

import "net/http"

// The servers in front write their names into these headers; a client's own are theirs to remove.
const (
	headerLoadBalancer = "X-Scaleup-Lb"
	headerWeb          = "X-Scaleup-Web"
	headerRequestID    = "X-Request-ID"
)

// headerText is a header's value, cut to a length that suits a name.
func headerText(r *http.Request, name string) string {
	v := r.Header.Get(name)
	return v[:min(len(v), 64)]
}

// pouredBy lists the servers that handled the request, from the customer inwards, as far as they are known.
func (s *site) pouredBy(r *http.Request, database string) []string {
	var names []string
	for _, name := range []string{headerText(r, headerLoadBalancer), headerText(r, headerWeb), s.server, database} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// whoami answers 200 even when the database does not answer: that is worth knowing, too, and its name is then empty.
func (s *site) whoami(w http.ResponseWriter, r *http.Request) {
	servers, err := s.bar.Servers(r.Context())
	if err != nil {
		s.log.Warn("whoami", "error", err, "request_id", headerText(r, headerRequestID))
	}
	writeJSON(w, http.StatusOK, struct {
		Site         string `json:"site"`
		LoadBalancer string `json:"loadbalancer"`
		Web          string `json:"web"`
		App          string `json:"app"`
		Database     string `json:"database"`
		DatabaseRead string `json:"database_read"`
		RequestID    string `json:"request_id"`
	}{r.Host, headerText(r, headerLoadBalancer), headerText(r, headerWeb), s.server, servers.Write, servers.Read, headerText(r, headerRequestID)})
}

// healthz is about this process alone, so that a failover of the database does not empty the application tier.
func (s *site) healthz(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "ok\n")
}

// readyz asks the database. The log has the details, which are nobody else's business.
func (s *site) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.bar.Ready(r.Context()); err != nil {
		s.log.Warn("not ready", "error", err)
		writeText(w, http.StatusServiceUnavailable, "not ready: the database does not answer; see this server's log\n")
		return
	}
	writeText(w, http.StatusOK, "ready\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// A client that left is no error of ours; there is nobody to tell.
	_, _ = w.Write([]byte(text))
}

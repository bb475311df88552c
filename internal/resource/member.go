package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// ID implements Spec.
func (m *Member) ID() string { return "member:" + m.Server }

// Want implements Spec.
func (m *Member) Want() State { return "ONLINE" }

// Observe implements Spec: the member's state in MySQL's own words. A guard that
// does not answer is a state, too.
func (m *Member) Observe(ctx context.Context, _ System) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Status, nil)
	if err != nil {
		return "", fmt.Errorf("ask the guard of %s: %w", m.Server, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "guard is not running", nil
	}
	defer response.Body.Close()
	var status struct {
		State string `json:"state"`
	}
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil || status.State == "" {
		return "unknown", nil
	}
	return State(status.State), nil
}

// Tolerates implements Tolerant: whatever the member is, it is waited for.
func (m *Member) Tolerates(State, State) bool { return true }

// Apply implements Spec. It changes nothing, as the guard owns membership; that
// the member becomes ONLINE is awaited by whoever carries out the plan.
func (m *Member) Apply(context.Context, System) error { return nil }

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

// Observe implements Spec: the member's state in MySQL's own words.
func (m *Member) Observe(ctx context.Context, _ System) (State, error) {
	state, _ := m.ask(ctx)
	return state, nil
}

// ask returns the guard's answer; a guard that does not answer is a state, too.
func (m *Member) ask(ctx context.Context) (State, string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Status, nil)
	if err != nil {
		return "unknown", err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "guard is not running", err.Error()
	}
	defer response.Body.Close()
	var status struct {
		State   string `json:"state"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil || status.State == "" {
		return "unknown", fmt.Sprintf("the guard answered %s", response.Status)
	}
	return State(status.State), status.Message
}

// Apply implements Spec: it waits.
func (m *Member) Apply(ctx context.Context, _ System) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(m.Wait)*time.Second)
	defer cancel()
	for {
		state, message := m.ask(ctx)
		if state == m.Want() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is %s after %d s: %s; its log: scaleup exec %s -- journalctl -u scaleup-guard -u mysql",
				m.Server, state, m.Wait, message, m.Server)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

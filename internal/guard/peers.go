package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// httpPeers reaches the other guards over mutual TLS, one kept-alive connection
// each.
type httpPeers struct {
	clients map[string]*http.Client
	bases   map[string]string
}

func newPeers(cfg Config, c credentials) *httpPeers {
	p := &httpPeers{clients: map[string]*http.Client{}, bases: map[string]string{}}
	_, port, _ := net.SplitHostPort(cfg.PeerListen) // Validate has seen to it
	for _, v := range cfg.Voters {
		p.bases[v.Name] = "https://" + net.JoinHostPort(v.Address, port)
		p.clients[v.Name] = &http.Client{Transport: &http.Transport{TLSClientConfig: c.client(v.Name), MaxIdleConnsPerHost: 1}}
	}
	return p
}

func (p *httpPeers) Ask(ctx context.Context, name string) (Answer, error) {
	var a Answer
	body, err := p.call(ctx, http.MethodGet, name, "/answer", nil)
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("ask the guard of %s: %w", name, err)
	}
	return a, nil
}

func (p *httpPeers) Grant(ctx context.Context, name string, q GrantRequest) error {
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode grant request: %w", err)
	}
	_, err = p.call(ctx, http.MethodPost, name, "/grant", body)
	return err
}

// call returns the body of a successful answer; another one's text is the error.
func (p *httpPeers) call(ctx context.Context, method, name, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.bases[name]+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := p.clients[name].Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(data)))
	}
	return data, nil
}

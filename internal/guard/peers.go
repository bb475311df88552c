package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

func (p *httpPeers) Ask(ctx context.Context, name string, claims bool) (Answer, error) {
	var a Answer
	path := "/answer"
	if claims {
		path += "?primary"
	}
	body, err := p.call(ctx, http.MethodGet, name, path, nil)
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("ask the guard of %s: %w", name, err)
	}
	return a, nil
}

func (p *httpPeers) Grant(ctx context.Context, name string, q GrantRequest) error {
	return p.post(ctx, name, "/grant", q)
}

// TakeTurn takes a guard of a former version, which notes no turns, for one that refuses:
// while guards are upgraded, nobody is taken out of use.
func (p *httpPeers) TakeTurn(ctx context.Context, name, id string) error {
	return p.post(ctx, name, "/turn", turnRequest{id})
}

func (p *httpPeers) post(ctx context.Context, name, path string, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = p.call(ctx, http.MethodPost, name, path, body)
	return err
}

// Announce takes a guard of a former version, which does not know what that is, for one
// that has written it down: otherwise no server could be upgraded.
func (p *httpPeers) Announce(ctx context.Context, name string) error {
	_, err := p.call(ctx, http.MethodPost, name, "/joining", nil)
	if errors.Is(err, errUnknownPath) {
		return nil
	}
	return err
}

var errUnknownPath = errors.New("its guard is of another version")

// call returns the body of a successful answer; another one's text is the error.
func (p *httpPeers) call(ctx context.Context, method, name, path string, body []byte) ([]byte, error) {
	client, voter := p.clients[name]
	if !voter {
		return nil, fmt.Errorf("%q is not a voter of this site", name)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.bases[name]+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxRequest))
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", path, errUnknownPath)
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(data)))
	}
	return data, nil
}

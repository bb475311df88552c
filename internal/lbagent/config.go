// Package lbagent runs on a load balancer and tells keepalived whether HAProxy
// serves: it asks HAProxy over TLS as a user would, and writes the file that
// keepalived tracks. It decides about its own server only; who holds the
// addresses is keepalived's business.
package lbagent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Config says whom to ask and where to write.
type Config struct {
	ServerName string `json:"server_name"` // name of the site, sent in the TLS handshake
	Address    string `json:"address"`     // HAProxy's local TLS frontend, host:port
	Path       string `json:"path"`        // path HAProxy answers itself, with 200
	TrackFile  string `json:"track_file"`  // 0: HAProxy serves, 1: it does not
	YieldFile  string `json:"yield_file"`  // while it is there (15 minutes at most): give up the addresses
}

// Load reads a configuration file. Unknown keys are refused.
func Load(path string) (Config, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read lb-agent configuration: %w", err)
	}
	var c Config
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("read lb-agent configuration %s: %w", path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("read lb-agent configuration %s: there is more than one object", path)
	}
	for name, value := range map[string]string{
		"server_name": c.ServerName, "address": c.Address, "path": c.Path, "track_file": c.TrackFile, "yield_file": c.YieldFile,
	} {
		if value == "" {
			return Config{}, fmt.Errorf("read lb-agent configuration %s: %s is missing", path, name)
		}
	}
	return c, nil
}

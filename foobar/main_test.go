package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// complete is an environment with everything in it.
func complete(t *testing.T) map[string]string {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"PORT": "0", "SCALEUP_SERVER": "app1", "MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": "1", "MYSQL_READ_PORT": "1",
		"MYSQL_DATABASE": "foobar", "MYSQL_USER": "foobar", "MYSQL_PASSWORD_FILE": password, "MYSQL_TLS": "off",
	}
}

func list(env map[string]string) []string {
	var entries []string
	for name, value := range env {
		entries = append(entries, name+"="+value)
	}
	return entries
}

func TestRunNamesTheVariableThatIsWrong(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ variable, value, want string }{
		{"PORT", "", "PORT is not set"},
		{"MYSQL_HOST", "", "MYSQL_HOST is not set"},
		{"MYSQL_PORT", "", "MYSQL_PORT is not set"},
		{"MYSQL_READ_PORT", "", "MYSQL_READ_PORT is not set"},
		{"MYSQL_DATABASE", "", "MYSQL_DATABASE is not set"},
		{"MYSQL_USER", "", "MYSQL_USER is not set"},
		{"MYSQL_PASSWORD_FILE", "", "MYSQL_PASSWORD_FILE is not set"},
		{"MYSQL_PASSWORD_FILE", "/does/not/exist", "MYSQL_PASSWORD_FILE"},
		{"MYSQL_TLS", "", "MYSQL_TLS is not set"},
		{"MYSQL_TLS", "maybe", "MYSQL_TLS"},
		{"MYSQL_TLS", "verify-ca", "MYSQL_CA_FILE is not set"},
		{"MYSQL_CA_FILE", junk, "no PEM certificate"},
		{"MYSQL_CA_FILE", "/does/not/exist", "MYSQL_CA_FILE"},
	}
	for _, tt := range tests {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			env := complete(t)
			env[tt.variable] = tt.value
			if tt.variable == "MYSQL_CA_FILE" {
				env["MYSQL_TLS"] = "verify-ca"
			}
			if tt.value == "maybe" {
				env["MYSQL_CA_FILE"] = junk
			}
			err := run(t.Context(), nil, list(env), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestRunRefusesOtherArguments(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"migrate", "now"}} {
		if err := run(t.Context(), args, nil, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("run(%q): got %v, want %v", args, err, errUsage)
		}
	}
}

func TestRunServesWithoutADatabaseAndStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	if err := run(ctx, nil, list(complete(t)), &log); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A request that is being answered when the signal comes is answered to its end; a new one is not taken.
func TestServeUntilFinishesWhatIsUnderWay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	started, finish := make(chan struct{}), make(chan struct{})
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-finish
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was given up: %v", err)
		}
		io.WriteString(w, "done")
	})
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- serveUntil(ctx, listener, site, slog.New(slog.DiscardHandler)) }()

	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		answer <- string(body)
	}()
	<-started
	stop()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(finish)
	if got := <-answer; got != "done" {
		t.Errorf("got answer %q, want done", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("got %v", err)
	}
}

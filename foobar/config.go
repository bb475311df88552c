package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"scaleup/foobar/internal/store"
)

// environment is the application's world: variables by name. An empty variable counts as missing.
type environment map[string]string

func parseEnvironment(env []string) environment {
	e := environment{}
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok {
			e[name] = value
		}
	}
	return e
}

// databaseConfig reads where the database is. It names every missing variable at once.
func (e environment) databaseConfig() (store.Config, error) {
	var missing []error
	need := func(name string) string {
		if e[name] == "" {
			missing = append(missing, fmt.Errorf("%s is not set", name))
		}
		return e[name]
	}
	c := store.Config{
		Host:      need("MYSQL_HOST"),
		WritePort: need("MYSQL_PORT"),
		ReadPort:  need("MYSQL_READ_PORT"),
		Database:  need("MYSQL_DATABASE"),
		User:      need("MYSQL_USER"),
	}
	passwordFile := need("MYSQL_PASSWORD_FILE")
	mode := need("MYSQL_TLS")
	caFile := ""
	if mode != "off" {
		caFile = need("MYSQL_CA_FILE")
	}
	if len(missing) > 0 {
		return c, fmt.Errorf("%w (scaleup sets these for the application; by hand, export them first)", errors.Join(missing...))
	}

	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return c, fmt.Errorf("read MYSQL_PASSWORD_FILE: %w", err)
	}
	c.Password = strings.TrimRight(string(password), "\r\n")
	switch mode {
	case "verify-ca":
		c.CA, err = readCA(caFile)
		return c, err
	case "off": // for a database on this very computer
		return c, nil
	}
	return c, fmt.Errorf("MYSQL_TLS is %q: use verify-ca, or off for a database on this computer", mode)
}

func readCA(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read MYSQL_CA_FILE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read MYSQL_CA_FILE: %s holds no PEM certificate", file)
	}
	return pool, nil
}

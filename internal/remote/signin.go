package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/go-sql-driver/mysql"
)

// SignIn asks this server's MySQL which passwords it takes, the way other servers
// sign in: over TCP and TLS.
type SignIn struct {
	Address string  `json:"address"` // IP:port this MySQL listens on
	CA      string  `json:"ca"`      // path of the authority's certificate
	Logins  []Login `json:"logins"`
}

// Login is an account and a password.
type Login struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

const (
	// signInLimit bounds one sign-in, which takes some milliseconds.
	signInLimit = 5 * time.Second
	// errAccessDenied is MySQL's number for a wrong password.
	errAccessDenied = 1045
)

// signIn answers for each login whether it is let in. Any other outcome than yes or
// a wrong password is an error: it says nothing about the password.
func (s *Server) signIn(ctx context.Context, q Request, p *Response) error {
	if q.SignIn == nil {
		return nil
	}
	config, err := tlsOf(filepath.Join(s.System.Root, q.SignIn.CA), q.SignIn.Address)
	if err != nil {
		return fmt.Errorf("sign in to MySQL: %w", err)
	}
	for _, login := range q.SignIn.Logins {
		in, err := login.try(ctx, q.SignIn.Address, config)
		if err != nil {
			return fmt.Errorf("sign in to MySQL as %s: %w", login.User, err)
		}
		p.SignedIn = append(p.SignedIn, in)
	}
	return nil
}

func tlsOf(ca, address string) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: roots, ServerName: name}, nil
}

func (l Login) try(ctx context.Context, address string, config *tls.Config) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, signInLimit)
	defer cancel()
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.TLS = "tcp", address, l.User, l.Password, config
	c.Logger = &mysql.NopLogger{} // what it would say is in the error
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return false, err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	err = db.PingContext(ctx)
	if refused, ok := errors.AsType[*mysql.MySQLError](err); ok && refused.Number == errAccessDenied {
		return false, nil
	}
	return err == nil, err
}

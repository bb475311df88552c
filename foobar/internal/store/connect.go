package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config says where the database is and who asks.
type Config struct {
	Host      string // name or address, the same for both ports: the load balancers
	WritePort string // leads to the primary
	ReadPort  string // leads to a replica, which may be some seconds behind
	Database  string
	User      string
	Password  string
	CA        *x509.CertPool // nil: no TLS
}

const (
	dialTimeout = 1 * time.Second
	// ioTimeout is above the 5 s after which the server itself gives up on a row lock, so that this answer still arrives.
	ioTimeout = 6 * time.Second
	// poolSize is per port. Idle connections are kept: after a failover it is the dead ones that cost time, not the spare ones.
	poolSize = 32
	// connLifetime lets connections find their way back to a load balancer or replica that returned.
	connLifetime = time.Minute
)

// connector makes connections to one port.
func connector(c Config, port string, log *slog.Logger) (driver.Connector, error) {
	m := mysql.NewConfig()
	m.Net, m.Addr, m.DBName, m.User, m.Passwd = "tcp", net.JoinHostPort(c.Host, port), c.Database, c.User, c.Password
	m.Timeout, m.ReadTimeout, m.WriteTimeout = dialTimeout, ioTimeout, ioTimeout
	m.ParseTime, m.Loc = true, time.UTC
	m.RejectReadOnly = true    // a connection that leads to a former primary is of no use: drop it
	m.InterpolateParams = true // one round trip per statement instead of three
	// No gap locks: the unique key is what guards an order, and Group Replication does not see gap locks anyway.
	m.Params = map[string]string{"transaction_isolation": "'READ-COMMITTED'"}
	m.TLS = verifyChain(c.CA)
	m.Logger = driverLog{log}
	// A peer that went silent is noticed in 6 s even where a read has no deadline of its own.
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 3 * time.Second, Interval: time.Second, Count: 3,
	}}
	m.DialFunc = dialer.DialContext
	made, err := mysql.NewConnector(m)
	if err != nil {
		return nil, fmt.Errorf("set up connections to %s: %w", m.Addr, err)
	}
	return made, nil
}

// verifyChain is TLS that trusts what the CA signed, whatever host name stands in the certificate: the connection goes through
// a load balancer, so the name dialled is never that of the server that answers.
func verifyChain(ca *x509.CertPool) *tls.Config {
	if ca == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // replaced by VerifyConnection, which does all but compare the name
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("the database server sent no certificate")
			}
			between := x509.NewCertPool()
			for _, c := range s.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: ca, Intermediates: between})
			if err != nil {
				return fmt.Errorf("verify the database server's certificate against MYSQL_CA_FILE: %w", err)
			}
			return nil
		},
	}
}

func pool(c driver.Connector) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxLifetime(connLifetime)
	return db
}

// driverLog takes the driver's remarks on broken connections. They are expected around a failover, and the error itself is
// handled where it surfaces.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) {
	l.log.LogAttrs(context.Background(), slog.LevelDebug, "mysql driver", slog.String("remark", fmt.Sprint(v...)))
}

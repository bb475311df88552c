package app

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"scaleup/internal/component"
	"scaleup/internal/topology"
)

// mysqlUser is the application's MySQL account.
const mysqlUser = "app"

// variable is one line of an environment file.
type variable struct{ Name, Value string }

// Quoted is the value in double quotes, with what systemd and the shell would
// take for something else escaped. Both read it alike.
func (v variable) Quoted() string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(v.Value) + `"`
}

// environment is the application's environment: the contract first, then what
// the site file adds, by name. Without a port there is no PORT (migrations do
// not listen). It reports whether a value holds a secret. MYSQL_PASSWORD_FILE
// is in the unit, which knows where systemd puts credentials.
func environment(in component.Input, port int) (vars []variable, secret bool, err error) {
	t := in.Topology
	if port != 0 {
		vars = append(vars, variable{"PORT", strconv.Itoa(port)})
	}
	vars = append(vars,
		variable{"SCALEUP_SERVER", in.Server.Name},
		variable{"MYSQL_HOST", t.Internal.String()},
		variable{"MYSQL_PORT", strconv.Itoa(topology.PortMySQL)},
		variable{"MYSQL_READ_PORT", strconv.Itoa(topology.PortMySQLRead)},
		variable{"MYSQL_DATABASE", t.Site.Database.Name},
		variable{"MYSQL_USER", mysqlUser},
		variable{"MYSQL_CA_FILE", caPath},
		variable{"MYSQL_TLS", "verify-ca"},
	)
	references := map[string]string{
		"secret:mysql": in.Secrets.MySQLApp, "mysql:host": t.Internal.String(), "mysql:port": strconv.Itoa(topology.PortMySQL),
		"mysql:read_port": strconv.Itoa(topology.PortMySQLRead), "mysql:database": t.Site.Database.Name,
		"mysql:user": mysqlUser, "mysql:ca_file": caPath,
	}
	for _, name := range slices.Sorted(maps.Keys(t.Site.App.Env)) {
		value := t.Site.App.Env[name]
		if err := checkVariable(name, value); err != nil {
			return nil, false, err
		}
		value, uses, err := expand(value, references)
		if err != nil {
			return nil, false, fmt.Errorf("app.env.%s: %w", name, err)
		}
		secret = secret || uses
		vars = append(vars, variable{name, value})
	}
	return vars, secret, nil
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkVariable(name, value string) error {
	switch {
	case !variableName.MatchString(name):
		return fmt.Errorf("app.env: %q is not the name of an environment variable", name)
	case name == "PORT" || name == "SCALEUP_SERVER" || strings.HasPrefix(name, "MYSQL_"):
		return fmt.Errorf("app.env: %s is set by scaleup", name)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("app.env.%s: the value holds a control character or is not UTF-8; put it into a file of the release", name)
	}
	return nil
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand replaces ${…} and reports whether a secret was among them.
func expand(value string, references map[string]string) (expanded string, secret bool, err error) {
	expanded = reference.ReplaceAllStringFunc(value, func(match string) string {
		name := match[len("${") : len(match)-len("}")]
		to, ok := references[name]
		if !ok && err == nil {
			err = fmt.Errorf("%s is not known; there are: ${%s}", match, strings.Join(slices.Sorted(maps.Keys(references)), "}, ${"))
		}
		secret = secret || strings.HasPrefix(name, "secret:")
		return to
	})
	return expanded, secret, err
}

package lab

import (
	"testing"
)

func TestBridgeName(t *testing.T) {
	for lab, want := range map[string]string{
		"foobar-ha":            "su-foobar-ha",
		"twelve-chars":         "su-twelve-chars",
		"foobar-production-01": "su-foobar--" + shortHash("foobar-production-01", 4),
	} {
		if got := bridgeName(lab); got != want {
			t.Errorf("%s: got %s, want %s", lab, got, want)
		}
	}
}

// Names that systemd-nspawn would shorten are not ours to predict.
func TestHostInterfaceFits(t *testing.T) {
	seen := map[string]string{}
	for _, lab := range []string{"a", "foobar-ha", "foobar-production-01"} {
		for _, server := range []string{"a", "web1", "web2", "database-number-1", "database-number-2", "abcd-very-long", "database-12345678901234567890123"} {
			name := hostInterface(lab, server)
			if len(name) > interfaceNameMax {
				t.Errorf("%s/%s: %s is longer than %d", lab, server, name, interfaceNameMax)
			}
			if other, taken := seen[name]; taken {
				t.Errorf("%s is the name of %s/%s and of %s", name, lab, server, other)
			}
			seen[name] = lab + "/" + server
		}
	}
}

package check

import (
	"testing"

	"scaleup/internal/inspect"
)

func TestPackages(t *testing.T) {
	of := func(server, name, installed, candidate string) func(world) {
		return func(w world) {
			w.shown(server).Packages[name] = inspect.Versions{Installed: installed, Candidate: candidate}
		}
	}
	const unlike = "warning: nginx of the web tier is 1.2.3-4 on web1 and 1.2.3-5 on web2"
	for file, severity := range map[string]string{"ha.yaml": "info", "servers.yaml": "warning"} {
		provoke(t, example(t, file), []kind{packageTwins, packageBehind}, []provoked{
			{"one is newer", of("web2", "nginx", "1.2.3-5", "1.2.3-5"), []string{unlike}},
			{"one can be newer", of("web2", "nginx", "1.2.3-4", "1.2.3-5"), []string{severity + " web2: nginx is 1.2.3-4, and 1.2.3-5 can be had"}},
			{"not installed", of("db3", "mysql-server-core", "", "9.7.4-2"), nil},
			{"no candidate", of("db3", "mysql-server-core", "1.2.3-4", ""), nil},
		})
	}
}

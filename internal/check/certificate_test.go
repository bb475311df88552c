package check

import (
	"testing"
	"time"

	"scaleup/internal/inspect"
)

func TestCertificates(t *testing.T) {
	ends := func(server string, in time.Duration) func(world) {
		return func(w world) { w.shown(server).Wire.NotAfter = now.Add(in) }
	}
	provoke(t, example(t, "ha.yaml"), []kind{certificate, certificateTwins}, []provoked{
		{"in 21 days", ends("lb1", 21*day), nil},
		{"a moment sooner", ends("lb1", 21*day-time.Second), []string{"warning lb1: its certificate expires in 20 days, on 2026-05-25"}},
		{"in less than 3 days", ends("lb2", 3*day-time.Second), []string{"critical lb2: its certificate expires in 2 days, on 2026-05-07"}},
		{"expired", ends("lb2", -time.Hour), []string{"critical lb2: its certificate expired on 2026-05-04"}},
		{"another one on the twin", func(w world) { w.shown("lb2").Wire.Serial = "0815" },
			[]string{"warning lb2: it presents another certificate (serial 0815, until 2026-08-02) than lb1"}},
		{"none to be read", func(w world) { w.shown("lb1").Wire = (*inspect.Certificate)(nil) }, nil},
	})
}

package spec

import "time"

// check applies the rules between values of the file.
func check(r *report, s *Site) {
	checkRoles(r, s)
	checkAddresses(r, s)
}

// checkDisk applies the rules about files that the site names.
func checkDisk(r *report, s *Site, now time.Time) {
	checkStatic(r, s.Web.Static)
	checkRelease(r, s.App)
	if s.TLS.Cert != "" && s.TLS.Key != "" {
		checkCertificate(r, s.TLS, s.Name, now)
	}
}

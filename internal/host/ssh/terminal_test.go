package ssh

import (
	"regexp"
	"testing"
)

func TestBecome(t *testing.T) {
	for user, prefix := range map[string]string{"root": "exec ", "admin": "exec sudo -n "} {
		got, err := Target{User: user, Binary: Binary{Digest: "0123abcd"}}.Become([]string{"mysql", "-e", "SELECT '$(reboot)'; `x`"})
		if err != nil {
			t.Fatal(err)
		}
		if want := regexp.MustCompile("^" + prefix + "/usr/local/lib/scaleup/0123abcd/scaleup remote --become [A-Za-z0-9_-]+$"); !want.MatchString(got) {
			t.Errorf("%s runs %q", user, got)
		}
	}
	if _, err := (Target{}).Become(nil); err == nil {
		t.Error("no program to run, and no error")
	}
}

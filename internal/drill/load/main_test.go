package load

import (
	"testing"

	"go.uber.org/goleak"
)

// No test may leave a goroutine behind: a generator runs for hours.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

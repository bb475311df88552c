package remote

import (
	"context"
	"testing"
)

func TestLeaveWithoutAGuard(t *testing.T) {
	if err := LeaveGroup(context.Background(), t.TempDir()+"/guard.sock"); err == nil {
		t.Error("nobody answered, and it was no error")
	}
}

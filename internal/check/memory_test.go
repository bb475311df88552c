package check

import (
	"testing"

	"scaleup/internal/inspect"
)

func TestMemory(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{memory}, []provoked{
		{"just enough", func(w world) { w.shown("db1").Memory.Available = 8<<30/5 + 1 }, nil},
		{"low", func(w world) { w.shown("db1").Memory.Available = 1 << 30 }, []string{"warning db1: 6 % (1.0 GB of 16.0 GB) of its memory is available"}},
		{"not read", func(w world) { w.shown("db1").Memory = inspect.Memory{} }, nil},
	})
}

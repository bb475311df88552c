package graph

import (
	"testing"

	"scaleup/internal/component/componenttest"
)

func TestGolden(t *testing.T) {
	graphs := situations(t)
	for _, name := range []string{"ha", "seed", "ha-plan", "seed-plan", "changed"} {
		for extension, draw := range map[string]func(Graph) string{"svg": SVG, "mmd": Mermaid, "dot": DOT, "txt": Text} {
			componenttest.Golden(t, name+"."+extension, []byte(draw(graphs[name])))
		}
	}
}

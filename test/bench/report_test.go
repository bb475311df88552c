package main

import (
	"strings"
	"testing"
)

func sampleReport() *report {
	r := &report{runs: 3, machine: []string{"2 × Some CPU", "24.0 GiB memory"}}
	g := r.group("Lifecycle")
	g.note("In a lab of its own.")
	g.note("In a lab of its own.")
	g.add(figure{what: "cold `up`", unit: seconds, samples: []float64{70, 61, 62}, target: atMost(60), yardstick: "Ansible | 33 s"})
	r.group("Lifecycle").add(figure{what: "plan", unit: seconds, samples: []float64{0.4}})
	return r
}

func TestMarkdown(t *testing.T) {
	got := sampleReport().markdown()
	for _, want := range []string{
		"median of 3 runs",
		"- 2 × Some CPU\n",
		"| cold `up` | 62.0 s | 61.0 s – 70.0 s | ≤ 60.0 s | NO | Ansible \\| 33 s |\n",
		"| plan | 0.40 s |  |  |  |  |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the document lacks %q:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "In a lab of its own."); n != 1 {
		t.Errorf("a note is there %d times", n)
	}
}

func TestPrintNamesWhatWasMissed(t *testing.T) {
	var out strings.Builder
	sampleReport().print(&out)
	if !strings.Contains(out.String(), "missed: Lifecycle: cold `up`\n") {
		t.Errorf("the table does not name the missed target:\n%s", out.String())
	}
}

package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRows(t *testing.T) {
	got, err := ParseRows([][]string{{"a", "5"}, {"b", "-1"}})
	if diff := cmp.Diff([]Row{{"a", 5}, {"b", -1}}, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	for name, answer := range map[string][][]string{"NULL": {{"a", ""}}, "one column": {{"a"}}, "a word": {{"a", "five"}}} {
		if got, err := ParseRows(answer); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

func TestParseDrinks(t *testing.T) {
	got, err := ParseDrinks([][]string{{"tap-water", "100", "90", "10", "-5"}})
	if diff := cmp.Diff([]Drink{{"tap-water", 100, 90, 10, -5}}, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	for name, answer := range map[string][][]string{"NULL": {{"a", "1", "2", "3", ""}}, "four columns": {{"a", "1", "2", "3"}}} {
		if got, err := ParseDrinks(answer); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

func TestParseExecuted(t *testing.T) {
	got, err := ParseExecuted([][]string{{"a:1-5,\nb:1"}})
	if got != "a:1-5,b:1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for name, answer := range map[string][][]string{"nothing": nil, "two rows": {{"a"}, {"b"}}, "two columns": {{"a", "b"}}} {
		if got, err := ParseExecuted(answer); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

func TestParseWaited(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   bool
		good   bool
	}{{"0", true, true}, {"1", false, true}, {"", false, false}, {"2", false, false}} {
		if got, err := ParseWaited([][]string{{c.answer}}); got != c.want || (err == nil) != c.good {
			t.Errorf("%q: got %t, %v", c.answer, got, err)
		}
	}
	if _, err := ParseWaited(nil); err == nil {
		t.Error("no answer was read as one")
	}
}

func TestParseDurability(t *testing.T) {
	row := []string{"1", "1", "BEFORE_ON_PRIMARY_FAILOVER", "0", "5", "READ_ONLY", "1"}
	got, err := ParseDurability([][]string{row})
	want := Durability{1, 1, "BEFORE_ON_PRIMARY_FAILOVER", 0, 5 * time.Second, "READ_ONLY", true}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	words := "sync_binlog 1, innodb_flush_log_at_trx_commit 1, consistency BEFORE_ON_PRIMARY_FAILOVER, " +
		"expel timeout 0s, majority timeout 5s, exit action READ_ONLY, single primary true"
	if got.String() != words {
		t.Errorf("got %q, want %q", got, words)
	}
	if weak := got.Weak(); weak != nil {
		t.Errorf("the site's own settings are weak: %q", weak)
	}
	for name, answer := range map[string][][]string{"nothing": nil, "six columns": {row[:6]}, "a word": {append([]string{"ON"}, row[1:]...)}} {
		if got, err := ParseDurability(answer); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
	if weak := (Durability{SyncBinlog: 0, FlushLog: 2, Consistency: "EVENTUAL"}).Weak(); len(weak) != 4 {
		t.Errorf("got %q, want all four weaknesses", weak)
	}
}

func TestStatementsAreForOneRun(t *testing.T) {
	want := []string{"drill-0102150405-1-%"}
	for _, s := range []Statement{OrdersOf("foobar", run), RowsOf(run)} {
		if diff := cmp.Diff(want, s.Args); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.SQL, diff)
		}
	}
}

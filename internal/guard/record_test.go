package guard

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecordSurvives(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := openStore(dir, worldGroup)
	if err != nil {
		t.Fatal(err)
	}
	if s.record.EverMember || s.record.Group != worldGroup {
		t.Errorf("a new store says %+v", s.record)
	}
	want := Record{Group: worldGroup, Epoch: 3, ViewID: "77:12", Members: []string{"db1", "db2"}, Role: Primary, Primary: "db1", EverMember: true, Granted: Grant{3, "db1"}}
	if err := s.save(want); err != nil {
		t.Fatal(err)
	}
	again, err := openStore(dir, worldGroup)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again.record); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(dir, recordName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("record: %v, %v, want 0600", info.Mode(), err)
	}
}

func TestRecordThatCannotBeSavedIsNotBelieved(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir, worldGroup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, recordName+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.save(Record{Group: worldGroup, Epoch: 9}); err == nil || s.record.Epoch != 0 {
		t.Errorf("save: %v, record %+v; want an error and the record as it was", err, s.record)
	}
}

func TestHalfWrittenRecordIsIgnored(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, recordName+".new"), []byte(`{"epoch": 9`), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := openStore(dir, worldGroup); err != nil || s.record.Epoch != 0 {
		t.Errorf("openStore: %v, %+v", err, s)
	}
}

// TestActedSurvives: a guard that was killed while it acted, and could save no record,
// knows it when it starts again.
func TestActedSurvives(t *testing.T) {
	dir := t.TempDir()
	acted := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)
	for _, c := range []struct {
		name    string
		record  time.Time
		written []time.Time
		want    time.Time
	}{
		{"never", time.Time{}, nil, time.Time{}},
		{"recorded", acted, nil, acted},
		{"written down", time.Time{}, []time.Time{acted}, acted},
		{"written down twice", acted, []time.Time{acted, acted.Add(time.Hour)}, acted.Add(time.Hour)},
		{"recorded later", acted.Add(2 * time.Hour), []time.Time{acted}, acted.Add(2 * time.Hour)},
	} {
		for _, at := range c.written {
			if err := (&store{dir: dir}).keepActed(at); err != nil {
				t.Fatal(err)
			}
		}
		s := &store{dir: dir, record: Record{Acted: c.record}}
		if err := s.recallActed(); err != nil || !s.record.Acted.Equal(c.want) {
			t.Errorf("%s: %s, %v, want %s", c.name, s.record.Acted, err, c.want)
		}
	}
	if err := writeLine(dir, actedName, "yesterday"); err != nil {
		t.Fatal(err)
	}
	if (&store{dir: dir}).recallActed() == nil {
		t.Error("a damaged file was taken for none")
	}
}

func TestDamagedRecordIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, recordName), []byte(`{"epoch": 9`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(dir, worldGroup); err == nil {
		t.Error("a damaged record was taken for a new server")
	}
}

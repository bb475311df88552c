package guard

import (
	"os"
	"path/filepath"
	"testing"

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

func TestDamagedRecordIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, recordName), []byte(`{"epoch": 9`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(dir, worldGroup); err == nil {
		t.Error("a damaged record was taken for a new server")
	}
}

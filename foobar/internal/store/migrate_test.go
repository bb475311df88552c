package store

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"scaleup/foobar/assets"
)

func TestLoadMigrations(t *testing.T) {
	all, err := loadMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("got no migrations")
	}
	for _, m := range all {
		if len(m.statements) == 0 {
			t.Errorf("%s: got no statements", m.name)
		}
		for _, s := range m.statements {
			table := strings.HasPrefix(s, "CREATE TABLE")
			if table && !strings.Contains(s, "PRIMARY KEY") {
				t.Errorf("%s: a table without a primary key cannot be replicated: %s", m.name, s)
			}
			if table && !strings.HasPrefix(s, "CREATE TABLE IF NOT EXISTS") {
				t.Errorf("%s: a change of tables must bear being repeated: %s", m.name, s)
			}
		}
	}
}

func TestEveryDrinkOfTheMenuHasAPicture(t *testing.T) {
	var menu []byte
	for _, name := range []string{"0002_menu", "0003_waters"} {
		part, err := migrationFiles.ReadFile("migrations/" + name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		menu = append(menu, part...)
	}
	pictures, err := assets.Load()
	if err != nil {
		t.Fatal(err)
	}
	slugs := regexp.MustCompile(`(?m)^ +\( *\d+, '([a-z-]+)'`).FindAllSubmatch(menu, -1)
	if len(slugs) != 19 {
		t.Errorf("got %d drinks, want 19", len(slugs))
	}
	for _, slug := range slugs {
		if _, err := pictures.Path("drink-" + string(slug[1]) + ".svg"); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadMigrationsRefuses(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"no number":  {"migrations/first.sql": {Data: []byte("SELECT 1;")}},
		"one number": {"migrations/1_a.sql": {}, "migrations/01_b.sql": {}},
	} {
		if _, err := loadMigrations(files); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestSplitStatements(t *testing.T) {
	got := splitStatements("-- about; this\n\nCREATE a (\n  b; c\n);\n-- more\nINSERT 'x;y';  \r\nSELECT 1")
	want := []string{"CREATE a (\n  b; c\n)", "INSERT 'x;y'", "SELECT 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}

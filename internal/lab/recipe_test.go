package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecipePackages(t *testing.T) {
	r := Recipe{Role: "database", Packages: []PackageSet{
		{Names: []string{"nftables"}},
		{Names: []string{"mysql-server-core"}, Release: "sid"},
		{Names: []string{"zstd", "attr"}},
		{Names: []string{"attr"}, Release: baseSuite},
	}}
	want := []PackageSet{{Names: []string{"attr", "zstd"}}, {Names: []string{"mysql-server-core"}, Release: "sid"}}
	if diff := cmp.Diff(want, r.packages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !r.needsSid() {
		t.Error("the recipe needs sid")
	}
}

func TestLayerName(t *testing.T) {
	web := Recipe{Role: "web", Packages: []PackageSet{{Names: []string{"nginx-light", "brotli"}}}}
	same := Recipe{Role: "web", Packages: []PackageSet{{Names: []string{"brotli", "nginx-light"}}, {Names: []string{"sudo"}}}}
	other := Recipe{Role: "web", Packages: []PackageSet{{Names: []string{"nginx-full"}}}}
	image := Recipe{Role: "web", Packages: web.Packages, Database: true}
	if web.layer() != same.layer() {
		t.Errorf("one recipe has two layers: %s and %s", web.layer(), same.layer())
	}
	if web.layer() == other.layer() || web.layer() == image.layer() {
		t.Error("different recipes have one layer")
	}
	bare := Recipe{Role: "app", Packages: []PackageSet{{Names: []string{"nftables"}}}}
	if got := bare.layer(); got != "" {
		t.Errorf("a role without packages of its own has the layer %s", got)
	}
}

package main

import "testing"

func TestServedPaths(t *testing.T) {
	paths, err := servedPaths([]byte(`{"bench-1k.bin": "/static/bench-1k.61.bin", "bench-100k.bin": "/static/bench-100k.0b.bin"}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 3 || paths[0].path != "/static/bench-1k.61.bin" || paths[1].path != "/static/bench-100k.0b.bin" || paths[2].path != "/" {
		t.Errorf("paths %+v", paths)
	}
	for _, manifest := range []string{"", "{}", `{"bench-1k.bin": "/a"}`} {
		if paths, err := servedPaths([]byte(manifest)); err == nil {
			t.Errorf("%q gives %+v", manifest, paths)
		}
	}
}

func TestEnds(t *testing.T) {
	var s siteStatus
	if _, _, err := s.ends(); err == nil {
		t.Error("a site without servers has ends")
	}
	for _, v := range [][3]string{{"db1", "database", "192.0.2.1"}, {"lb1", "loadbalancer", "192.0.2.2"}, {"web1", "web", "192.0.2.3"}, {"web2", "web", "192.0.2.4"}} {
		s.Servers = append(s.Servers, struct{ Name, Role, Address string }{v[0], v[1], v[2]})
	}
	balancer, web, err := s.ends()
	if err != nil || balancer.name != "lb1" || web != (side{"web1", "192.0.2.3"}) {
		t.Errorf("balancer %v, web server %v, %v", balancer, web, err)
	}
}

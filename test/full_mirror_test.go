//go:build lab && full

package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// mirror is a Debian archive on the lab's bridge. Lab machines have no way out;
// real servers have a mirror they reach. It passes requests on to the mirror
// this computer's own apt uses, through the proxy that apt uses.
type mirror struct {
	url      string // what a machine writes into its package sources
	upstream string
	client   *http.Client
	files    atomic.Int64
	bytes    atomic.Int64
}

// startMirror serves at an address of this computer until the test ends. The
// bridge must be there, since the address is its.
func startMirror(t *testing.T, address string) *mirror {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	m := &mirror{
		url:      "http://" + listener.Addr().String() + "/debian",
		upstream: debianArchive(t),
		// Packages are passed on as they are: nothing is unpacked on the way.
		client: &http.Client{Transport: &http.Transport{Proxy: aptProxy(t), DisableCompression: true, MaxIdleConnsPerHost: 16}},
	}
	server := &http.Server{Handler: m}
	go server.Serve(listener) // ends with Close
	t.Cleanup(func() { server.Close() })
	return m
}

// passedHeaders are what apt says about what it has already.
var passedHeaders = []string{"Range", "If-Range", "If-Modified-Since", "Cache-Control"}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/debian/")
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, m.upstream+"/"+path, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, name := range passedHeaders {
		if v := r.Header.Get(name); v != "" {
			request.Header.Set(name, v)
		}
	}
	response, err := m.client.Do(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Last-Modified", "Etag"} {
		if v := response.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(response.StatusCode)
	n, _ := io.Copy(w, response.Body) // apt notices and asks for the rest
	m.files.Add(1)
	m.bytes.Add(n)
}

// debianArchive is the archive this computer's apt has in its sources.
func debianArchive(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		t.Fatalf("ask apt for its sources: %v", err)
	}
	for _, uri := range strings.Fields(string(out)) {
		uri = strings.TrimRight(uri, "/")
		if strings.HasPrefix(uri, "http") && (strings.HasSuffix(uri, "/debian") || strings.Contains(uri, "/archive/debian/")) {
			return uri
		}
	}
	t.Fatal("this computer's apt names no Debian archive")
	return ""
}

var aptSetting = regexp.MustCompile(`(?m)^(Acquire::[A-Za-z:-]+) "([^"\n]+)";$`)

// aptSettings is what this computer's apt says about acquiring, by lower-case name.
func aptSettings(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("apt-config", "dump").Output()
	if err != nil {
		t.Fatalf("ask apt for its settings: %v", err)
	}
	settings := map[string]string{}
	for _, m := range aptSetting.FindAllStringSubmatch(string(out), -1) {
		settings[strings.ToLower(m[1])] = m[2]
	}
	return settings
}

// aptProxy is the proxy apt uses, else the environment's, as apt does it.
func aptProxy(t *testing.T) func(*http.Request) (*url.URL, error) {
	t.Helper()
	proxy := aptSettings(t)["acquire::http::proxy"]
	if proxy == "" {
		return http.ProxyFromEnvironment
	}
	if strings.EqualFold(proxy, "DIRECT") {
		return nil
	}
	address, err := url.Parse(proxy)
	if err != nil {
		t.Fatal("the computer's apt proxy is no address") // not shown: it may hold a password
	}
	return http.ProxyURL(address)
}

// machineSettings is an apt configuration for machines that use the mirror: what
// this computer says about the age of archives, and no proxy in between.
func (m *mirror) machineSettings(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	settings := aptSettings(t)
	for _, name := range []string{"Acquire::Check-Valid-Until", "Acquire::Check-Date"} {
		if v := settings[strings.ToLower(name)]; v != "" {
			fmt.Fprintf(&b, "%s %q;\n", name, v)
		}
	}
	address, err := url.Parse(m.url)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "Acquire::http::Proxy::%s \"DIRECT\";\n", address.Hostname())
	return b.String()
}

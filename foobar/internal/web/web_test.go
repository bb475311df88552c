package web

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/foobar/internal/bar"
	"scaleup/foobar/internal/bartest"
)

const key = "0123456789abcdef"

// open is a bar with two drinks and its site.
func open(t *testing.T) (*bartest.Bar, http.Handler) {
	t.Helper()
	b := bartest.New(
		bar.Drink{ID: 3, Slug: "null-pointer", Name: "Null <Pointer>", Section: "Cocktails", About: "Red.", Price: 1150, Stock: 12345},
		bar.Drink{ID: 8, Slug: "lager", Name: "Foobar Lager", Section: "On tap", About: "Gold.", Price: 520, Stock: 2},
	)
	h, err := New(b, "app1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b, h
}

// send is one request; each extra is a header as "Name: value".
func send(h http.Handler, method, target, body string, extra ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://www.foobar.com"+target, strings.NewReader(body))
	if method == http.MethodPost && !strings.HasPrefix(target, "/api/") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, e := range extra {
		name, value, _ := strings.Cut(e, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStatusTypeAndCaching(t *testing.T) {
	b, h := open(t)
	if _, _, err := b.Place(t.Context(), bar.Request{Key: key, Item: 3, Quantity: 1}); err != nil {
		t.Fatal(err)
	}
	const html, js, text = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
	tests := []struct {
		method, target string
		status         int
		mediaType      string
		shared         bool // may a shared cache keep it
	}{
		{"GET", "/", 200, html, true},
		{"HEAD", "/", 200, html, true},
		{"GET", "/menu", 200, html, true},
		{"GET", "/order?item=3", 200, html, false},
		{"GET", "/order", 303, html, false},
		{"GET", "/order?item=4", 404, html, false},
		{"GET", "/order?item=-3", 404, html, false},
		{"GET", "/orders/1", 200, html, false},
		{"HEAD", "/orders/1", 200, html, false},
		{"GET", "/orders/2", 404, html, false},
		{"GET", "/orders/one", 404, html, false},
		{"GET", "/orders/99999999999999999999", 404, html, false},
		{"GET", "/orders", 405, html, false},
		{"GET", "/nowhere", 404, html, false},
		{"DELETE", "/menu", 405, html, false},
		{"GET", "/api/menu", 200, js, false},
		{"HEAD", "/api/menu", 200, js, false},
		{"GET", "/api/orders/1", 200, js, false},
		{"GET", "/api/orders/2", 404, js, false},
		{"GET", "/api/nowhere", 404, js, false},
		{"PUT", "/api/orders", 405, js, false},
		{"GET", "/whoami", 200, js, false},
		{"GET", "/healthz", 200, text, false},
		{"HEAD", "/healthz", 200, text, false},
		{"GET", "/readyz", 200, text, false},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			w := send(h, tt.method, tt.target, "")
			if w.Code != tt.status {
				t.Errorf("got status %d, want %d", w.Code, tt.status)
			}
			if got := w.Header().Get("Content-Type"); got != tt.mediaType {
				t.Errorf("got type %q, want %q", got, tt.mediaType)
			}
			want := cacheNever
			if tt.shared {
				want = cacheShared
			}
			if got := w.Header().Get("Cache-Control"); got != want {
				t.Errorf("got Cache-Control %q, want %q", got, want)
			}
			if w.Header().Get("Set-Cookie") != "" {
				t.Error("got a cookie: the page would never be cached")
			}
			if tt.status == 405 && w.Header().Get("Allow") == "" {
				t.Error("got no Allow header")
			}
		})
	}
}

func TestOrderByForm(t *testing.T) {
	b, h := open(t)
	page := send(h, "GET", "/order?item=3", "").Body.String()
	found := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the form has no key")
	}
	if again := send(h, "GET", "/order?item=3", "").Body.String(); strings.Contains(again, found[1]) {
		t.Error("two renderings of the form share a key")
	}
	form := url.Values{"key": {found[1]}, "item": {"3"}, "quantity": {"2"}}.Encode()
	for range 2 { // pressed twice
		w := send(h, "POST", "/orders", form)
		if got := w.Header().Get("Location"); w.Code != 303 || got != "/orders/1" {
			t.Fatalf("got %d to %q, want 303 to /orders/1", w.Code, got)
		}
	}
	if menu, _ := b.Menu(t.Context()); menu.Drinks[0].Stock != 12343 {
		t.Errorf("got stock %d, want 12343", menu.Drinks[0].Stock)
	}
	receipt := send(h, "GET", "/orders/1", "").Body.String()
	for _, want := range []string{"Order 1", "2 × Null &lt;Pointer&gt;", "€23.00"} {
		if !strings.Contains(receipt, want) {
			t.Errorf("the receipt lacks %q", want)
		}
	}
}

func TestPagesShowNoKeyThatACacheCouldShare(t *testing.T) {
	_, h := open(t)
	for _, target := range []string{"/", "/menu"} {
		if strings.Contains(send(h, "GET", target, "").Body.String(), `name="key"`) {
			t.Errorf("%s may be cached and holds a key", target)
		}
	}
}

func TestRefusedOrders(t *testing.T) {
	order := func(b *bartest.Bar, item int64) {
		if _, _, err := b.Place(t.Context(), bar.Request{Key: key, Item: item, Quantity: 1}); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name     string
		key      string
		body     string
		arrange  func(*bartest.Bar)
		status   int
		code     string
		mentions string
	}{
		{"no key", "", `{"item":3,"quantity":1}`, nil, 400, "invalid", "key"},
		{"short key", "x", `{"item":3,"quantity":1}`, nil, 400, "invalid", "16 to 64"},
		{"two keys", key, `{"item":3,"quantity":1,"key":"fedcba9876543210"}`, nil, 400, "invalid", "differs"},
		{"quantity 0", key, `{"item":3,"quantity":0}`, nil, 400, "invalid", "between 1 and 20"},
		{"quantity 21", key, `{"item":3,"quantity":21}`, nil, 400, "invalid", "between 1 and 20"},
		{"quantity in words", key, `{"item":3,"quantity":"two"}`, nil, 400, "invalid", "body"},
		{"unknown field", key, `{"item":3,"quantity":1,"tip":5}`, nil, 400, "invalid", "body"},
		{"two values", key, `{"item":3,"quantity":1}{}`, nil, 400, "invalid", "body"},
		{"empty body", key, ``, nil, 400, "invalid", "empty"},
		{"huge body", key, `{"key":"` + strings.Repeat("k", maxBody) + `"}`, nil, 413, "too_large", ""},
		{"unknown drink", key, `{"item":4,"quantity":1}`, nil, 404, "no_such_drink", ""},
		{"not enough", key, `{"item":8,"quantity":3}`, nil, 409, "not_enough_stock", "only 2"},
		{"key reused", key, `{"item":8,"quantity":1}`, func(b *bartest.Bar) { order(b, 3) }, 409, "key_reused", "new key"},
		{"unavailable", key, `{"item":3,"quantity":1}`, func(b *bartest.Bar) { b.Break(bar.ErrUnavailable) }, 503, "unavailable", "Nothing was ordered"},
		{"in doubt", key, `{"item":3,"quantity":1}`, func(b *bartest.Bar) { b.Break(bar.ErrInDoubt) }, 503, "in_doubt", "same key"},
		{"unforeseen", key, `{"item":3,"quantity":1}`, func(b *bartest.Bar) { b.Break(errors.New("secret detail")) }, 500, "internal", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, h := open(t)
			if tt.arrange != nil {
				tt.arrange(b)
			}
			w := send(h, "POST", "/api/orders", tt.body, "Idempotency-Key: "+tt.key)
			var got apiFailure
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("decode %q: %v", w.Body, err)
			}
			if w.Code != tt.status || got.Error.Code != tt.code || !strings.Contains(got.Error.Message, tt.mentions) {
				t.Errorf("got %d %+v, want %d %s and a mention of %q", w.Code, got.Error, tt.status, tt.code, tt.mentions)
			}
			if strings.Contains(got.Error.Message, "secret") {
				t.Error("the answer shows what belongs into the log")
			}
			if wait := w.Header().Get("Retry-After"); (tt.status == 503) != (wait != "") {
				t.Errorf("got Retry-After %q with status %d", wait, tt.status)
			}
		})
	}
}

func TestOrderByAPI(t *testing.T) {
	_, h := open(t)
	var first string
	for i, tt := range []struct {
		body, header string
		status       int
	}{
		{`{"item":3,"quantity":2}`, key, 201},
		{`{"item":3,"quantity":2}`, key, 200},
		{`{"item":3,"quantity":2,"key":"` + key + `"}`, "", 200},
	} {
		w := send(h, "POST", "/api/orders", tt.body, "Idempotency-Key: "+tt.header)
		if w.Code != tt.status || w.Header().Get("Location") != "/api/orders/1" {
			t.Errorf("request %d: got %d at %q, want %d", i, w.Code, w.Header().Get("Location"), tt.status)
		}
		if i == 0 {
			first = w.Body.String()
		} else if diff := cmp.Diff(first, w.Body.String()); diff != "" {
			t.Errorf("request %d got another order:\n%s", i, diff)
		}
	}
	if got := send(h, "GET", "/api/orders/1", "").Body.String(); got != first {
		t.Errorf("got %s, want %s", got, first)
	}
}

// When an order by form fails for a while, the page offers to send the very same order again.
func TestTroublePageKeepsTheTicket(t *testing.T) {
	b, h := open(t)
	b.Break(bar.ErrInDoubt)
	w := send(h, "POST", "/orders", "key="+key+"&item=3&quantity=2")
	if w.Code != 503 {
		t.Fatalf("got status %d, want 503", w.Code)
	}
	for _, want := range []string{`name="key" value="` + key + `"`, `name="item" value="3"`, `name="quantity" value="2"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestWhoamiAndFooterNameTheServers(t *testing.T) {
	b, h := open(t)
	headers := []string{"X-Scaleup-Lb: lb2", "X-Scaleup-Web: web1", "X-Request-ID: 01ABC"}
	want := map[string]string{
		"site": "www.foobar.com", "loadbalancer": "lb2", "web": "web1", "app": "app1",
		"database": "db1", "database_read": "db2", "request_id": "01ABC",
	}
	whoami := func() (got map[string]string) {
		t.Helper()
		w := send(h, "GET", "/whoami", "", headers...)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("got %d %q: %v", w.Code, w.Body, err)
		}
		return got
	}
	if diff := cmp.Diff(want, whoami()); diff != "" {
		t.Errorf("whoami (-want +got):\n%s", diff)
	}
	footer := regexp.MustCompile(`poured by.*`).FindString(send(h, "GET", "/menu", "", headers...).Body.String())
	if got, want := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(footer, ""), "poured by lb2 · web1 · app1 · db2"; got != want {
		t.Errorf("footer: got %q, want %q", got, want)
	}

	b.Break(bar.ErrUnavailable)
	want["database"], want["database_read"] = "", ""
	if diff := cmp.Diff(want, whoami()); diff != "" {
		t.Errorf("whoami without a database (-want +got):\n%s", diff)
	}
}

func TestHealthDoesNotDependOnTheDatabase(t *testing.T) {
	b, h := open(t)
	b.Break(errors.New("secret detail"))
	if w := send(h, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("healthz: got %d, want 200", w.Code)
	}
	w := send(h, "GET", "/readyz", "")
	if w.Code != 503 || !strings.Contains(w.Body.String(), "database") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("readyz: got %d %q, want 503 and the reason in general terms", w.Code, w.Body)
	}
}

// HEAD has no body on the wire, and the same headers otherwise. Only a real server shows it.
func TestHeadOverTheWire(t *testing.T) {
	_, h := open(t)
	server := httptest.NewServer(h)
	defer server.Close()
	res, err := http.Head(server.URL + "/menu")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || len(body) != 0 || res.ContentLength <= 0 {
		t.Errorf("got %d, %d bytes, length %d", res.StatusCode, len(body), res.ContentLength)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 10000000: "10,000,000", -123: "-123", -1234: "-1,234"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d): got %q, want %q", n, got, want)
		}
	}
}

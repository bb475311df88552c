package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"scaleup/internal/drill/record"
)

// updatingLimit is how long after a fresh answer an old page still counts as ok
// while the new one is being fetched: stale-while-revalidate at work, not a cache
// that covers for a dead tier.
const updatingLimit = 5 * time.Second

// Reader reads the paths of one class.
type Reader struct {
	client *Client
	run    string
	class  record.Class
	pages  []*page
}

// NewReader makes a Reader of paths such as "/" or "/menu?lang=de". run names the
// trial and is unique: no cache knows the queries that Static files are read under.
func NewReader(c *Client, run string, class record.Class, paths []string) (*Reader, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("read %s: there is no path", class)
	}
	r := &Reader{client: c, run: run, class: class}
	for _, path := range paths {
		u, err := url.Parse(path)
		if err == nil && (u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/")) {
			err = errors.New("it has to begin with one / and name no host")
		}
		if err != nil {
			return nil, fmt.Errorf("read %s from path %q: %w", class, path, err)
		}
		r.pages = append(r.pages, &page{url: *u})
	}
	return r, nil
}

// Rotate returns a Stream's Do that takes the paths in turn. Each stream has its
// own, or the fresh connections might only ever see one of the paths.
func (r *Reader) Rotate() Doer {
	var turn atomic.Uint64
	return func(ctx context.Context, op *record.Op) {
		r.read(ctx, op, r.pages[(turn.Add(1)-1)%uint64(len(r.pages))])
	}
}

func (r *Reader) read(ctx context.Context, op *record.Op, p *page) {
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	reply := r.client.Do(ctx, op, Request{Method: http.MethodGet, URL: r.address(op, p)}, body)
	if reply.Err == nil && reply.Status == http.StatusOK {
		p.check(&reply, r.class, body.Bytes(), time.Now())
	}
	settle(op, reply)
}

func (r *Reader) address(op *record.Op, p *page) url.URL {
	u := p.url
	if r.class == record.Static {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += fmt.Sprintf("drill=%s-%d", r.run, op.Seq)
	}
	return u
}

// bodies are buffers for answers.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// settle writes into op what a reply means for it.
func settle(op *record.Op, r Reply) {
	op.Outcome, op.Error = Classify(op.Class, r)
	op.Status = r.Status
}

// page is one path and what is known of its answers.
type page struct {
	url url.URL

	mu     sync.Mutex
	known  bool
	digest [sha256.Size]byte // of the first good answer; Static only
	fresh  time.Time         // of the last fresh answer
}

// check fills in what the body and earlier answers say about an answer of status
// 200 that arrived at the moment now.
func (p *page) check(r *Reply, class record.Class, body []byte, now time.Time) {
	if len(body) == 0 {
		r.Wrong = true
		return
	}
	var digest [sha256.Size]byte
	if class == record.Static {
		digest = sha256.Sum256(body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known {
		p.known, p.digest = true, digest
	}
	r.Wrong = digest != p.digest
	r.Lately = !p.fresh.IsZero() && now.Sub(p.fresh) <= updatingLimit
	if !r.Wrong && r.Cache != "STALE" && r.Cache != "UPDATING" {
		p.fresh = now
	}
}

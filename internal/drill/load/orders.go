package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"scaleup/internal/drill/record"
)

// waters are the drinks that are ordered: practically endless, and several, because an
// order locks its drink until it is on a majority of the database servers. With one
// of them, all orders of a drill would wait for each other.
var waters = [...]int64{1, 13, 14, 15, 16, 17, 18, 19}

// water is what an operation orders. The numbers of writes are not just any, as the
// load's kinds take turns, so they are scattered (Knuth's multiplicative hash).
func water(seq int) int64 { return waters[uint32(seq)*2654435761>>29] }

// Orders returns a Stream's Do that orders at the reference application
// (foobar/internal/web): what record.Quantity says, under the key record.Key. The
// key is in the body, as a header Idempotency-Key would make many a client and proxy
// send the request again. run names the trial and is unique.
func Orders(c *Client, run string) Doer {
	return func(ctx context.Context, op *record.Op) {
		body := bodies.Get().(*bytes.Buffer)
		defer bodies.Put(body)
		quantity := record.Quantity(op.Seq)
		reply := c.Do(ctx, op, Request{
			Method: http.MethodPost,
			URL:    url.URL{Path: "/api/orders"},
			JSON:   fmt.Appendf(nil, `{"item":%d,"quantity":%d,"key":%q}`, water(op.Seq), quantity, record.Key(run, op.Seq)),
		}, body)
		if reply.Err == nil {
			checkOrder(&reply, body.Bytes(), water(op.Seq), quantity)
		}
		settle(op, reply)
	}
}

// checkOrder fills in what the body of an answer says: the order as it was asked
// for, or the application's reason why there is none.
func checkOrder(r *Reply, body []byte, item int64, quantity int) {
	var answer struct {
		ID       int64 `json:"id"`
		Item     int64 `json:"item"`
		Quantity int   `json:"quantity"`
		Error    struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil { // a page of a proxy, say: no order and no reason
		r.Wrong = true
		return
	}
	r.Wrong = answer.ID < 1 || answer.Item != item || answer.Quantity != quantity
	r.Code = answer.Error.Code
}

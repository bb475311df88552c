package load

import (
	"slices"
	"time"

	"scaleup/internal/drill/record"
)

// Quality tells how well the generator itself did.
func Quality(ops []record.Op) record.Tool {
	var q record.Tool
	lags := make([]time.Duration, len(ops))
	for i, o := range ops {
		lags[i] = o.Lag()
		q.Again += o.Again
		if o.Outcome == record.Unsent {
			q.Unsent++
		}
	}
	if len(lags) > 0 {
		slices.Sort(lags)
		q.LagP99 = lags[(len(lags)*99+99)/100-1] // nearest rank: 99 of 100 are no later
		q.LagMax = lags[len(lags)-1]
	}
	return q
}

package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"scaleup/foobar/internal/bar"
)

const testKey = "0123456789abcdef"

var round = bar.Request{Key: testKey, Item: fakeItem, Quantity: 3}

func TestPlace(t *testing.T) {
	db := newFakeDB()
	s := db.store()
	defer s.Close()

	order, created, err := s.Place(t.Context(), round)
	if err != nil || !created {
		t.Fatalf("first: got created %v, %v", created, err)
	}
	if order.ID != 1 || order.Total != 3*fakePrice || order.Drink != "Null Pointer" || order.Server != "db1" {
		t.Errorf("first: got %+v", order)
	}
	repeated, created, err := s.Place(t.Context(), round)
	if err != nil || created || repeated != order {
		t.Errorf("repeated: got %+v, created %v, %v; want the first order", repeated, created, err)
	}
	other := round
	other.Quantity++
	if _, _, err := s.Place(t.Context(), other); !errors.Is(err, bar.ErrKeyReused) {
		t.Errorf("other content: got %v, want ErrKeyReused", err)
	}
	if _, _, err := s.Place(t.Context(), bar.Request{Key: testKey + "2", Item: 99, Quantity: 1}); !errors.Is(err, bar.ErrNoSuchDrink) {
		t.Errorf("unknown drink: got %v, want ErrNoSuchDrink", err)
	}
	if err := db.audit(); err != nil {
		t.Error(err)
	}
}

// A repeated order is answered with the order even when the stock has run out since.
func TestPlaceSellsExactlyTheStock(t *testing.T) {
	db := newFakeDB()
	s := db.store()
	defer s.Close()
	const customers = 30 // × 3 glasses, of 40
	var (
		wg           sync.WaitGroup
		mu           sync.Mutex
		placed, none int
	)
	order := func(i int) (bool, error) {
		_, created, err := s.Place(t.Context(), bar.Request{Key: fmt.Sprintf("customer-%08d", i), Item: fakeItem, Quantity: 3})
		return created, err
	}
	for i := range customers {
		wg.Go(func() {
			_, err := order(i)
			mu.Lock()
			defer mu.Unlock()
			var notEnough *bar.NotEnoughError
			switch {
			case err == nil:
				placed++
			case errors.As(err, &notEnough) && notEnough.Left < 3:
				none++
			default:
				t.Errorf("customer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if placed != fakeStock/3 || placed+none != customers {
		t.Errorf("got %d placed and %d refused, want %d placed of %d", placed, none, fakeStock/3, customers)
	}
	repeats := 0
	for i := range customers {
		if created, err := order(i); err == nil && !created {
			repeats++
		}
	}
	if repeats != placed {
		t.Errorf("got %d repeated orders answered, want %d", repeats, placed)
	}
	if err := db.audit(); err != nil {
		t.Error(err)
	}
}

// Whatever fails, and wherever: the customer gets the order, and gets it once.
func TestPlaceSurvivesAFaultAtEveryStatement(t *testing.T) {
	faults := []fault{
		{err: mysql.ErrInvalidConn},
		{err: mysql.ErrInvalidConn, afterward: true},
		{err: context.DeadlineExceeded, afterward: true},
		{err: &mysql.MySQLError{Number: errReadOnlyMode}},
		{err: &mysql.MySQLError{Number: errLockDeadlock}},
		{err: &mysql.MySQLError{Number: errRollbackDuringCommit}},
		{err: &mysql.MySQLError{Number: errServerShutdown}, afterward: true},
	}
	const statements = 6 // of an order that meets no fault
	for _, hit := range faults {
		for first := range statements {
			for second := -1; second < statements+2; second++ {
				name := fmt.Sprintf("%v, after %v, at %d and %d", hit.err, hit.afterward, first, second)
				t.Run(name, func(t *testing.T) { placeDespite(t, hit, first, first+second+1) })
			}
		}
	}
}

func placeDespite(t *testing.T, hit fault, calls ...int) {
	synctest.Test(t, func(t *testing.T) {
		db := newFakeDB()
		db.fault = func(call int, _ string) fault {
			for _, at := range calls {
				if call == at {
					return hit
				}
			}
			return fault{}
		}
		s := db.store()
		defer s.Close()
		order, _, err := s.Place(t.Context(), round)
		if err != nil || order.Quantity != round.Quantity {
			t.Errorf("got %+v, %v", order, err)
		}
		if got := len(db.state.orders); got != 1 {
			t.Errorf("got %d orders, want 1", got)
		}
		if err := db.audit(); err != nil {
			t.Error(err)
		}
	})
}

// An order whose COMMIT was lost is looked up, not written again, when it is there.
func TestPlaceLooksTheKeyUpWhenInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newFakeDB()
		db.fault = func(_ int, statement string) fault {
			if statement == execCommit {
				return fault{err: mysql.ErrInvalidConn, afterward: true}
			}
			return fault{}
		}
		s := db.store()
		defer s.Close()
		order, created, err := s.Place(t.Context(), round)
		if err != nil || created || order.ID != 1 {
			t.Errorf("got %+v, created %v, %v", order, created, err)
		}
		want := []string{execBegin, execTake, queryDrink, execOrder, execLedger, execCommit, queryOrderByKey}
		if diff := cmp.Diff(want, db.calls); diff != "" {
			t.Errorf("statements (-want +got):\n%s", diff)
		}
	})
}

func TestPlaceGivesUpHonestly(t *testing.T) {
	lost := mysql.ErrInvalidConn
	tests := []struct {
		name   string
		fault  func(call int, statement string) fault
		want   error
		orders int
	}{
		{"database away", func(int, string) fault { return fault{err: lost} }, bar.ErrUnavailable, 0},
		{"away from COMMIT on, not written", func(call int, _ string) fault {
			if call >= 5 {
				return fault{err: lost}
			}
			return fault{}
		}, bar.ErrInDoubt, 0},
		{"away after COMMIT, written", func(call int, _ string) fault {
			switch {
			case call == 5:
				return fault{err: lost, afterward: true}
			case call > 5:
				return fault{err: lost}
			}
			return fault{}
		}, bar.ErrInDoubt, 1},
		{"wrong schema", func(int, string) fault { return fault{err: &mysql.MySQLError{Number: 1146}} }, bar.ErrUnavailable, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := newFakeDB()
				db.fault = tt.fault
				s := db.store()
				defer s.Close()
				start := time.Now()
				if _, _, err := s.Place(t.Context(), round); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if took := time.Since(start); took > patience {
					t.Errorf("took %v, want at most %v", took, patience)
				}
				if got := len(db.state.orders); got != tt.orders {
					t.Errorf("got %d orders, want %d", got, tt.orders)
				}
				// The customer presses the button again when the database is back.
				db.mu.Lock()
				db.fault = nil
				db.mu.Unlock()
				if _, created, err := s.Place(t.Context(), round); err != nil || created != (tt.orders == 0) {
					t.Errorf("again: got created %v, %v", created, err)
				}
				if err := db.audit(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

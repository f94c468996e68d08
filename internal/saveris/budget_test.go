package saveris

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// blackboard is a Shared without a broker.
type blackboard struct {
	mu       sync.Mutex
	text     string
	revision uint64
	broken   error
	silent   atomic.Bool // it does not answer
	loads    int
}

func (b *blackboard) Load(ctx context.Context) (string, uint64, error) {
	if b.silent.Load() {
		<-ctx.Done()
		return "", 0, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loads++
	return b.text, b.revision, b.broken
}

func (b *blackboard) Store(ctx context.Context, text string, revision uint64) (uint64, error) {
	if b.silent.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if revision != b.revision {
		return 0, errors.New("another revision")
	}
	b.text, b.revision = text, b.revision+1
	return b.revision, b.broken
}

func silentBlackboard() *blackboard {
	b := &blackboard{}
	b.silent.Store(true)
	return b
}

// crowd is a vendor who counts the exports that he has to prepare at a time. Each takes ten seconds.
type crowd struct {
	mu           sync.Mutex
	ready        map[string]time.Time
	running      int
	most, posted int
	throttle     bool // the next submission
}

func (v *crowd) serve(req *http.Request) *http.Response {
	v.mu.Lock()
	defer v.mu.Unlock()
	id, polled := strings.CutPrefix(req.URL.Path, "/v2/measurements/")
	switch {
	case polled && time.Now().Before(v.ready[id]):
		return reply(200, `{"status":"In Progress"}`)
	case polled:
		if _, first := v.ready[id]; first {
			v.running--
		}
		delete(v.ready, id)
		return reply(200, `{"status":"Completed","data_urls":[]}`)
	case req.URL.Path != "/v2/measurements":
		return nil
	case v.throttle:
		v.throttle = false
		return reply(429, `{"message":"Too Many Requests"}`, "Retry-After", "120")
	}
	v.posted++
	v.running++
	v.most = max(v.most, v.running)
	id = fmt.Sprintf("3fa85f64-5717-4562-b3fc-%012d", v.posted)
	v.ready[id] = time.Now().Add(10 * time.Second)
	return reply(200, `{"status":"Submitted","request_uuid":"`+id+`"}`)
}

// count returns how many exports were asked for.
func (v *crowd) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.posted
}

// process is a client as a process of its own would have one, which shares what it has in flight until stop is called.
func process(t *testing.T, v *crowd, shared Shared, change ...func(*Config)) (c *Client, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	c = wired(t, vendor(v.serve), append(change, func(cfg *Config) { cfg.Shared = shared })...)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Share(ctx) }()
	synctest.Wait()
	return c, func() { cancel(); <-ended }
}

// backfill reads windows one after the other, as so many lines, and returns how long each had to wait.
func backfill(t *testing.T, group *sync.WaitGroup, c *Client, lines, windows int) {
	for line := range lines {
		group.Go(func() {
			for i := range windows {
				q := sixHours
				q.Background, q.From = true, q.From.Add(-time.Duration(1+line*windows+i)*time.Second)
				if _, err := c.Rows(t.Context(), q, nothing); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func onlyBackground(cfg *Config) { cfg.NoLive = true }

func TestProcessesHaveNoMoreExportsInFlightThanOneMay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}}, &blackboard{}
		var group sync.WaitGroup
		var stops []func()
		began := time.Now()
		for range 3 {
			c, stop := process(t, v, board, onlyBackground)
			stops = append(stops, stop)
			backfill(t, &group, c, 3, 2)
		}
		group.Wait()
		if v.most != 2 || v.posted != 18 {
			t.Errorf("%d of %d exports in flight, want 2 of 18", v.most, v.posted)
		}
		if took := time.Since(began); took > 3*time.Minute {
			t.Errorf("took %v for 18 exports of 10 s, two at a time", took)
		}
		for _, stop := range stops {
			stop()
		}
		if p := readPeers(board.text); len(p.Processes) != 0 {
			t.Errorf("whoever has ended is still there: %v", p)
		}
	})
}

func TestOneSlotIsLeftToWhoeverPollsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}}, &blackboard{}
		run, stop := process(t, v, board)
		filler, stop2 := process(t, v, board, onlyBackground)
		var group sync.WaitGroup
		backfill(t, &group, filler, 3, 5)
		for range 5 {
			time.Sleep(7 * time.Second)
			began, waits := time.Now(), new(atomic.Bool)
			q := sixHours
			q.From, q.Until = began.Add(-time.Hour), began
			q.OnQueue = waits.Store
			posted := v.count()
			done := make(chan struct{})
			go func() { defer close(done); _, _ = run.Rows(t.Context(), q, nothing) }()
			synctest.Wait()
			if waits.Load() || v.count() != posted+1 {
				t.Error("a poll waits for a backfill in another process")
			}
			<-done
		}
		group.Wait()
		if v.most != 2 || v.posted != 20 {
			t.Errorf("%d of %d exports in flight, want 2 of 20", v.most, v.posted)
		}
		stop()
		stop2()
	})
}

func TestLivePollsStarveNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		exports                  int
		live, background, others int // in flight: live and in the background elsewhere, in the background here
		room                     bool
	}{
		{2, 0, 0, 0, true}, {2, 1, 0, 0, true},
		{2, 5, 0, 0, true}, // bridges that poll every second leave no slot by themselves
		{2, 5, 1, 0, false}, {2, 0, 1, 0, false}, {2, 0, 0, 1, false},
		{3, 1, 1, 0, true}, {3, 2, 1, 0, false}, {3, 0, 2, 0, false},
	} {
		b := newBudget(&Config{Exports: c.exports}, nil, nil)
		b.background = c.others
		if got := b.room(peers{Processes: map[string]peer{"other": {Polls: true, Live: c.live, Background: c.background}}}); got != c.room {
			t.Errorf("%+v: room %v", c, got)
		}
	}
}

func TestProcessesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}}, &blackboard{}
		greedy, stop := process(t, v, board, onlyBackground)
		modest, stop2 := process(t, v, board, onlyBackground)
		var many, one sync.WaitGroup
		backfill(t, &many, greedy, 3, 10)
		synctest.Wait()
		began := time.Now()
		backfill(t, &one, modest, 1, 1)
		one.Wait()
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("whoever came later waited %v for one export of 10 s", took)
		}
		many.Wait()
		stop()
		stop2()
	})
}

func TestTheSlotsOfADeadProcessAreFreeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}}, &blackboard{}
		board.text = `{"tickets":7,"processes":{"dead":{"beat":3,"background":2,"ticket":5,"throttled":3600}}}`
		c, stop := process(t, v, board, onlyBackground)
		began := time.Now()
		var group sync.WaitGroup
		backfill(t, &group, c, 1, 1)
		group.Wait()
		if took := time.Since(began) - 10*time.Second; took < 25*time.Second || took > 40*time.Second {
			t.Errorf("waited %v for a dead process, want about 30 s", took)
		}
		stop()
	})
}

func TestWhatOneIsToldOfThrottlingHoldsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}, throttle: true}, &blackboard{}
		var told []time.Time
		one, stop := process(t, v, board)
		other, stop2 := process(t, v, board, func(cfg *Config) { cfg.OnThrottle = func(u time.Time) { told = append(told, u) } })
		began := time.Now()
		var group sync.WaitGroup
		group.Go(func() { _, _ = one.Rows(t.Context(), sixHours, nothing) })
		time.Sleep(6 * time.Second)
		if _, err := other.Rows(t.Context(), sixHours, nothing); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 120*time.Second || took > 150*time.Second || len(told) != 1 {
			t.Errorf("the other one went on after %v, told %v, want once, and about 120 s", took, told)
		}
		group.Wait()
		if until := other.ThrottledUntil(); !until.IsZero() {
			t.Errorf("still held until %v: they have told each other what they had from each other", until)
		}
		stop()
		stop2()
	})
}

func TestWhoCannotShareGoesOnAlone(t *testing.T) {
	t.Parallel()
	for name, board := range map[string]*blackboard{
		"refused": {broken: errors.New("no right")}, "silent": silentBlackboard(), "garbage": {text: "\x00"}, "odd": {text: `{"processes":{"x":{"live":-5,"background":-1,"throttled":-3}}}`},
		"large": {text: `{"processes":{"x":{"throttled":1e300}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &crowd{ready: map[string]time.Time{}}
				c, stop := process(t, v, board, onlyBackground)
				began := time.Now()
				var group sync.WaitGroup
				backfill(t, &group, c, 2, 2)
				group.Wait()
				if took := time.Since(began); v.most != 2 || took > 40*time.Second {
					t.Errorf("%d exports in flight, in %v, want 2 in half a minute", v.most, took)
				}
				stop()
			})
		})
	}
}

func TestAloneTheTextIsReadOnce(t *testing.T) { // at a far broker reading and writing takes twice as long as writing
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}}, &blackboard{}
		c, stop := process(t, v, board, onlyBackground)
		var group sync.WaitGroup
		backfill(t, &group, c, 1, 5)
		group.Wait()
		if board.loads != 1 || v.posted != 5 {
			t.Errorf("the text was read %d times for %d exports, want once for 5", board.loads, v.posted)
		}
		stop()
	})
}

func TestABrokerThatFallsSilentHoldsNobodyUpForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, board := &crowd{ready: map[string]time.Time{}}, &blackboard{}
		c, stop := process(t, v, board, onlyBackground)
		board.silent.Store(true)
		began := time.Now()
		var group sync.WaitGroup
		backfill(t, &group, c, 1, 1)
		group.Wait()
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("an export of 10 s took %v", took)
		}
		board.silent.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if p := readPeers(board.text); len(p.Processes) != 1 || p.Processes[c.budget.id].Beat != c.budget.beat {
			t.Errorf("since the broker is back others hear nothing: %v", p)
		}
		stop()
	})
}

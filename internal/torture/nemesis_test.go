//go:build torture

package torture

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// nemesis is one way to break things. It works until its context ends, and leaves every process running.
type nemesis struct {
	name    string
	setting setting
	length  time.Duration
	short   bool // part of the short form
	work    func(ctx context.Context, a *arena)
}

const spell = 12 * time.Second

var nemeses = []nemesis{
	{"bridge killed at random", setting{nodes: 1, bridges: 1}, spell, false, forever(killBridge)},
	{"bridge killed at named points", setting{nodes: 1, bridges: 1}, 2 * spell, true, inTurn(afterSubmit, inDownload, betweenBatches, beforeAck, afterAck)},
	{"zombie beside a second bridge", setting{nodes: 1, bridges: 2}, 2 * spell, false, forever(zombie)},
	{"NATS killed", setting{nodes: 1, bridges: 1, broker: dies}, 2 * spell, false, inTurn(killNode, killNodeBeforeAck)},
	{"nodes of a cluster killed", setting{nodes: 3, bridges: 2, broker: dies}, 2 * spell, false, forever(killNode)},
	{"link cut, slow, deaf", setting{nodes: 1, bridges: 1}, 2 * spell, false, inTurn(cut, slow, deaf)},
	{"NATS loses its tail", setting{nodes: 1, bridges: 1, broker: forgets}, spell, true, forever(loseFilled)},
	{"NATS full", setting{nodes: 1, bridges: 1}, spell, false, forever(full)},
	{"vendor an hour ahead", setting{nodes: 1, bridges: 1, ahead: time.Hour}, spell, false, forever(killBridge)},
	{"vendor an hour behind", setting{nodes: 1, bridges: 1, ahead: -time.Hour}, spell, false, forever(killBridge)},
	{"every fault of the vendor", setting{nodes: 1, bridges: 1, faults: true}, spell, false, forever(rest)},
	{"stream deleted", setting{nodes: 1, bridges: 1, broker: forgets}, spell, false, once(deleteStream)},
	{"stream purged", setting{nodes: 1, bridges: 1, broker: forgets}, spell, false, once(purgeStream)},
	{"buckets deleted", setting{nodes: 1, bridges: 1}, 2 * spell, false, once(deleteFilled)},
	{"loggers cut off, bridge killed", setting{nodes: 1, bridges: 1, outages: time.Minute}, 2 * spell, false, forever(killBridge, rest, rest)},
	{"vendor refuses devices and tasks", setting{nodes: 1, bridges: 1}, 3 * spell, false, once(refuse)},
	{"bridges dead for long", setting{nodes: 1, bridges: 2}, spell, false, once(deadForLong)},
	{"three bridges at once", setting{nodes: 1, bridges: 3}, spell, false, forever(killBridge)},
	{"bridges that poll in turn killed", setting{nodes: 1, bridges: 3, leases: true}, 3 * spell, false, forever(killBridge, zombieShort)},
	{"all of it", setting{nodes: 1, bridges: 3, broker: forgets, faults: true}, 2 * spell, true,
		forever(killBridge, killNode, loseTail, cut, slow, deaf, beforeAck, afterAck, zombieShort, full)},
}

type deed func(ctx context.Context, a *arena)

// forever does one of the deeds after the other, drawn by the plan.
func forever(deeds ...deed) func(context.Context, *arena) {
	return func(ctx context.Context, a *arena) {
		for ctx.Err() == nil {
			deeds[a.rng.IntN(len(deeds))](ctx, a)
		}
	}
}

// inTurn does all of the deeds, again and again.
func inTurn(deeds ...deed) func(context.Context, *arena) {
	return func(ctx context.Context, a *arena) {
		for i := 0; ctx.Err() == nil; i++ {
			deeds[i%len(deeds)](ctx, a)
		}
	}
}

// once does a deed in the middle of the time that there is.
func once(d deed) func(context.Context, *arena) {
	return func(ctx context.Context, a *arena) {
		a.pause(ctx, 3*time.Second, 6*time.Second)
		d(ctx, a)
		<-ctx.Done()
	}
}

func rest(ctx context.Context, a *arena) { a.pause(ctx, time.Second, time.Second) }

func (a *arena) killAndStart(b *bridge) {
	b.kill()
	a.kills.Add(1)
	b.start()
}

func killBridge(ctx context.Context, a *arena) {
	a.pause(ctx, 200*time.Millisecond, 2*time.Second)
	a.killAndStart(a.some())
}

// afterSubmit kills the first bridge right after it has submitted an export.
func afterSubmit(ctx context.Context, a *arena) {
	a.onceMore(ctx, "submit")
	a.killAndStart(a.bridges[0])
}

// inDownload kills it while a file is on its way.
func inDownload(ctx context.Context, a *arena) {
	a.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultSlow, On: "download"})
	a.onceMore(ctx, "download")
	a.pause(ctx, 100*time.Millisecond, 900*time.Millisecond)
	a.killAndStart(a.bridges[0])
}

// onceMore waits until the vendor has had one more request of a kind.
func (a *arena) onceMore(ctx context.Context, what string) {
	for had := a.vendor.Count(what); a.vendor.Count(what) == had && ctx.Err() == nil; {
		a.pause(ctx, time.Millisecond, 2*time.Millisecond)
	}
}

// betweenBatches kills it when a batch has just been stored and, over a slow link, the next one is on its way.
func betweenBatches(ctx context.Context, a *arena) {
	a.link.Delay(3 * time.Millisecond)
	a.trap(ctx, a.link.After, func() { a.killAndStart(a.bridges[0]) })
	a.link.Delay(0)
}

// beforeAck kills it when a batch has been stored, before the answer reaches it; afterAck when the answer has.
func beforeAck(ctx context.Context, a *arena) {
	a.trap(ctx, a.link.Before, func() { a.killAndStart(a.bridges[0]) })
}

func afterAck(ctx context.Context, a *arena) {
	a.trap(ctx, a.link.After, func() { a.killAndStart(a.bridges[0]) })
}

// trap waits until the answer to a batch has sprung.
func (a *arena) trap(ctx context.Context, set func(string, func()) bool, spring func()) {
	done := make(chan struct{})
	set(`"count":`, func() { spring(); close(done) })
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		if !set("", nil) {
			<-done
		}
	}
}

// zombie stops the first bridge for longer than any time-out and wakes it beside the others.
func zombie(ctx context.Context, a *arena) { a.freeze(ctx, 17*time.Second) }

func zombieShort(ctx context.Context, a *arena) { a.freeze(ctx, 3*time.Second) }

func (a *arena) freeze(ctx context.Context, d time.Duration) {
	a.pause(ctx, 0, time.Second)
	b := a.bridges[0]
	b.signal(syscall.SIGSTOP)
	a.pause(ctx, d, d)
	b.signal(syscall.SIGCONT)
	a.kills.Add(1)
	a.pause(ctx, time.Second, 2*time.Second)
}

func killNode(ctx context.Context, a *arena) {
	a.pause(ctx, 500*time.Millisecond, 2*time.Second)
	n := a.nodes[a.rng.IntN(len(a.nodes))]
	n.kill()
	a.kills.Add(1)
	a.pause(ctx, 0, 2*time.Second)
	n.start()
	if len(a.nodes) > 1 { // a majority has to be whole before the next one dies
		a.pause(ctx, 2*time.Second, 3*time.Second)
	}
}

// killNodeBeforeAck kills the broker when it has stored a batch and its answer is on the way, and loses the answer.
func killNodeBeforeAck(ctx context.Context, a *arena) {
	n := a.nodes[0]
	a.trap(ctx, a.link.Before, func() {
		n.kill()
		a.kills.Add(1)
		a.link.Cut()
	})
	a.pause(ctx, 0, time.Second)
	a.link.Mend()
	if n.dead() {
		n.start()
	}
}

func cut(ctx context.Context, a *arena) {
	a.pause(ctx, 200*time.Millisecond, time.Second)
	a.link.Cut()
	a.pause(ctx, 100*time.Millisecond, 3*time.Second)
	a.link.Mend()
}

func slow(ctx context.Context, a *arena) {
	a.link.Delay(time.Duration(a.rng.IntN(50)) * time.Millisecond)
	a.pause(ctx, time.Second, 3*time.Second)
	a.link.Delay(0)
}

// deaf loses the answer to a batch and all that follows for a while.
func deaf(ctx context.Context, a *arena) {
	a.link.DeafenAt(`"count":`)
	a.pause(ctx, time.Second, 4*time.Second)
	a.link.Mend()
}

// loseTail kills the broker and cuts off the end of each stream's newest block, as a power cut may. A block behind another keeps its
// first message: with sync_interval: always no power cut takes all of one, and nats-server 2.15.3 would write on into the block before,
// which is compressed and unreadable from then on.
func loseTail(ctx context.Context, a *arena) {
	a.pause(ctx, time.Second, 3*time.Second)
	n := a.nodes[0]
	n.kill()
	a.kills.Add(1)
	var streams []string
	for _, feed := range slices.Concat(feeds, changes) {
		streams = append(streams, streamOf(feed))
	}
	for _, bucket := range buckets {
		if a.rng.IntN(4) == 0 {
			streams = append(streams, "KV_"+bucket)
		}
	}
	for _, stream := range streams {
		a.truncate(filepath.Join(n.store, "jetstream", "$G", "streams", stream, "msgs"))
	}
	n.start()
}

// firstMessage bounds the size of a block's first message: an index of 998 events.
const firstMessage = 20_000

func (a *arena) truncate(dir string) {
	blocks, err := filepath.Glob(filepath.Join(dir, "*.blk"))
	if err != nil || len(blocks) == 0 {
		return // nothing has been stored yet
	}
	newest := slices.MaxFunc(blocks, func(x, y string) int { return cmp.Or(len(x)-len(y), strings.Compare(x, y)) })
	info, err := os.Stat(newest)
	if err != nil {
		a.Error(err)
		return
	}
	most := info.Size()
	if len(blocks) > 1 {
		most = max(0, most-firstMessage)
	}
	lost := min(most, a.rng.Int64N(400_000))
	if err := os.Truncate(newest, info.Size()-lost); err != nil {
		a.Error(err)
	}
	_ = os.Remove(filepath.Join(dir, "index.db")) // may not be there
}

// full lets the stream of readings refuse everything for a while.
func full(ctx context.Context, a *arena) {
	a.pause(ctx, 500*time.Millisecond, 2*time.Second)
	limit := func(messages int64) {
		s, err := a.js.Stream(ctx, "SAVERIS_READINGS")
		if err != nil {
			return // the broker is away
		}
		config := s.CachedInfo().Config
		config.Discard, config.MaxMsgs = jetstream.DiscardNew, messages
		_, _ = a.js.UpdateStream(ctx, config)
	}
	if s, err := a.js.Stream(ctx, "SAVERIS_READINGS"); err == nil {
		limit(int64(s.CachedInfo().State.Msgs) + 1)
	}
	a.pause(ctx, time.Second, 3*time.Second)
	ctx = context.WithoutCancel(ctx)
	a.await("room in the stream", func(wait context.Context) bool {
		ctx = wait
		limit(-1)
		s, err := a.js.Stream(wait, "SAVERIS_READINGS")
		return err == nil && s.CachedInfo().Config.MaxMsgs == -1
	})
}

func deleteStream(_ context.Context, a *arena) {
	a.await("the end of a stream", func(ctx context.Context) bool { return a.js.DeleteStream(ctx, "SAVERIS_READINGS") == nil })
	a.kills.Add(1)
}

func purgeStream(_ context.Context, a *arena) {
	a.await("an empty stream", func(ctx context.Context) bool {
		s, err := a.js.Stream(ctx, "SAVERIS_READINGS")
		return err == nil && s.Purge(ctx) == nil
	})
	a.kills.Add(1)
}

// buckets are the views.
var buckets = []string{"saveris-checkpoints", "saveris-latest", "saveris-open-alarms", "saveris-inventory"}

// deleteBuckets removes each as soon as it is there.
func deleteBuckets(_ context.Context, a *arena) {
	for _, bucket := range buckets {
		a.await("the end of "+bucket, func(ctx context.Context) bool { return a.js.DeleteKeyValue(ctx, bucket) == nil })
		a.kills.Add(1)
	}
}

// refuse has the vendor give neither devices nor tasks for a while, as if the licence had ended. What is refused is asked for again at a start
// and once an hour. Readings and alarms are polled meanwhile.
func refuse(ctx context.Context, a *arena) {
	lacks := func(what string) {
		a.vendor.Update(func(s *saveristest.Switches, _ *saveristest.Faults) { s.AuthLacks = what })
	}
	lacks("tasks and devices")
	defer func() { lacks("nothing"); a.killAndStart(a.bridges[0]) }()
	a.killAndStart(a.bridges[0])
	for _, feed := range []string{"readings", "alarms"} {
		since := a.now()
		a.await("a poll of the "+feed+" while others are refused", func(ctx context.Context) bool { return a.polled(ctx, feed).After(since) })
	}
	a.pause(ctx, 2*time.Second, 5*time.Second)
}

// deadForLong kills all bridges until the broker has said that each feed is silent, which it can do once they have polled it. They die where
// they have told it of their newest poll: of one before, it would be said too early.
func deadForLong(_ context.Context, a *arena) {
	each := func(signal os.Signal) {
		for _, b := range a.bridges {
			b.signal(signal)
		}
	}
	a.await("the broker to be told of the newest poll", func(ctx context.Context) bool {
		each(syscall.SIGSTOP)
		told := !slices.ContainsFunc(feeds, func(feed string) bool { return !a.told(ctx, feed) })
		if !told {
			each(syscall.SIGCONT)
		}
		return told
	})
	for _, b := range a.bridges {
		b.kill()
		a.kills.Add(1)
	}
	for _, feed := range feeds {
		a.await("the silence of the "+feed, func(ctx context.Context) bool {
			_, err := a.newest(ctx, "SAVERIS_HEALTH", "saveris.health.bridge."+feed)
			return err == nil
		})
	}
	for _, b := range a.bridges {
		b.start()
	}
}

// told reports whether the broker would say that a feed is silent since its newest record.
func (a *arena) told(ctx context.Context, feed string) bool {
	record, err := a.newest(ctx, streamOf(feed), "saveris.checkpoints."+feed+".>")
	if err != nil {
		return false
	}
	armed, err := a.newest(ctx, "SAVERIS_HEALTH", "saveris.schedules.health.bridge."+feed)
	if err != nil {
		return false
	}
	silence, err := schema.ReadSilence("saveris.health.bridge."+feed, armed.Header, armed.Data)
	if err != nil {
		a.Fatal(err)
	}
	return record.Time.Sub(silence.LastAt) <= time.Second
}

// newest returns the newest message of a stream on a subject, which may have wildcards.
func (a *arena) newest(ctx context.Context, stream, subject string) (*jetstream.RawStreamMsg, error) {
	s, err := a.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.GetLastMsgForSubject(ctx, subject)
}

// noRequestFaults lets the vendor answer well; what is wrong with its rows stays.
func noRequestFaults(_ *saveristest.Switches, f *saveristest.Faults) {
	*f = saveristest.Faults{Duplicate: f.Duplicate, DuplicateAcross: f.DuplicateAcross, Garbage: f.Garbage, Late: f.Late}
}

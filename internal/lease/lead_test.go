package lease_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// worker leads until its context ends, and tells when its work begins and ends.
type worker struct {
	began, ended chan struct{}
	stop         context.CancelFunc
	done         chan error
}

func startWorker(t *testing.T, l *lease.Leases, force bool) *worker {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &worker{began: make(chan struct{}, 9), ended: make(chan struct{}, 9), stop: stop, done: make(chan error, 1)}
	go func() {
		w.done <- l.Lead(ctx, lease.Leader, force, func(ctx context.Context) error {
			w.began <- struct{}{}
			<-ctx.Done()
			w.ended <- struct{}{}
			return ctx.Err()
		})
	}()
	t.Cleanup(func() { stop(); <-w.done })
	return w
}

// soon waits for what has to come without a lease running out.
func soon(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(bridgetest.Patience):
		t.Fatal("waited in vain for ", what)
	}
}

// asked waits until somebody has asked for the lease of the readings so many times.
func asked(t *testing.T, js jetstream.JetStream, owner string, times int) {
	t.Helper()
	asks, err := js.Conn().SubscribeSync("$KV.saveris-leases.readings.live")
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Unsubscribe()
	for times > 0 {
		m, err := asks.NextMsgWithContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if lease.Owner(m.Data) == owner {
			times--
		}
	}
}

func TestOneLeadsAndTheOtherFollowsWhenItStops(t *testing.T) {
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	a := startWorker(t, leases(t, js, schema.Readings, "a"), false)
	soon(t, "the first one to work", a.began)
	second, leaders := leases(t, js, schema.Readings, "b"), make(chan string, 1)
	second.OnStandby = func(owner string) {
		select {
		case leaders <- owner:
		default:
		}
	}
	b := startWorker(t, second, false)
	asked(t, js, "b", 2)
	if owner := <-leaders; owner != "a" {
		t.Errorf("it stands by for %q", owner)
	}
	if len(b.began) > 0 {
		t.Error("both work")
	}
	a.stop()
	soon(t, "the second one to work", b.began)
	if len(a.ended) == 0 {
		t.Error("the second one works before the first has ended")
	}
	if err := <-a.done; !errors.Is(err, context.Canceled) {
		t.Errorf("the first one ended with %v", err)
	}
	a.done <- nil
}

func TestOneThatHasLostItsLeaseStandsByUntilItIsFree(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	a := startWorker(t, leases(t, js, schema.Readings, "a"), false)
	soon(t, "it to work", a.began)
	kv, err := js.KeyValue(t.Context(), "saveris-leases")
	if err != nil {
		t.Fatal(err)
	}
	revision, err := kv.Put(t.Context(), "readings.live", []byte("another")) // as if it had slept for longer than the lease lives
	if err != nil {
		t.Fatal(err)
	}
	soon(t, "it to notice", a.ended)
	if entry, err := kv.Get(t.Context(), "readings.live"); err != nil || entry.Revision() != revision {
		t.Errorf("it took the lease back: %v %v", entry, err)
	}
	if err := kv.Delete(t.Context(), "readings.live"); err != nil {
		t.Fatal(err)
	}
	soon(t, "it to work again", a.began)
}

func TestALeaseIsTakenAtOnceByWhoeverReplacesItsOwner(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		owner string
		force bool
		takes bool
	}{
		"a process of the same name": {"former", false, true},
		"the one that has the store": {"b", true, true},
		"any other":                  {"b", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
			former := startWorker(t, leases(t, js, schema.Readings, "former"), false)
			soon(t, "the former one to work", former.began)
			w := startWorker(t, leases(t, js, schema.Readings, c.owner), c.force)
			if c.takes {
				soon(t, "it to work", w.began)
				soon(t, "the former one to notice", former.ended)
				return
			}
			asked(t, js, c.owner, 2)
			if len(w.began) > 0 {
				t.Error("it works beside the owner")
			}
		})
	}
}

// TestLeadingCostsFewRoundTrips counts what is asked one after the other before work begins, at a broker that may be far away.
func TestLeadingCostsFewRoundTrips(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	asked := func(f func() error) uint64 {
		t.Helper()
		before := js.Conn().Stats().OutMsgs
		if err := f(); err != nil {
			t.Error(err)
		}
		return js.Conn().Stats().OutMsgs - before
	}
	l := publish.NewLeases(js, config, schema.Readings, "a", nil)
	if n := asked(func() error { return l.Try(t.Context()) }); n != 4 { // no bucket, the account, create it, a key
		t.Errorf("a first try asks %d times, want 4", n)
	}
	worked := make(chan uint64, 1)
	before := js.Conn().Stats().OutMsgs
	if err := l.Lead(t.Context(), lease.Leader, false, func(context.Context) error {
		worked <- js.Conn().Stats().OutMsgs - before
		return nil
	}); err != nil {
		t.Error(err)
	}
	if n := <-worked; n != 1 {
		t.Errorf("a lease that is free is asked for %d times, want once", n)
	}
	if n := asked(func() error { return publish.NewLeases(js, config, schema.Readings, "b", nil).Try(t.Context()) }); n != 4 { // the bucket, its life, a key, what stands there
		t.Errorf("a try that another one made a moment ago asks %d times, want 4", n)
	}
}

func TestWithoutAnyWordOnTheLeaseItWorks(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	js := bridgetest.JetStream(t, server.ClientURL())
	l, away := leases(t, js, schema.Readings, "a"), js.Conn().StatusChanged(nats.RECONNECTING)
	server.Close()
	<-away
	soon(t, "it to work", startWorker(t, l, false).began)
}

func TestALeaseIsKeptWhenTheAnswerToItsRenewalWasLost(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	a := startWorker(t, leases(t, js, schema.Readings, "a"), false)
	soon(t, "it to work", a.began)
	kv, err := js.KeyValue(t.Context(), "saveris-leases")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), "readings.live")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "readings.live", entry.Value()); err != nil { // what we said, and did not hear of
		t.Fatal(err)
	}
	asked(t, js, "a", 3) // a renewal that fails, a lease that is there already, and a renewal of what stands there
	if len(a.ended) > 0 {
		t.Error("it stands by, though the lease is its own")
	}
}

func TestLeasesThatAreRemovedUnderALeaderAreMadeAgain(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	a := startWorker(t, leases(t, js, schema.Readings, "a"), false)
	soon(t, "it to work", a.began)
	if err := js.DeleteKeyValue(t.Context(), "saveris-leases"); err != nil {
		t.Fatal(err)
	}
	bridgetest.Await(t, "the lease", func(ctx context.Context) bool {
		kv, err := js.KeyValue(ctx, "saveris-leases")
		if err != nil {
			return false
		}
		entry, err := kv.Get(ctx, "readings.live")
		return err == nil && lease.Owner(entry.Value()) == "a"
	})
	if len(a.ended) > 0 {
		t.Error("it stood by meanwhile")
	}
}

var (
	ada = publish.AccountOf("https://vendor.example", "ada")
	bob = publish.AccountOf("https://vendor.example", "bob")
)

func TestNobodyStandsByForAnotherAccount(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	leader := startWorker(t, publish.NewLeases(js, config, schema.Readings, "a", publish.NewAccounts(js, config, ada)), false)
	soon(t, "it to work", leader.began)
	lead := func(accounts *publish.Accounts) error {
		return publish.NewLeases(js, config, schema.Readings, "b", accounts).Lead(t.Context(), lease.Leader, false, func(context.Context) error {
			t.Error("it works beside another")
			return nil
		})
	}
	var other *publish.AnotherAccount
	if err := lead(publish.NewAccounts(js, config, bob)); !errors.As(err, &other) || other.Theirs != ada {
		t.Errorf("%v, want another account %q", err, ada)
	}

	known := publish.NewAccounts(js, config, bob)
	known.Trust(ada)
	for name, accounts := range map[string]*publish.Accounts{"same": publish.NewAccounts(js, config, ada), "known": known, "older": nil} {
		w := startWorker(t, publish.NewLeases(js, config, schema.Readings, name, accounts), false)
		asked(t, js, name, 2)
		if len(w.began) > 0 || len(w.done) > 0 {
			t.Errorf("%s: it does not stand by", name)
		}
	}
	unknown, err := publish.NewAccounts(js, config, bob).Look(t.Context())
	if err != nil || len(unknown) != 1 || unknown[0].Theirs != ada {
		t.Errorf("who looks before anything is stored finds %v, %v", unknown, err)
	}
}

func TestALeaseWithoutAnAccountIsWaitedFor(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	older := startWorker(t, leases(t, js, schema.Readings, "a"), false)
	soon(t, "it to work", older.began)
	w := startWorker(t, publish.NewLeases(js, config, schema.Readings, "b", publish.NewAccounts(js, config, bob)), false)
	asked(t, js, "b", 2)
	if len(w.began) > 0 || len(w.done) > 0 {
		t.Error("it does not stand by")
	}
}

// TestALeaseThatNobodyRenewsKeepsNobodyAwayForEver where the broker does not let it end: its clock was ahead when the lease was renewed
// last. Here the bucket's keys have no end at all.
func TestALeaseThatNobodyRenewsKeepsNobodyAwayForEver(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "saveris-leases"})
	if err != nil {
		t.Fatal(err)
	}
	open := func(context.Context) (jetstream.KeyValue, error) { return kv, nil }
	start := func(owner string) *worker {
		return startWorker(t, lease.New(open, "readings", owner, "").Shorten(300*time.Millisecond).Impatient(5*time.Second), false)
	}
	if _, err := kv.Put(t.Context(), "readings.live", []byte("dead")); err != nil {
		t.Fatal(err)
	}
	a := start("a")
	soon(t, "it to work", a.began)
	b := start("b")
	asked(t, js, "b", 12) // for longer than a dead one is waited for
	if len(a.ended) > 0 || len(b.began) > 0 {
		t.Error("a lease that is renewed was taken away")
	}
}

// TestAFreeLeaseIsLeftToOthersForAWhile, and taken where nobody else wants it.
func TestAFreeLeaseIsLeftToOthersForAWhile(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	patient, other := leases(t, js, schema.Readings, "patient"), leases(t, js, schema.Readings, "other")
	var wait atomic.Int64
	wait.Store(int64(time.Hour))
	asked := make(chan struct{}, 999)
	patient.Yield = func() time.Duration {
		asked <- struct{}{}
		return time.Duration(wait.Load())
	}
	p := startWorker(t, patient, false)
	for range 3 {
		soon(t, "it to look for the lease", asked)
	}
	o := startWorker(t, other, false)
	soon(t, "the other to lead", o.began)
	o.stop()
	soon(t, "the other to end", o.ended)
	for range 3 {
		soon(t, "it to look for the lease", asked)
	}
	if len(p.began) > 0 {
		t.Error("it has not left the lease to others")
	}
	wait.Store(int64(time.Millisecond))
	soon(t, "it to lead where nobody else wants to", p.began)
}

// meddled is a bucket in which somebody else does something between two requests of a process.
type meddled struct {
	jetstream.KeyValue
	beforeUpdate, afterGet func()
}

func (m meddled) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	m.beforeUpdate()
	return m.KeyValue.Update(ctx, key, value, revision)
}

func (m meddled) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	entry, err := m.KeyValue.Get(ctx, key)
	m.afterGet()
	return entry, err
}

// besideAnother returns leases in a bucket in which another has the lease to lead.
func besideAnother(t *testing.T, owner string) (*lease.Leases, *meddled) {
	t.Helper()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "saveris-leases"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "readings.live", []byte("another")); err != nil {
		t.Fatal(err)
	}
	m := &meddled{kv, func() {}, func() {}}
	return lease.New(func(context.Context) (jetstream.KeyValue, error) { return m, nil }, "readings", owner, ""), m
}

func TestALeaseThatIsRenewedBeforeItIsTakenOverIsTakenAllTheSame(t *testing.T) {
	t.Parallel()
	l, bucket := besideAnother(t, "another")
	var once sync.Once
	bucket.beforeUpdate = func() {
		once.Do(func() {
			if _, err := bucket.KeyValue.Put(t.Context(), "readings.live", []byte("another")); err != nil {
				t.Error(err)
			}
		})
	}
	soon(t, "it to lead", startWorker(t, l, false).began)
}

// TestALeaseThatIsGivenBackWhileItIsLookedAtIsLeftToOthers like one that was free before.
func TestALeaseThatIsGivenBackWhileItIsLookedAtIsLeftToOthers(t *testing.T) {
	t.Parallel()
	l, bucket := besideAnother(t, "patient")
	looked := make(chan struct{}, 999)
	l.Yield = func() time.Duration {
		looked <- struct{}{}
		return time.Hour
	}
	var once sync.Once
	bucket.afterGet = func() {
		once.Do(func() {
			if err := bucket.KeyValue.Delete(t.Context(), "readings.live"); err != nil {
				t.Error(err)
			}
		})
	}
	w := startWorker(t, l, false)
	for range 4 { // before it begins to wait, and each half second
		soon(t, "it to look for the lease", looked)
	}
	if len(w.began) > 0 {
		t.Error("it has not left the lease to others")
	}
}

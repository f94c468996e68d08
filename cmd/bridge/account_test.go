package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// customers is a scene in which two accounts have one URL, as all customers of a region do. The scene's own vendor is that of
// the first one, who has two logins.
type customers struct {
	*scene
	second *saveristest.Server
	ada    []string // the first one by user name,
	key    []string // by key,
	bob    []string // and the second one
}

func newCustomers(t *testing.T, world saveristest.World) *customers {
	t.Helper()
	c := &customers{scene: newScene(t, world)}
	world.Start, world.Seed = c.start, 7
	second, err := saveristest.Start(saveristest.Config{
		World: world, Record: true, Switches: saveristest.Switches{QueryLatency: "zero", RowsLate: "off"}, // its rows are filled and verified up to now
		Now: c.now, Username: "bob", Password: "bob", APIKey: "bob-key",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	region, err := saveristest.StartRegion("127.0.0.1:0", c.vendor, second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { region.Close() })
	c.second = second
	c.env = append(c.env[3:], "SAVERIS_URL="+region.URL()) // without the login
	c.on("NATS_URL=nats://" + c.broker())
	return c
}

// on returns all of them more environment.
func (c *customers) on(env ...string) {
	c.env = append(c.env, env...)
	c.ada = append(slices.Clone(c.env), "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo")
	c.key = append(slices.Clone(c.env), "SAVERIS_API_KEY=demo-key")
	c.bob = append(slices.Clone(c.env), "SAVERIS_USERNAME=bob", "SAVERIS_PASSWORD=bob")
}

// covering runs a command until readings are covered up to now, and stops it.
func (c *customers) covering(env []string) {
	c.Helper()
	run := c.startCommand(env, "run")
	c.await("full coverage", c.covered)
	if code := stop(c.T, run); code != hint.Done {
		c.Errorf("exit code %d", code)
	}
}

// events returns how many messages there are in the streams of a prefix.
func (c *customers) stored(prefix string) (n uint64) {
	c.Helper()
	for _, feed := range []string{"READINGS", "ALARMS"} {
		stream, err := c.js.Stream(c.Context(), strings.ToUpper(prefix)+"_"+feed)
		if err != nil {
			c.Fatal(err)
		}
		n += stream.CachedInfo().State.LastSeq
	}
	return n
}

// refused runs a command that has to end with 2 and without having stored anything, and returns what it wrote.
func (c *customers) refused(env []string, args ...string) string {
	c.Helper()
	before := c.stored("saveris")
	ctx, cancel := context.WithTimeout(c.Context(), bridgetest.Patience) // it may go on for ever
	defer cancel()
	got := bridgeFor(ctx, c.T, env, args...)
	cause, advice := lastLines(c.T, got.err)
	if got.code != hint.Settings || !strings.HasPrefix(cause, "error: ") || !strings.Contains(cause, "account") || !strings.HasPrefix(advice, "hint: ") ||
		!strings.Contains(advice, "BRIDGE_PREFIX") || !strings.Contains(advice, "bridge checkpoint adopt") {
		c.Errorf("%s: exit code %d\n%s%s", args, got.code, got.out, got.err)
	}
	if after := c.stored("saveris"); after != before {
		c.Errorf("%s: it stored %d messages", args, after-before)
	}
	return got.err
}

// TestTwoAccountsOnOnePrefixLoseNothing: the rows of the second account were taken for covered, since the first one had
// covered their time.
func TestTwoAccountsOnOnePrefixLoseNothing(t *testing.T) {
	t.Parallel()
	c := newCustomers(t, saveristest.World{Cycle: time.Minute})
	c.covering(c.ada)
	from, until := c.start.Format(time.RFC3339), vendorAt.Format(time.RFC3339)
	told := c.refused(c.bob, "run")
	if !strings.Contains(told, "that the vendor shows it is stored") {
		t.Errorf("it does not say what was compared:\n%s", told)
	}
	c.refused(c.bob, "backfill", "--from", from, "--until", until)
	c.refused(c.bob, "backfill", "--from", from, "--until", until, "--dry-run")
	c.refused(c.bob, "verify", "--from", from, "--until", until)
	checked := func(env []string, code int, want string) {
		t.Helper()
		got := bridge(t, append(env, "BRIDGE_HTTP_ADDR="), "check")
		if got.code != code {
			t.Errorf("check: exit code %d\n%s%s", got.code, got.out, got.err)
		}
		wantLines(t, got.out, want)
	}
	checked(c.bob, hint.Settings, "FAIL coverage account "+accountOf(c.bob)+" BRIDGE_PREFIX")
	checked(c.key, hint.Done, "ok coverage of the same account under another login")
	checked(c.ada, hint.Done, "ok coverage of this login's account, "+accountOf(c.ada))
	checked(append(c.bob, "BRIDGE_PREFIX=bob"), hint.Done, "ok coverage there is none yet")

	own := append(c.bob, "BRIDGE_PREFIX=bob") // as the hint says
	if got := bridge(t, own, "backfill", "--from", from, "--until", until); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, own, "verify", "--from", from, "--until", until); got.code != hint.Done {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	c.audit()
}

func TestAnotherLoginOfTheSameAccountGoesOn(t *testing.T) {
	t.Parallel()
	c := newCustomers(t, saveristest.World{Cycle: time.Minute})
	c.covering(c.ada)
	before := accountsIn(t, c.js)
	run := command(t, c.key, "run")
	var log lockedBuffer
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	c.await("a record of the new login", func(context.Context) bool { return len(accountsIn(t, c.js)) > len(before) })
	c.vendor.AddMeasurement(saveristest.Measurement{
		UUID: "c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f", SensorUUID: "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c", ChannelNo: 1, SerialNo: "0815", Timestamp: c.now().Add(-time.Minute), Measurement: "4.7",
	})
	c.await("a row that the new login has stored", func(ctx context.Context) bool {
		stream, err := c.js.Stream(ctx, streamOfReadings)
		if err != nil {
			return false
		}
		_, err = stream.GetLastMsgForSubject(ctx, "saveris.readings.*.*.*.0815.>")
		return err == nil
	})
	if code := stop(t, run); code != hint.Done {
		t.Errorf("exit code %d\n%s", code, log.String())
	}
	if n := strings.Count(log.String(), "the same account under another login"); n != 1 {
		t.Errorf("%d lines say that it is the same account:\n%s", n, log.String())
	}
	run = command(t, c.key, "run")
	var second lockedBuffer
	run.Stderr = &second
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	records := accountsIn(t, c.js)[accountOf(c.key)]
	c.await("more records", func(context.Context) bool { return accountsIn(t, c.js)[accountOf(c.key)] > records })
	if code := stop(t, run); code != hint.Done || strings.Contains(second.String(), "another login") {
		t.Errorf("once it is known: exit code %d\n%s", code, second.String())
	}
	back := accountsIn(t, c.js)[accountOf(c.ada)]
	third := c.startCommand(c.ada, "run")
	c.await("a record of the first login", func(context.Context) bool { return accountsIn(t, c.js)[accountOf(c.ada)] > back })
	if code := stop(t, third); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	c.audit()
}

// accountOf is the account of an environment.
func accountOf(env []string) string {
	values := map[string]string{}
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		values[name] = value
	}
	sum := sha256.Sum256([]byte(values["SAVERIS_URL"] + "\n" + values["SAVERIS_USERNAME"] + values["SAVERIS_API_KEY"]))
	return fmt.Sprintf("%x", sum[:8])
}

// accountsIn returns how many records each account has in the stream of readings.
func accountsIn(t *testing.T, js jetstream.JetStream) map[string]int {
	t.Helper()
	stream, err := js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{"saveris.checkpoints.>"}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for left := consumer.CachedInfo().NumPending; left > 0; left-- {
		m, err := consumer.Next(jetstream.FetchMaxWait(bridgetest.Patience))
		if err != nil {
			t.Fatal(err)
		}
		record, err := checkpoint.ParseRecord(m.Data())
		if err != nil {
			t.Fatal(err)
		}
		found[record.Account]++
	}
	return found
}

// TestNobodyStandsByForAnotherAccount: it stood by for ever, green, and nobody read its rows.
func TestNobodyStandsByForAnotherAccount(t *testing.T) {
	t.Parallel()
	c := newCustomers(t, saveristest.World{Cycle: time.Minute})
	run := c.startCommand(c.ada, "run")
	c.await("the first readings", func(ctx context.Context) bool { return c.messages(ctx) > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer cancel()
	got := bridgeFor(ctx, t, c.bob, "run")
	if cause, advice := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(advice, "BRIDGE_PREFIX") {
		t.Errorf("exit code %d, %s", got.code, cause)
	}
	key := command(t, c.key, "run") // another login of the same account stands by, and takes over
	var log lockedBuffer
	key.Stderr = &log
	if err := key.Start(); err != nil {
		t.Fatal(err)
	}
	c.await("the other login to know that it is the same account", func(context.Context) bool { return strings.Contains(log.String(), "the same account") })
	c.await("full coverage", c.covered)
	if code := stop(t, run); code != hint.Done {
		t.Errorf("the first one: exit code %d", code)
	}
	c.await("a record of the other login", func(context.Context) bool { return accountsIn(t, c.js)[accountOf(c.key)] > 0 })
	if code := stop(t, key); code != hint.Done {
		t.Errorf("the other login: exit code %d\n%s", code, log.String())
	}
	c.audit()
}

func TestOfTwoAccountsThatStartAtOnceOneWins(t *testing.T) {
	t.Parallel()
	for range 3 {
		c := newCustomers(t, saveristest.World{Cycle: time.Minute})
		var logs [2]lockedBuffer
		ended := make(chan int, 2)
		runs := []*exec.Cmd{command(t, c.ada, "run"), command(t, c.bob, "run")}
		for i, run := range runs {
			run.Stderr = &logs[i]
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { _ = run.Wait(); ended <- i }()
		}
		var loser int
		select {
		case loser = <-ended:
		case <-time.After(bridgetest.Patience):
			t.Fatal("both go on")
		}
		if code := runs[loser].ProcessState.ExitCode(); code != hint.Settings {
			t.Errorf("the loser ends with %d\n%s", code, logs[loser].String())
		}
		c.await("full coverage", c.covered)
		if len(ended) > 0 {
			t.Fatalf("both have ended:\n%s\n%s", logs[0].String(), logs[1].String())
		}
		winner := runs[1-loser]
		_ = winner.Process.Signal(os.Interrupt)
		<-ended
		if code := winner.ProcessState.ExitCode(); code != hint.Done {
			t.Errorf("the winner ends with %d\n%s", code, logs[1-loser].String())
		}
		if found := accountsIn(t, c.js); len(found) != 1 {
			t.Errorf("records %v", found)
		}
		if report, err := bridgetest.AuditReadings(t.Context(), c.js, streamOfReadings, []*saveristest.Server{c.vendor, c.second}[1-loser],
			bridgetest.Due{From: c.start, Until: vendorAt, AsOf: vendorAt}); err != nil || !report.Clean() {
			t.Errorf("%v, %v", report, err)
		}
	}
}

// TestABridgeThatRunsEndsWhereAnotherAccountWrites: somebody has adopted its coverage for another account, say.
func TestABridgeThatRunsEndsWhereAnotherAccountWrites(t *testing.T) {
	t.Parallel()
	c := newCustomers(t, saveristest.World{Cycle: time.Minute})
	run := command(t, c.ada, "run")
	var log lockedBuffer
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	c.await("full coverage", c.covered)
	accounts := publish.NewAccounts(c.js, publish.Config{Names: publish.Names{Prefix: "saveris"}}, accountOf(c.bob))
	writer := publish.NewWriter(c.js, publish.Config{Names: publish.Names{Prefix: "saveris"}}, publish.Options{
		Feed: schema.Readings, Name: "stranger", Accounts: accounts, Now: time.Now,
	})
	if _, err := writer.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(bridgetest.Patience, func() { _ = run.Process.Kill() })
	defer timer.Stop()
	_ = run.Wait() // the code says it
	cause, advice := lastLines(t, log.String())
	if code := run.ProcessState.ExitCode(); code != hint.Settings || !strings.Contains(cause, accountOf(c.bob)) || !strings.Contains(advice, "BRIDGE_PREFIX") {
		t.Errorf("exit code %d\n%s", code, log.String())
	}
	c.audit()
}

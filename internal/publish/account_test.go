package publish_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Two logins of accounts at one URL.
var (
	ada = publish.AccountOf("https://vendor.example", "ada")
	bob = publish.AccountOf("https://vendor.example", "bob")
)

func TestAnAccountIsAnURLAndALoginAndNoPassword(t *testing.T) {
	t.Parallel()
	if ada != "748219348d5bd686" { // printf 'https://vendor.example\nada' | sha256sum
		t.Errorf("account %s", ada)
	}
	if publish.AccountOf("https://vendor.example/", "ada") != ada || bob == ada || publish.AccountOf("https://other.example", "ada") == ada {
		t.Error("it is not URL and login that count")
	}
}

// process is the writers of an account, as one process has them.
type process struct {
	*publish.Accounts
	writers map[schema.Feed]*publish.Writer
}

func newProcess(js jetstream.JetStream, account string) *process {
	p := &process{publish.NewAccounts(js, config, account), map[schema.Feed]*publish.Writer{}}
	for _, feed := range publish.Feeds {
		p.writers[feed] = publish.NewWriter(js, config, publish.Options{
			Feed: feed, Name: account, LiveAge: 24 * time.Hour, Ages: ages, Accounts: p.Accounts, Now: func() time.Time { return noon.Add(time.Hour) },
		})
	}
	return p
}

// cover commits a day of readings.
func (p *process) cover(t *testing.T, day time.Time, events ...schema.Event) error {
	t.Helper()
	_, err := p.writers[schema.Readings].Commit(t.Context(), checkpoint.DayOf(day), events,
		&checkpoint.Interval{From: day, Until: day.Add(time.Hour), ReadAt: day.Add(time.Hour), Route: "sync"})
	return err
}

func (p *process) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// theirs fails unless an error says that something is of an account.
func theirs(t *testing.T, err error, account string) {
	t.Helper()
	var other *publish.AnotherAccount
	if !errors.As(err, &other) || other.Theirs != account {
		t.Errorf("%v, want another account %q", err, account)
	}
}

// accountsOf returns how many records each account has in the streams.
func accountsOf(t *testing.T, js jetstream.JetStream) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, feed := range publish.Feeds {
		for _, m := range stored(t, js, config.Names.Stream(feed)) {
			if record, err := checkpoint.ParseRecord(m.data); err == nil {
				found[record.Account]++
			}
		}
	}
	return found
}

func TestOfTwoAccountsAtOnceOnAnEmptyPrefixOneWins(t *testing.T) {
	t.Parallel()
	for range 20 {
		js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
		accounts := []string{ada, bob}
		errs := make([]error, len(publish.Feeds)*len(accounts))
		var group sync.WaitGroup
		for i, account := range accounts {
			p := newProcess(js, account)
			for j, feed := range publish.Feeds {
				group.Go(func() {
					day := noon.AddDate(0, 0, i+2*j) // no page has both
					_, errs[len(publish.Feeds)*i+j] = p.writers[feed].Commit(t.Context(), checkpoint.DayOf(day), nil,
						&checkpoint.Interval{From: day, Until: day.Add(time.Hour), ReadAt: day, Route: "sync"})
				})
			}
		}
		group.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		for i, err := range errs {
			of := i / len(publish.Feeds)
			if of == winner && err != nil {
				t.Errorf("of the winner: %v", err)
			}
			if of != winner {
				theirs(t, err, accounts[winner])
			}
		}
		if found := accountsOf(t, js); len(found) != 1 || found[accounts[winner]] != 1+len(publish.Feeds) { // a claim, and a record a feed
			t.Errorf("records %v", found)
		}
	}
}

func TestCoverageOfAnotherAccountNeverCounts(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	newProcess(js, ada).cover(t, noon, readings(0, 10)...)
	before := len(stored(t, js, stream))
	other := newProcess(js, bob)
	unknown, err := other.Look(t.Context())
	if err != nil || len(unknown) != 1 || unknown[0].Theirs != ada || unknown[0].Ours != bob {
		t.Fatalf("%v, %v", unknown, err)
	}
	span := checkpoint.Span{From: noon, Until: noon.Add(time.Hour)}
	for _, p := range []*process{other, newProcess(js, bob)} { // who has looked, and who has not
		w := p.writers[schema.Readings]
		_, err = w.Covered(t.Context(), span)
		theirs(t, err, ada)
		_, err = w.Records(t.Context(), span)
		theirs(t, err, ada)
		_, _, err = w.LowWatermark(t.Context(), span)
		theirs(t, err, ada)
		_, err = w.AdvanceLowWatermark(t.Context(), day, noon, 1)
		theirs(t, err, ada)
		_, err = w.Uncover(t.Context(), day, span)
		theirs(t, err, ada)
		theirs(t, p.cover(t, noon, readings(0, 20)...), ada)
		theirs(t, p.cover(t, noon.AddDate(0, 0, 5)), ada) // a page that nobody has
		_, err = p.writers[schema.Alarms].Commit(t.Context(), day, nil, interval(0, time.Hour))
		theirs(t, err, ada) // a feed that nobody has written
	}
	if after := len(stored(t, js, stream)); after != before {
		t.Errorf("%d messages, %d before", after, before)
	}
}

func TestARecordOfOursVouchesForThoseBeforeItAndNoOthers(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	first := newProcess(js, ada)
	days := []time.Time{noon, noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 2)}
	for _, day := range days {
		first.must(t, first.cover(t, day))
	}
	second := newProcess(js, bob)
	if _, err := second.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.Trust(ada) // as a comparison has found
	second.must(t, second.cover(t, days[2]))

	third := newProcess(js, bob) // another start
	if unknown, err := third.Look(t.Context()); err != nil || len(unknown) > 0 {
		t.Fatalf("%v, %v", unknown, err)
	}
	span := checkpoint.Span{From: days[0], Until: days[2].Add(time.Hour)}
	covered, err := third.writers[schema.Readings].Covered(t.Context(), span)
	if err != nil || len(covered) != 3 {
		t.Errorf("covered %v, %v", covered, err)
	}
	third.must(t, third.cover(t, days[0]))

	fourth := newProcess(js, bob)
	if unknown, err := fourth.Look(t.Context()); err != nil || len(unknown) > 0 {
		t.Fatalf("%v, %v", unknown, err)
	}
	stray := newProcess(js, publish.AccountOf("https://vendor.example", "stray"))
	stray.Trust(bob)
	stray.must(t, stray.cover(t, days[1])) // behind what was the newest record when the fourth looked
	_, err = fourth.writers[schema.Readings].Covered(t.Context(), span)
	theirs(t, err, stray.Own())
}

func TestAStreamThatWasMadeAnewVouchesForNobody(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	first := newProcess(js, ada)
	for i := range 9 {
		first.must(t, first.cover(t, noon.AddDate(0, 0, i)))
	}
	again := newProcess(js, ada)
	if _, err := again.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, feed := range publish.Feeds {
		if err := js.DeleteStream(t.Context(), config.Names.Stream(feed)); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	other := newProcess(js, bob)
	other.must(t, other.cover(t, noon)) // at a sequence that was before the newest one
	theirs(t, again.cover(t, noon), bob)
}

func TestRecordsOfOlderBuildsBearNoAccountAndHaveToBeProven(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Hour))
	p := newProcess(js, ada)
	unknown, err := p.Look(t.Context())
	if err != nil || len(unknown) != 1 || unknown[0].Theirs != "" {
		t.Fatalf("%v, %v", unknown, err)
	}
	theirs(t, p.cover(t, noon), "")
	p.Trust("")
	p.must(t, p.cover(t, noon))
	if unknown, err = newProcess(js, ada).Look(t.Context()); err != nil || len(unknown) > 0 {
		t.Errorf("after a record of ours: %v, %v", unknown, err)
	}
}

func TestAdoptedCoverageIsOursFromThenOn(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	first := newProcess(js, ada)
	first.must(t, first.cover(t, noon, readings(0, 10)...))
	first.must(t, first.cover(t, noon.AddDate(0, 0, -1)))
	p := newProcess(js, bob)
	if _, err := p.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, feed := range publish.Feeds {
		was, err := p.writers[feed].Adopt(t.Context())
		if err != nil || (was.Seq > 0) != (feed == schema.Readings) || was.Seq > 0 && was.Account != ada {
			t.Errorf("%s: it was %+v, %v", feed, was, err)
		}
	}
	p = newProcess(js, bob)
	if unknown, err := p.Look(t.Context()); err != nil || len(unknown) > 0 {
		t.Errorf("%v, %v", unknown, err)
	}
	result, err := p.writers[schema.Readings].Commit(t.Context(), day, readings(0, 12), interval(0, 2*time.Hour))
	if err != nil || result.Stored != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := first.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	theirs(t, first.cover(t, noon), bob)
}

func TestWhatIsUncoveredIsAGapAndIsStoredStill(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	p := newProcess(js, ada)
	w := p.writers[schema.Readings]
	w.SetLowWatermark(noon)
	p.must(t, p.cover(t, noon, readings(0, 10)...))
	span := checkpoint.Span{From: noon.Add(10 * time.Minute), Until: noon.Add(20 * time.Minute)}
	other := newProcess(js, ada).writers[schema.Readings] // beside it, as a command is
	cut, err := other.Uncover(t.Context(), day, span)
	if err != nil || len(cut) != 1 || cut[0].Span() != span {
		t.Fatalf("cut %v, %v", cut, err)
	}
	if cut, err := other.Uncover(t.Context(), day, span); err != nil || len(cut) > 0 {
		t.Errorf("once more: cut %v, %v", cut, err)
	}
	if cut, err := other.Uncover(t.Context(), "2026-11-20", span); err != nil || len(cut) > 0 {
		t.Errorf("a day without a record: cut %v, %v", cut, err)
	}
	hour := checkpoint.Span{From: noon, Until: noon.Add(time.Hour)}
	covered, err := w.Covered(t.Context(), hour)
	if err != nil {
		t.Fatal(err)
	}
	if gaps := checkpoint.Gaps(covered, hour.From, hour.Until); len(gaps) != 1 || gaps[0] != span {
		t.Errorf("gaps %v", gaps)
	}
	if since, found, err := w.LowWatermark(t.Context(), hour); err != nil || !found || !since.Equal(noon) {
		t.Errorf("since %v %v, %v", since, found, err)
	}
	result, err := w.Commit(t.Context(), day, readings(0, 10), interval(0, time.Hour))
	if err != nil || result.Stored != 0 {
		t.Errorf("read again: %+v, %v", result, err)
	}
}

func TestAClaimIsToldOfUnderItsOwnFeed(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	p := newProcess(js, ada)
	told := map[schema.Feed][]string{}
	p.OnRecord = func(feed schema.Feed, r checkpoint.RecordMessage) { told[feed] = append(told[feed], r.Day) }
	alarms := p.writers[schema.Alarms]
	alarms.OnRecord = func(r checkpoint.RecordMessage) { told["its own"] = append(told["its own"], r.Day) }
	if _, err := alarms.Commit(t.Context(), day, nil, interval(0, time.Hour)); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || !slices.Equal(told[schema.Readings], []string{checkpoint.RejectedDay}) || !slices.Equal(told["its own"], []string{day}) {
		t.Errorf("told of %v", told)
	}
}

func TestATraceIsWhatAnAccountHasStoredItself(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	first := newProcess(js, ada)
	first.must(t, first.cover(t, noon, readings(0, 10)...))
	p := newProcess(js, bob)
	p.Trust(ada)
	sample := func(account string) *publish.Sample {
		t.Helper()
		found, err := p.Sample(t.Context(), schema.Readings, account, noon.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := sample(ada); found == nil || !found.Has("uuid-3") || found.Has("uuid-10") || found.Day != day || !found.At.Equal(noon.Add(9*time.Second)) {
		t.Errorf("of who has stored them: %+v", found)
	}
	p.must(t, p.cover(t, noon, readings(0, 10)...))
	if found := sample(bob); found != nil {
		t.Errorf("of who has found them stored: %+v", found)
	}
	p.must(t, p.cover(t, noon, reading("uuid-3", noon.Add(3*time.Second), "5.1")))
	if found := sample(bob); found != nil { // the vendor shows it under another id, and this content only for now
		t.Errorf("of who has stored a correction: %+v", found)
	}
	p.must(t, p.cover(t, noon, readings(9, 12)...))
	if found := sample(bob); found == nil || !found.Has("uuid-11") || found.Has("uuid-9") {
		t.Errorf("of who has stored more: %+v", found)
	}
}

func TestAClaimLooksAtTheEndOfAStreamOnce(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	looks, err := js.Conn().SubscribeSync("$JS.API.STREAM.INFO." + stream)
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(js, ada)
	for range 2 {
		p.must(t, p.cover(t, noon))
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := looks.Pending(); err != nil || n != 1+2 {
		t.Errorf("%d looks, %v, want one for the claim and its writer, and one beside what each commit reads", n, err)
	}
}

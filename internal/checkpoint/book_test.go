package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/schema"
)

// shelf is a stream that a test writes index messages and records to.
type shelf struct {
	*testing.T
	js     jetstream.JetStream
	stream *Stream
	day    string
	record Record // the one written last
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	return newShelfOn(t, bridgetest.Embedded(t).ClientURL())
}

func newShelfOn(t *testing.T, url string) *shelf {
	t.Helper()
	js := bridgetest.JetStream(t, url)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SHELF", Subjects: []string{"shelf.>"}, FirstSeq: 100}); err != nil {
		t.Fatal(err)
	}
	day := DayOf(midnight)
	return &shelf{t, js, NewStream(js, "SHELF", "shelf", "readings"), day, Record{Version: Version, Feed: "readings", Day: day}}
}

func (s *shelf) put(subject string, header nats.Header, data []byte) {
	s.Helper()
	if _, err := s.js.PublishMsg(s.Context(), &nats.Msg{Subject: subject, Header: header, Data: data}); err != nil {
		s.Fatal(err)
	}
}

// list writes an index message.
func (s *shelf) list(entries ...Entry) {
	s.Helper()
	var body []byte
	for _, e := range entries {
		body = append(body, e[:]...)
	}
	s.put(s.stream.IndexSubject(s.day), nats.Header{"Saveris-Events": {strconv.Itoa(len(entries))}}, body)
}

// count writes the record that follows entries, as it is after spoil.
func (s *shelf) count(spoil func(*Record), entries ...Entry) {
	s.Helper()
	s.record = s.record.Next(entries, nil, nil)
	s.record.Batch += "b"
	written := s.record
	if spoil != nil {
		spoil(&written)
	}
	data, err := written.Encode()
	if err != nil {
		s.Fatal(err)
	}
	s.put(s.stream.RecordSubject(s.day), nil, data)
}

func (s *shelf) store(entries ...Entry) {
	s.Helper()
	if len(entries) > 0 {
		s.list(entries...)
	}
	s.count(nil, entries...)
}

func (s *shelf) page(book *Book) *Page {
	s.Helper()
	page, err := book.Page(s.Context(), s.day)
	if err != nil {
		s.Fatal(err)
	}
	return page
}

func listed(ids ...string) (entries []Entry) {
	for _, id := range ids {
		entries = append(entries, NewEntry(id, 1))
	}
	return entries
}

// wantKnown holds the page to knowing exactly these of the ids a to f.
func wantKnown(t *testing.T, page *Page, want string) {
	t.Helper()
	var known string
	for _, id := range "abcdef" {
		if check, found := page.ids.get(NewEntry(string(id), 0)); found {
			known += fmt.Sprintf("%c%d ", id, check)
		}
	}
	if known != want {
		t.Errorf("the page knows %q, want %q", known, want)
	}
}

func TestAPageIsTheSameReadAtOnceAndBitByBit(t *testing.T) {
	s := newShelf(t)
	book := NewBook(s.stream)
	s.store(listed("a", "b")...)
	wantKnown(t, s.page(book), "a1 b1 ")
	s.store(NewEntry("c", 1), NewEntry("a", 7), NewEntry("c", 2)) // one id twice is against the contract: the last counts
	s.store(listed("d")...)
	wantKnown(t, s.page(book), "a7 b1 c2 d1 ") // more than the page had
	s.store(NewEntry("e", 1), NewEntry("a", 8))
	s.store()
	for name, book := range map[string]*Book{"bit by bit": book, "at once": NewBook(s.stream)} {
		t.Run(name, func(t *testing.T) {
			page := s.page(book)
			wantKnown(t, page, "a8 b1 c2 d1 e1 ")
			if page.Record.Rows != 8 || page.Record.Batch != "bbbbb" {
				t.Errorf("the page's record is %+v", page.Record)
			}
		})
	}
}

func TestALoadThatIsNotProvenLeavesNothing(t *testing.T) {
	s := newShelf(t)
	book := NewBook(s.stream)
	s.store(listed("a", "b")...)
	held := s.page(book)
	s.list(listed("e")...) // nothing counts it
	s.count(nil, listed("c")...)
	if _, err := book.Page(t.Context(), s.day); !errors.Is(err, ErrIndex) {
		t.Fatalf("got %v, want ErrIndex", err)
	}
	wantKnown(t, held, "")
	if held.Seq != 0 || held.Record.Rows != 0 {
		t.Errorf("the page still claims %+v", held.Record)
	}
}

func TestWhatIsNoIndexIsPassedOver(t *testing.T) {
	s := newShelf(t)
	book := NewBook(s.stream)
	s.store(listed("a", "b")...)
	held := s.page(book)
	s.list(listed("c")...)
	s.put(s.stream.IndexSubject(s.day), nil, []byte("no index"))
	s.count(nil, listed("c")...)
	s.page(book)
	wantKnown(t, held, "a1 b1 c1 ")
}

func TestARecordOfANewerVersionIsNotPassedOver(t *testing.T) {
	s := newShelf(t)
	s.store(listed("a")...)
	s.put(s.stream.RecordSubject(s.day), nil, fmt.Appendf(nil, `{"version":2,"feed":"readings","day":%q,"batch":"x","rows":[]}`, s.day))
	if _, err := NewBook(s.stream).Page(t.Context(), s.day); err == nil || errors.Is(err, ErrIndex) {
		t.Errorf("got %v, want what is wrong with its version", err)
	}
}

func TestWhatALaterTryFindsReplacesWhatTheFirstFound(t *testing.T) {
	s := newShelf(t)
	s.store(listed("a", "b")...)
	newest, err := s.stream.lastRecord(t.Context(), s.day)
	if err != nil {
		t.Fatal(err)
	}
	record, seq := newest.Record, newest.Seq
	var found index
	for _, e := range listed("c", "d") { // as if another replica had held them
		found.sum, found.first, found.head = found.sum.with(e), 7, found.head.with(e)
		found.ids.put(e)
	}
	page := newPage("readings", s.day)
	if err := NewBook(s.stream).tryLoad(t.Context(), page, record, seq, &found); err != nil {
		t.Fatal(err)
	}
	wantKnown(t, page, "a1 b1 ")
}

func TestAPageTakesNoMemoryForWhatRetentionHasRemoved(t *testing.T) {
	s := newShelf(t)
	s.list(listed("a", "b")...)
	s.count(func(r *Record) { r.Rows = 1 << 60 }, listed("a", "b")...)
	page := s.page(NewBook(s.stream))
	wantKnown(t, page, "a1 b1 ")
	if n := slotsOf(&page.ids); n > 2*maxTorn {
		t.Errorf("room for %d entries, one index message is there", n)
	}
}

func TestAForgottenPageIsEmpty(t *testing.T) {
	page := newPage("readings", DayOf(midnight))
	page.Apply(listed("a", "b"), Record{Version: Version, Feed: "readings", Day: DayOf(midnight), Rows: 2, Batch: "b"}, 7)
	page.forget()
	wantKnown(t, page, "")
	if page.Seq != 0 || page.Record.Rows != 0 || page.Record.Batch != "" || page.Record.Day != DayOf(midnight) {
		t.Errorf("the page is %d, %+v", page.Seq, page.Record)
	}
	if news := page.New([]schema.Event{{ID: "a", Check: 1}}); len(news.Events) != 1 {
		t.Errorf("%d are new, want 1", len(news.Events))
	}
}

func TestTheNewestRecordIsFoundWhateverDayItIsOf(t *testing.T) {
	s := newShelf(t)
	if none, err := s.stream.Newest(t.Context()); err != nil || none.Seq != 0 {
		t.Fatalf("of an empty stream: %+v, %v", none, err)
	}
	s.put("shelf.readings.live.x", nil, []byte("an event"))
	for i, day := range []string{"2026-11-24", RejectedDay, "2026-11-22"} {
		s.day, s.record = day, Record{Version: Version, Feed: "readings", Day: day, Account: "0123456789abcdef"}
		s.count(nil)
		s.record.Batch = "b"
		s.put("shelf.foreign", nil, []byte("somebody else's"))
		newest, err := s.stream.Newest(t.Context())
		if err != nil || newest.Day != day || newest.Account != s.record.Account || newest.Seq != uint64(101+2*i) {
			t.Errorf("%s: %+v, %v", day, newest, err)
		}
		if holds, err := s.stream.Holds(t.Context(), newest); err != nil || !holds {
			t.Errorf("%s: it does not stand there: %v", day, err)
		}
		newest.Batch = "another"
		if holds, err := s.stream.Holds(t.Context(), newest); err != nil || holds {
			t.Errorf("%s: another batch stands there: %v", day, err)
		}
	}
}

// TestAPageThatCouldNotBeReadForLongIsReadAgain: the broker was away for longer than a page is kept.
func TestAPageThatCouldNotBeReadForLongIsReadAgain(t *testing.T) {
	s := newShelf(t)
	book := NewBook(s.stream)
	s.store(listed("a", "b")...)
	s.page(book)
	away, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := book.Page(away, s.day); err == nil {
		t.Fatal("it was read")
	}
	for i := range book.recent {
		book.recent[i].at = book.recent[i].at.Add(-2 * idle)
	}
	wantKnown(t, s.page(book), "a1 b1 ")
}

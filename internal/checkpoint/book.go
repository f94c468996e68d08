package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/sleep"
)

// maxPages is how many pages a book keeps in memory: the days of the longest window and a few more.
const maxPages = 12

// idle is how long a page that nobody asks for is kept: longer than usual poll intervals. Days are read again once an hour
// for each age, for a moment, and would be most of the memory if they stayed; loading one of 3.5 million ids takes a second.
const idle = 10 * time.Minute

// maxIDs is how many ids the pages may hold together, 20 MB: beyond it only the one that is asked for stays, and the newest day, which
// every poll asks for.
const maxIDs = 1 << 20

// Book holds the pages of one feed that are in use. Page serves one goroutine at a time; Records and Days may be called
// beside it.
type Book struct {
	Pages  int // kept in memory at most, 16 bytes and some for an event; 0 = 12
	stream *Stream
	pages  map[string]*Page
	recent []use // of pages, the last one at the end
}

// use is when a day's page was asked for last.
type use struct {
	day string
	at  time.Time
}

// NewBook opens a feed's book. Nothing is read before it is asked for.
func NewBook(stream *Stream) *Book {
	return &Book{stream: stream, pages: map[string]*Page{}}
}

// ErrIndex says that a page's index does not add up to its record: messages were removed by hand, or a replica lags.
var ErrIndex = errors.New("index and record disagree")

// Page returns a day's page as the stream has it now.
func (b *Book) Page(ctx context.Context, day string) (*Page, error) {
	page := b.pages[day]
	if page == nil {
		b.release(len(b.recent), time.Now())
		page = newPage(b.stream.feed, day)
	}
	if err := b.refresh(ctx, page); err != nil {
		b.drop(day)
		return nil, fmt.Errorf("load page %s.%s: %w", b.stream.feed, day, err)
	}
	b.keep(day, page, time.Now())
	return page, nil
}

// keep remembers a page, and lets go of others.
func (b *Book) keep(day string, page *Page, now time.Time) {
	b.drop(day)
	b.pages[day] = page
	b.recent = append(b.recent, use{day, now})
	b.release(len(b.recent)-1, now)
}

// drop lets go of a day's page.
func (b *Book) drop(day string) {
	delete(b.pages, day)
	b.recent = slices.DeleteFunc(b.recent, func(u use) bool { return u.day == day })
}

// release lets go of some of the first n pages: those that are too many, hold too many ids or have not been used for long.
func (b *Book) release(n int, now time.Time) {
	newest, ids := "", 0
	for day, page := range b.pages {
		if ids += page.ids.used; day != RejectedDay {
			newest = max(newest, day)
		}
	}
	surplus := len(b.recent) - cmp.Or(b.Pages, maxPages)
	kept := b.recent[:0]
	for i, u := range b.recent {
		if i >= n || surplus <= 0 && now.Sub(u.at) <= idle && (ids <= maxIDs || u.day == newest) {
			kept = append(kept, u)
			continue
		}
		surplus--
		ids -= b.pages[u.day].ids.used
		delete(b.pages, u.day)
	}
	b.recent = kept
}

// refresh brings a page up to date. Where the stream's record is not the one that memory knows, the index messages since
// then are read; if those do not add up to the record (the broker lost its tail, or was emptied) memory is forgotten and
// the whole index is read.
func (b *Book) refresh(ctx context.Context, page *Page) error {
	day := page.Record.Day
	p, err := b.stream.lastRecord(ctx, day)
	if err != nil {
		return err
	}
	record, seq := p.Record, p.Seq
	page.Last = p.Last
	if seq == page.Seq && record.Batch == page.Record.Batch {
		return nil
	}
	if seq > page.Seq && page.Seq > 0 {
		if err := b.load(ctx, page, record, seq); !errors.Is(err, ErrIndex) {
			return err
		}
	}
	page.forget()
	if seq == 0 {
		return nil
	}
	return b.load(ctx, page, record, seq)
}

// load reads the index messages between the page's record and the given one. What a lagging replica does not know yet is
// asked for again. The page believes nothing of it before all of it is proven.
func (b *Book) load(ctx context.Context, page *Page, record Record, seq uint64) (err error) {
	var found index
	if page.Seq == 0 {
		found.ids, page.ids = page.ids, table{} // empty, but it may have room
	}
	for _, pause := range [...]time.Duration{0, 100 * time.Millisecond, time.Second} {
		if err := sleep.For(ctx, pause); err != nil {
			return err
		}
		if err = b.tryLoad(ctx, page, record, seq, &found); !errors.Is(err, ErrIndex) {
			return err
		}
	}
	return err
}

func (b *Book) tryLoad(ctx context.Context, page *Page, record Record, seq uint64, found *index) error {
	day, base := page.Record.Day, page.Record.tally()
	if err := b.stream.index(ctx, day, Seqs{page.Seq + 1, seq}, record.Rows-min(base.rows, record.Rows), found); err != nil {
		return err
	}
	if base.plus(found.sum) != record.tally() && page.Seq == 0 {
		var err error
		if base, err = b.left(ctx, day, found.first, found.head); err != nil {
			return err
		}
	}
	if base.plus(found.sum) != record.tally() {
		return fmt.Errorf("%w: %d entries on %s after sequence %d do not make the %d rows and digest %s of the record at sequence %d",
			ErrIndex, found.sum.rows+found.sum.again, b.stream.IndexSubject(day), page.Seq, record.Rows, record.Digest, seq)
	}
	page.loaded(found, record, seq)
	return nil
}

// left returns what stood before the part of an index that retention has left, whose first message stands at a sequence and
// counts as much as head: the oldest record that is left counts all that was stored up to there, so what is left is still
// proven. Retention removes the beginning of the stream and nothing else: where a record's own index message should stand
// behind that, and does not, somebody has removed it, and its events are there. The leader is asked where the index begins,
// since a replica that lags may know nothing of it.
func (b *Book) left(ctx context.Context, day string, first uint64, head tally) (before tally, err error) {
	begin, err := b.stream.next(ctx, b.stream.IndexSubject(day), 1)
	if err != nil || begin.Seq != first {
		return tally{}, err
	}
	oldest, err := b.stream.next(ctx, b.stream.RecordSubject(day), 1)
	if err != nil || oldest.Seq == 0 {
		return tally{}, err
	}
	record, err := ParseRecord(oldest.Data)
	if err != nil {
		return tally{}, err
	}
	if first > 0 && first < oldest.Seq { // it counts that one
		if record.Rows < head.rows || record.Repaired < head.again {
			return tally{}, nil
		}
		return record.tally().minus(head), nil
	}
	if batchOf(oldest) != "" { // with its index right before it
		if begins, err := b.stream.Oldest(ctx); err != nil || begins < oldest.Seq {
			return tally{}, err
		}
	}
	return record.tally(), nil
}

// Records reads the newest records of days, in their order; a day without one has a zero Version.
func (b *Book) Records(ctx context.Context, days []string) ([]Record, error) {
	heads, err := b.Heads(ctx, days)
	records := make([]Record, len(heads))
	for i, h := range heads {
		records[i] = h.Record
	}
	return records, err
}

// Heads is Records with where they stand.
func (b *Book) Heads(ctx context.Context, days []string) ([]Head, error) {
	heads := make([]Head, len(days))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, day := range days {
		group.Go(func() (err error) {
			heads[i], err = b.stream.lastRecord(ctx, day)
			return err
		})
	}
	return heads, group.Wait()
}

// Days returns the days that have a record, oldest first.
func (b *Book) Days(ctx context.Context) ([]string, error) {
	days, err := b.stream.days(ctx)
	slices.Sort(days)
	return days, err
}

package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// maxPages is how many pages a book keeps in memory: the days of the longest window and a few more.
const maxPages = 12

// Book holds the pages of one feed that are in use. Page serves one goroutine at a time; Records and Days may be called
// beside it.
type Book struct {
	stream *Stream
	pages  map[string]*Page
	recent []string // days of pages, the one used last at the end
}

// NewBook opens a feed's book. Nothing is read before it is asked for.
func NewBook(stream *Stream) *Book {
	return &Book{stream: stream, pages: map[string]*Page{}}
}

// ErrIndex says that a page's index does not add up to its record: messages were removed by hand, or a replica lags.
var ErrIndex = errors.New("index and record disagree")

// Page gives a day's page as the stream has it now.
func (b *Book) Page(ctx context.Context, day string) (*Page, error) {
	page := b.pages[day]
	if page == nil {
		page = newPage(b.stream.feed, day)
	}
	if err := b.refresh(ctx, page); err != nil {
		delete(b.pages, day)
		return nil, fmt.Errorf("load page %s.%s: %w", b.stream.feed, day, err)
	}
	b.keep(day, page)
	return page, nil
}

func (b *Book) keep(day string, page *Page) {
	b.pages[day] = page
	b.recent = append(slices.DeleteFunc(b.recent, func(d string) bool { return d == day }), day)
	if len(b.recent) > maxPages {
		delete(b.pages, b.recent[0])
		b.recent = b.recent[1:]
	}
}

// refresh brings a page up to date. Where the stream's record is not the one that memory knows, the index messages since
// then are read; if those do not add up to the record (the broker lost its tail, or was emptied) memory is forgotten and
// the whole index is read.
func (b *Book) refresh(ctx context.Context, page *Page) error {
	day := page.Record.Day
	record, seq, err := b.stream.lastRecord(ctx, day)
	if err != nil {
		return err
	}
	if seq == page.Seq && record.Batch == page.Record.Batch {
		return nil
	}
	if seq > page.Seq && page.Seq > 0 {
		if err := b.load(ctx, page, record, seq); !errors.Is(err, ErrIndex) {
			return err
		}
	}
	*page = *newPage(b.stream.feed, day)
	if seq == 0 {
		return nil
	}
	return b.load(ctx, page, record, seq)
}

// load reads the index messages between the page's record and the given one.
func (b *Book) load(ctx context.Context, page *Page, record Record, seq uint64) error {
	found, err := b.stream.index(ctx, page.Record.Day, page.Seq+1, seq)
	if err != nil {
		return err
	}
	if !page.proves(found.entries, record) && page.Seq == 0 && found.first > 0 {
		if err := b.startAt(ctx, page, found); err != nil {
			return err
		}
	}
	if !page.proves(found.entries, record) {
		return fmt.Errorf("%w: %d entries on %s after sequence %d do not make the %d rows and digest %s of the record at sequence %d",
			ErrIndex, len(found.entries), b.stream.IndexSubject(page.Record.Day), page.Seq, record.Rows, record.Digest, seq)
	}
	page.Stored(found.entries, record, seq)
	return nil
}

// startAt lets a page begin where retention has left its index: the record that follows an index message counts all that
// was stored up to there, so what was removed before it is known by its count and digest, and what is left is still proven.
func (b *Book) startAt(ctx context.Context, page *Page, left index) error {
	record, err := b.stream.recordAt(ctx, page.Record.Day, left.first+1)
	if err != nil || record.Rows < uint64(left.size) {
		return err
	}
	for _, e := range left.entries[:left.size] {
		record.Digest = record.Digest.Subtract(e)
	}
	page.Record.Rows, page.Record.Digest = record.Rows-uint64(left.size), record.Digest
	return nil
}

// Records reads the newest records of days, in their order; a day without one has a zero Version.
func (b *Book) Records(ctx context.Context, days []string) ([]Record, error) {
	records := make([]Record, len(days))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, day := range days {
		group.Go(func() (err error) {
			records[i], _, err = b.stream.lastRecord(ctx, day)
			return err
		})
	}
	return records, group.Wait()
}

// Days names the days that have a record, oldest first.
func (b *Book) Days(ctx context.Context) ([]string, error) {
	days, err := b.stream.days(ctx)
	slices.Sort(days)
	return days, err
}

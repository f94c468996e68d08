package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"saveris-bridge/internal/hint"
)

// row is what is known of a channel's day, of a fixed size. A sum without values has n = 0.
type row struct {
	Due, Stored, Late, Missing uint32
	N                          uint32 // readings with a value
	Basis                      basis
	Known                      uint8 // bits
	_                          [2]uint8
	Cycle                      int64 // milliseconds, 0 = not known
	First, Last                int64 // milliseconds since 1970
	Least, Most, Total         float64
	Kinetic                    float64
	Warning, Alarm             float64 // milliseconds outside of the limits
}

// basis says where a cycle comes from.
type basis uint8

const (
	noBasis basis = iota
	fromInventory
	fromReadings
)

const (
	knownWarning = 1 << iota
	knownAlarm
	isTemperature
	isActive // it should have readings on that day
)

// empty reports whether there is nothing to say of the channel's day.
func (r *row) empty() bool { return r.Stored == 0 && r.Known&isActive == 0 }

func (r *row) sums() sums {
	return sums{n: r.N, least: r.Least, most: r.Most, total: r.Total, kinetic: r.Kinetic}
}

// rowSize is that of an encoded row.
var rowSize = binary.Size(row{})

// mostInMemory is how many rows are kept in memory.
const mostInMemory = 500_000

// table holds the rows of days, one for each channel that was known on the day. Days are added in their order.
type table struct {
	inMemory int // rows at most
	days     [][]row
	count    []int   // of rows a day
	at       []int64 // where the day begins in the file
	kept     int
	file     *os.File
	size     int64
	buffer   []byte
}

func (t *table) add(rows []row) error {
	t.days, t.count, t.at = append(t.days, rows), append(t.count, len(rows)), append(t.at, 0)
	if t.kept += len(rows); t.kept <= t.inMemory {
		return nil
	}
	for day, rows := range t.days {
		if rows == nil {
			continue
		}
		if err := t.spill(day, rows); err != nil {
			return &hint.Error{Err: fmt.Errorf("keep the sums of days: %w", err), Code: hint.Failed, Hint: "so many channels and days need a temporary file: set TMPDIR to a folder that can be written and has room"}
		}
		t.days[day] = nil
	}
	t.kept = 0
	return nil
}

// spill writes a day to a file that nobody else can open and that is gone with the process.
func (t *table) spill(day int, rows []row) (err error) {
	if t.file == nil {
		if t.file, err = os.CreateTemp("", "bridge-audit-"); err != nil {
			return err
		}
		_ = os.Remove(t.file.Name()) // where an open file cannot be removed, close does it
	}
	t.at[day] = t.size
	const piece = 4096
	for len(rows) > 0 {
		n := min(piece, len(rows))
		if t.buffer, err = binary.Append(t.buffer[:0], binary.LittleEndian, rows[:n]); err != nil {
			return err
		}
		if _, err := t.file.WriteAt(t.buffer, t.size); err != nil {
			return err
		}
		t.size += int64(len(t.buffer))
		rows = rows[n:]
	}
	return nil
}

// row returns that of a channel on a day; ok is false where the channel was not known yet.
func (t *table) row(day, channel int) (r row, ok bool, err error) {
	if channel >= t.count[day] {
		return r, false, nil
	}
	if t.days[day] != nil {
		return t.days[day][channel], true, nil
	}
	data := make([]byte, rowSize)
	if _, err := t.file.ReadAt(data, t.at[day]+int64(channel)*int64(rowSize)); err != nil {
		return r, false, fmt.Errorf("read the sums of days: %w", err)
	}
	err = binary.Read(bytes.NewReader(data), binary.LittleEndian, &r)
	return r, err == nil, err
}

func (t *table) close() {
	if t.file != nil {
		t.file.Close()
		_ = os.Remove(t.file.Name())
	}
}

package bridgetest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// page is what the index messages of a day add up to so far.
type page struct {
	rows   uint64
	digest *big.Int
	again  uint64           // entries that list what was listed before
	lost   map[[16]byte]int // entries whose events are not there
}

var modulus = new(big.Int).Lsh(big.NewInt(1), 128)

// checkPages holds every index message against the events right before it, and every record against the index so far.
func checkPages(all []message, report *AuditReport) {
	pages := map[string]*page{}
	events := map[uint64]event{}
	for _, m := range all {
		if m.kind == "event" {
			events[m.seq] = m.event
			continue
		}
		p := pages[m.day]
		if p == nil {
			p = &page{digest: new(big.Int), lost: map[[16]byte]int{}}
			pages[m.day] = p
		}
		switch m.kind {
		case "index":
			p.addIndex(m, events, report)
		case "record":
			p.checkRecord(m, report)
		}
	}
	counted := uint64(0)
	for day, p := range pages {
		counted += p.rows
		for entry, n := range p.lost {
			if n > 0 {
				report.wrong(&report.BadPages, "the index of %s lists an event that is nowhere: %x", day, entry)
			}
		}
	}
	if counted != uint64(report.Stored) {
		report.wrong(&report.BadPages, "the index lists %d events, the stream holds %d", counted, report.Stored)
	}
}

func (p *page) addIndex(m message, events map[uint64]event, report *AuditReport) {
	n := len(m.body) / 16
	count := strconv.Itoa(n)
	if len(m.body) == 0 || len(m.body)%16 != 0 || uint64(n) >= m.seq || m.events != count || m.again != "" && m.again != count {
		report.wrong(&report.BadPages, "index at sequence %d: %d bytes, headers say %q events and %q again", m.seq, len(m.body), m.events, m.again)
		return
	}
	for j := range n {
		seq, entry := m.seq-uint64(n-j), [16]byte(m.body[j*16:j*16+16])
		if m.again == "" {
			p.rows++
			p.digest.Add(p.digest, new(big.Int).SetBytes(entry[:]))
		} else if p.again++; p.lost[entry] == 0 {
			report.wrong(&report.BadPages, "index at sequence %d: entry %d is listed again, though its event is there", m.seq, j)
		} else {
			p.lost[entry]--
		}
		if of, found := events[seq]; !found {
			p.lost[entry]++
		} else if entry != entryOf(of) || dayOf(of) != m.day {
			report.wrong(&report.BadPages, "index at sequence %d: entry %d is not the event at sequence %d", m.seq, j, seq)
		}
	}
	p.digest.Mod(p.digest, modulus)
}

func dayOf(e event) string {
	if e.kind == "saveris.row.rejected.v1" {
		return "rejected"
	}
	return e.at.UTC().Format(time.DateOnly)
}

// entryOf works an index entry out of the contract's section 6.
func entryOf(e event) (entry [16]byte) {
	sum := sha256.Sum256([]byte(e.id))
	copy(entry[:12], sum[:12])
	binary.BigEndian.PutUint32(entry[12:], crc32.Checksum([]byte(checked(e)), crc32.MakeTable(crc32.Castagnoli)))
	return entry
}

func checked(e event) string {
	switch e.kind {
	case "saveris.row.rejected.v1":
		return e.raw
	case kindTask:
		return checkedTask(e.columns)
	}
	unit := ""
	for _, u := range []*string{e.data.Vendor, e.data.Unit} {
		if u != nil {
			unit = *u
		}
	}
	fields := []string{shortest(e.data.Value), unit, moment(e.data.Measured)}
	if e.kind != "saveris.reading.v1" {
		fields = []string{shortest(e.data.Value), unit, e.data.State, e.data.Severity, moment(e.data.Raised), moment(text(e.data.Changed))}
	}
	return strings.Join(fields, "\x1f")
}

// moment is a time without the zeros at the end of its fraction.
func moment(stamp string) string {
	if !strings.Contains(stamp, ".") {
		return stamp
	}
	return strings.TrimRight(strings.TrimRight(strings.TrimSuffix(stamp, "Z"), "0"), ".") + "Z"
}

// shortest is a number in the shortest form that reads back as the same float64; the audit's worlds have no exponents.
func shortest(n *json.Number) string {
	if n == nil {
		return ""
	}
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkRecord reads a record by its field names.
func (p *page) checkRecord(m message, report *AuditReport) {
	var r struct {
		Version int
		Day     string
		Rows    uint64
		Digest  string
		Again   uint64 `json:"repaired"`
		Covered []struct{ From, Until time.Time }
		Batch   string
	}
	if err := json.Unmarshal(m.body, &r); err != nil {
		report.wrong(&report.BadPages, "record at sequence %d: %v", m.seq, err)
		return
	}
	if r.Version != 1 || r.Day != m.day || r.Batch == "" || r.Rows != p.rows || r.Digest != fmt.Sprintf("%032x", p.digest) || r.Again != p.again {
		report.wrong(&report.BadPages, "record at sequence %d says %s, %d rows, digest %s, %d repaired; the index adds up to %s, %d, %032x, %d",
			m.seq, r.Day, r.Rows, r.Digest, r.Again, m.day, p.rows, p.digest, p.again)
	}
	for i, iv := range r.Covered {
		if !iv.From.Before(iv.Until) || iv.From.UTC().Format(time.DateOnly) != m.day || i > 0 && iv.From.Before(r.Covered[i-1].Until) {
			report.wrong(&report.BadPages, "record at sequence %d: covered %v", m.seq, r.Covered)
			return
		}
	}
}

package schema

import (
	"encoding/binary"
	"net/url"
	"sync"
	"sync/atomic"
	"unique"
)

// Bounds of how much text of series makers remember: 60,000 ordinary channels, and what else comes within hours, for it comes but rarely.
const (
	maxSeries  = 64 << 20
	fewSeries  = 4 << 20
	seriesSize = 384 // about what a series takes besides its text
)

// series is what the events of one place share: a channel's readings, or a sensor's alarms of one severity and state.
type series struct {
	live, history string // subjects to publish on
	quantity      string
	source        string // as it stands in a header, like the next two
	subject       string
	partitionKey  string
	baseURL       string
	recorder      *recorder
	code          string // of the unit, UCUM
	called        atomic.Pointer[called]
	sameInJSON    bool // source, subject and partitionKey: they need no escapes in headers and none in JSON

	// Of readings: what a channel's data share.
	place   string // JSON between uuid and value
	unit    string // JSON between value and time
	checked string // the unit in a checksum, with separators around it
	noUUID  bool   // the row has no uuid of the vendor
}

// A series of readings has every column that does not change from row to row, so that they are encoded once.
var (
	readingSeries = [...]column{colTenant, colSite, colSensor, colSerial, colModel, colChannel, colProperty, colExtension, colUnit}
	alarmSeries   = [...]column{colTenant, colSite, colSensor, colSerial, colProperty, colExtension, colUnit, colKind, colSeverity, colStatus}
)

// find returns the series of a row's cells, nil if it is new. The columns are those that make a series, besides whether
// there is a uuid.
func (m *Maker) find(cell [][]byte, columns []column) *series {
	noUUID := byte(0)
	if cell[colUUID] == nil {
		noUUID = 1
	}
	key := append(m.key[:0], noUUID)
	for _, c := range columns {
		key = binary.AppendUvarint(key, uint64(len(cell[c])))
		key = append(key, cell[c]...)
	}
	m.key = key
	return m.known.get(key)
}

// make makes the series that find did not have. Tail is the subject behind the lane.
func (m *Maker) make(tail, subject, partitionKey, quantity []byte) *series {
	s := &series{
		live:         m.stem + string(Live) + "." + string(tail),
		history:      m.stem + string(History) + "." + string(tail),
		quantity:     shared(quantity),
		code:         unitCode(m.cell[colUnit]),
		source:       shared(appendPercent(nil, []byte(sourceOf(m.baseURL, string(m.cell[colTenant]))))),
		subject:      string(subject),
		partitionKey: string(appendPercent(nil, partitionKey)),
		baseURL:      m.baseURL,
		recorder:     m.recorder,
	}
	s.sameInJSON = sameInJSON(s.source) && sameInJSON(s.subject) && sameInJSON(s.partitionKey)
	return s
}

// shared returns a text of a series, which others have as well and share.
func shared(text []byte) string { return unique.Make(string(text)).Value() }

// learn remembers a series under the key that find made. When it is too much, all are forgotten: events keep theirs.
func (m *Maker) learn(s *series) {
	size := len(m.key) + s.size()
	if size > maxSeries/1000 {
		return
	}
	m.known.put(m.key, s, size)
}

// knownSeries are the series that makers remember, by the keys of find. A series in it does not change any more, but for what its place is called. Many
// goroutines may use it.
type knownSeries struct {
	mu   sync.RWMutex
	all  map[string]*series
	size int // bytes of them
	most int
}

func newKnownSeries(feed Feed) *knownSeries {
	k := &knownSeries{all: map[string]*series{}, most: fewSeries}
	if feed == Readings {
		k.most = maxSeries
	}
	return k
}

func (k *knownSeries) get(key []byte) *series {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.all[string(key)]
}

func (k *knownSeries) put(key []byte, s *series, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all[string(key)] != nil { // another maker was quicker
		return
	}
	if k.size += size; k.size > k.most {
		clear(k.all)
		k.size = size
	}
	k.all[string(key)] = s
}

func (s *series) size() int {
	return seriesSize + len(s.live) + len(s.history) + len(s.quantity) + len(s.source) + len(s.subject) + len(s.partitionKey) +
		len(s.place) + len(s.unit) + len(s.checked)
}

// sourceOf is the attribute source of a tenant's events. A row without a tenant has the tenant _.
func sourceOf(baseURL, tenant string) string {
	if tenant == "" {
		tenant = "_"
	}
	return baseURL + "/tenants/" + url.PathEscape(tenant)
}

// orMissing is the text for a place that must not be empty.
func orMissing(text []byte) []byte {
	if blank(text) {
		return []byte{'_'}
	}
	return text
}

// orNothing is the text for an attribute that is left out where there is nothing to say.
func orNothing(text []byte) []byte {
	if blank(text) {
		return nil
	}
	return text
}

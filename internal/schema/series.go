package schema

import (
	"encoding/binary"
	"net/url"
)

// maxSeries bounds how many series a Maker remembers: about 40 MB.
const maxSeries = 1 << 16

// series is what the events of one place share: a channel's readings, or a sensor's alarms of one severity and state.
type series struct {
	live, history string // subjects
	quantity      string
	source        string // as it stands in a header, like the next two
	subject       string
	partitionKey  string
	baseURL       string
}

var (
	readingSeries = [...]column{colTenant, colSite, colSensor, colSerial, colChannel, colProperty, colExtension}
	alarmSeries   = [...]column{colTenant, colSite, colSensor, colSerial, colProperty, colExtension, colSeverity, colStatus}
)

// find gives the series of a row, nil if it is new. The columns are those that make a series.
func (m *Maker) find(columns []column) *series {
	m.key = m.key[:0]
	for _, c := range columns {
		m.key = binary.AppendUvarint(m.key, uint64(len(m.cell[c])))
		m.key = append(m.key, m.cell[c]...)
	}
	return m.series[string(m.key)]
}

// learn makes the series that find did not have. Tail is the subject behind the lane.
func (m *Maker) learn(tail, subject, partitionKey, quantity []byte) *series {
	s := &series{
		live:         m.stem + string(Live) + "." + string(tail),
		history:      m.stem + string(History) + "." + string(tail),
		quantity:     string(quantity),
		source:       string(appendPercent(nil, []byte(sourceOf(m.baseURL, string(m.cell[colTenant]))))),
		subject:      string(subject),
		partitionKey: string(appendPercent(nil, partitionKey)),
		baseURL:      m.baseURL,
	}
	if len(m.series) >= maxSeries {
		clear(m.series)
	}
	if len(m.key) < 1024 {
		m.series[string(m.key)] = s
	}
	return s
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

package schema

import "net/url"

// maxSeries bounds how many series a Maker remembers: about 30 MB.
const maxSeries = 1 << 16

// series is what the events of one place share: subjects by lane, and the source.
type series struct {
	live, history string
	source        string // as it stands in a header
	baseURL       string
}

// join finds or makes the series of a tenant and a subject, which is given as what follows the lane.
func (m *Maker) join(tenant, tail []byte) *series {
	m.tmp = append(m.tmp[:0], tenant...)
	m.tmp = append(m.tmp, separator)
	m.tmp = append(m.tmp, tail...)
	if s, ok := m.series[string(m.tmp)]; ok {
		return s
	}
	if len(m.series) >= maxSeries {
		clear(m.series)
	}
	s := &series{
		live:    m.stem + string(Live) + "." + string(tail),
		history: m.stem + string(History) + "." + string(tail),
		source:  string(appendPercent(nil, []byte(sourceOf(m.baseURL, string(tenant))))),
		baseURL: m.baseURL,
	}
	if len(m.tmp) < 1024 {
		m.series[string(m.tmp)] = s
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

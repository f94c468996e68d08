package schema

import (
	"hash/crc32"
	"time"

	"github.com/go-json-experiment/json"

	"saveris-bridge/internal/saveris"
)

// rejected makes an event of a row that cannot be one. Its id depends on the row's text alone, so that the same garbage
// read again is the same event, whatever the window, the time and the reason.
func (m *Maker) rejected(row *saveris.Row, reason string, w Window, readAt time.Time) Event {
	raw := trimBlanks(row.Raw)
	e := Event{
		Check: crc32.Checksum(raw, castagnoli), Time: readAt.UTC(), Rejected: true,
		kind: rejected, series: m.reject,
	}
	m.buf = append(m.buf[:0], rejectedJSON(rejectedData{
		Feed: m.feed, Reason: string(validUTF8([]byte(reason))), Row: string(validUTF8(raw)),
		Window: windowData{rfc3339(w.From), rfc3339(w.Until)},
	})...)
	m.keepText(&e, appendHash(nil, raw), []byte(rfc3339(readAt)), nil)
	return e
}

// rejectedData is the data of a rejected row.
type rejectedData struct {
	Feed   Feed       `json:"feed"`
	Reason string     `json:"reason"`
	Row    string     `json:"row"`
	Window windowData `json:"window"`
}

type windowData struct {
	From  string `json:"from"`
	Until string `json:"until"`
}

func rejectedJSON(data rejectedData) []byte {
	b, err := json.Marshal(data)
	if err != nil {
		panic("schema: internal error: " + err.Error()) // four valid texts
	}
	return b
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

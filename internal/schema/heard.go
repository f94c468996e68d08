package schema

import (
	"strings"
	"time"
)

// ReadHeard returns of a stored reading, in either content mode, which channel was heard when: the sensor's uuid, the channel's number,
// empty where the reading has none, and the event's time. It reports false where that is no reading, or one of no sensor. In binary mode the headers say it, at a
// tenth of what reading the body costs.
func ReadHeard(header map[string][]string, body []byte) (sensor, channel string, at time.Time, ok bool) {
	if IsStructured(header) {
		r, err := ReadReading(header, body)
		return r.Sensor, r.Channel, r.MeasuredAt, err == nil && r.Sensor != ""
	}
	subject := first(header[keySubject])
	sensor, channel, at = first(header[keyPartitionKey]), subject[strings.LastIndexByte(subject, '/')+1:], readTime(first(header[keyTime]))
	if channel == string(orMissing(nil)) {
		channel = ""
	}
	ok = first(header[keyDataSchema]) == kinds[reading].dataSchema && sensor != "" && !at.IsZero()
	return sensor, channel, at, ok
}

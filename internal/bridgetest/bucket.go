package bridgetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// AuditBucket compares what the checkpoint bucket shows of a feed with the newest records of its stream, and returns each
// difference; there is none in the end. Beside them it may show days whose record stood before the stream's first message.
// While somebody writes, it may show newer ones, and a difference says nothing.
func AuditBucket(ctx context.Context, js jetstream.JetStream, bucket, stream, feed string) ([]string, error) {
	records, first, err := newest(ctx, js, stream, "saveris.checkpoints."+feed+".")
	if err != nil {
		return nil, err
	}
	shown, _, err := newest(ctx, js, "KV_"+bucket, "$KV."+bucket+"."+feed+".")
	if err != nil {
		return nil, err
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", stream, err)
	}
	var list []string
	for day, record := range records {
		is := shown[day]
		if is == nil || deleted(is) {
			list = append(list, fmt.Sprintf("%s.%s is not shown", feed, day))
			continue
		}
		seq, _ := strconv.ParseUint(is.Header.Get("Saveris-Sequence"), 10, 64) // 0 where it does not say
		if seq > record.Sequence {                                             // stored since
			if newer, err := s.GetMsg(ctx, seq); err == nil && newer.Subject == record.Subject {
				record = newer
			}
		}
		if seq != record.Sequence || !bytes.Equal(is.Data, record.Data) {
			list = append(list, fmt.Sprintf("%s.%s shows the record of sequence %s, the newest stands at %d", feed, day, is.Header.Get("Saveris-Sequence"), record.Sequence))
		}
	}
	for day, is := range shown {
		seq, err := strconv.ParseUint(is.Header.Get("Saveris-Sequence"), 10, 64)
		if records[day] == nil && !deleted(is) && (err != nil || seq >= first) {
			list = append(list, fmt.Sprintf("%s.%s is shown with sequence %q, and no longer stored", feed, day, is.Header.Get("Saveris-Sequence")))
		}
	}
	return list, nil
}

func deleted(m *jetstream.RawStreamMsg) bool { return m.Header.Get("KV-Operation") != "" }

// newest reads the last message of each subject under a prefix, by what follows that, and the stream's first sequence.
func newest(ctx context.Context, js jetstream.JetStream, stream, prefix string) (last map[string]*jetstream.RawStreamMsg, first uint64, err error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, 0, fmt.Errorf("audit %s: %w", stream, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, 0, fmt.Errorf("audit %s: %w", stream, err)
	}
	last = map[string]*jetstream.RawStreamMsg{}
	for subject := range info.State.Subjects {
		m, err := s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) { // removed since
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("audit %s on %s: %w", stream, subject, err)
		}
		last[strings.TrimPrefix(subject, prefix)] = m
	}
	return last, info.State.FirstSeq, nil
}

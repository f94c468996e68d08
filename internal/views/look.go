package views

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// seen is what stream and bucket were when they were looked at last.
type seen struct {
	source, bucket *jetstream.StreamInfo
	rev            uint64 // what stands in the bucket up to here is known
}

// lookAt finds out whether anything has happened to the stream or to the bucket, and makes the view right again. There is nothing
// to show as long as the stream is not there.
func (v *View) lookAt(ctx context.Context) (there bool, err error) {
	reconnects := v.nc.Stats().Reconnects
	source, err := v.source.Info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		v.stale = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	stream, err := v.bucket.open(ctx)
	if err != nil {
		return false, err
	}
	info := stream.CachedInfo()
	if v.stale || reconnects != v.reconnects || cut(v.seen.source, source) || emptied(v.seen.bucket, info) {
		v.stale = true
		if err := v.compare(ctx, stream); err != nil {
			return false, err
		}
		v.seen.rev = info.State.LastSeq
	} else if err := v.changes(ctx, stream, source.State.LastSeq); err != nil {
		return false, err
	}
	v.seen.source, v.seen.bucket, v.reconnects = source, info, reconnects
	v.stale, v.looked = false, true
	return true, nil
}

// cut reports whether a stream is not the one that it was, or has lost what no retention removes.
func cut(was, is *jetstream.StreamInfo) bool {
	return another(was, is) || is.State.FirstSeq == was.State.FirstSeq && is.State.Msgs < was.State.Msgs
}

// emptied reports the same of a bucket, which has no retention.
func emptied(was, is *jetstream.StreamInfo) bool {
	return another(was, is) || is.State.Msgs < was.State.Msgs
}

func another(was, is *jetstream.StreamInfo) bool {
	return was == nil || !was.Created.Equal(is.Created) || is.State.LastSeq < was.State.LastSeq
}

// changes takes over what others have written into the bucket since it was looked at, and settles what is not simply newer.
func (v *View) changes(ctx context.Context, stream jetstream.Stream, last uint64) error {
	for {
		key, is, err := v.bucket.after(ctx, stream, v.seen.rev+1)
		if err != nil || is.rev == 0 {
			return err
		}
		was := v.shownAt(key)
		switch newer := is.there && is.seq > was.seq && is.seq <= last; {
		case is.rev == was.rev || !literal(key): // our own, or nobody's
		case newer:
			v.note(key, is.mark)
		default:
			if err := v.settleIn(ctx, stream, key); err != nil {
				return err
			}
		}
		v.seen.rev = is.rev
	}
}

package saveristest

import (
	"strings"
	"time"
)

// Faults are rates between 0 and 1, rolled at every request they can hit by a
// generator that is seeded with the world's seed. The first that hits wins.
// Garbage and duplicates are rolled by row instead and come again in a re-read.
// All of them are inferred: the vendor declares none.
type Faults struct {
	TooMany      float64 `key:"fault.429" help:"429 without Retry-After"`
	TooManyWait  float64 `key:"fault.429_wait" help:"429 with Retry-After: 1"`
	Throttled    float64 `key:"fault.token_throttled" help:"login refused with 400 and Cognito's throttling text"`
	Internal     float64 `key:"fault.500" help:"500 with the error body; on downloads S3's InternalError"`
	BadGateway   float64 `key:"fault.502" help:"502 with an HTML page"`
	Unavailable  float64 `key:"fault.503" help:"503 with an HTML page; on downloads S3's SlowDown"`
	Timeout      float64 `key:"fault.504" help:"504 of the gateway; nothing was started"`
	TimeoutStart float64 `key:"fault.504_started" help:"504 of the gateway after the query was started"`
	Reset        float64 `key:"fault.reset" help:"connection reset before an answer (Go's transport repeats a GET by itself if the connection was a used one)"`
	Hang         float64 `key:"fault.hang" help:"no answer until the client gives up"`
	Slow         float64 `key:"fault.slow" help:"body in ten pieces over two seconds"`
	Truncate     float64 `key:"fault.truncate" help:"download ends in the middle of a row, length header agrees"`
	Cut          float64 `key:"fault.cut" help:"download breaks off mid-transfer"`
	ExpiredLink  float64 `key:"fault.expired_link" help:"a good link is refused as expired"`
	NoSuchKey    float64 `key:"fault.no_such_key" help:"the file is gone: 404 NoSuchKey"`
	ExpiredToken float64 `key:"fault.expired_token" help:"a good token is refused as expired"`
	QueryError   float64 `key:"fault.error_status" help:"the query fails"`
	Forgotten    float64 `key:"fault.forgotten" help:"the polled request is forgotten for good"`

	Late            float64 `key:"fault.late" help:"share of late rows on top of world.late_share"`
	Duplicate       float64 `key:"fault.duplicate" help:"share of rows that stand twice in one file"`
	DuplicateAcross float64 `key:"fault.duplicate_across" help:"share of rows that stand in two files"`
	Garbage         float64 `key:"fault.garbage" help:"share of rows followed by a line that is no row"`
}

// The kinds of Fault. Each is counted under "fault." + kind.
const (
	FaultTooMany      = "429"
	FaultTooManyWait  = "429_wait"
	FaultThrottled    = "token_throttled"
	FaultInternal     = "500"
	FaultBadGateway   = "502"
	FaultUnavailable  = "503"
	FaultTimeout      = "504"
	FaultTimeoutStart = "504_started"
	FaultReset        = "reset"
	FaultHang         = "hang"
	FaultSlow         = "slow"
	FaultTruncate     = "truncate"
	FaultCut          = "cut"
	FaultExpiredLink  = "expired_link"
	FaultNoSuchKey    = "no_such_key"
	FaultExpiredToken = "expired_token"
	FaultQueryError   = "error_status"
	FaultForgotten    = "forgotten"
)

// Fault breaks requests that are chosen in advance; see Server.Inject.
type Fault struct {
	Kind  string        // one of the Fault… constants
	On    string        // operation as Server.Count names it, "submit" or "submit.alarms"; "" = any the kind can hit
	Times int           // how many requests; 0 = 1, negative = for ever
	After int           // requests of On that pass first
	Wait  time.Duration // Retry-After of a 429 (FaultTooMany too, if set), length of a slow body; 0 = 1 s, 2 s
}

// hits says which operations a kind can hit; a kind that is missing hits all.
var hits = map[string]string{
	FaultThrottled:    "token",
	FaultTimeout:      "token submit poll sync",
	FaultTimeoutStart: "submit",
	FaultTruncate:     "download",
	FaultCut:          "download",
	FaultExpiredLink:  "download",
	FaultNoSuchKey:    "download",
	FaultExpiredToken: "submit poll sync",
	FaultQueryError:   "submit",
	FaultForgotten:    "poll",
}

// canHit reports whether the kind makes sense for the operation.
func canHit(kind, op string) bool {
	ops, limited := hits[kind]
	return !limited || strings.Contains(ops, op)
}

// Inject breaks the next requests that fit f, before any rate is rolled. Faults
// are looked at in the order of their injection. It panics on an unknown kind.
func (s *Server) Inject(f Fault) {
	if f.Kind == "" || !knownFault(f.Kind) {
		panic("saveristest: inject: unknown kind " + f.Kind)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injected = append(s.injected, &f)
}

func knownFault(kind string) bool {
	for _, r := range (Faults{}).rates() {
		if r.kind == kind {
			return true
		}
	}
	return false
}

type rate struct {
	kind  string
	share float64
}

// rates pairs the kinds that are rolled by request with their rates.
func (f Faults) rates() []rate {
	return []rate{
		{FaultTooMany, f.TooMany}, {FaultTooManyWait, f.TooManyWait}, {FaultThrottled, f.Throttled},
		{FaultInternal, f.Internal}, {FaultBadGateway, f.BadGateway}, {FaultUnavailable, f.Unavailable},
		{FaultTimeout, f.Timeout}, {FaultTimeoutStart, f.TimeoutStart}, {FaultReset, f.Reset},
		{FaultHang, f.Hang}, {FaultSlow, f.Slow}, {FaultTruncate, f.Truncate}, {FaultCut, f.Cut},
		{FaultExpiredLink, f.ExpiredLink}, {FaultNoSuchKey, f.NoSuchKey}, {FaultExpiredToken, f.ExpiredToken},
		{FaultQueryError, f.QueryError}, {FaultForgotten, f.Forgotten},
	}
}

// pickFault decides which fault this request gets, if any, and counts it.
func (s *Server) pickFault(op operation, faults Faults) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, found := s.pickInjected(op)
	if !found {
		f = s.rollFault(op, faults)
	}
	if f.Kind != "" {
		s.counts["fault."+f.Kind]++
	}
	return f
}

func (s *Server) pickInjected(op operation) (Fault, bool) {
	for i, f := range s.injected {
		if !op.is(f.On) || (f.On == "" && !canHit(f.Kind, op.kind)) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		picked := *f
		if f.Times--; f.Times == 0 {
			s.injected = append(s.injected[:i:i], s.injected[i+1:]...)
		}
		return picked, true
	}
	return Fault{}, false
}

func (s *Server) rollFault(op operation, faults Faults) Fault {
	for _, r := range faults.rates() {
		if r.share <= 0 || !canHit(r.kind, op.kind) || op.kind == "download" && (r.kind == FaultTooMany || r.kind == FaultTooManyWait) {
			continue
		}
		if s.rng.Float64() < r.share {
			return Fault{Kind: r.kind}
		}
	}
	return Fault{}
}

func (f Fault) wait(def time.Duration) time.Duration {
	if f.Wait > 0 {
		return f.Wait
	}
	return def
}

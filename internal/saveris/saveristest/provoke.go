package saveristest

// Provocation is what has to be set or broken beside a switch so that a client meets its values in a window of some hours.
// Faults are to be injected. The vendor's clock is to be put forward while an export is not ready, and to stand under
// throttle until he has throttled.
func Provocation(key string) (settings []string, faults []Fault) {
	p := provocations[key]
	if p.fault != (Fault{}) {
		faults = []Fault{p.fault}
	}
	return p.settings, faults
}

// Unasked reports whether a switch decides the answer to what a good client never asks: Traffic shows nothing of it then.
func Unasked(key string) bool { return unasked[key] }

var unasked = map[string]bool{
	"odata.alarm_names": true, "odata.bad_column": true, "select.order": true, "error.raw_quotes": true, "request.other_path": true,
	"range.too_long": true, "range.too_short": true, "range.reversed": true, "url.rejects_auth_header": true,
	"world.changes": true, "auth.lacks": true, "csv.bool": true, "csv.array": true, "mo.id": true, "mo.config": true, "mo.enum": true, "tasks.column": true,
	"props.bool": true, "status.connection": true, "sync.retired": true,
}

var provocations = map[string]struct {
	settings []string
	fault    Fault
}{
	"auth.no_licence_feed": {settings: []string{"auth.no_licence=403A"}},
	"auth.expired":         {fault: Fault{Kind: FaultExpiredToken, On: "submit"}},

	"query.failure":      {fault: Fault{Kind: FaultQueryError, On: "submit"}},
	"query.failure_text": {fault: Fault{Kind: FaultQueryError, On: "submit"}},
	"request.unknown":    {fault: Fault{Kind: FaultForgotten, On: "poll"}},
	"poll.waiting_word":  {settings: []string{"query.latency=1m"}},
	"pending.data_urls":  {settings: []string{"query.latency=1m"}},
	"empty.result":       {settings: []string{"json.layout=array"}},

	"range.column":         {settings: []string{"world.late_share=0.3"}},
	"rows.retransmit":      {settings: []string{"world.retransmit_share=0.3"}},
	"rows.changed_content": {settings: []string{"world.revise_share=0.3"}},

	"file.gzip":       {settings: []string{"fault.truncate=0.2", "file.count=n"}},
	"file.order":      {settings: []string{"file.count=1"}},
	"file.duplicates": {settings: []string{"file.count=n", "world.retransmit_share=0.0000001"}},
	"csv.null":        {settings: []string{"csv.quoting=none"}},
	"url.death":       {fault: Fault{Kind: FaultExpiredLink, On: "download"}},

	"throttle":       {settings: []string{"throttle.rate=5"}},
	"error.gzip":     {settings: []string{"fault.500=0.2", "fault.token_throttled=0.2"}},
	"redirect.to":    {settings: []string{"redirect=307"}},
	"retired.answer": {settings: []string{"retired=newest"}},
	"deprecation":    {settings: []string{"retired=newest"}},
	"sunset":         {settings: []string{"retired=newest"}},
	"sync.limit":     {settings: []string{"sync=array"}},
	"sync.columns":   {settings: []string{"sync=array"}},
}

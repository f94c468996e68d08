package saveristest

import "time"

// Switches decide what the vendor has left open, one field a key of the
// behaviour notes, section 18. The zero value of a field is the default there:
// live evidence first, then the document. Unknown values are refused by Start,
// Set and Update.
type Switches struct {
	TokenKey       string        `key:"token.key" values:"IdToken|idToken" help:"name of the token in the login's answer"`
	TokenLife      time.Duration `key:"token.life" default:"60m" help:"time until a token expires"`
	TokenExpiresIn string        `key:"token.expires_in" values:"absent|present" help:"an expires_in beside the token"`
	TokenChallenge string        `key:"token.challenge" values:"off|on" help:"a pending challenge: 200 with an empty token"`

	AuthAccept    string `key:"auth.accept" values:"both|token|key" help:"credentials the deployment knows: bearer token, Smart Connect key"`
	AuthExpired   string `key:"auth.expired" values:"401|403" help:"answer of the authorizer to a bad or expired token"`
	AuthNoLicence string `key:"auth.no_licence" values:"off|403A|403B|403" help:"licence missing: problem body, error body, no body"`

	AuthNoLicenceFeed string `key:"auth.no_licence_feed" values:"all|measurements|alarms" help:"what auth.no_licence refuses"`

	AuthLacks string `key:"auth.lacks" values:"nothing|tasks|devices|tasks and devices" help:"what the licence does not have, answered as auth.no_licence says, or 403A: tasks, or all of the fleet"`

	PostStatus      string        `key:"post.status" values:"Submitted|In Progress" help:"status in the answer of a POST"`
	PollWaitingWord string        `key:"poll.waiting_word" values:"In Progress|Submitted|unknown|absent" help:"status while the query runs"`
	PollFreshURLs   string        `key:"poll.fresh_urls" values:"yes|no" help:"polling again signs the links again"`
	StatusCase      string        `key:"status.case" values:"documented|lower|padded" help:"spelling of status words"`
	QueryLatency    string        `key:"query.latency" check:"latency" default:"2s-30s" help:"time a query takes, by the vendor's clock: a duration, a range, zero, minutes, never"`
	QueryFailure    string        `key:"query.failure" values:"Error|Failed|500B" help:"how a failed query shows when it is polled"`
	QueryFailText   string        `key:"query.failure_text" values:"absent|message|error" help:"member with the cause beside the failure"`
	RequestUnknown  string        `key:"request.unknown" values:"400B|403|404|500|Error" help:"answer to an unknown request_uuid"`
	RequestOther    string        `key:"request.other_path" values:"unknown|answered" help:"polling on another path than the POST"`
	RequestLife     time.Duration `key:"request.life" default:"24h" help:"time until a request_uuid is forgotten"`
	PendingDataURLs string        `key:"pending.data_urls" values:"missing|null|[]" help:"data_urls while the query runs"`
	EmptyResult     string        `key:"empty.result" values:"[]|missing|null|header-only|blank" help:"data_urls, or the file, of a result without rows"`
	CompletedLinks  string        `key:"completed.links" values:"data_urls|string|object|objects|camel|nested|other_name|keys" help:"how a completed answer holds its links; keys: bucket and key in their place, which nobody can read"`
	MetadataURL     string        `key:"metadata_url" values:"present|missing" help:"metadata_url in a completed answer"`
	XFileContent    string        `key:"x_file_content" values:"omitted|present" help:"the documentation's x-file-content in a completed answer"`
	Post504         string        `key:"post.504" values:"off|lost|started" help:"every other POST ends as 504, without or with a started query"`

	RangeTooLong  string `key:"range.too_long" values:"accepted|400B|400A|500B|Error|empty" help:"ranges over 7 days"`
	RangeTooShort string `key:"range.too_short" values:"accepted|400B|400A|500B|Error|empty" help:"ranges under 5 minutes"`
	RangeReversed string `key:"range.reversed" values:"400B|400A|500B|Error" help:"from not before until"`
	RangeColumn   string `key:"range.column" values:"event|processed_at" help:"column that the range compares"`
	RangeEnds     string `key:"range.ends" values:"closed|half-open|open|open-from|open-until" help:"which ends belong to the range: both, from, none, until, from"`

	RowsLate       string `key:"rows.late" values:"on|off" help:"delays, late rows and outages; off: a row can be seen when it is measured"`
	RowsRetransmit string `key:"rows.retransmit" values:"same|new" help:"uuid of retransmitted rows: the same, or a new one every other time"`
	RowsChanged    string `key:"rows.changed_content" values:"never|on" help:"a few rows change their value later, under the same uuid"`
	RowsExtra      string `key:"rows.extra_column" values:"off|on" help:"a column nobody knows"`
	RowsMissing    string `key:"rows.missing_column" values:"off|on" help:"model_code, alarm_time_local left out"`

	FileCount      string `key:"file.count" values:"auto|n|1" help:"auto: CSV one, JSON up to file.max; n: always file.max; 1: always one"`
	FileMax        int    `key:"file.max" default:"4" help:"files of a result at most"`
	FileOrder      string `key:"file.order" values:"shuffled|sorted" help:"rows in a file and files in the list"`
	FileDuplicates string `key:"file.duplicates" values:"off|on" help:"one row in fifty stands in two files"`
	FileGzip       string `key:"file.gzip" values:"auto|never|always|mixed|content-encoding" help:"auto: JSON yes, CSV no, inside the file without a header"`
	FileAppears    string `key:"file.appears" values:"at once|404 first|403 first" help:"a completed export's first two downloads find nothing: NoSuchKey, or AccessDenied as to those who may not list"`
	FileForm       string `key:"file.form" values:"text|utf-16|zip|zstd|parquet|textfile|html|message" help:"what a file is: text of rows; anything else cannot be read"`
	GzipTail       string `key:"gzip.tail" values:"none|zeros|empty members|member" help:"what follows the first member of a compressed file: padding, members that hold nothing, or a member with the second half"`
	FileNewline    string `key:"file.last_newline" values:"yes|no" help:"newline after the last line"`
	JSONLayout     string `key:"json.layout" values:"lines|array|arrays|object|envelope|envelopes" help:"arrays: one after the other, with ten rows each; object: one indented object a file, as long as the rows are 100 at most; envelope: one object with the list of all rows in it, envelopes: many, with ten rows each"`
	JSONNull       string `key:"json.null" values:"omitted|null" help:"nulls in JSON"`
	CSVQuoting     string `key:"csv.quoting" values:"all|minimal|none" help:"none quotes only what would tear its row"`
	CSVNull        string `key:"csv.null" values:"empty|quoted" help:"nulls in CSV: nothing, or two quotes"`
	CSVBool        string `key:"csv.bool" values:"true|1" help:"booleans in CSV: true and false, or 1 and 0"`
	CSVArray       string `key:"csv.array" values:"plain|json" help:"arrays in CSV: [A, B], or as JSON"`
	CSVTime        string `key:"csv.time" values:"T|blank|UTC|minutes" help:"2026-07-01T10:15:00Z, 2026-07-01 10:15:00.000, the same with UTC behind it, or T without seconds that are zero"`
	JSONTime       string `key:"json.time" values:"T|blank|UTC|minutes|mixed" help:"the same in JSON; mixed: every result in another way"`
	TimeFraction   string `key:"time.fraction" values:"none|zeros|nine|mixed" help:"fraction of times with a T: none, .000, nine digits, or every result in another way"`
	UUIDCase       string `key:"uuid.case" values:"lower|upper|padded|mixed" help:"spelling of uuids; mixed: every result in another way"`
	JSONChannelNo  string `key:"json.channel_no" values:"integer|float|string|exponent|mixed" help:"1, 1.0, \"1\", 1e0 in JSON, or every result in another way"`
	ColumnCase     string `key:"column.case" values:"snake|upper|camel|padded|mixed" help:"names of columns: sensor_uuid, SENSOR_UUID, sensorUuid, with blanks around them, or every result in another way"`
	BrokenProbe    string `key:"value.broken_probe" values:"never|NaN|Infinity|string" help:"one value in twenty is no number: NaN, Infinity or -Infinity as JSON does not know them, or \"NaN\""`
	SelectOrder    string `key:"select.order" values:"schema|requested" help:"column order under $select"`

	URLLife        time.Duration `key:"url.life" default:"24h" help:"life of a link"`
	URLDeath       string        `key:"url.death" values:"403|ExpiredToken" help:"answer on a dead link: 403 AccessDenied, 400 ExpiredToken"`
	URLRejectsAuth string        `key:"url.rejects_auth_header" values:"yes|no" help:"a download with Authorization is refused"`

	AlarmNames      string `key:"alarm.names" values:"live|document" help:"column names of the three alarm columns that differ"`
	AlarmValue      string `key:"alarm.value" values:"string|number" help:"JSON type of alarm_value; null for system alarms either way"`
	AlarmTypeText   string `key:"alarm.type_text" values:"measurement alarm|measurement_alarm" help:"spelling of the type"`
	AlarmSource     string `key:"alarm.source_event" values:"closing|never|all" help:"rows that carry source_alarm_event_uuid"`
	AlarmRows       string `key:"alarm.rows" values:"transition|in-place" help:"a row for each transition, or one row updated in place"`
	AlarmSourceUUID string `key:"alarm.source_uuid" values:"sensor|empty|null" help:"alarm_source_uuid of measurement alarms"`
	AlarmUnknown    string `key:"alarm.unknown" values:"never|status|severity|reason|mixed" help:"what the vendor does not know in a third of the incidents: Unknown as status of a row in between, as severity of a Warning, as reason"`
	AlarmClosing    string `key:"alarm.closing" values:"Ok|Unknown|mixed" help:"alarm_status of closing rows; what is not Ok has a reason that closes"`
	AlarmSkew       string `key:"alarm.time_skew" values:"seconds|minutes" help:"last_status_change_time minus alarm_time"`
	LocalSuffix     string `key:"local.suffix" values:"Z|offset" help:"how _local times end: false Z, or the offset"`
	SiteValue       string `key:"site.value" values:"uuid|text|null" help:"content of customer_site"`
	UnitText        string `key:"unit.text" values:"°C|CELSIUS|celsius|mixed" help:"spelling of degrees Celsius"`

	TasksColumn      string `key:"tasks.column" values:"start|end|processed" help:"column of tasks that the range compares: task_timestamp_start, task_timestamp_end, processed_at"`
	MOID             string `key:"mo.id" values:"measuring_object_uuid|mo_uuid" help:"name of a measuring object's id: live, or of the document"`
	MOConfig         string `key:"mo.config" values:"nested|flat|null" help:"JSON texts of measuring objects: nested and without channels, flat as the document has them, or none"`
	MOEnum           string `key:"mo.enum" values:"plain|codes" help:"words in the nested configuration: Lower limit, or MACT_LOWER_LIMIT as some weeks before"`
	PropsBool        string `key:"props.bool" values:"string|bare|digit" help:"flags of device properties: \"true\", true, \"1\""`
	StatusConnection string `key:"status.connection" values:"WIFI|CT_WIFI" help:"connection_type of the newest device status; older ones have CT_WIFI"`

	ODataAlarmNames string `key:"odata.alarm_names" values:"both|live|document" help:"alarm column names that OData accepts"`
	ODataBadColumn  string `key:"odata.bad_column" values:"400B|500B|Error" help:"answer to an unknown column"`

	Throttle           string        `key:"throttle" values:"off|Too Many Requests|Limit Exceeded" help:"429 above throttle.rate"`
	ThrottleRate       int           `key:"throttle.rate" default:"10" help:"requests a second that pass"`
	ThrottleRetryAfter time.Duration `key:"throttle.retry_after" default:"0s" help:"Retry-After of those 429; 0: none"`

	ErrorRawQuotes string `key:"error.raw_quotes" values:"on|off" help:"BAD_REQUEST_BODY with unescaped quotes, which is no JSON"`
	ErrorGzip      string `key:"error.gzip" values:"off|on" help:"error bodies compressed without a header"`
	PathUnknown    string `key:"path.unknown" values:"403-signature|403-credential|403|404|405|410" help:"answer to an unknown path; 403-signature and 403-credential where an Authorization header came, else 403"`

	Retired       string `key:"retired" values:"off|newest|older|measurements|alarms|all" help:"export endpoints that are gone: the newest of each feed, all but those, or all of a feed"`
	RetiredAnswer string `key:"retired.answer" values:"path|410" help:"answer of a retired endpoint: as of an unknown path, or 410"`
	Deprecation   string `key:"deprecation" values:"document|true|@|date|none" help:"header Deprecation: on endpoints that the document calls deprecated, or on all, as true, as @seconds or as a date"`
	Sunset        string `key:"sunset" values:"document|date|garbage|none" help:"header Sunset, likewise; 2026-12-31 23:59:59 UTC"`

	DateHeader string `key:"date.header" values:"true|missing|frozen|garbage" help:"header Date of every answer; frozen: that of the start"`

	Redirect   string `key:"redirect" values:"off|301|302|307|308" help:"every request of the API is sent on once"`
	RedirectTo string `key:"redirect.to" values:"same|other|loop" help:"to another path of the same host, to another host, in a circle"`

	Sync        string `key:"sync" values:"off|array|object" help:"GET /v1/measurements and /v1/alarms in one call, as array or as object holding one"`
	SyncColumns string `key:"sync.columns" values:"v2|v1" help:"measurement columns of the synchronous answer"`
	SyncRetired string `key:"sync.retired" values:"off|newest|older|all" help:"answers in one call about the fleet that are gone: the newest version of each, all but those, or all"`
	SyncLimit   int    `key:"sync.limit" default:"6291456" help:"bytes of a synchronous answer; above it 413"`
}

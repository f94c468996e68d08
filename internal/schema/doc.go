// Package schema turns a row of the vendor into a CloudEvent: id, attributes, subject, data. It is pure: no I/O, no
// logging, and the same row makes the same event on every path and on every day.
//
// A [Maker] reads one feed. [Maker.Event] never fails: a row that cannot be an event becomes a rejected event that says
// why. An [Event] is small, for windows of them are held: what a channel's readings share is encoded once and kept apart,
// and texts are carved out of chunks, so that a row costs no allocation. It is written as a message by [Event.Subject],
// [Event.Header] and [Event.AppendData], or in structured mode by [Event.AppendStructured]. The
// definition that a test holds this against is the same event as the CloudEvents SDK makes it of plain structs.
// [Parse] is the consumers' side and reads both content modes.
// [OpenAlarms] pairs the events of alarms and lists those that are open.
//
// # Where the contract leaves room
//
// Text. A column of text that comes as a bare number is the literal. A blob, a list or a bool where text belongs is
// null, and the vendor's column goes into "other" under the vendor's name. Empty text is null. Text of blanks alone stays
// in the data but counts as missing wherever an attribute needs it. Bytes that are no UTF-8 become U+FFFD.
//
// Numbers. A JSON number, bare or in a string with blanks around it, is kept byte for byte. Anything else, NaN and Infinity
// among it, is null, and the column goes into "other". A channel number is any spelling of a whole number (1.0, 1e0, 01) and
// stands as an integer. NaN and the like without quotes are null in every column, and in columns of uuids also as words.
//
// Uuids. What has the shape of a uuid is brought into lower case, in the columns of uuids and as a site. Other texts there
// keep their case, for two rows must not become one. Blanks around a text are cut in the columns of uuids; a site, and all
// other texts, keep theirs.
//
// Times. See [zones.appendTime] and [zones.utc]. The event has the vendor's digits, ids and checksums the moment: zeros at
// the end of a fraction make no other content. A time that cannot be read is null and its column goes into "other", unless
// it is the event's own: that row is rejected.
//
// Columns. Names are the same in any case, with or without underscores, hyphens and blanks; several names of a column are
// known. When two of them stand in one row with different values, the first in the row wins and the second goes into
// "other". A name that is already there gets ~2, ~3, … appended. An unknown column goes into "other" even if it is null or
// empty; "other" keeps the row's order and comes last.
//
// Ids. A uuid of blanks alone is none. An id made of other columns takes their texts as they stand in the event, severity
// included, so that it does not depend on spelling; likewise the checksum. Of an alarm's id the status is trimmed, a part
// that is missing is empty, and a time of change that cannot be read stands as the vendor wrote it. An odd uuid is an id all
// the same; headers carry it percent-encoded.
//
// Attributes. A row without a tenant has the source <url>/tenants/_; partitionkey and causationid are left out where
// there is nothing to say, causationid also on whatever does not clear an alarm. A rejected row has neither lane nor
// partitionkey.
//
// Severity and state are mapped by trimmed, case-folded text. A severity that is neither Alarm, Warning nor Unknown goes
// into "other" as well; the raw status is in the data anyway.
//
// Tasks. A flag is a bool, also as a text and as 1 or 0, but for process_step_corrective_action, which is a text by the
// document; texts that come as numbers or bools are their literals. Parameters and context that are JSON stand as it, without
// blanks between its tokens, and are checked as RFC 8785 writes them. A time that cannot be read leaves the event the next one.
// In place of a missing uuid are task_execution_uuid, process_step_uuid and sequence_no, which stay while the execution goes on.
// The partitionkey is the execution.
//
// Subjects. A token longer than [maxToken] characters is cut: the broker takes no protocol line over 4 KiB, and one
// such row would stop the feed. For the same reason a row that grows over [maxText] or [maxHeader] as an event is
// rejected.
package schema

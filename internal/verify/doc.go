// Package verify proves that the stream holds every row of the vendor exactly once, or names what it does not.
//
// It goes feed by feed and UTC day by UTC day, and believes nothing that it has not read:
//
//  1. The day's index is read and held against its record: count and digest.
//  2. The events that the index lists are read and held against their entries: id, content, day. An event that stands in no
//     index, anywhere in the stream, is found because index messages and records leave no sequence unaccounted for.
//     What is no event of a bridge is passed over: Stream.OnForeign is called with it.
//  3. The vendor is asked again, in windows that hold a bounded number of rows, and every distinct row has to be one of those
//     events: under its id with its content, or as a correction of that id with its content.
//  4. What the index lists in the range and no row accounts for is unexpected. Earlier contents of a row that the vendor
//     still shows are accounted for by its id.
//
// Memory is bounded by one day's index (21 bytes an event) and one window (8 bytes a row), and the differences that are kept
// by name. Nothing is written to the stream. A page that a running bridge has changed in between is compared again.
package verify

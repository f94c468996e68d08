// Package tail follows the streams and shows their events. [Follow] hands out what one stream stores, whatever happens to NATS or
// to the stream meanwhile; the status board stands on it too. [Filter] picks events. [Run] prints those picked, a line each for
// people or in the JSON format of CloudEvents, and [Watch] prints what bridge demo stores. A line is made from an [Event] in one
// place, lines.line.
package tail

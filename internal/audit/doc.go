// Package audit makes the completeness report for auditors: for each channel and UTC day what was due, stored, late and missing,
// the least, mean and greatest value, the mean kinetic temperature, and the time outside of the limits. It reads the streams
// alone, asks no vendor, and writes nothing to NATS.
//
// # How it reads
//
// One pass, page by page: the day before the range (which tells how each channel stood at its beginning), then every UTC day of
// it. The index says where the events of a day stand; each is read once. Corrections take the place of what they revise, the one
// stored last counts. A day in memory is 32 bytes an event. What is kept of it is one row of 104 bytes for each channel; beyond
// half a million of them they are spilled to a temporary file, so that the length of the range does not matter.
//
// # What is counted
//
// A slot is a moment at which a reading is due: one cycle after the reading that filled the slot before it. A reading fills the slot
// that is nearest to it, at most half a cycle away; one that is nearer to the reading before it fills none. A slot without a reading
// is missing, and the next one is a cycle later. So clocks that drift make nothing missing, and readings that came twice or were
// made by hand fill no gap.
//
// The cycle is the one in force by the inventory. Where that does not know it, it is the distance between readings of the day that is
// most frequent. A channel of the inventory is due while it was on. Before the inventory knew it, and where it never did, a channel is
// due from the beginning of the range if it had a reading in the 24 hours before, else from its first reading on. A slot of the last
// Settled before now is not missing yet, and one that lies just before a midnight, or the end of the range, counts behind it. Limits are
// those of the inventory's history, see ReadInventory; never those in the events, which say what was known when they were stored.
//
// # How values are summed
//
// Values are float64 of the decimal numbers that are stored, summed in the order of time. Of several readings of one moment the last
// that was stored counts; a null fills its slot and has no value. The mean is the sum divided by the number of values. The mean
// kinetic temperature is
//
//	T = (H/R) / -ln((exp(-H/(R*T1)) + … + exp(-H/(R*Tn))) / n)
//
// in kelvin, with the activation energy H = 83.144 kJ/mol and R = 8.3144 J/(mol K), so H/R = 10,000 K; it is given in the unit of the
// channel, and for temperatures only. A reading outside of limits counts the time until the next reading of its day, one cycle at
// most, and belongs to the day in which it was measured.
package audit

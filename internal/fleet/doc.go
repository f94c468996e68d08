// Package fleet knows what exists at the vendor's: tenants, locations, equipment with its parts and limits, devices with their
// sensors and channels, their status, and measuring objects. It looks, compares with what was known, and names the changes; it
// stores nothing, never logs, and knows no stream.
//
//	inventory := fleet.NewInventory()
//	walker := fleet.NewWalker(client, inventory)
//	inventory.Load(data, sequence)                  // each newest message of saveris.devices.>
//	err := walker.Look(ctx, func(look fleet.Look) error { // every BRIDGE_INVENTORY_INTERVAL
//		for _, change := range inventory.Compare(look) {
//			event := change.Event()            // ids, subjects and messages: schema.FleetChange
//			…                                  // store it, event.Before is the expected last sequence of its subject
//			inventory.Stored(change, sequence) // or, where somebody else was quicker: Load what he has stored
//		}
//		return nil
//	})
//
// Names for readings and alarms come from what is stored of that, not from here: see [Names].
//
// # Documents
//
// A thing has one document, the same by whichever route and version of the API it came: the columns of the current export by
// their names and in its order, lists of objects where one thing has several rows (sensors and their channels; equipment_parts
// and their alarm_configurations), and whatever has no place there in "other", which comes last and is absent where it is empty.
// Flags are booleans, numbers are numbers as RFC 8785 writes them, uuids lower case, times moments in UTC, °C every spelling of
// it, and codes with a prefix (CT_, MACT_) the words that have replaced them. A value that is none of its column's form is null,
// and what the vendor wrote stands in "other". What a route does not have keeps its last known value: columns that its version
// lacks by the vendor's document, unless a row of the answer has them.
//
// The equipment part stands at the channel: older versions tell it from that of the sensor, which is in the sensor's "other".
//
// Where two rows say different things of the same object, the later edited or processed one counts.
//
// # What is no change
//
// Times of contact, of processing and of editing, see [Inventory.Compare]. They are in the document as of the last look, and
// in no hash.
package fleet

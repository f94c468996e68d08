// Package silence knows which channels should have been heard and were not, and has the broker say that a bridge is dead.
//
// The Rule is pure: when a channel is due, from when on it is silent, and how many readings are missing once it is heard again. The
// Line judges by it after each poll of the readings, and stores each silence and its end once: it knows the last reading of each channel
// by its time from the stream alone, and stores by compare-and-set on the silence's subject. So a kill at any point, or two bridges
// at once, repeat nothing.
//
// The Switch is the dead man's switch of a feed. After each poll it replaces the message schedule by which the broker stores, later,
// that the bridge is silent.
package silence

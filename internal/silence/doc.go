// Package silence knows which channels should have been heard and were not. The Rule is pure: when a reading is due, from when on a
// channel counts as silent, and how many readings are missing once it is heard again.
package silence

package status

// BeginWith has a board begin with so many live readings at most.
func (b *Board) BeginWith(most uint64) { b.most = most }

// BeginWithAlarms has a board begin with so many events of alarms at most.
func (b *Board) BeginWithAlarms(most uint64) { b.alarms.most = most }

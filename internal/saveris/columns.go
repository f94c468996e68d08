package saveris

// Bounds of what is remembered of a file's column names; the vendor's widest table has 40.
const (
	maxColumns = 256
	maxName    = 128
)

// columns gives each name of a column one string for the whole file, and notices a name that comes twice in a row. It
// guesses: rows name their columns in one order, some left out.
type columns struct {
	known []string
	heads []string // "name": of each, as a member begins
	seen  []uint32 // number of the last row that had known[i]
	row   uint32
	next  int // the likely next one
}

// begin starts a row.
func (c *columns) begin() {
	c.next = 0
	if c.row++; c.row == 0 { // after 2^32 rows the numbers begin again
		clear(c.seen)
		c.row = 1
	}
}

// guess returns the likely next name if b begins with it as an ordinary member, and the length of that beginning; 0 if not.
func (c *columns) guess(b []byte) (name string, n int) {
	if c.next == len(c.heads) {
		return "", 0
	}
	head := c.heads[c.next]
	if len(b) < len(head) || string(b[:len(head)]) != head {
		return "", 0
	}
	name, ok := c.take(c.next)
	if !ok {
		return "", 0
	}
	return name, len(head)
}

// intern returns the string of a name; ok is false where the row had it before or where it is too odd to remember.
func (c *columns) intern(name []byte) (string, bool) {
	for i := c.next; i < len(c.known); i++ {
		if c.known[i] == string(name) {
			return c.take(i)
		}
	}
	for i := range min(c.next, len(c.known)) {
		if c.known[i] == string(name) {
			return c.take(i)
		}
	}
	if len(c.known) == maxColumns || len(name) > maxName || !ascii(name) {
		return "", false
	}
	c.known = append(c.known, string(name))
	c.heads = append(c.heads, `"`+string(name)+`":`)
	c.seen = append(c.seen, 0)
	return c.take(len(c.known) - 1)
}

func (c *columns) take(i int) (string, bool) {
	if c.seen[i] == c.row {
		return "", false
	}
	c.seen[i] = c.row
	c.next = i + 1
	return c.known[i], true
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

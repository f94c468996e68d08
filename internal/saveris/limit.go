package saveris

import "fmt"

// averageRow is what the rows of one window may have in bytes on average, where Config.MostRows of them come. The vendor's
// have 600.
const averageRow = 1 << 10

// limited hands rows on until there are more than the client may be given for one window. Whoever holds a window would
// run out of memory otherwise.
func (c *Client) limited(each func(*Row) error) func(*Row) error {
	if c.cfg.MostRows == 0 {
		return each
	}
	rows, size := 0, 0
	return func(row *Row) error {
		rows, size = rows+1, size+len(row.Raw)
		if rows > c.cfg.MostRows || size > c.cfg.MostRows*averageRow {
			return &Error{Op: "read rows", Err: ErrTooLarge, Text: fmt.Sprintf("more than %d rows or %d MiB", c.cfg.MostRows, c.cfg.MostRows*averageRow>>20)}
		}
		return each(row)
	}
}

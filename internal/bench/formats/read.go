package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

// read turns every row of a file into the text of its 14 columns. A Parquet file is read from its end, so all of it has to
// be there first.
func read(link string) error {
	if err := tell(); err != nil {
		return err
	}
	body, err := get(link)
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return err
	}
	var got struct {
		Rows  int
		Bytes int64
	}
	for _, group := range file.RowGroups() {
		err := eachRow(group, func(fields [][]byte) {
			got.Rows++
			for _, f := range fields {
				got.Bytes += int64(len(f))
			}
		})
		if err != nil {
			return err
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		return err
	}
	return tell()
}

func get(link string) ([]byte, error) {
	resp, err := http.Get(link)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", link, resp.Status)
	}
	body := bytes.NewBuffer(make([]byte, 0, max(0, resp.ContentLength)+bytes.MinRead))
	_, err = body.ReadFrom(resp.Body)
	return body.Bytes(), err
}

// column is one column's place in a row group.
type column struct {
	values parquet.ColumnChunkValueReader
	print  func([]byte, parquet.Value) []byte
	buf    [1024]parquet.Value
	at, n  int
}

// next returns the next value; ok is false at the end.
func (c *column) next() (v parquet.Value, ok bool, err error) {
	for c.at == c.n {
		if err != nil {
			return v, false, err
		}
		c.at = 0
		c.n, err = c.values.ReadValues(c.buf[:])
		if err == io.EOF && c.n == 0 {
			return v, false, nil
		}
		if c.n > 0 {
			err = nil
		}
	}
	v = c.buf[c.at]
	c.at++
	return v, true, nil
}

// eachRow hands over the rows of a group, each field as text that holds until the next row.
func eachRow(group parquet.RowGroup, row func([][]byte)) error {
	var columns []*column
	for i, chunk := range group.ColumnChunks() {
		columns = append(columns, &column{values: parquet.NewColumnChunkValueReader(chunk), print: printer(group.Schema().Fields()[i])})
	}
	fields := make([][]byte, len(columns))
	for {
		for i, c := range columns {
			v, ok, err := c.next()
			if err != nil {
				return err
			}
			if !ok && i == 0 {
				return nil
			}
			if !ok {
				return errors.New("columns of different lengths")
			}
			fields[i] = fields[i][:0]
			if !v.IsNull() {
				fields[i] = c.print(fields[i], v)
			}
		}
		row(fields)
	}
}

// printer writes a value as the vendor's text has it.
func printer(field parquet.Field) func([]byte, parquet.Value) []byte {
	logical := field.Type().LogicalType()
	switch kind := field.Type().Kind(); {
	case kind == parquet.Int64 && logical != nil:
		return func(b []byte, v parquet.Value) []byte { return appendTime(b, time.UnixMilli(v.Int64())) }
	case kind == parquet.Int32:
		return func(b []byte, v parquet.Value) []byte { return strconv.AppendInt(b, int64(v.Int32()), 10) }
	case kind == parquet.Double:
		return func(b []byte, v parquet.Value) []byte { return strconv.AppendFloat(b, v.Double(), 'f', -1, 64) }
	default:
		return func(b []byte, v parquet.Value) []byte { return append(b, v.ByteArray()...) }
	}
}

// appendTime writes whole seconds as the vendor does; this layout is the one that the library writes fast.
func appendTime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, time.RFC3339) }

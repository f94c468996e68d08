package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/snappy"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// row is a measurement in Parquet.
type row struct {
	UUID              string   `parquet:"uuid,optional"`
	SensorUUID        string   `parquet:"sensor_uuid,optional,dict"`
	ChannelNo         int32    `parquet:"channel_no,optional"`
	SerialNo          string   `parquet:"serial_no,optional,dict"`
	ModelCode         string   `parquet:"model_code,optional,dict"`
	TenantUUID        string   `parquet:"tenant_uuid,optional,dict"`
	CustomerSite      string   `parquet:"customer_site,optional,dict"`
	Timestamp         int64    `parquet:"timestamp,optional,timestamp(millisecond)"`
	TimestampLocal    int64    `parquet:"timestamp_local,optional,timestamp(millisecond)"`
	Measurement       *float64 `parquet:"measurement,optional"`
	PhysicalProperty  string   `parquet:"physical_property_name,optional,dict"`
	PhysicalUnit      string   `parquet:"physical_unit,optional,dict"`
	PhysicalExtension string   `parquet:"physical_extension,optional,dict"`
	ProcessedAt       int64    `parquet:"processed_at,optional,timestamp(millisecond)"`
}

// source is the same as a line of JSON.
type source struct {
	UUID              string      `json:"uuid"`
	SensorUUID        string      `json:"sensor_uuid"`
	ChannelNo         int32       `json:"channel_no"`
	SerialNo          string      `json:"serial_no"`
	ModelCode         string      `json:"model_code"`
	TenantUUID        string      `json:"tenant_uuid"`
	CustomerSite      string      `json:"customer_site"`
	Timestamp         time.Time   `json:"timestamp"`
	TimestampLocal    time.Time   `json:"timestamp_local"`
	Measurement       json.Number `json:"measurement"`
	PhysicalProperty  string      `json:"physical_property_name"`
	PhysicalUnit      string      `json:"physical_unit"`
	PhysicalExtension string      `json:"physical_extension"`
	ProcessedAt       time.Time   `json:"processed_at"`
}

func write(codec, path string) (err error) {
	var links []string
	if err := json.NewDecoder(os.Stdin).Decode(&links); err != nil {
		return err
	}
	codecs := map[string]compress.Codec{"snappy": new(snappy.Codec), "zstd": new(zstd.Codec)}
	if codecs[codec] == nil {
		return fmt.Errorf("no codec is called %q", codec)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := parquet.NewGenericWriter[row](file, parquet.Compression(codecs[codec]))
	var found literals
	for _, link := range links {
		if err := convert(link, out, &found); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func convert(link string, out *parquet.GenericWriter[row], found *literals) error {
	resp, err := http.Get(link)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	zip, err := gzip.NewReader(resp.Body)
	if err != nil {
		return err
	}
	for lines := json.NewDecoder(zip); ; {
		var s source
		if err := lines.Decode(&s); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := found.count(string(s.Measurement)); err != nil {
			return err
		}
		r := row{
			s.UUID, s.SensorUUID, s.ChannelNo, s.SerialNo, s.ModelCode, s.TenantUUID, s.CustomerSite, s.Timestamp.UnixMilli(),
			s.TimestampLocal.UnixMilli(), nil, s.PhysicalProperty, s.PhysicalUnit, s.PhysicalExtension, s.ProcessedAt.UnixMilli(),
		}
		if s.Measurement != "" {
			value, err := s.Measurement.Float64()
			if err != nil {
				return err
			}
			r.Measurement = &value
		}
		if _, err := out.Write([]row{r}); err != nil {
			return err
		}
	}
}

// literals counts numbers that come back as they were written, by the type that carried them.
type literals struct {
	Rows    int
	Float32 int // FLOAT, printed as the shortest float32
	Float64 int // DOUBLE that was read from the decimal text, printed as the shortest float64
	Widened int // DOUBLE that was a float32 before, printed as the shortest float64
}

func (l *literals) count(text string) error {
	if text == "" {
		return nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return err
	}
	narrow, err := strconv.ParseFloat(text, 32)
	if err != nil {
		return err
	}
	l.Rows++
	if strconv.FormatFloat(narrow, 'f', -1, 32) == text {
		l.Float32++
	}
	if strconv.FormatFloat(value, 'f', -1, 64) == text {
		l.Float64++
	}
	if strconv.FormatFloat(narrow, 'f', -1, 64) == text {
		l.Widened++
	}
	return nil
}

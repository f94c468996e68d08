package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// scriptOrder is what the script is asked for on its standard input.
type scriptOrder struct {
	Files  []string
	Broker string
	Source string
}

// runScript is what one writes in an afternoon: files over HTTP, encoding/json into a struct, an event the same way,
// PublishAsync. It knows no checkpoint and no id: run twice it stores everything twice, killed it knows nothing.
func runScript(ctx context.Context) error {
	var order scriptOrder
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return err
	}
	nc, err := nats.Connect(order.Broker)
	if err != nil {
		return err
	}
	defer nc.Close()
	failed := make(chan error, 1)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
			select {
			case failed <- err:
			default:
			}
		}))
	if err != nil {
		return err
	}
	for _, link := range order.Files {
		if err := publishFile(ctx, js, link, order.Source); err != nil {
			return err
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(10 * time.Minute):
		return errors.New("not everything was acknowledged")
	}
	select {
	case err := <-failed:
		return fmt.Errorf("publish: %w", err)
	default:
		return nil
	}
}

func publishFile(ctx context.Context, js jetstream.JetStream, link, source string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", link, resp.Status)
	}
	zip, err := gzip.NewReader(bufio.NewReader(resp.Body))
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(zip)
	for {
		var row scriptRow
		if err := decoder.Decode(&row); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		msg, err := row.message(source)
		if err != nil {
			return err
		}
		if _, err := js.PublishMsgAsync(msg, jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
	}
}

// scriptRow is a measurement as the document has it. The json.Number keeps the vendor's digits.
type scriptRow struct {
	UUID              string      `json:"uuid"`
	SensorUUID        string      `json:"sensor_uuid"`
	ChannelNo         int         `json:"channel_no"`
	SerialNo          string      `json:"serial_no"`
	ModelCode         string      `json:"model_code"`
	TenantUUID        string      `json:"tenant_uuid"`
	CustomerSite      string      `json:"customer_site"`
	Timestamp         string      `json:"timestamp"`
	TimestampLocal    string      `json:"timestamp_local"`
	Measurement       json.Number `json:"measurement"`
	PhysicalProperty  string      `json:"physical_property_name"`
	PhysicalUnit      *string     `json:"physical_unit"`
	PhysicalExtension string      `json:"physical_extension"`
	ProcessedAt       string      `json:"processed_at"`
}

// scriptData is the data of a reading (contract, section 4).
type scriptData struct {
	UUID            string       `json:"uuid"`
	Tenant          string       `json:"tenant"`
	Site            string       `json:"site"`
	Sensor          scriptSensor `json:"sensor"`
	Quantity        string       `json:"quantity"`
	Property        string       `json:"property"`
	Extension       string       `json:"extension"`
	Value           json.Number  `json:"value"`
	Unit            *string      `json:"unit"`
	VendorUnit      *string      `json:"vendor_unit"`
	MeasuredAt      string       `json:"measured_at"`
	MeasuredAtLocal string       `json:"measured_at_local"`
	ReceivedAt      string       `json:"received_at"`
}

type scriptSensor struct {
	UUID      string `json:"uuid"`
	SerialNo  string `json:"serial_no"`
	ModelCode string `json:"model_code"`
	ChannelNo int    `json:"channel_no"`
}

var units = map[string]string{"°C": "Cel", "%rF": "%", "%": "%", "g/m³": "g/m3", "hPa": "hPa"}

func (r *scriptRow) message(source string) (*nats.Msg, error) {
	quantity := strings.ToLower(strings.ReplaceAll(r.PhysicalExtension, " ", "_"))
	data := scriptData{
		UUID: r.UUID, Tenant: r.TenantUUID, Site: r.CustomerSite,
		Sensor:   scriptSensor{r.SensorUUID, r.SerialNo, r.ModelCode, r.ChannelNo},
		Quantity: quantity, Property: r.PhysicalProperty, Extension: r.PhysicalExtension, Value: r.Measurement, VendorUnit: r.PhysicalUnit,
		MeasuredAt: r.Timestamp, MeasuredAtLocal: r.TimestampLocal, ReceivedAt: r.ProcessedAt,
	}
	if r.PhysicalUnit != nil {
		if code, known := units[*r.PhysicalUnit]; known {
			data.Unit = &code
		}
	}
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	channel := strconv.Itoa(r.ChannelNo)
	return &nats.Msg{
		Subject: strings.Join([]string{names.Ingest() + ".readings.history", r.TenantUUID, r.CustomerSite, r.SerialNo, channel, quantity}, "."),
		Data:    body,
		Header: nats.Header{
			"ce-specversion":     {"1.0"},
			"ce-id":              {r.UUID},
			"ce-source":          {source + "/tenants/" + r.TenantUUID},
			"ce-type":            {"saveris.reading.v1"},
			"ce-subject":         {r.SerialNo + "/" + channel},
			"ce-time":            {r.Timestamp},
			"ce-datacontenttype": {"application/json"},
			"ce-dataschema":      {"urn:saveris-bridge:reading:v1"},
			"ce-recordedtime":    {time.Now().UTC().Format("2006-01-02T15:04:05.000Z")},
			"ce-partitionkey":    {r.SensorUUID},
			"ce-lane":            {"history"},
		},
	}, nil
}

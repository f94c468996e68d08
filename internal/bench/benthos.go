package main

import (
	"fmt"
	"strings"
)

// benthosConfig writes a stream that does what the script does, as far as the mapping language goes: its objects have their
// keys in alphabetical order. The files are read by two inputs side by side, the mapping runs on all cores, and 1024 messages
// wait for their acknowledgement, which is the output's default. Tried and not faster: 256 and 4096 of them, batches of 50
// and 500 lines, and headers through its metadata filter.
func benthosConfig(links []string, broker, source string) []byte {
	var inputs strings.Builder
	for _, half := range halves(links) {
		inputs.WriteString("      - sequence:\n          inputs:\n")
		for _, link := range half {
			fmt.Fprintf(&inputs, benthosInput, link)
		}
	}
	return fmt.Appendf(nil, benthosText, inputs.String(), broker, source)
}

// halves deals files out to two inputs; one file is read by one.
func halves(links []string) (list [][]string) {
	if len(links) < 2 {
		return [][]string{links}
	}
	return [][]string{links[:len(links)/2], links[len(links)/2:]}
}

const benthosInput = `            - http_client:
                url: %q
                verb: GET
                timeout: 10m
                auto_replay_nacks: true
                stream:
                  enabled: true
                  reconnect: false
                  scanner:
                    decompress:
                      algorithm: gzip
                      into:
                        lines: {}
`

const benthosText = `http:
  enabled: false
logger:
  level: WARN
input:
  broker:
    inputs:
%spipeline:
  processors:
    - mapping: |
        let quantity = this.physical_extension.lowercase().replace_all(" ", "_")
        let units = {"°C": "Cel", "%%rF": "%%", "%%": "%%", "g/m³": "g/m3", "hPa": "hPa"}
        meta subject = "saveris-ingest.readings.history.%%s.%%s.%%s.%%v.%%s".format(this.tenant_uuid, this.customer_site, this.serial_no, this.channel_no, $quantity)
        meta "ce-id" = this.uuid
        meta "ce-source" = "%[3]s/tenants/" + this.tenant_uuid
        meta "ce-subject" = "%%s/%%v".format(this.serial_no, this.channel_no)
        meta "ce-time" = this.timestamp
        meta "ce-partitionkey" = this.sensor_uuid
        root = {
          "uuid": this.uuid, "tenant": this.tenant_uuid, "site": this.customer_site,
          "sensor": {"uuid": this.sensor_uuid, "serial_no": this.serial_no, "model_code": this.model_code, "channel_no": this.channel_no},
          "quantity": $quantity, "property": this.physical_property_name, "extension": this.physical_extension,
          "value": this.measurement, "unit": $units.get(this.physical_unit | ""), "vendor_unit": this.physical_unit,
          "measured_at": this.timestamp, "measured_at_local": this.timestamp_local, "received_at": this.processed_at
        }
output:
  nats_jetstream:
    urls: [ %[2]q ]
    subject: ${! @subject }
    max_in_flight: 1024
    headers:
      ce-specversion: "1.0"
      ce-id: ${! @."ce-id" }
      ce-source: ${! @."ce-source" }
      ce-type: saveris.reading.v1
      ce-subject: ${! @."ce-subject" }
      ce-time: ${! @."ce-time" }
      ce-datacontenttype: application/json
      ce-dataschema: urn:saveris-bridge:reading:v1
      ce-recordedtime: ${! now() }
      ce-partitionkey: ${! @."ce-partitionkey" }
      ce-lane: history
`

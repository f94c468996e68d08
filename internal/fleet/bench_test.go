package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
)

// chain is a fleet of many sites as the current exports have it: each device has a sensor of two channels, and equipment with
// two limits. The look n has other times of contact, and batteries that have run down by n.
func chain(devices, n int) map[string]string {
	id := func(kind, i int) string { return fmt.Sprintf("%08x-%04x-4000-8000-%012x", i*7919, kind, i) }
	at := time.Date(2026, 7, 1, 10, n, 0, 0, time.UTC).Format(time.RFC3339)
	var tenants, locations, equipments, properties, status, sensors strings.Builder
	for i := range devices / 12 {
		fmt.Fprintf(&tenants, `{"tenant_uuid":"%s","parent_uuid":"%s","is_operator":true,"organisation_name":"Restaurant %d","organisation_id":"R-%05d","organisation_email":"info@example.com","country":"DE","main_timezone":"Europe/Berlin","main_language":"de_DE","register_time":"2026-01-15T08:30:00Z"}`+"\n", id(1, i), id(1, 0), i, i)
		fmt.Fprintf(&locations, `{"tenant_uuid":"%s","location_uuid":"%s","parent_uuid":"%s","name":"Site %d","location_type":"measurement site","parent_location_type":"customer","location_subtype":"ventilation","valid_from":"2026-01-15T08:30:00.000Z","last_modified_at":"2026-06-15T14:20:00.000Z"}`+"\n", id(1, i), id(2, i), id(1, 0), i)
	}
	for i := range devices {
		site := i / 12
		for channel := range 2 {
			fmt.Fprintf(&equipments, `{"tenant_uuid":"%s","equipment_parts_uuid":"%s","equipment_parts_title":"Cooling compartment","equipment_uuid":"%s","equipment_title":"Fridge %d","equipment_type_uuid":"%s","equipment_type_title":"Fridge","equipment_parts_purpose_uuid":"%s","equipment_parts_purpose_title":"Air temperature monitoring","area_uuid":"%s","area_title":"Kitchen","processed_at":"%s","last_modified_at":"2026-06-15T14:20:00Z","is_active":true,"limit_values_uuid":"%s","door_contact_delay_in_ms":30000,"alarm_delay":900000,"display_unit":"%s","lower_violation":0,"lower_warning":2,"upper_violation":8,"upper_warning":7,"measuring_rate":900000,"valid_from_time":0,"valid_until_time":86400000}`+"\n",
				id(1, site), id(3, i), id(4, i), i, id(5, 0), id(6, 0), id(7, site), at, id(8, 2*i+channel), []string{"celsius", "relative humidity"}[channel])
			fmt.Fprintf(&properties, `{"tenant_uuid":"%s","customer_site":"%s","device_uuid":"%s","device_category":"LOGGER","device_serial_no":"%d","device_model_code":"0572 2031","device_firmware_version":"1.2.4","device_supported_battery_types":["AA_LITHIUM","AA_ALKALINE"],"device_display_name":"Fridge %d - Logger","device_is_active":"true","device_communication_log_time":900000,"device_measuring_cycle":900000,"device_measuring_cycle_effective":900000,"device_is_ethernetprobe":"false","device_is_powersuppliable":"true","device_is_wirelessprobe":"true","device_last_modified":"2026-06-30T18:00:00Z","sensor_uuid":"%s","sensor_serial_no":"%d","sensor_model_code":"0572 2211","sensor_firmware_version":"1.3.2","sensor_display_name":"Fridge %d - Air Sensor","sensor_is_wired":"false","sensor_is_radio":"true","sensor_is_connected":"true","sensor_measuring_cycle":900000,"sensor_measuring_cycle_effective":900000,"sensor_last_modified":"2026-06-30T18:00:00Z","channel_id":%d,"channel_no":%d,"channel_physical_unit":"%s","channel_physical_property_name":"%s","channel_physical_extension":"%s","channel_physical_unit_exponent":1,"channel_attenuation":0,"channel_is_external":"true","channel_is_calibration_possible":"true","equipment_uuid":"%s","equipment_parts_uuid":"%s","channel_last_modified":"2026-06-30T18:00:00Z"}`+"\n",
				id(1, site), id(2, site), id(9, i), 20000000+i, i, id(10, i), 22000000+i, i, 9000000+2*i+channel, channel+1, []string{"°C", "%rF"}[channel], []string{"Temperature", "Humidity"}[channel], []string{"Air Temperature", "Relative Humidity"}[channel], id(4, i), id(3, i))
		}
		battery := 90
		if i%100 == 0 {
			battery -= n
		}
		fmt.Fprintf(&status, `{"device_uuid":"%s","tenant_uuid":"%s","customer_site":"%s","serial_no":"%d","model_code":"0572 2031","production_date":"2025-11-03","connection_type":"WIFI","radio_level_percent":74,"battery_level_percent":%d,"battery_temperature":21.5,"is_powersupply_on":true,"last_communication_time":"%s","next_communication_time":"%s","status_time":"%s","processed_at":"%s"}`+"\n",
			id(9, i), id(1, site), id(2, site), 20000000+i, battery, at, at, at, at)
		fmt.Fprintf(&sensors, `{"sensor_uuid":"%s","tenant_uuid":"%s","customer_site":"%s","serial_no":"%d","model_code":"0572 2211","production_date":"2025-11-03","radio_level_percent":68,"battery_level_percent":91,"battery_temperature":21.5,"battery_voltage_mv":3540,"battery_predicted_remaining_operating_days":412,"last_communication_time":"%s","next_communication_time":"%s","status_time":"%s","processed_at":"%s"}`+"\n",
			id(10, i), id(1, site), id(2, site), 22000000+i, at, at, at, at)
	}
	return map[string]string{
		"/v3/tenants": tenants.String(), "/v1/locations": locations.String(), "/v4/equipments": equipments.String(), "/v3/devices/properties": properties.String(),
		"/v4/devices/status": status.String(), "/v4/sensors/status": sensors.String(), "/v1/measuring-objects": "",
	}
}

// BenchmarkLook is a look at 18,000 devices and 36,000 channels on top of what is known: what the task allows is 3 s of CPU and
// 150 MB. The vendor runs in the same process and counts as well.
func BenchmarkLook(b *testing.B) {
	const devices = 18_000
	vendor := &fixedVendor{dir: b.TempDir()} // its files are no memory of the bridge's
	vendor.files = onDisk(b, vendor.dir, chain(devices, 0))
	inv := NewInventory()
	w := NewWalker(vendor.start(b, func(cfg *saveris.Config) { cfg.Sync = saveris.SyncNever }), inv)
	stored := uint64(0)
	look := func() (changes int) {
		err := w.Look(b.Context(), func(seen Look) error {
			for _, c := range inv.Compare(seen) {
				c.Event()
				stored++
				inv.Stored(c, stored)
				changes++
			}
			return seen.Err
		})
		if err != nil {
			b.Fatal(err)
		}
		return changes
	}
	measure := func(n int, files map[string]string) {
		vendor.mu.Lock()
		vendor.files = files
		vendor.mu.Unlock()
		before := heap()
		peak, cpu := watch(), cpuTime()
		changes := look()
		b.ReportMetric((cpuTime() - cpu).Seconds(), fmt.Sprintf("cpu-s/look%d", n))
		b.ReportMetric(float64(peak()-before)/1e6, fmt.Sprintf("MB-peak/look%d", n))
		b.ReportMetric(float64(changes), fmt.Sprintf("changes/look%d", n))
	}
	nothing := heap()
	b.ResetTimer()
	for range b.N {
		measure(0, vendor.files)
		b.StopTimer()
		next := onDisk(b, vendor.dir, chain(devices, 1))
		b.StartTimer()
		measure(1, next)
	}
	known := heap()
	b.ReportMetric(float64(known-nothing)/1e6, "MB-inventory")
	directory := inv.Directory()
	b.ReportMetric(float64(heap()-known)/1e6, "MB-directory")
	runtime.KeepAlive(inv)
	runtime.KeepAlive(directory)
}

// BenchmarkLoad is what a bridge does at its start: it reads what the stream has of 18,000 devices, and makes a directory of it.
func BenchmarkLoad(b *testing.B) {
	vendor := &fixedVendor{dir: b.TempDir()}
	vendor.files = onDisk(b, vendor.dir, chain(18_000, 0))
	inv := NewInventory()
	var stored [][]byte
	err := NewWalker(vendor.start(b, func(cfg *saveris.Config) { cfg.Sync = saveris.SyncNever }), inv).Look(b.Context(), func(seen Look) error {
		for _, c := range inv.Compare(seen) {
			if slices.Contains(PlaceKinds, c.Kind) {
				event := c.Event()
				stored = append(stored, event.AppendData(nil))
			}
		}
		return seen.Err
	})
	if err != nil {
		b.Fatal(err)
	}
	inv = nil
	before := heap()
	peak := watch()
	b.ReportAllocs()
	for b.Loop() {
		known := NewPlaces()
		for i, data := range stored {
			if err := known.Load(data, uint64(i)); err != nil {
				b.Fatal(err)
			}
		}
		known.Directory()
	}
	b.ReportMetric(float64(peak()-before)/1e6, "MB-peak")
	b.ReportMetric(float64(len(stored)), "things")
}

// onDisk writes files into a folder, and returns their names in it.
func onDisk(b *testing.B, dir string, files map[string]string) map[string]string {
	names := map[string]string{}
	for path, text := range files {
		names[path] = strings.ReplaceAll(path, "/", "_")
		if err := os.WriteFile(filepath.Join(dir, names[path]), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return names
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap is what is in use once what is garbage has been freed.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	return inUse()
}

func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// watch looks at the memory in use, garbage included, until peak is called.
func watch() (peak func() uint64) {
	var most atomic.Uint64
	done := make(chan struct{})
	var ends sync.WaitGroup
	ends.Go(func() {
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-tick.C:
				most.Store(max(most.Load(), inUse()))
			case <-done:
				tick.Stop()
				return
			}
		}
	})
	return func() uint64 {
		close(done)
		ends.Wait()
		return most.Load()
	}
}

package fleet

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestAnAnswerThatIsUnderstoodByHalfRemovesNothing: where names or forms of columns have changed that tell sensors, channels and parts
// apart, each row is still one of a device. That is an error, and nothing is gone or moved, however often it is looked.
func TestAnAnswerThatIsUnderstoodByHalfRemovesNothing(t *testing.T) {
	const head = `{"device_uuid":"ua","device_serial_no":"1","tenant_uuid":"t1",`
	const one = head + `"sensor_uuid":"s1","sensor_display_name":"A","channel_no":1}`
	const part = `{"equipment_uuid":"e","equipment_parts_uuid":"p","upper_warning":7,"valid_from_time":0}`
	for name, c := range map[string]struct {
		kind   Kind
		before string
		after  string
	}{
		"another name of the sensor":        {schema.KindDevice, one, head + `"head_uuid":"s1","sensor_display_name":"A","channel_no":1}`},
		"another name of the channel":       {schema.KindDevice, one, head + `"sensor_uuid":"s1","sensor_display_name":"A","channel_number":1}`},
		"a channel in words":                {schema.KindDevice, one, strings.Replace(one, `"channel_no":1`, `"channel_no":"Channel 1"`, 1)},
		"a channel that is no number":       {schema.KindDevice, one, strings.Replace(one, `"channel_no":1`, `"channel_no":1e400`, 1)},
		"a sensor that is an object":        {schema.KindDevice, one, strings.Replace(one, `"sensor_uuid":"s1"`, `"sensor_uuid":{"value":"s1"}`, 1)},
		"a device that is an object":        {schema.KindDevice, one, strings.Replace(one, `"device_uuid":"ua"`, `"device_uuid":{"value":"ua"}`, 1)},
		"a serial number that is a list":    {schema.KindDevice, one, strings.Replace(one, `"device_serial_no":"1"`, `"device_serial_no":["1"]`, 1)},
		"sensors under another name":        {schema.KindDevice, one, head + `"heads":[{"sensor_uuid":"s1","channels":[{"channel_no":1}]}]}`},
		"sensors in a text":                 {schema.KindDevice, one, head + `"sensors":"[{\"sensor_uuid\":\"s1\"}]"}`},
		"sensors as a number":               {schema.KindDevice, one, head + `"sensors":1}`},
		"channels under another name":       {schema.KindDevice, one, head + `"sensors":[{"sensor_uuid":"s1","sensor_display_name":"A","lines":[{"channel_no":1}]}]}`},
		"channels in a text":                {schema.KindDevice, one, head + `"sensors":[{"sensor_uuid":"s1","sensor_display_name":"A","channels":"1"}]}`},
		"another name of the part":          {schema.KindEquipment, part, strings.Replace(part, `equipment_parts_uuid`, `zone_uuid`, 1)},
		"another name of the configuration": {schema.KindEquipment, part, `{"equipment_uuid":"e","equipment_parts":[{"equipment_parts_uuid":"p","limits":[{"upper_warning":7}]}]}`},
	} {
		inv := NewInventory()
		store(inv, inv.Compare(seenJSON(t, c.kind, c.before)))
		for range looksUntilGone + 1 {
			k := NewWalker(rowsOf{sources[c.kind].feed: {c.after}}, inv).kind(t.Context(), c.kind)
			if !errors.Is(k.Err, saveris.ErrNotUnderstood) {
				t.Errorf("%s: %v", name, k.Err)
			}
			changes := inv.Compare(k)
			for _, change := range changes {
				e := change.Event()
				if e.Removed || change.place != placeOf(c.kind, change.doc, change.Key) || !anyBelow([]*object{change.doc}, 1, func(o *object) bool { return len(o.inner) > 0 }) {
					t.Errorf("%s: %q", name, told(changes))
				}
			}
			store(inv, changes)
		}
		if got := len(inv.kinds[c.kind]); got != 1 {
			t.Errorf("%s: %d things", name, got)
		}
	}
}

// TestAColumnOfAnotherNameLeavesWhatWasKnown of cycles and quantities, and shows; of those that a thing may lose it is believed.
func TestAColumnOfAnotherNameLeavesWhatWasKnown(t *testing.T) {
	const row = `{"device_uuid":"ua","device_serial_no":"1","device_measuring_cycle":900000,"device_display_name":"A","sensor_uuid":"s","channel_no":1,"channel_physical_unit":"CELSIUS"}`
	for name, c := range map[string]struct {
		after string
		odd   bool
	}{
		"another name":            {strings.Replace(row, `device_measuring_cycle`, `device_measurement_interval`, 1), true},
		"another form":            {strings.Replace(row, `900000`, `"PT15M"`, 1), true},
		"another name of a unit":  {strings.Replace(row, `channel_physical_unit`, `channel_uom`, 1), true},
		"a column more":           {strings.Replace(row, `{`, `{"colour":"red",`, 1), false},
		"no cycle, no new column": {strings.Replace(row, `"device_measuring_cycle":900000,`, ``, 1), false},
	} {
		inv := NewInventory()
		store(inv, inv.Compare(seenJSON(t, schema.KindDevice, row)))
		k := NewWalker(rowsOf{saveris.DeviceProperties: {c.after}}, inv).kind(t.Context(), schema.KindDevice)
		if errors.Is(k.Err, saveris.ErrNotUnderstood) != c.odd {
			t.Errorf("%s: %v", name, k.Err)
		}
		for _, pointer := range told(inv.Compare(k)) {
			if c.odd && (strings.Contains(pointer, " /device_measuring_cycle") || strings.Contains(pointer, "/channel_physical_unit")) {
				t.Errorf("%s: %s", name, pointer)
			}
		}
	}
}

// TestLimitsWhoseUnitIsNotUnderstoodLeaveThoseThatWereKnown: no limit loses its unit, and without one it is none.
func TestLimitsWhoseUnitIsNotUnderstoodLeaveThoseThatWereKnown(t *testing.T) {
	const row = `{"equipment_uuid":"e","equipment_title":"A","equipment_parts_uuid":"p","limit_values_uuid":"l","display_unit":"celsius","upper_warning":7,"valid_from_time":0}`
	const nested = `{"equipment_uuid":"e","equipment_title":"B","equipment_parts":[{"equipment_parts_uuid":"p","alarm_configurations":[{"limit_values_uuid":"l","unit_of_display":"celsius","upper_warning":8}]}]}`
	for name, c := range map[string]struct {
		after string
		want  []string
	}{
		"another name":                    {strings.Replace(row, `display_unit`, `limit_unit`, 1), nil},
		"another form":                    {strings.Replace(row, `"celsius"`, `{"code":"celsius"}`, 1), nil},
		"another name, and something new": {nested, []string{"~.e@1 /equipment_title"}},
	} {
		inv := NewInventory()
		store(inv, inv.Compare(seenJSON(t, schema.KindEquipment, row)))
		for range looksUntilGone {
			k := NewWalker(rowsOf{saveris.Equipments: {c.after}}, inv).kind(t.Context(), schema.KindEquipment)
			if !errors.Is(k.Err, saveris.ErrNotUnderstood) {
				t.Errorf("%s: %v", name, k.Err)
			}
			if got := told(inv.Compare(k)); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}

// TestAThingWithoutTenantOrSerialStaysWhereItIs: no thing loses them, so that a look lacks them says nothing.
func TestAThingWithoutTenantOrSerialStaysWhereItIs(t *testing.T) {
	inv := NewInventory()
	store(inv, inv.Compare(seen(t, [4]string{"1", "ua", "t1", "A"})))
	if got := told(inv.Compare(seen(t, [4]string{"", "ua", "", "B"}))); !slices.Equal(got, []string{"~t1.1@1 /device_display_name"}) {
		t.Errorf("%q", got)
	}
}

// TestADeviceThatHasLostItsSensorHasNone, where all of the answer is understood.
func TestADeviceThatHasLostItsSensorHasNone(t *testing.T) {
	inv := NewInventory()
	store(inv, inv.Compare(seen(t, [4]string{"1", "ua", "t1", "A"})))
	k := NewWalker(rowsOf{saveris.DeviceProperties: {`{"device_serial_no":"1","device_uuid":"ua","tenant_uuid":"t1","device_display_name":"A","sensor_uuid":null,"sensors":[]}`}}, inv).kind(t.Context(), schema.KindDevice)
	if got := told(inv.Compare(k)); k.Err != nil || !slices.Equal(got, []string{"~t1.1@1 /sensors"}) {
		t.Errorf("%q (%v)", got, k.Err)
	}
}

// TestThingsWhoseNamesAreOneTokenHaveKeysOfTheirOwn, and are stored once.
func TestThingsWhoseNamesAreOneTokenHaveKeysOfTheirOwn(t *testing.T) {
	long := strings.Repeat("7", 200)
	for name, c := range map[string]struct {
		kind Kind
		rows []string
	}{
		"serial numbers, and no uuid": {schema.KindDevice, []string{`{"device_serial_no":"A.B","tenant_uuid":"t"}`, `{"device_serial_no":"A B","tenant_uuid":"t"}`, `{"device_serial_no":"A_B","tenant_uuid":"t"}`}},
		"serial numbers and uuids":    {schema.KindDevice, []string{`{"device_serial_no":"*","device_uuid":"u.1"}`, `{"device_serial_no":">","device_uuid":"u 1"}`}},
		"uuids":                       {schema.KindTenant, []string{`{"tenant_uuid":"A.B"}`, `{"tenant_uuid":"A\u0000B"}`}},
		"long ones":                   {schema.KindSensorStatus, []string{`{"serial_no":"` + long + `1"}`, `{"serial_no":"` + long + `2"}`}},
	} {
		inv, subjects := NewInventory(), map[string]bool{}
		for _, e := range store(inv, inv.Compare(seenJSON(t, c.kind, c.rows...))) {
			subjects[e.Subject("saveris")] = true
		}
		if len(subjects) != len(c.rows) {
			t.Errorf("%s: %v", name, subjects)
		}
		if changes := inv.Compare(seenJSON(t, c.kind, c.rows...)); len(changes) > 0 {
			t.Errorf("%s: once more: %q", name, told(changes))
		}
	}
}

package fleet

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestWhatStoodInARowThatIsNotUnderstoodIsNotGone: an answer of which a row is not understood says of no sensor, channel or part that it
// is gone, and what it says of the others counts.
func TestWhatStoodInARowThatIsNotUnderstoodIsNotGone(t *testing.T) {
	const one = `{"device_uuid":"ua","device_serial_no":"1","tenant_uuid":"t1","sensor_uuid":"s1","channel_no":1,"sensor_display_name":"A"}`
	const two = `{"device_uuid":"ua","device_serial_no":"1","tenant_uuid":"t1","sensor_uuid":"s1","channel_no":2,"sensor_display_name":"A"}`
	const other = `{"device_uuid":"ua","device_serial_no":"1","tenant_uuid":"t1","sensor_uuid":"s2","channel_no":1}`
	const nested = `{"device_uuid":"ua","device_serial_no":"1","tenant_uuid":"t1","sensors":[{"sensor_uuid":"s1","sensor_display_name":"A","channels":[{"channel_no":"1"},{"channel_no":"2"}]},{"sensor_uuid":"s2","channels":[{"channel_no":1}]}]}`
	for name, c := range map[string]struct {
		rows []string
		want []string
	}{
		"a row is no object":               {[]string{one, `5`, other}, nil},
		"the rows of a sensor are none":    {[]string{one, two, `5`}, nil},
		"it says something new":            {[]string{strings.Replace(one, `"A"`, `"B"`, 1), `5`}, []string{"~t1.1@1 /sensors/0/sensor_display_name"}},
		"a new channel":                    {[]string{one, strings.Replace(two, `:2`, `:3`, 1), `5`}, []string{"~t1.1@1 /sensors/0/channels"}},
		"a sensor without a name of it":    {[]string{strings.Replace(nested, `"sensor_uuid":"s1",`, ``, 1)}, nil},
		"a channel without a name of it":   {[]string{strings.Replace(nested, `{"channel_no":"1"}`, `{"channel_x":1}`, 1)}, nil},
		"another device is not understood": {[]string{one, `{"device_display_name":"B"}`}, nil},
	} {
		inv := NewInventory()
		store(inv, inv.Compare(seenJSON(t, schema.KindDevice, one, two, other)))
		k := NewWalker(rowsOf{saveris.DeviceProperties: c.rows}, inv).kind(t.Context(), schema.KindDevice)
		if !errors.Is(k.Err, saveris.ErrNotUnderstood) {
			t.Errorf("%s: %v", name, k.Err)
		}
		if got := told(inv.Compare(k)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	inv := NewInventory()
	store(inv, inv.Compare(seenJSON(t, schema.KindDevice, one, two, other)))
	if got := told(inv.Compare(seenJSON(t, schema.KindDevice, one, other))); !slices.Equal(got, []string{"~t1.1@1 /sensors/0/channels"}) {
		t.Errorf("an answer that is understood: %q", got)
	}
}

// TestAHalfUnderstoodAnswerMovesASensorAndReplacesLimits, for they are in it.
func TestAHalfUnderstoodAnswerMovesASensorAndReplacesLimits(t *testing.T) {
	const here, there = `{"device_uuid":"ua","sensor_uuid":"s1","channel_no":1}`, `{"device_uuid":"ub","sensor_uuid":"s1","channel_no":1}`
	inv := NewInventory()
	store(inv, inv.Compare(seenJSON(t, schema.KindDevice, here)))
	k := NewWalker(rowsOf{saveris.DeviceProperties: {`{"device_uuid":"ua"}`, there, `5`}}, inv).kind(t.Context(), schema.KindDevice)
	if got := told(inv.Compare(k)); !slices.Equal(got, []string{"~.ua@1 /sensors", "+.ub@0"}) {
		t.Errorf("%q", got)
	}
	limit := func(uuid, from string) string {
		return `{"equipment_uuid":"e","equipment_parts_uuid":"p","limit_values_uuid":"` + uuid + `","upper_warning":7,"valid_from_time":` + from + `}`
	}
	for name, c := range map[string]struct {
		rows []string
		want []string
	}{
		"other limits":         {[]string{limit("l2", "0"), `5`}, []string{"~.e@1 /equipment_parts/0/alarm_configurations"}},
		"none that are read":   {[]string{`{"equipment_uuid":"e","equipment_parts_uuid":"p"}`, `5`}, nil},
		"nothing that is read": {[]string{`{"equipment_uuid":"e"}`, `5`}, nil},
	} {
		inv := NewInventory()
		store(inv, inv.Compare(seenJSON(t, schema.KindEquipment, limit("l1", "0"), limit("l1", "1"))))
		k := NewWalker(rowsOf{saveris.Equipments: c.rows}, inv).kind(t.Context(), schema.KindEquipment)
		if got := told(inv.Compare(k)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// fleetTenant is the column of a document that has the vendor's account.
func fleetTenant(kind FleetKind) string {
	if kind == KindMeasuringObject {
		return "customer_uuid"
	}
	return "tenant_uuid"
}

// fleetLists are the lists of objects that documents of a kind have, each within the one before it.
var fleetLists = map[FleetKind][]string{
	KindEquipment: {"equipment_parts", "alarm_configurations"},
	KindDevice:    {"sensors", "channels"},
}

// fleetOptions are those for what a bridge has written: a column that we do not know may hold anything.
var fleetOptions = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// readFleetData takes the data of a change apart. Members that it does not know are passed over.
func readFleetData(data []byte) (c StoredFleetChange, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(data), fleetOptions...)
	err = eachMember(d, func(name string) error {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch name {
		case "kind":
			c.Kind = FleetKind(textOf(value))
		case "key":
			c.Key = textOf(value)
		case "document":
			end := d.InputOffset()
			c.Document = data[end-int64(len(value)) : end]
		case "changed":
			return json.Unmarshal(value, &c.Changed)
		case "removed":
			return json.Unmarshal(value, &c.Removed)
		}
		return nil
	})
	if err == nil && d.PeekKind() != 0 {
		err = fmt.Errorf("behind the object stands %q", d.PeekKind())
	}
	return c, err
}

// readFleetDocument makes sure that a document is one of its kind, with the lists that those have, and returns whose it is.
func readFleetDocument(kind FleetKind, document []byte) (tenant string, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(document), fleetOptions...)
	err = readFleetObject(d, fleetLists[kind], fleetTenant(kind), &tenant)
	return tenant, err
}

// readFleetObject reads an object with the lists within it, and the text of one of its columns.
func readFleetObject(d *jsontext.Decoder, lists []string, column string, text *string) error {
	listed := len(lists) == 0
	err := eachMember(d, func(name string) error {
		switch {
		case name == column:
			value, err := d.ReadValue()
			*text = textOf(value)
			return err
		case !listed && name == lists[0]:
			listed = true
			return eachElement(d, func() error { return readFleetObject(d, lists[1:], "", nil) })
		case name == "other":
			return eachMember(d, func(string) error { return d.SkipValue() })
		}
		return d.SkipValue()
	})
	if err == nil && !listed {
		err = fmt.Errorf("without %s", lists[0])
	}
	return err
}

// textOf is what a JSON string says, and the literal of any other value; empty for null.
func textOf(value jsontext.Value) string {
	switch value.Kind() {
	case 'n':
		return ""
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value) // invalid UTF-8 is replaced
		return string(text)
	}
	return string(value)
}

// eachMember reads an object: each is to read the value behind a name.
func eachMember(d *jsontext.Decoder, each func(name string) error) error {
	if err := begin(d, '{'); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err == nil {
			err = each(name.String())
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// eachElement reads a list: each is to read an element.
func eachElement(d *jsontext.Decoder, each func() error) error {
	if err := begin(d, '['); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// begin reads the bracket that an object or a list begins with.
func begin(d *jsontext.Decoder, bracket jsontext.Kind) error {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != bracket {
		err = fmt.Errorf("%q stands where %q was expected", token.Kind(), bracket)
	}
	return err
}

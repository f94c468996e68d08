package saveristest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Key describes one setting that Config.Set knows.
type Key struct {
	Name    string   // dotted, as in the behaviour notes: file.gzip, fault.429, world.sites
	Values  []string // what may be set; empty for numbers, durations and times
	Type    string   // what is expected where Values is empty: "duration", "share 0..1", …
	Default string
	Help    string
}

// Keys lists every setting in the order world, switches, faults.
func Keys() []Key {
	var keys []Key
	new(Config).each(func(f reflect.StructField, v reflect.Value) {
		k := Key{Name: f.Tag.Get("key"), Default: f.Tag.Get("default"), Help: f.Tag.Get("help"), Type: typeName(f)}
		if values := f.Tag.Get("values"); values != "" {
			k.Values = strings.Split(values, "|")
			k.Default = k.Values[0]
		}
		keys = append(keys, k)
	})
	return keys
}

// Set changes the setting key. The error names key, value and what is expected.
func (c *Config) Set(key, value string) error {
	err := fmt.Errorf("set %s=%s: no such key, want one that the list of keys has", key, value)
	c.each(func(f reflect.StructField, v reflect.Value) {
		if f.Tag.Get("key") == key {
			err = setField(f, v, value)
		}
	})
	return err
}

// each visits every field that has a key.
func (c *Config) each(visit func(reflect.StructField, reflect.Value)) {
	for _, part := range []any{&c.World, &c.Switches, &c.Faults} {
		eachField(part, visit)
	}
}

func eachField(part any, visit func(reflect.StructField, reflect.Value)) {
	v := reflect.ValueOf(part).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Tag.Get("key") != "" {
			visit(f, v.Field(i))
		}
	}
}

func setField(f reflect.StructField, v reflect.Value, value string) error {
	parsed, ok := parseField(f, value)
	if !ok {
		return fmt.Errorf("set %s=%s: want %s", f.Tag.Get("key"), value, expected(f))
	}
	v.Set(reflect.ValueOf(parsed).Convert(v.Type()))
	return nil
}

// parseField reads value as the field's type; ok is false if it does not fit.
func parseField(f reflect.StructField, value string) (parsed any, ok bool) {
	var err error
	switch reflect.Zero(f.Type).Interface().(type) {
	case string:
		return value, allowedText(f, value)
	case bool:
		parsed, err = strconv.ParseBool(value)
	case int:
		n, e := strconv.Atoi(value)
		return n, e == nil && n >= 0
	case uint64:
		parsed, err = strconv.ParseUint(value, 10, 64)
	case float64:
		x, e := strconv.ParseFloat(value, 64)
		return x, e == nil && x >= 0 && x <= 1
	case time.Duration:
		return parseDuration(f, value)
	case time.Time:
		parsed, err = time.Parse(time.RFC3339, value)
	}
	return parsed, err == nil
}

func parseDuration(f reflect.StructField, value string) (time.Duration, bool) {
	if value == "off" && f.Tag.Get("off") != "" {
		return -1, true
	}
	d, err := time.ParseDuration(value)
	return d, err == nil && d >= 0
}

func allowedText(f reflect.StructField, value string) bool {
	if f.Tag.Get("check") == "latency" {
		_, _, err := parseLatency(value)
		return err == nil
	}
	for _, v := range strings.Split(f.Tag.Get("values"), "|") {
		if v == value {
			return true
		}
	}
	return false
}

func expected(f reflect.StructField) string {
	if values := f.Tag.Get("values"); values != "" {
		return "one of " + strings.ReplaceAll(values, "|", ", ")
	}
	return typeName(f)
}

func typeName(f reflect.StructField) string {
	switch reflect.Zero(f.Type).Interface().(type) {
	case bool:
		return "true or false"
	case int, uint64:
		return "a whole number"
	case float64:
		return "a share between 0 and 1"
	case time.Duration:
		if f.Tag.Get("off") != "" {
			return "a duration such as 15m, or off"
		}
		return "a duration such as 15m"
	case time.Time:
		return "a time such as 2026-01-01T00:00:00Z"
	}
	if f.Tag.Get("check") == "latency" {
		return "a duration, a range such as 2s-30s, zero, minutes or never"
	}
	return "text"
}

// complete fills zero fields of part with their defaults and refuses values
// that the key does not know.
func complete(part any) error {
	var errs []error
	eachField(part, func(f reflect.StructField, v reflect.Value) {
		def := f.Tag.Get("default")
		if values := f.Tag.Get("values"); values != "" {
			def, _, _ = strings.Cut(values, "|")
		}
		if v.IsZero() {
			if def != "" && !strings.Contains(def, "×") {
				errs = append(errs, setField(f, v, def))
			}
			return
		}
		if err := checkField(f, v); err != nil {
			errs = append(errs, err)
		}
	})
	return errors.Join(errs...)
}

// checkField refuses a value that was put into the struct directly.
func checkField(f reflect.StructField, v reflect.Value) error {
	ok := true
	switch x := v.Interface().(type) {
	case string:
		ok = allowedText(f, x)
	case int:
		ok = x >= 0
	case float64:
		ok = x >= 0 && x <= 1 && !math.IsNaN(x)
	case time.Duration:
		ok = x >= 0 || f.Tag.Get("off") != ""
	}
	if !ok {
		return fmt.Errorf("set %s=%v: want %s", f.Tag.Get("key"), v.Interface(), expected(f))
	}
	return nil
}

// parseLatency reads query.latency; max is -1 for never.
func parseLatency(text string) (min, max time.Duration, err error) {
	switch text {
	case "never":
		return 0, -1, nil
	case "zero":
		return 0, 0, nil
	case "minutes":
		return 2 * time.Minute, 5 * time.Minute, nil
	}
	low, high, isRange := strings.Cut(text, "-")
	if min, err = time.ParseDuration(low); err != nil || !isRange {
		return min, min, err
	}
	if max, err = time.ParseDuration(high); err == nil && max < min {
		err = errors.New("range is reversed")
	}
	return min, max, err
}

package saveristest

import "strings"

// Pairs returns lists of settings, each key=value with one value for every key that is named, such that every two values of
// every two keys stand together in one list at least. skip, where it is not nil, leaves values out.
func Pairs(skip func(setting string) bool, names ...string) [][]string {
	var settings [][]string // by key
	for _, name := range names {
		settings = append(settings, settingsOf(name, skip))
	}
	open := map[[2]string]bool{}
	for i, some := range settings {
		for _, others := range settings[i+1:] {
			for _, a := range some {
				for _, b := range others {
					open[[2]string{a, b}] = true
				}
			}
		}
	}
	var lists [][]string
	for len(open) > 0 {
		list := fullest(settings, open)
		for i, a := range list {
			for _, b := range list[i+1:] {
				delete(open, [2]string{a, b})
			}
		}
		lists = append(lists, list)
	}
	return lists
}

// settingsOf are the values of a switch as settings.
func settingsOf(name string, skip func(string) bool) (list []string) {
	for _, key := range Keys() {
		for _, value := range key.Values {
			if setting := name + "=" + value; key.Name == name && (skip == nil || !skip(setting)) {
				list = append(list, setting)
			}
		}
	}
	if list == nil {
		panic("saveristest: pairs: no values of " + name)
	}
	return list
}

// fullest begins with a pair that is open and takes for each further key the value that closes the most.
func fullest(settings [][]string, open map[[2]string]bool) []string {
	list := firstOpen(settings, open)
	for i, values := range settings {
		if list[i] != "" {
			continue
		}
		best := -1
		for _, value := range values {
			closes := 0
			for j, other := range list {
				if other != "" && (open[[2]string{value, other}] || open[[2]string{other, value}]) && i != j {
					closes++
				}
			}
			if closes > best {
				best, list[i] = closes, value
			}
		}
	}
	return list
}

// firstOpen is a list with the first open pair in it, in the order of the keys.
func firstOpen(settings [][]string, open map[[2]string]bool) []string {
	for i, some := range settings {
		for j := i + 1; j < len(settings); j++ {
			for _, a := range some {
				for _, b := range settings[j] {
					if open[[2]string{a, b}] {
						list := make([]string, len(settings))
						list[i], list[j] = a, b
						return list
					}
				}
			}
		}
	}
	panic("saveristest: internal error: no pair is open")
}

// SetAll changes settings, each of them key=value, as Set does.
func (c *Config) SetAll(settings ...string) error {
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		if err := c.Set(key, value); err != nil {
			return err
		}
	}
	return nil
}

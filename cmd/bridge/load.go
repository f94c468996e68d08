package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"saveris-bridge/internal/secret"

	"github.com/sethvargo/go-envconfig"
)

// variable is one environment variable as help and README show it.
type variable struct {
	Name    string
	Default string // "" where there is none
	Instead string // what happens without a value, where there is no default
	Doc     string
	File    bool // a secret: NAME_FILE names a file that holds it
	Off     bool // an empty text is a value

	text bool // any text can be read into its field
}

// variables lists what the tags of settings say, in their order.
func variables() []variable {
	var list []variable
	for field := range reflect.TypeFor[settings]().Fields() {
		if field.Tag.Get("env") == "" {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		_, value, _ := strings.Cut(options, "default=")
		list = append(list, variable{
			Name:    name,
			Default: value,
			Instead: field.Tag.Get("or"),
			Doc:     field.Tag.Get("doc"),
			File:    field.Type == reflect.TypeFor[secret.Text](),
			Off:     field.Tag.Get("empty") == "off",
			text:    field.Type.Kind() == reflect.String || field.Type == reflect.TypeFor[[]string](),
		})
	}
	return list
}

// lookup finds an environment variable, as os.LookupEnv does.
type lookup func(name string) (string, bool)

// loadSettings reads and checks all settings and derives SaverisURL. What is wrong is told at once, as a settingsError.
func loadSettings(ctx context.Context, env lookup) (settings, error) {
	return readSettings(ctx, env, settings.conflicts)
}

// loadWithoutVendor does the same for a command that never meets the vendor: no variable of his is looked at.
func loadWithoutVendor(ctx context.Context, env lookup) (settings, error) {
	return readSettings(ctx, func(name string) (string, bool) {
		if strings.HasPrefix(name, "SAVERIS_") {
			return "", false
		}
		return env(name)
	}, settings.ownConflicts)
}

func readSettings(ctx context.Context, env lookup, conflicts func(settings) []error) (settings, error) {
	r := reader{env: env, vars: map[string]variable{}, files: map[string]string{}}
	for _, v := range variables() {
		r.vars[v.Name] = v
	}
	var s settings
	err := envconfig.ProcessWith(ctx, &envconfig.Config{
		Target:   &s,
		Lookuper: &r,
		Mutators: []envconfig.Mutator{envconfig.MutatorFunc(r.normalize)},
	})
	if err != nil {
		return settings{}, fmt.Errorf("read settings: %w", err) // a wrong tag or rule: every value has been checked before
	}
	problems := append(r.problems, conflicts(s)...)
	if len(problems) > 0 {
		return settings{}, &settingsError{problems: problems}
	}
	s.SaverisURL, s.files = s.baseURL(), r.files
	return s, nil
}

// reader looks variables and their files up, brings their values into a form that envconfig can read, and keeps what
// is wrong with them.
type reader struct {
	env      lookup
	vars     map[string]variable
	files    map[string]string // those that secrets were read from, by variable
	problems []error
}

// Lookup is the place where envconfig asks for a variable. An empty one counts as not set, unless it says "off".
func (r *reader) Lookup(name string) (string, bool) {
	v := r.vars[name]
	text, found := r.env(name)
	if text == "" && !v.Off {
		found = false
	}
	if !v.File {
		return text, found
	}
	path, _ := r.env(name + "_FILE")
	if path == "" {
		return text, found
	}
	if found {
		r.refuse(&problem{Name: name + "_FILE", Value: path, Want: "only one of " + name + " and " + name + "_FILE"})
		return text, true
	}
	r.files[name] = path
	return r.fromFile(name+"_FILE", path)
}

// fromFile reads a secret's file. The secret counts as given also where that fails: once is enough to say what is wrong.
func (r *reader) fromFile(name, path string) (string, bool) {
	cut, err := readSecret(path)
	switch {
	case err != nil:
		r.refuse(&problem{Name: name, Value: path, Want: "a file that can be read", Err: errors.Unwrap(err)})
		return "unreadable", true
	case cut == "":
		r.refuse(&problem{Name: name, Value: path, Want: "a file that is not empty"})
		return "empty", true
	}
	return cut, true
}

// readSecret reads a secret's file. Editors end it with a newline, which no secret has.
func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimRight(string(text), "\r\n"), err
}

// freshSecret gives a secret as its file holds it now, for every new connection: files that are mounted are exchanged while
// the bridge runs. Where the file cannot be read, it is what it was.
func freshSecret(path, was string) func() string {
	return func() string {
		if now, err := readSecret(path); err == nil && now != "" {
			return now
		}
		return was
	}
}

// normalize checks a value by its rule. A wrong one is noted and reading goes on, so that the next one is checked too.
func (r *reader) normalize(_ context.Context, name, _, _, text string) (string, bool, error) {
	rule, ok := rules[name]
	if !ok || text == "" {
		return text, false, nil
	}
	normal, want := rule(text)
	if want != "" {
		r.refuse(&problem{Name: name, Value: shown(name, text), Want: want})
		if !r.vars[name].text {
			return "", false, nil // envconfig would stop at it
		}
		return text, false, nil
	}
	return normal, false, nil
}

// shown is a value as a message may show it. Only URLs can hide a secret: a path may have any character.
func shown(name, text string) string {
	if strings.HasSuffix(name, "_URL") {
		return maskURL(text)
	}
	return text
}

func (r *reader) refuse(p *problem) { r.problems = append(r.problems, p) }

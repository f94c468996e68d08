package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/secret"

	"github.com/sethvargo/go-envconfig"
)

// Variable is one environment variable as help and docs/configuration.md show it.
type Variable struct {
	Name    string
	Default string // "" where there is none
	Instead string // what happens without a value, where there is no default
	Doc     string
	File    bool // a secret: NAME_FILE names a file that holds it
	Off     bool // an empty text is a value

	text bool // any text can be read into its field
}

// Variables returns what the tags of Settings say, in their order.
func Variables() []Variable {
	var list []Variable
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if field.Tag.Get("env") == "" {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		_, value, _ := strings.Cut(options, "default=")
		list = append(list, Variable{
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

// Lookup returns the value of an environment variable and whether it is set, as os.LookupEnv does.
type Lookup func(name string) (string, bool)

// Load reads and checks all variables and derives SaverisURL. Its error is an *Error with everything that is wrong.
func Load(ctx context.Context, env Lookup) (Settings, error) {
	return readSettings(ctx, env, func(s Settings) []error { return append(s.conflicts(), proxyProblems(env)...) })
}

// LoadWithoutVendor is Load for a command that never meets the vendor: no variable of his is looked at.
func LoadWithoutVendor(ctx context.Context, env Lookup) (Settings, error) {
	return readSettings(ctx, func(name string) (string, bool) {
		if strings.HasPrefix(name, "SAVERIS_") {
			return "", false
		}
		return env(name)
	}, Settings.ownConflicts)
}

func readSettings(ctx context.Context, env Lookup, conflicts func(Settings) []error) (Settings, error) {
	r := reader{env: env, vars: map[string]Variable{}, files: map[string]string{}}
	for _, v := range Variables() {
		r.vars[v.Name] = v
	}
	var s Settings
	err := envconfig.ProcessWith(ctx, &envconfig.Config{
		Target:   &s,
		Lookuper: &r,
		Mutators: []envconfig.Mutator{envconfig.MutatorFunc(r.normalize)},
	})
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err) // a wrong tag or rule: every value has been checked before
	}
	problems := append(r.problems, conflicts(s)...)
	if len(problems) > 0 {
		return Settings{}, &Error{Problems: problems}
	}
	named := len(s.Feeds)
	s.Feeds = slices.DeleteFunc(s.Feeds, func(name string) bool { return name == devices })
	s.Devices = len(s.Feeds) < named
	s.SaverisURL, s.SecretFiles = s.BaseURL(), r.files
	s.Proxied = proxied(env, s.SaverisURL)
	s.Notices = append(r.notices, proxyNotices(env, s.SaverisURL)...)
	return s, nil
}

// reader looks variables and their files up, brings their values into a form that envconfig can read, and keeps what
// is wrong with them.
type reader struct {
	env      Lookup
	vars     map[string]Variable
	files    map[string]string // those that secrets were read from, by variable
	problems []error
	notices  []Notice
}

// Lookup is the place where envconfig asks for a variable. Space around a value is cut, and an empty one counts as not set,
// unless it says "off".
func (r *reader) Lookup(name string) (string, bool) {
	v := r.vars[name]
	text, found := r.env(name)
	text = v.cut(text)
	if text == "" && !v.Off {
		found = false
	}
	if !v.File {
		return text, found
	}
	path, _ := r.env(name + "_FILE")
	switch path = TrimSpace(path); {
	case path == "" && !found:
		return "", false
	case path != "" && found:
		r.refuse(&Problem{Name: name + "_FILE", Value: shownPath(path), Want: "only one of " + name + " and " + name + "_FILE"})
		return text, true
	case path != "":
		r.files[name] = path
		if text, found = r.fromFile(v, path); !found {
			return "wrong", true // it was given: once is enough to say what is wrong
		}
	}
	r.check(name, text) // envconfig asks no mutator about types of ours
	return text, true
}

// fromFile reads a secret's file, and refuses one that holds none.
func (r *reader) fromFile(v Variable, path string) (text string, good bool) {
	text, err := readSecret(path)
	p := &Problem{Name: v.Name + "_FILE", Value: shownPath(path), Want: "a file with UTF-8 text", Err: err}
	var system *fs.PathError
	switch text = v.cut(text); {
	case errors.As(err, &system):
		p.Want, p.Err = "a file that can be read", system.Err
	case err == nil && text == "":
		p.Want = "a file that is not empty"
	case err == nil:
		return text, true
	}
	r.refuse(p)
	return "", false
}

// readSecret reads a secret's file, without the space around it: editors end it with a newline, which no secret has.
func readSecret(path string) (string, error) {
	text, err := secret.ReadFile(path)
	return cutBlanks(string(text)), err
}

// CurrentSecret returns what reads a secret's file anew, for every new connection: files that are mounted are exchanged while
// the bridge runs. Where the file cannot be read as a secret, it returns was.
func CurrentSecret(path, was string) func() string {
	return func() string {
		if now, err := readSecret(path); err == nil && now != "" && oneLine(now) {
			return now
		}
		return was
	}
}

// normalize checks a value by its rule. A wrong one is noted and reading goes on, so that the next one is checked too.
func (r *reader) normalize(_ context.Context, name, _, _, text string) (string, bool, error) {
	if text == "" {
		return text, false, nil
	}
	normal, good := r.check(name, text)
	if !good && !r.vars[name].text {
		return "", false, nil // envconfig would stop at it
	}
	if _, cut, _ := saveris.BaseURL(text); name == "SAVERIS_URL" && cut != "" {
		r.notices = append(r.notices, Notice{"SAVERIS_URL stands without a version: " + cut + " is cut, " + normal + " is used", "take " + cut + " off"})
	}
	return normal, false, nil
}

// check returns the normal form of a value, or the value itself where it is refused.
func (r *reader) check(name, text string) (normal string, good bool) {
	normal, want := text, ""
	rule, ok := rules[name]
	switch {
	case !oneLine(text):
		want = "one line of text without control characters, in UTF-8"
	case ok:
		normal, want = rule(text)
	}
	if want != "" {
		r.refuse(r.wrong(name, text, want))
		return text, false
	}
	return normal, true
}

// wrong makes a problem of a value, or of the file that it was read from.
func (r *reader) wrong(name, text, want string) *Problem {
	if path := r.files[name]; path != "" {
		return &Problem{Name: name + "_FILE", Value: shownPath(path), Want: want}
	}
	return &Problem{Name: name, Value: shown(r.vars[name], text), Want: want}
}

const masked = "***"

// keyText is in what keys, tokens and credentials look like, which somebody may have put where the name of their file belongs.
var keyText = regexp.MustCompile(`-----BEGIN|\bS[A-Z][A-Z2-7]{56}\b|\beyJ[A-Za-z0-9_-]{16,}\.`)

// shown is a value as a message may show it. Of what is no secret only URLs can hide one, and what is one by its looks.
func shown(v Variable, text string) string {
	switch {
	case v.File, keyText.MatchString(text):
		return masked
	case strings.HasSuffix(v.Name, "_URL"):
		return MaskURL(text)
	}
	return text
}

// shownPath is the name of a secret's file as a message may show it: of a file that is not there only a path, for a word may be the secret
// itself.
func shownPath(path string) string {
	_, err := os.Lstat(path)
	_, missing := os.Stat(filepath.Dir(path))
	switch {
	case keyText.MatchString(path):
		return masked
	case err == nil, filepath.IsAbs(path), missing == nil && filepath.Base(path) != path:
		return path
	}
	return masked
}

func (r *reader) refuse(p *Problem) { r.problems = append(r.problems, p) }

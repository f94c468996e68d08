package bridgetest

import (
	"os"
	"path/filepath"
	"testing"
)

// login is the smallest environment that passes.
var login = map[string]string{"SAVERIS_USERNAME": "ada", "SAVERIS_PASSWORD": "hunter2"}

// Env returns a lookup of the smallest environment that config.Load takes, with changes of names and values: an empty value takes a
// variable away.
func Env(changes ...string) func(name string) (string, bool) {
	env := map[string]string{}
	for name, value := range login {
		env[name] = value
	}
	for i := 0; i < len(changes); i += 2 {
		env[changes[i]] = changes[i+1]
		if changes[i+1] == "" && changes[i] != "BRIDGE_HTTP_ADDR" {
			delete(env, changes[i])
		}
	}
	return func(name string) (string, bool) {
		value, found := env[name]
		return value, found
	}
}

// KeyedEnv is Env with a Smart Connect key in place of user name and password.
func KeyedEnv(changes ...string) func(name string) (string, bool) {
	return Env(append([]string{"SAVERIS_USERNAME", "", "SAVERIS_PASSWORD", "", "SAVERIS_API_KEY", "k"}, changes...)...)
}

// File writes a text to a file of the test and returns its path.
func File(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"saveris-bridge/internal/config"
)

var update = flag.Bool("update", false, "write the tables of the documents")

// The documents that tests make or read.
const (
	readme        = "../../README.md"
	configuration = "../../docs/configuration.md"
	events        = "../../docs/events.md"
	operate       = "../../docs/operate.md"
)

// contract is section 2 of the contract: names and defaults that users may rely on.
var contract = []struct{ name, value string }{
	{"SAVERIS_REGION", "eu"}, {"SAVERIS_ENV", "p"}, {"SAVERIS_URL", ""}, {"SAVERIS_USERNAME", ""}, {"SAVERIS_PASSWORD", ""},
	{"SAVERIS_API_KEY", ""}, {"SAVERIS_INSECURE", "false"}, {"SAVERIS_SYNC", "auto"}, {"SAVERIS_EXPORTS", "2"}, {"SAVERIS_EXPORT_TIMEOUT", "15m"}, {"NATS_URL", ""}, {"NATS_CREDS", ""},
	{"NATS_NKEY", ""}, {"NATS_USER", ""}, {"NATS_PASSWORD", ""}, {"NATS_TOKEN", ""}, {"NATS_CA", ""}, {"NATS_CERT", ""},
	{"NATS_KEY", ""}, {"NATS_TLS_FIRST", ""}, {"NATS_JS_DOMAIN", ""}, {"NATS_JS_API_PREFIX", ""}, {"NATS_INBOX_PREFIX", ""}, {"NATS_CONTEXT", ""}, {"BRIDGE_DATA_DIR", "./bridge-data"}, {"BRIDGE_NATS_LISTEN", "127.0.0.1:4222"},
	{"BRIDGE_PREFIX", "saveris"}, {"BRIDGE_FEEDS", "readings,alarms,devices"}, {"BRIDGE_CONTENT_MODE", "binary"}, {"BRIDGE_TASK_USERS", "keep"}, {"BRIDGE_REPLICAS", "1"}, {"BRIDGE_MAX_AGE", "0"}, {"BRIDGE_MAX_BYTES", "0"}, {"BRIDGE_IMMUTABLE", "false"},
	{"BRIDGE_POLL_INTERVAL", "5m"}, {"BRIDGE_OVERLAP", "15m"}, {"BRIDGE_REVISIT", "1h,6h,26h,168h"}, {"BRIDGE_START", "24h"}, {"BRIDGE_LIVE_AGE", "24h"}, {"BRIDGE_WINDOW_ROWS", "100000"}, {"BRIDGE_INVENTORY_INTERVAL", "15m"}, {"BRIDGE_SILENT_AFTER", "3"},
	{"BRIDGE_HTTP_ADDR", "127.0.0.1:8080"}, {"BRIDGE_LOG_LEVEL", "info"}, {"BRIDGE_LOG_FORMAT", "auto"},
}

// withFile are the contract's variables that may come from a file.
var withFile = map[string]bool{"SAVERIS_PASSWORD": true, "SAVERIS_API_KEY": true, "NATS_PASSWORD": true, "NATS_TOKEN": true}

func TestHelpReadmeAndContractAgree(t *testing.T) {
	t.Parallel()
	list := config.Variables()
	if len(list) != len(contract) {
		t.Errorf("%d variables, the contract has %d", len(list), len(contract))
	}
	for i, want := range contract[:min(len(list), len(contract))] {
		if got := list[i]; got.Name != want.name || got.Default != want.value || got.File != withFile[want.name] || got.Doc == "" {
			t.Errorf("variable %d is %+v, the contract has %+v", i, got, want)
		}
	}
	help := bridge(t, nil, "run", "--help").out
	if !strings.Contains(help, variablesHelp(list)) {
		t.Errorf("bridge run --help does not print all variables:\n%s", help)
	}
	documented(t, configuration, "settings", settingsTable(list))
	documented(t, readme, "variables", settingsNames(list))
}

// documented demands that a document says, between its marks, what the code makes of it; with -update it is written there.
func documented(t *testing.T, path, name, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+": made from the code by a test -->\n", "<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no %s between %q and %q", path, name, begin, end)
	}
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("the %s in %s are not those of the code, write them with: go test ./cmd/bridge -run Agree -update\n%s", name, path, want)
	}
	if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settingsNames is the list of their names in Markdown.
func settingsNames(list []config.Variable) string {
	line, lines := "", ""
	for i, v := range list {
		name := "`" + v.Name + "`"
		if v.File {
			name += " (`…_FILE`)"
		}
		if name += ","; i == len(list)-1 {
			name = strings.TrimSuffix(name, ",") + "."
		}
		if len(line)+len(name) > 118 {
			lines, line = lines+strings.TrimSpace(line)+"\n", ""
		}
		line += name + " "
	}
	return lines + strings.TrimSpace(line) + "\n"
}

// settingsTable is the list of variables in Markdown.
func settingsTable(list []config.Variable) string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range list {
		name, value := "`"+v.Name+"`", "–"
		if v.File {
			name += ", `" + v.Name + "_FILE`"
		}
		switch {
		case v.Default != "":
			value = "`" + v.Default + "`"
		case v.Instead != "":
			value = v.Instead
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, value, strings.ReplaceAll(v.Doc, "'", "`"))
	}
	return b.String()
}

func TestHelpSaysOfNowThatItIsNow(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"backfill", "verify", "audit", "replay"} {
		if got := bridge(t, nil, name, "--help"); !strings.Contains(got.out, "now unless given\n") || strings.Contains(got.out, `"0s"`) {
			t.Errorf("%s: exit code %d\n%s", name, got.code, got.out)
		}
	}
}

// TestHelpSaysWhichFeedsAreTheDefault: devices, which BRIDGE_FEEDS may name, has no rows.
func TestHelpSaysWhichFeedsAreTheDefault(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"backfill", "verify", "replay", "checkpoint show", "tail"} {
		help := bridge(t, nil, append(strings.Fields(command), "--help")...).out
		if !strings.Contains(help, "(default: those of BRIDGE_FEEDS that have rows)") {
			t.Errorf("bridge %s --help:\n%s", command, help)
		}
	}
}

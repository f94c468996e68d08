package manifests

import (
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// compose is what compose.yaml may hold, of what the Compose specification knows.
type compose struct {
	Name     string `json:"name"`
	Services map[string]struct {
		Build struct {
			Context string            `json:"context"`
			Args    map[string]string `json:"args"`
		} `json:"build"`
		Image       string            `json:"image"`
		Restart     string            `json:"restart"`
		Grace       string            `json:"stop_grace_period"`
		ReadOnly    bool              `json:"read_only"`
		CapDrop     []string          `json:"cap_drop"`
		SecurityOpt []string          `json:"security_opt"`
		Environment map[string]string `json:"environment"`
		Secrets     []string          `json:"secrets"`
		Ports       []string          `json:"ports"`
		Volumes     []string          `json:"volumes"`
	} `json:"services"`
	Secrets map[string]struct {
		File string `json:"file"`
	} `json:"secrets"`
	Volumes map[string]*struct{} `json:"volumes"`
}

func TestComposeRunsTheBridgeWithItsServer(t *testing.T) {
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		t.Fatal(err)
	}
	bridge, known := c.Services["bridge"], settings(t)
	for name := range bridge.Environment {
		if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	for _, secret := range bridge.Secrets {
		if c.Secrets[secret].File == "" {
			t.Errorf("the secret %s has no file", secret)
		}
	}
	if file := bridge.Environment["SAVERIS_PASSWORD_FILE"]; !slices.Contains(bridge.Secrets, strings.TrimPrefix(file, "/run/secrets/")) {
		t.Errorf("the password is read from %s", file)
	}
	for _, mount := range bridge.Volumes {
		volume, place, _ := strings.Cut(mount, ":")
		if _, there := c.Volumes[volume]; !there || place != "/data" {
			t.Errorf("mounted: %s", mount)
		}
	}
	for variable, port := range map[string]string{"BRIDGE_HTTP_ADDR": "8080", "BRIDGE_NATS_LISTEN": "4222"} {
		if !slices.Contains(bridge.Ports, "127.0.0.1:"+port+":"+port) || bridge.Environment[variable] != ":"+port {
			t.Errorf("%s is %s, published are %v", variable, bridge.Environment[variable], bridge.Ports)
		}
	}
	if bridge.Restart != "unless-stopped" || !bridge.ReadOnly || !slices.Contains(bridge.CapDrop, "ALL") {
		t.Errorf("restart %s, read-only %v, dropped %v", bridge.Restart, bridge.ReadOnly, bridge.CapDrop)
	}
	seconds := strings.TrimSuffix(bridge.Grace, "s")
	if line := section(t, "## Docker"); !strings.Contains(line, "docker run -d --restart unless-stopped --stop-timeout "+seconds+" ") {
		t.Errorf("it has %s to end, and the docker run of docs/operate.md another time", bridge.Grace)
	}
}

package manifests

import (
	"os"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// section is a part of docs/operate.md or docs/events.md, from its heading to the next one.
func section(t *testing.T, heading string) string {
	t.Helper()
	var text string
	for _, file := range []string{"../../docs/operate.md", "../../docs/events.md"} {
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += "\n" + string(document)
	}
	_, part, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("the documents have no %q", heading)
	}
	part, _, _ = strings.Cut(part, "\n##")
	return part
}

// Each step of the way into a cluster, in its order.
func TestTheDocumentLeadsIntoTheCluster(t *testing.T) {
	rest := section(t, "## Kubernetes")
	for _, step := range []string{"docker build ", "docker push ", "newName: registry.example.com/saveris-bridge", "create namespace ", "create secret ", "apply ", "rollout status ", "port-forward "} {
		_, after, found := strings.Cut(rest, step)
		if !found {
			t.Fatalf("%q is not there, or not in its place", step)
		}
		rest = after
	}
}

func TestTheDocumentNamesImageAndSecrets(t *testing.T) {
	text := section(t, "## Kubernetes")
	for name, keys := range documented(t) {
		for key := range keys {
			if !strings.Contains(text, name) || !strings.Contains(text, key) {
				t.Errorf("the document does not name %s of secret %s", key, name)
			}
		}
	}
	image := all[*appsv1.Deployment](render(t, "../base"))[0].Spec.Template.Spec.Containers[0].Image
	for _, m := range regexp.MustCompile(`example\.com/(\S+:\S+)`).FindAllStringSubmatch(text, -1) {
		if m[1] != image {
			t.Errorf("the document makes %s, and the Deployment runs %s", m[1], image)
		}
	}
}

// Where NATS is, nobody but the operator knows.
func TestWhereNATSRunsIsMarked(t *testing.T) {
	for _, file := range []string{"../base/bridge.env", "../overlays/ha/bridge.env"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)^# adapt: .*\n(#.*\n)*NATS_URL=`).Match(text) {
			t.Errorf("%s: NATS_URL is not marked", file)
		}
	}
}

func TestTwoOnOneHostAreToldApart(t *testing.T) {
	if !strings.Contains(section(t, "## Two bridges"), "`BRIDGE_HTTP_ADDR`") {
		t.Error("the second one cannot listen, and nobody says so")
	}
}

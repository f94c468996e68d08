package manifests

import (
	"os"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The pod with the nats command line finds NATS as overlay ha does, and may no more than the bridge.
func TestTheNATSBoxHasWhatTheBridgeHas(t *testing.T) {
	text, err := os.ReadFile("../nats-box.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil {
		t.Fatal(err)
	}
	box := pod.Spec.Containers[0]
	r := render(t, "../overlays/ha")
	bridge := r.workloads()[0]
	want, got := r.environment(t, bridge), map[string]string{}
	for _, e := range box.Env {
		got[e.Name] = e.Value
	}
	for _, name := range []string{"NATS_URL", "NATS_CREDS", "NATS_CA"} {
		if got[name] == "" || got[name] != want[name] {
			t.Errorf("%s is %q, and the bridge's %q", name, got[name], want[name])
		}
	}
	w := workload{name: pod.Name, kind: "Pod", pods: corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}}
	for _, file := range []string{got["NATS_CREDS"], got["NATS_CA"]} {
		if !w.holds(documented(t), file) {
			t.Errorf("%s is mounted from no secret", file)
		}
	}
	rules := podRules(pod.Spec)
	delete(rules, "no time to end well") // it only sleeps
	for what, well := range rules {
		if !well {
			t.Errorf("%s", what)
		}
	}
	rules = containerRules(box)
	delete(rules, "the collector sees no end")
	for what, well := range rules {
		if !well {
			t.Errorf("%s", what)
		}
	}
	for _, policy := range []string{"../overlays/ha", "../overlays/standalone"} {
		if selects(&render(t, policy).policy(t).Spec.PodSelector, pod.Labels) {
			t.Errorf("the policy of %s is about it", policy)
		}
	}
}

func TestTheRunbookNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	book := string(text)
	buckets := section(t, "# Events")
	for _, m := range regexp.MustCompile(`nats kv \w+ ([a-z-]+)`).FindAllStringSubmatch(book, -1) {
		if !strings.Contains(buckets, "`"+m[1]+"`") {
			t.Errorf("%s: there is no such bucket", m[0])
		}
	}
	start, _, _ := strings.Cut(book, "\n## ")
	for _, want := range []string{"logs deploy/saveris-bridge --all-pods --previous", "apply -f k8s/nats-box.yaml"} {
		if !strings.Contains(start, want) {
			t.Errorf("the first look lacks %q", want)
		}
	}
	if !strings.Contains(book, "`nats kv del saveris-leases -f`") {
		t.Error("it does not say how the bucket of leases is removed")
	}
}

package manifests

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func TestPodsMayNothingThatTheyDoNotNeed(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			pod := w.pods.Spec
			if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
				t.Fatalf("%s has %d containers", w.name, len(pod.Containers))
			}
			for what, well := range podRules(pod) {
				if !well {
					t.Errorf("%s %s: %s", w.kind, w.name, what)
				}
			}
			for what, well := range containerRules(w.container()) {
				if !well {
					t.Errorf("%s %s: %s", w.kind, w.name, what)
				}
			}
		}
	})
}

// podRules are those of the restricted Pod Security Standard for a pod, and a bit more.
func podRules(pod corev1.PodSpec) map[string]bool {
	s := pod.SecurityContext
	if s == nil {
		return map[string]bool{"no security context": false}
	}
	hostPath := slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.HostPath != nil })
	return map[string]bool{
		"runs as root":                s.RunAsNonRoot != nil && *s.RunAsNonRoot && s.RunAsUser != nil && *s.RunAsUser > 0,
		"is in root's group":          s.RunAsGroup != nil && *s.RunAsGroup > 0 && s.FSGroup != nil && *s.FSGroup > 0,
		"no seccomp profile":          s.SeccompProfile != nil && s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"has a token":                 pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken,
		"sees the node":               !pod.HostNetwork && !pod.HostPID && !pod.HostIPC && !hostPath,
		"services are in environment": pod.EnableServiceLinks != nil && !*pod.EnableServiceLinks,
		"no time to end well":         pod.TerminationGracePeriodSeconds != nil && *pod.TerminationGracePeriodSeconds >= 30,
	}
}

func containerRules(c corev1.Container) map[string]bool {
	s := c.SecurityContext
	if s == nil {
		return map[string]bool{"no security context of the container": false}
	}
	_, cpu := c.Resources.Limits[corev1.ResourceCPU]
	return map[string]bool{
		"writes to its root":        s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem,
		"may get more rights":       s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation && (s.Privileged == nil || !*s.Privileged),
		"has capabilities":          s.Capabilities != nil && slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) && len(s.Capabilities.Add) == 0,
		"asks for nothing":          !c.Resources.Requests.Cpu().IsZero() && !c.Resources.Requests.Memory().IsZero(),
		"no limit of memory":        !c.Resources.Limits.Memory().IsZero() && c.Resources.Limits.Memory().Cmp(*c.Resources.Requests.Memory()) >= 0,
		"is throttled":              !cpu,
		"the image is not pinned":   pinned(c.Image),
		"the collector sees no end": limitsTheCollector(c),
	}
}

// pinned reports whether an image has a tag that does not move.
func pinned(image string) bool {
	_, tag, found := strings.Cut(image, ":")
	return found && tag != "latest" && tag != ""
}

// limitsTheCollector reports whether GOMEMLIMIT is made of the limit: so many MB as it has MiB, which is 95 %.
func limitsTheCollector(c corev1.Container) bool {
	mib, limit := -1, -1
	for i, e := range c.Env {
		switch {
		case e.Name == "GOMEMLIMIT" && e.Value == "$(MEMORY_LIMIT_MIB)000000":
			limit = i
		case e.Name == "MEMORY_LIMIT_MIB" && e.ValueFrom != nil && e.ValueFrom.ResourceFieldRef != nil:
			ref := e.ValueFrom.ResourceFieldRef
			if ref.Resource == "limits.memory" && ref.Divisor.String() == "1Mi" && ref.ContainerName == c.Name {
				mib = i
			}
		}
	}
	return mib >= 0 && mib < limit // Kubernetes knows only what stands before
}

// Measured with 1,500 sites, 36,000 readings a quarter of an hour and all feeds but tasks: the leader has 1.1 GB at most.
func TestAChainOfShopsFitsIntoTheResources(t *testing.T) {
	for _, root := range []string{"../base", "../overlays/ha", "../overlays/monitoring"} {
		for _, w := range render(t, root).workloads() {
			r := w.container().Resources
			if r.Requests.Memory().Value() < 90e6 || r.Limits.Memory().Value() < 1.2e9 || r.Requests.Cpu().MilliValue() < 5 {
				t.Errorf("%s: %s asks for %s and %s, and may have %s", root, w.name, r.Requests.Cpu(), r.Requests.Memory(), r.Limits.Memory())
			}
		}
	}
}

func TestSecretsAreReadByTheirGroupAlone(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			for _, v := range w.pods.Spec.Volumes {
				if v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440) {
					t.Errorf("%s: volume %s is not 0440", w.name, v.Name)
				}
			}
			for _, m := range w.container().VolumeMounts {
				if strings.HasPrefix(m.MountPath, "/etc/") && !m.ReadOnly {
					t.Errorf("%s: %s can be written to", w.name, m.MountPath)
				}
			}
		}
	})
}

func TestNobodyHasAToken(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			account := named[*corev1.ServiceAccount](r, w.pods.Spec.ServiceAccountName)
			if account == nil || account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken {
				t.Errorf("%s: account %q is missing, or gives tokens away", w.name, w.pods.Spec.ServiceAccountName)
			}
		}
	})
}

// The embedded server asks nobody who he is, so its port is open to those alone who wear the label.
func TestTheServerInsideIsOpenToConsumersAlone(t *testing.T) {
	for _, root := range []string{"../overlays/standalone", "testdata/standalone-watched"} {
		policy := render(t, root).policy(t)
		var found int
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				if port.Port == nil || port.Port.String() != "nats" {
					continue
				}
				found++
				if len(rule.From) != 1 || rule.From[0].NamespaceSelector != nil || rule.From[0].PodSelector.MatchLabels["saveris-bridge/consumer"] != "true" {
					t.Errorf("%s: NATS is open to %+v", root, rule.From)
				}
			}
			if len(rule.Ports) == 0 || len(rule.From) == 0 {
				t.Errorf("%s: a rule is open to all", root)
			}
		}
		if found != 1 {
			t.Errorf("%s: %d rules for NATS", root, found)
		}
		if ports := egress(policy); ports != "443 53 53" {
			t.Errorf("%s: it may go out to %s", root, ports)
		}
	}
}

func TestTheBridgeGoesOutToNamesVendorAndNATSAlone(t *testing.T) {
	for _, root := range []string{"../base", "../overlays/ha", "../overlays/backfill", "../overlays/monitoring"} {
		policy := render(t, root).policy(t)
		if ports := egress(policy); ports != "4222 443 53 53" {
			t.Errorf("%s: it may go out to %s", root, ports)
		}
		for _, rule := range policy.Spec.Ingress {
			if len(rule.From) == 0 || len(rule.Ports) != 1 || rule.Ports[0].Port.String() != "http" {
				t.Errorf("%s: let in are %+v", root, rule)
			}
		}
	}
}

// policy is the one NetworkPolicy, which has to be about both directions and all our pods.
func (r rendered) policy(t *testing.T) *networkingv1.NetworkPolicy {
	t.Helper()
	list := all[*networkingv1.NetworkPolicy](r)
	if len(list) != 1 || len(list[0].Spec.PolicyTypes) != 2 {
		t.Fatalf("%d policies", len(list))
	}
	for _, w := range r.workloads() {
		if !selects(&list[0].Spec.PodSelector, w.pods.Labels) {
			t.Errorf("the policy is not about %s %s", w.kind, w.name)
		}
	}
	return list[0]
}

func egress(policy *networkingv1.NetworkPolicy) string {
	var ports []string
	for _, rule := range policy.Spec.Egress {
		if len(rule.To) == 0 || len(rule.Ports) == 0 {
			ports = append(ports, "anything")
		}
		for _, p := range rule.Ports {
			ports = append(ports, p.Port.String())
		}
	}
	return sorted(ports)
}

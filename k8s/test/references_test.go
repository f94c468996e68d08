package manifests

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func sorted(list []string) string {
	slices.Sort(list)
	return strings.Join(list, " ")
}

func selects(s *metav1.LabelSelector, set map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(set))
}

// documented are the secrets that the examples show: their names, and their keys in them.
func documented(t *testing.T) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	for _, file := range []string{"../base/secret.example.yaml", "../overlays/ha/secret.example.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := decode(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, o := range objects {
			found[o.GetName()] = o.(*corev1.Secret).StringData
		}
	}
	return found
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	secrets := documented(t)
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			for _, e := range w.container().EnvFrom {
				if e.ConfigMapRef == nil || named[*corev1.ConfigMap](r, e.ConfigMapRef.Name) == nil {
					t.Errorf("%s: environment of %+v, which is not rendered", w.name, e)
				}
			}
			for _, e := range w.container().Env {
				if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
					continue
				}
				if _, known := secrets[e.ValueFrom.SecretKeyRef.Name][e.ValueFrom.SecretKeyRef.Key]; !known {
					t.Errorf("%s: %s is in no example of a secret", w.name, e.ValueFrom.SecretKeyRef)
				}
			}
			for _, v := range w.pods.Spec.Volumes {
				switch {
				case v.Secret != nil && secrets[v.Secret.SecretName] != nil:
				case v.PersistentVolumeClaim != nil && named[*corev1.PersistentVolumeClaim](r, v.PersistentVolumeClaim.ClaimName) != nil:
				default:
					t.Errorf("%s: volume %s leads nowhere", w.name, v.Name)
				}
			}
			for _, m := range w.container().VolumeMounts {
				if !slices.ContainsFunc(w.pods.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
					t.Errorf("%s: nothing to mount at %s", w.name, m.MountPath)
				}
			}
		}
	})
}

// A setting that names a file has to name one that is mounted.
func TestFilesOfSettingsAreMounted(t *testing.T) {
	secrets := documented(t)
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			for name, value := range r.environment(t, w) {
				if strings.HasPrefix(value, "/etc/") && !w.holds(secrets, value) {
					t.Errorf("%s: %s is %s, which is mounted from no secret", w.name, name, value)
				}
			}
		}
	})
}

// holds reports whether a file is the key of a secret that is mounted.
func (w workload) holds(secrets map[string]map[string]string, file string) bool {
	for _, m := range w.container().VolumeMounts {
		for _, v := range w.pods.Spec.Volumes {
			if v.Name != m.Name || v.Secret == nil || path.Dir(file) != m.MountPath {
				continue
			}
			if _, known := secrets[v.Secret.SecretName][path.Base(file)]; known {
				return true
			}
		}
	}
	return false
}

// environment is what a pod gets, with references as they are written.
func (r rendered) environment(t *testing.T, w workload) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, e := range w.container().EnvFrom {
		for name, value := range named[*corev1.ConfigMap](r, e.ConfigMapRef.Name).Data {
			env[name] = value
		}
	}
	for _, e := range w.container().Env {
		env[e.Name] = e.Value
	}
	return env
}

func TestSelectorsMeanTheBridgeThatRuns(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for what, selector := range r.selectors() {
			for _, w := range r.workloads() {
				if got := selects(selector, w.pods.Labels); got != (w.kind == "Deployment") {
					t.Errorf("%s selects %s %s: %v", what, w.kind, w.name, got)
				}
			}
		}
	})
}

// selectors are all that mean the pods of bridge run, and no others.
func (r rendered) selectors() map[string]*metav1.LabelSelector {
	list := map[string]*metav1.LabelSelector{}
	for _, s := range all[*corev1.Service](r) {
		list["service "+s.Name] = &metav1.LabelSelector{MatchLabels: s.Spec.Selector}
	}
	for _, b := range all[*policyv1.PodDisruptionBudget](r) {
		list["budget"] = b.Spec.Selector
	}
	for _, d := range all[*appsv1.Deployment](r) {
		list["deployment"] = d.Spec.Selector
		for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
			list["spread over "+c.TopologyKey] = c.LabelSelector
		}
		if a := d.Spec.Template.Spec.Affinity; a != nil {
			for _, term := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
				list["apart by "+term.TopologyKey] = term.LabelSelector
			}
		}
	}
	return list
}

func TestPortsHaveNamesThatExist(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, d := range all[*appsv1.Deployment](r) {
			ports := d.Spec.Template.Spec.Containers[0].Ports
			for what, port := range r.ports(d) {
				if !slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool { return p.Name == port.String() }) {
					t.Errorf("%s: no port %s", what, port.String())
				}
			}
		}
	})
}

// ports are those that something asks for by name.
func (r rendered) ports(d *appsv1.Deployment) map[string]intstr.IntOrString {
	list := map[string]intstr.IntOrString{}
	for _, s := range all[*corev1.Service](r) {
		for _, p := range s.Spec.Ports {
			list["service "+s.Name] = p.TargetPort
		}
	}
	for _, n := range all[*networkingv1.NetworkPolicy](r) {
		for _, rule := range n.Spec.Ingress {
			for _, p := range rule.Ports {
				list["policy "+p.Port.String()] = *p.Port
			}
		}
	}
	c := d.Spec.Template.Spec.Containers[0]
	for name, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		list[name] = p.HTTPGet.Port
	}
	return list
}

func TestMetricsAreScrapedOnceFromEachReplica(t *testing.T) {
	for _, root := range []string{"../overlays/monitoring", "testdata/ha-watched", "testdata/standalone-watched"} {
		r := render(t, root)
		for _, m := range all[*monitoringv1.ServiceMonitor](r) {
			var targets int
			for _, s := range all[*corev1.Service](r) {
				if !selects(&m.Spec.Selector, s.Labels) {
					continue
				}
				for _, p := range s.Spec.Ports {
					if p.Name == m.Spec.Endpoints[0].Port {
						targets++
					}
				}
			}
			if targets != 1 {
				t.Errorf("%s: %d services are scraped", root, targets)
			}
		}
	}
}

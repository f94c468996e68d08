// Package manifests holds the tests of what stands under k8s. They are a module of their own, so that the bridge's stays lean.
package manifests

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// roots are all that can be applied: what an operator applies as it is, and what he may put together himself.
var roots = []string{
	"../base", "../overlays/standalone", "../overlays/ha", "../overlays/backfill", "../overlays/monitoring",
	"testdata/ha-watched", "testdata/standalone-watched", "testdata/ha-backfill",
}

// object is any object of Kubernetes.
type object interface{ GetName() string }

// kinds makes an object of each kind that may be rendered. Another one has to be added here, with what there is to say about it.
var kinds = map[string]func() object{
	"apps/v1/Deployment":                      func() object { return &appsv1.Deployment{} },
	"batch/v1/Job":                            func() object { return &batchv1.Job{} },
	"v1/ConfigMap":                            func() object { return &corev1.ConfigMap{} },
	"v1/PersistentVolumeClaim":                func() object { return &corev1.PersistentVolumeClaim{} },
	"v1/Secret":                               func() object { return &corev1.Secret{} },
	"v1/Service":                              func() object { return &corev1.Service{} },
	"v1/ServiceAccount":                       func() object { return &corev1.ServiceAccount{} },
	"networking.k8s.io/v1/NetworkPolicy":      func() object { return &networkingv1.NetworkPolicy{} },
	"policy/v1/PodDisruptionBudget":           func() object { return &policyv1.PodDisruptionBudget{} },
	"monitoring.coreos.com/v1/PrometheusRule": func() object { return &monitoringv1.PrometheusRule{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() object { return &monitoringv1.ServiceMonitor{} },
}

// texts keeps what was rendered: it takes half a second.
var texts sync.Map

// kustomize renders a folder, with kubectl or with kustomize itself where there is none.
func kustomize(t *testing.T, root string) []byte {
	t.Helper()
	if text, done := texts.Load(root); done {
		return text.([]byte)
	}
	args := []string{"kubectl", "kustomize", root}
	if _, err := exec.LookPath("kubectl"); err != nil {
		args = []string{"kustomize", "build", root}
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	texts.Store(root, text)
	return text
}

// decode reads documents strictly: a field that Kubernetes does not know, or that is there twice, is an error.
func decode(text []byte) ([]object, error) {
	var list []object
	for document := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			return nil, err
		}
		make, known := kinds[kind.APIVersion+"/"+kind.Kind]
		if !known {
			return nil, fmt.Errorf("%s/%s is no kind that is expected", kind.APIVersion, kind.Kind)
		}
		o := make()
		if err := yaml.UnmarshalStrict([]byte(document), o); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
		list = append(list, o)
	}
	return list, nil
}

// rendered is all of one root.
type rendered struct{ objects []object }

// render renders and decodes a root.
func render(t *testing.T, root string) rendered {
	t.Helper()
	objects, err := decode(kustomize(t, root))
	if err != nil {
		t.Fatalf("%s: %v", root, err)
	}
	return rendered{objects}
}

// everyRoot runs a test on all that can be applied.
func everyRoot(t *testing.T, test func(t *testing.T, r rendered)) {
	for _, root := range roots {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(root, "../"), "/", " "), func(t *testing.T) { test(t, render(t, root)) })
	}
}

// all returns the objects of a kind.
func all[T object](r rendered) []T {
	var list []T
	for _, o := range r.objects {
		if typed, is := o.(T); is {
			list = append(list, typed)
		}
	}
	return list
}

// named returns the object of a kind that has a name, nil where there is none.
func named[T object](r rendered, name string) (found T) {
	for _, o := range all[T](r) {
		if o.GetName() == name {
			return o
		}
	}
	return found
}

// workload is what runs pods.
type workload struct {
	kind, name string
	pods       corev1.PodTemplateSpec
}

// container is the bridge; a pod has no other.
func (w workload) container() corev1.Container { return w.pods.Spec.Containers[0] }

// workloads are all that run pods.
func (r rendered) workloads() []workload {
	var list []workload
	for _, d := range all[*appsv1.Deployment](r) {
		list = append(list, workload{"Deployment", d.Name, d.Spec.Template})
	}
	for _, j := range all[*batchv1.Job](r) {
		list = append(list, workload{"Job", j.Name, j.Spec.Template})
	}
	return list
}

func TestEveryRootRendersWhatKubernetesKnows(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		seen := map[string]bool{}
		for _, o := range r.objects {
			name := strings.TrimPrefix(fmt.Sprintf("%T ", o), "*") + o.GetName()
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
			t.Log(name)
		}
		if len(r.workloads()) == 0 {
			t.Error("nothing runs")
		}
	})
}

// What each overlay is for shows in what it renders, and in how often.
func TestOverlaysRenderWhatTheyAreFor(t *testing.T) {
	for root, want := range map[string]string{
		"../base":                     "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service ServiceAccount",
		"../overlays/ha":              "ConfigMap Deployment NetworkPolicy PodDisruptionBudget Service ServiceAccount",
		"../overlays/standalone":      "ConfigMap Deployment NetworkPolicy PersistentVolumeClaim Service Service ServiceAccount",
		"../overlays/backfill":        "ConfigMap Job NetworkPolicy ServiceAccount",
		"../overlays/monitoring":      "ConfigMap ConfigMap Deployment NetworkPolicy PodDisruptionBudget PrometheusRule Service ServiceAccount ServiceMonitor",
		"testdata/ha-backfill":        "ConfigMap Deployment Job NetworkPolicy PodDisruptionBudget Service ServiceAccount",
		"testdata/ha-watched":         "ConfigMap ConfigMap Deployment NetworkPolicy PodDisruptionBudget PrometheusRule Service ServiceAccount ServiceMonitor",
		"testdata/standalone-watched": "ConfigMap ConfigMap Deployment NetworkPolicy PersistentVolumeClaim PrometheusRule Service Service ServiceAccount ServiceMonitor",
	} {
		var got []string
		for _, o := range render(t, root).objects {
			_, kind, _ := strings.Cut(fmt.Sprintf("%T", o), ".")
			got = append(got, kind)
		}
		if is := sorted(got); is != want {
			t.Errorf("%s renders %s, expected %s", root, is, want)
		}
	}
}

func TestAnUnknownFieldIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"field": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: []}\n",
		"kind":  "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
		"twice": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nmetadata: {name: b}\n",
	} {
		if _, err := decode([]byte(text)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

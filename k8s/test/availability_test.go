package manifests

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
)

func TestTwoReplicasAreNeverGoneTogether(t *testing.T) {
	for _, root := range []string{"../base", "../overlays/ha", "../overlays/monitoring"} {
		r := render(t, root)
		d := all[*appsv1.Deployment](r)[0]
		if *d.Spec.Replicas != 2 {
			t.Errorf("%s: %d replicas", root, *d.Spec.Replicas)
		}
		rolling := d.Spec.Strategy.RollingUpdate
		if d.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType || rolling.MaxUnavailable.IntValue() > 1 {
			t.Errorf("%s: an update may take %s", root, rolling.MaxUnavailable)
		}
		if rolling.MaxUnavailable.IntValue()+rolling.MaxSurge.IntValue() != 1 {
			t.Errorf("%s: an update does not get on", root)
		}
		budget := all[*policyv1.PodDisruptionBudget](r)[0].Spec
		if budget.MaxUnavailable.IntValue() != 1 || *budget.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow {
			t.Errorf("%s: a drain may take %s", root, budget.MaxUnavailable)
		}
	}
}

// With as many nodes as replicas there is no room for a third one.
func TestReplicasOfHaStandOnNodesOfTheirOwn(t *testing.T) {
	spec := all[*appsv1.Deployment](render(t, "../overlays/ha"))[0].Spec
	terms := spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if len(terms) != 1 || terms[0].TopologyKey != corev1.LabelHostname || spec.Strategy.RollingUpdate.MaxSurge.IntValue() != 0 {
		t.Errorf("apart by %v, surge %s", terms, spec.Strategy.RollingUpdate.MaxSurge)
	}
}

func TestOneVolumeHasOneBridge(t *testing.T) {
	r := render(t, "../overlays/standalone")
	spec := all[*appsv1.Deployment](r)[0].Spec
	if *spec.Replicas != 1 || spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || spec.Strategy.RollingUpdate != nil {
		t.Errorf("%d replicas, strategy %+v", *spec.Replicas, spec.Strategy)
	}
	env := r.environment(t, r.workloads()[0])
	if env["NATS_URL"] != "" || env["BRIDGE_NATS_LISTEN"] != "0.0.0.0:4222" || env["BRIDGE_REPLICAS"] != "1" {
		t.Errorf("environment %v", env)
	}
	if dir := env["BRIDGE_DATA_DIR"]; dir != "/data/bridge-data" || !mounted(spec.Template.Spec.Containers[0], "/data") {
		t.Errorf("the store is at %s, which is on no volume", dir)
	}
}

// A pod that starts while the vendor is away gets ready when he is back. Its server and its page are there before.
func TestTheServerAndThePageAreReachedWhileTheVendorIsAway(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, s := range all[*corev1.Service](r) {
			if !s.Spec.PublishNotReadyAddresses {
				t.Errorf("service %s leads nowhere until the first poll", s.Name)
			}
		}
	})
}

func mounted(c corev1.Container, path string) bool {
	for _, m := range c.VolumeMounts {
		if m.MountPath == path && !m.ReadOnly {
			return true
		}
	}
	return false
}

// A start waits 30 seconds for NATS and as long for its streams before it ends by itself.
func TestProbesHavePatience(t *testing.T) {
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, d := range all[*appsv1.Deployment](r) {
			c := d.Spec.Template.Spec.Containers[0]
			if patience(c.StartupProbe) < 75*time.Second || patience(c.LivenessProbe) < time.Minute {
				t.Errorf("startup %v, liveness %v", patience(c.StartupProbe), patience(c.LivenessProbe))
			}
		}
	})
}

func patience(p *corev1.Probe) time.Duration {
	return time.Duration(p.PeriodSeconds*p.FailureThreshold) * time.Second
}

// Every worker ends with 0 when the checkpoint covers the range: the first one says that the work is done, for all.
func TestTheFirstWorkerThatIsDoneEndsTheJob(t *testing.T) {
	for _, root := range []string{"../overlays/backfill", "testdata/ha-backfill"} {
		job := all[*batchv1.Job](render(t, root))[0].Spec
		if job.Completions != nil || job.CompletionMode != nil || job.Parallelism == nil || *job.Parallelism < 2 {
			t.Errorf("%s: completions %v, parallelism %v", root, job.Completions, job.Parallelism)
		}
		if job.Template.Spec.RestartPolicy != corev1.RestartPolicyNever || job.TTLSecondsAfterFinished == nil || *job.BackoffLimit < 3 {
			t.Errorf("%s: restart %s", root, job.Template.Spec.RestartPolicy)
		}
		for code, want := range map[int32]batchv1.PodFailurePolicyAction{1: "", 2: batchv1.PodFailurePolicyActionFailJob, 3: batchv1.PodFailurePolicyActionFailJob, 4: ""} {
			if got := action(job, code); got != want {
				t.Errorf("%s: exit code %d is %q, expected %q", root, code, got, want)
			}
		}
	}
}

// action is what the Job does about an exit code; empty where it counts and tries again.
func action(job batchv1.JobSpec, code int32) batchv1.PodFailurePolicyAction {
	for _, rule := range job.PodFailurePolicy.Rules {
		if rule.OnExitCodes == nil || *rule.OnExitCodes.ContainerName != job.Template.Spec.Containers[0].Name {
			continue
		}
		for _, v := range rule.OnExitCodes.Values {
			if v == code && rule.OnExitCodes.Operator == batchv1.PodFailurePolicyOnExitCodesOpIn {
				return rule.Action
			}
		}
	}
	return ""
}

// The Job is another Deployment's child: what lets one into NATS lets the other in.
func TestTheJobHasWhatTheDeploymentHas(t *testing.T) {
	r := render(t, "testdata/ha-backfill")
	list := r.workloads()
	run, fill := r.environment(t, list[0]), r.environment(t, list[1])
	for name, value := range run {
		if fill[name] != value {
			t.Errorf("%s is %q, expected %q", name, fill[name], value)
		}
	}
	if list[0].container().Image != list[1].container().Image || len(fill) != len(run) || run["NATS_CREDS"] == "" {
		t.Errorf("image %s, environment %v", list[1].container().Image, fill)
	}
}

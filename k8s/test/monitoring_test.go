package manifests

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// metrics are those of the table in docs/operate.md, which a test of cmd/bridge makes from the code, with their labels.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(saveris_bridge_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*) \\|").FindAllStringSubmatch(string(text), -1) {
		labels := regexp.MustCompile(`[a-z_]+`).FindAllString(row[3], -1)
		if row[2] == "histogram" {
			labels = append(labels, "le")
		}
		known[row[1]] = append(labels, "namespace", "job", "pod", "instance")
	}
	if len(known) < 30 {
		t.Fatalf("docs/operate.md has %d metrics", len(known))
	}
	return known
}

// rules are all rules of the monitoring component.
func rules(t *testing.T) []monitoringv1.Rule {
	t.Helper()
	var list []monitoringv1.Rule
	for _, p := range all[*monitoringv1.PrometheusRule](render(t, "../overlays/monitoring")) {
		for _, g := range p.Spec.Groups {
			list = append(list, g.Rules...)
		}
	}
	return list
}

// alerts are those rules that wake or tell somebody.
func alerts(t *testing.T) []monitoringv1.Rule {
	t.Helper()
	return slices.DeleteFunc(rules(t), func(r monitoringv1.Rule) bool { return r.Alert == "" })
}

// recorded are the metrics that rules make.
func recorded(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, r := range rules(t) {
		names[r.Record] = r.Record != ""
	}
	return names
}

// Grafana puts its variables in before Prometheus reads an expression.
var grafana = strings.NewReplacer("$__rate_interval", "5m", "$__interval", "5m", "$namespace", ".*", "$feed", ".*")

// asked returns the metrics that an expression asks for, with the labels that it selects by; suffixes of histograms are cut.
func asked(t *testing.T, expression string) map[string][]string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(grafana.Replace(expression))
	if err != nil {
		t.Errorf("%s: %v", expression, err)
		return nil
	}
	found := map[string][]string{}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if s, is := node.(*parser.VectorSelector); is {
			name := regexp.MustCompile(`_seconds_(bucket|count|sum)$`).ReplaceAllString(s.Name, "_seconds")
			name = strings.TrimSuffix(name, "_bucket")
			for _, m := range s.LabelMatchers {
				found[name] = append(found[name], m.Name)
			}
		}
		return nil
	})
	return found
}

// checkNames wants every metric of an expression, and every label that it selects by, to exist.
func checkNames(t *testing.T, where, expression string) (names []string) {
	known, made := metrics(t), recorded(t)
	for name, labels := range asked(t, expression) {
		names = append(names, name)
		if made[name] || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "go_") {
			continue
		}
		if known[name] == nil {
			t.Errorf("%s: there is no metric %s", where, name)
			continue
		}
		for _, label := range labels {
			if label != "__name__" && !slices.Contains(known[name], label) {
				t.Errorf("%s: %s has no label %s", where, name, label)
			}
		}
	}
	return names
}

func TestRulesAskForWhatThereIs(t *testing.T) {
	for _, r := range rules(t) {
		checkNames(t, r.Alert+r.Record, r.Expr.String())
	}
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	text, err := os.ReadFile("../RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	base := all[*monitoringv1.PrometheusRule](render(t, "../overlays/monitoring"))[0].Annotations["saveris-bridge/source"]
	if u, err := url.Parse(base); err != nil || u.Scheme != "https" || u.Host == "" {
		t.Errorf("the runbook is at %q", base)
	}
	var headings, names []string
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		headings = append(headings, m[1])
	}
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		if severity := a.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s: severity %q", a.Alert, severity)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s says nothing", a.Alert)
		}
		if want := base + "/k8s/RUNBOOK.md#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, expected %q", a.Alert, a.Annotations["runbook_url"], want)
		}
	}
	if got, want := sorted(headings), sorted(names); got != want {
		t.Errorf("RUNBOOK.md is about\n%s\nand the alerts are\n%s", got, want)
	}
}

// Only what must never happen is told at once; the rest has time to heal.
func TestNobodyIsWokenForWhatHeals(t *testing.T) {
	for _, a := range alerts(t) {
		atOnce := a.For == nil
		if atOnce && a.Alert != "SaverisBridgeEventsDropped" && a.Alert != "SaverisBridgeRowsRejected" {
			t.Errorf("%s does not wait", a.Alert)
		}
	}
}

// unitTests is the part of promtool's files that says which alerts are tried.
type unitTests struct {
	Tests []struct {
		Alerts []struct {
			Name     string           `json:"alertname"`
			Expected []map[string]any `json:"exp_alerts"`
		} `json:"alert_rule_test"`
	} `json:"tests"`
}

func TestEveryAlertIsSeenToFireAndToBeSilent(t *testing.T) {
	fired, silent := map[string]int{}, map[string]int{}
	for _, file := range []string{"rules_test.yaml", "rules_days_test.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tests unitTests
		if err := yaml.Unmarshal(text, &tests); err != nil {
			t.Fatal(err)
		}
		for _, test := range tests.Tests {
			for _, a := range test.Alerts {
				if len(a.Expected) > 0 {
					fired[a.Name]++
				} else {
					silent[a.Name]++
				}
			}
		}
	}
	for _, a := range alerts(t) {
		if fired[a.Alert] < 1 || silent[a.Alert] < 2 { // before it fires, and after
			t.Errorf("%s fires in %d tests and is silent in %d", a.Alert, fired[a.Alert], silent[a.Alert])
		}
	}
}

// board is what Grafana's sidecar is given.
func board(t *testing.T) []byte {
	t.Helper()
	m := named[*corev1.ConfigMap](render(t, "../overlays/monitoring"), "saveris-bridge-dashboard")
	if m == nil || m.Labels["grafana_dashboard"] != "1" {
		t.Fatal("no dashboard is rendered")
	}
	return []byte(m.Data["saveris-bridge.json"])
}

// panels are those of the dashboard, rows among them.
func panels(t *testing.T) []dashboard.Panel {
	t.Helper()
	var list struct{ Panels []dashboard.Panel }
	if err := json.Unmarshal(board(t), &list); err != nil {
		t.Fatal(err)
	}
	return list.Panels
}

// expressions are those of a panel.
func expressions(t *testing.T, p dashboard.Panel) []string {
	t.Helper()
	text, err := json.Marshal(p.Targets)
	if err != nil {
		t.Fatal(err)
	}
	var targets []struct{ Expr string }
	if err := json.Unmarshal(text, &targets); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, target := range targets {
		list = append(list, target.Expr)
	}
	return list
}

func TestTheDashboardIsOneForGrafana(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	//lint:ignore SA1019 Grafana 11 does not know the next one yet
	var strict dashboard.Dashboard
	if err := strict.UnmarshalJSONStrict(board(t)); err != nil && err.Error() != "" { // it is never nil
		t.Error(err)
	}
	if err := strict.Validate(); err != nil {
		t.Error(err)
	}
	if strict.Timezone == nil || *strict.Timezone != "utc" || strict.Uid == nil || *strict.Uid == "" {
		t.Error("the dashboard has no zone, or no name of its own")
	}
	var variables []string
	for _, v := range strict.Templating.List {
		variables = append(variables, v.Name)
	}
	if got := sorted(variables); got != "datasource feed namespace" {
		t.Errorf("variables: %s", got)
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	list := panels(t)
	taken, ids := map[[2]uint32]string{}, map[uint32]bool{}
	for _, p := range list {
		if p.Id == nil || ids[*p.Id] {
			t.Errorf("%s: its id is missing or another's", *p.Title)
			continue
		}
		ids[*p.Id] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is too wide", *p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]uint32{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%s lies on %s", *p.Title, taken[at])
				}
				taken[at] = *p.Title
			}
		}
	}
}

func TestTheDashboardShowsEveryMetric(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range panels(t) {
		if p.Type == "row" {
			continue
		}
		if p.Description == nil || p.FieldConfig.Defaults.Unit == nil {
			t.Errorf("%s has no description or no unit", *p.Title)
		}
		for _, e := range expressions(t, p) {
			for _, name := range checkNames(t, *p.Title, e) {
				shown[name] = true
			}
		}
	}
	for name := range metrics(t) {
		if !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

func TestTheDashboardNamesNoSensorAndNoTenant(t *testing.T) {
	if found := regexp.MustCompile(`(?i)sensor_|serial|tenant|site`).Find(board(t)); found != nil {
		t.Errorf("%s", found)
	}
}

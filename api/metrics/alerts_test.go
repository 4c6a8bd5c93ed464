// SPDX-License-Identifier: GPL-3.0-only

package metrics

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// alerts returns the rules of docs/metrics.md.
func alerts(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile("(?s)```yaml\n(groups:\n.*?)```").FindSubmatch(document)
	if rules == nil {
		t.Fatal("docs/metrics.md has no rules")
	}
	return string(rules[1])
}

// TestAlertsNameMetrics checks that the alerts of the documentation use metrics that exist.
func TestAlertsNameMetrics(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sampleState()); err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`vrrpsh_[a-z_]+`).FindAllString(alerts(t), -1)
	if len(used) < 8 {
		t.Errorf("only %q", used)
	}
	for _, name := range used {
		if !strings.Contains(b.String(), "# TYPE "+name+" ") {
			t.Errorf("there is no metric %s", name)
		}
	}
}

// TestAlerts checks with Prometheus which alerts of the documentation fire.
func TestAlerts(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rules.yml", alerts(t))
	// of returns a series of a group, with one value all the time.
	of := func(metric, instance, group, values string) string {
		return fmt.Sprintf("vrrpsh_%s{job=\"vrrpsh\",instance=%q,interface=\"eth0\",family=\"ipv4\",group=%q} %s", metric, instance, group, values)
	}
	up := func(instance, values string) string {
		return fmt.Sprintf("up{job=\"vrrpsh\",instance=%q} %s", instance, values)
	}
	for name, c := range map[string]struct {
		series []string
		want   []string
	}{
		"all is well": {[]string{
			up("r1", "1x60"), of("state", "r1", "1", "3x60"), of("shutdown", "r1", "1", "0x60"), of("rivals", "r1", "1", "0x60"), of("fault", "r1", "1", "0x60"),
			up("r2", "1x60"), of("state", "r2", "1", "2x60"), of("shutdown", "r2", "1", "0x60"), of("send_fault", "r2", "1", "0x60"),
		}, nil},
		"shut down": {[]string{
			of("state", "r1", "1", "1x60"), of("shutdown", "r1", "1", "1x60"), of("fault", "r1", "1", "1x60"),
			of("state", "r2", "1", "1x60"), of("shutdown", "r2", "1", "1x60"),
		}, nil},
		"no Master": {[]string{
			of("state", "r1", "1", "1x60"), of("shutdown", "r1", "1", "0x60"), of("state", "r2", "1", "1x60"), of("shutdown", "r2", "1", "1x60"),
		}, []string{"VRRPWithoutMaster"}},
		"the Backup is gone": {[]string{
			up("r1", "1x60"), of("state", "r1", "1", "3x60"), of("shutdown", "r1", "1", "0x60"), up("r2", "0x60"), of("state", "r2", "1", "2 stale"),
		}, []string{"VRRPRouterDown", "VRRPWithoutBackup"}},
		"two Masters": {[]string{
			of("state", "r1", "1", "3x60"), of("state", "r2", "1", "3x60"), of("state", "r3", "1", "2x60"), of("rivals", "r1", "1", "1x60"),
		}, []string{"VRRPRival", "VRRPTwoMasters"}},
		"a fault": {[]string{
			of("state", "r1", "1", "3x60"), of("state", "r2", "1", "2x60"), of("fault", "r2", "1", "1x60"), of("shutdown", "r2", "1", "0x60"),
		}, []string{"VRRPFault"}},
		"cannot send": {[]string{
			of("state", "r1", "1", "3x60"), of("state", "r2", "1", "2x60"), of("send_fault", "r2", "1", "1x60"), of("shutdown", "r2", "1", "0x60"),
		}, []string{"VRRPFault"}},
		"flapping": {[]string{
			of("state", "r1", "1", "3x60"), of("state", "r2", "1", "2x60"), of("master_transitions_total", "r1", "1", "0+1x60"),
		}, []string{"VRRPFlapping"}},
		"drops": {[]string{
			of("state", "r1", "1", "3x60"), of("state", "r2", "1", "2x60"), of("adverts_dropped_total", "r1", "1", "0+15x60"),
		}, []string{"VRRPDropsAdverts"}},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("rule_files: [rules.yml]\nevaluation_interval: 15s\ntests:\n- interval: 15s\n  input_series:\n")
			for _, s := range c.series {
				at := strings.LastIndex(s, "} ") + 1
				fmt.Fprintf(&b, "  - {series: '%s', values: '%s'}\n", s[:at], strings.TrimSpace(s[at:]))
			}
			b.WriteString("  promql_expr_test:\n  - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n    eval_time: 12m\n    exp_samples:\n")
			slices.Sort(c.want)
			for _, alert := range c.want {
				fmt.Fprintf(&b, "    - {labels: '{alertname=%q}', value: 1}\n", alert)
			}
			write("test.yml", b.String())
			cmd := exec.Command("promtool", "test", "rules", "test.yml")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, &b)
			}
		})
	}
}

package shell

import "vrrpsh/conf"

// metricsSettings are the settings of the [metrics] table.
var metricsSettings = []setting{
	onOff("metrics.enabled", "metrics enabled", "Serve /metrics to Prometheus, on the listener of the API", false,
		inMetrics(func(m *conf.Metrics) **bool { return &m.Enabled }), "metrics", "Metrics for Prometheus"),
}

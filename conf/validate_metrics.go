package conf

// metrics gives the [metrics] table its meaning.
func (v *validator) metrics(cfg *Config) bool {
	raw := v.file.Metrics
	if raw == nil || raw.Enabled == nil || !*raw.Enabled {
		return false
	}
	if !cfg.API.Enabled {
		v.warn("metrics.enabled: without a listener of the [api] only the control socket has metrics")
	}
	return true
}

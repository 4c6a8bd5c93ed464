package conf

// MaxRealtime is the highest real-time priority.
const MaxRealtime = 99

// realtime gives the [realtime] table its meaning.
func (v *validator) realtime() RealtimeConfig {
	var r RealtimeConfig
	if raw := v.file.Realtime; raw != nil {
		r.Priority = v.integer("realtime.priority", raw.Priority, 0, MaxRealtime, 0)
		r.LockMemory = raw.LockMemory != nil && *raw.LockMemory
	}
	return r
}

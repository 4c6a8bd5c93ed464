package process

import "time"

// Uptime names this start of the machine, as no other is called, and says how long ago it was, with the time that the machine
// was suspended. Nobody can set that clock. The name is empty where it is not known.
func Uptime() (boot string, up time.Duration) { return uptime() }

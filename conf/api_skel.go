package conf

// Origin is where a File came from; it tells lines apart in faults.
type Origin struct {
	Name   string
	Data   []byte
	Format Format
}

// Difference is one setting that differs between two files.
type Difference struct {
	// Router names the virtual router, as in "eth0 group 51"; empty at the top level.
	Router string
	// Key is the setting, such as "priority" or "api.host"; empty if a whole virtual router came or went.
	Key      string
	From, To string // as typed, secrets masked; empty if unset
}

func (d Difference) String() string { return "" }

// Diff returns what differs between two files, in the order of to, removals last.
func Diff(from, to *File) []Difference { return nil }

// ReadFile reads and parses a file.
func ReadFile(path string, format Format) (*File, *Origin, error) { return nil, nil, nil }

// Parse reads a configuration. The error is Faults; what could be read is returned with it.
func Parse(name string, data []byte, format Format) (*File, error) { return nil, nil }

// Load is Parse and Validate in one, with the faults of both.
func Load(name string, data []byte, format Format) (*File, *Config, error) { return nil, nil, nil }

// Validate gives a File its meaning. The error is Faults. origin may be nil.
func Validate(f *File, origin *Origin) (*Config, error) { return nil, nil }

// Marshal returns a configuration as a file.
func Marshal(f *File, format Format) ([]byte, error) { return nil, nil }

// WriteFile replaces a file atomically.
func WriteFile(path string, data []byte) error { return nil }

func cloneFile(f *File) *File        { return nil }
func redactFile(f *File) *File       { return nil }
func equalFiles(f, other *File) bool { return false }

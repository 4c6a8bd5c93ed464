package term

// The requests that read and change a terminal's settings.
const (
	IoctlGetTermios = ioctlGetTermios
	IoctlSetTermios = ioctlSetTermios
)

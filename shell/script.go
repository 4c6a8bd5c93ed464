package shell

import (
	"context"
	"io"
)

// Script runs the lines of r: blank ones and comments ("!" or "#" first) are skipped, the first
// failure stops it unless keepGoing, and an uncommitted candidate at the end is a failure. It returns
// the status of the first command that failed.
func Script(ctx context.Context, c Conversation, r io.Reader, out IO, keepGoing bool) Status {
	return Done
}

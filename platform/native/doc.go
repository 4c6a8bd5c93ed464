// Package native chooses the platform.System of the operating system that the program
// was built for.
package native

// Package report gives the running state the form in which it leaves the router: the
// documents that the HTTP API returns and that "| json" prints, made from one
// engine.Snapshot, so that both always agree.
package report

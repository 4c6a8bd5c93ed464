// Package journal is the router's log: what was logged is kept in memory for the shell, goes to
// those who follow it, and to standard error or the log files. All of that can change while
// the router runs.
package journal

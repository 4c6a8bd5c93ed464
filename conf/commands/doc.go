// SPDX-License-Identifier: GPL-3.0-only

// Package commands presents the configuration as commands: the settings that the table of keys declares, with their syntax,
// help, "no" and "default"; the drafts that they edit; and how to write, compare, merge and rebase configurations as
// commands.
package commands

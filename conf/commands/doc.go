// SPDX-License-Identifier: GPL-3.0-only

// Package commands is the configuration as commands: the settings that the table of keys declares, with their syntax, help,
// "no" and "default"; drafts that they edit; and configurations written, compared, merged and rebased as commands.
package commands

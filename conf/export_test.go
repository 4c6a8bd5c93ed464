// SPDX-License-Identifier: GPL-3.0-only

package conf

// Source returns the bytes of History()[n] as they were in the configuration file, including
// comments.
func (m *Manager) Source(n int) ([]byte, error) {
	data, _, err := m.stored(n)
	return data, err
}

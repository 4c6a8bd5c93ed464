// SPDX-License-Identifier: GPL-3.0-only

package conf

// Source returns the bytes of History()[n] as the configuration file had them, including comments.
func (m *Manager) Source(n int) ([]byte, error) {
	data, _, err := m.stored(n)
	return data, err
}

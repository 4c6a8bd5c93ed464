// SPDX-License-Identifier: GPL-3.0-only

package metrics

import (
	"io"
	"math"
	"strconv"
	"strings"
)

// ContentType is the content type of the format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// chunk is how many bytes are buffered before a write.
const chunk = 64 << 10

// exposition writes the samples of metrics, one metric after the other.
type exposition struct {
	w   io.Writer
	err error // the first write error
	b   []byte
	// metric is the current metric. Its header is written before its first sample.
	metric *metric
	headed bool
	// labels contains the labels of all virtual routers, which many metrics use. The i-th router's labels end at
	// ends[i].
	labels []byte
	ends   []int
	one    []byte // see with
}

// begin starts a metric: the samples that follow belong to m.
func (e *exposition) begin(m *metric) { e.metric, e.headed = m, false }

// sample writes one sample. labels must have the form that appendLabel produces.
func (e *exposition) sample(suffix string, labels []byte, value float64) {
	if !e.headed {
		e.header()
	}
	e.b = append(append(e.b, e.metric.name...), suffix...)
	if len(labels) > 0 {
		e.b = append(append(append(e.b, '{'), labels...), '}')
	}
	e.b = append(appendValue(append(e.b, ' '), value), '\n')
	if len(e.b) >= chunk {
		e.flush()
	}
}

func (e *exposition) header() {
	e.headed = true
	e.b = append(append(append(e.b, "# HELP "...), e.metric.name...), ' ')
	e.b = append(append(e.b, helpEscapes.Replace(e.metric.help)...), '\n')
	e.b = append(append(append(e.b, "# TYPE "...), e.metric.name...), ' ')
	e.b = append(append(e.b, e.metric.kind...), '\n')
}

func (e *exposition) flush() {
	if e.err == nil && len(e.b) > 0 {
		_, e.err = e.w.Write(e.b)
	}
	e.b = e.b[:0]
}

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// with returns labels and one more label. The result is valid until the next call.
func (e *exposition) with(labels []byte, name, value string) []byte {
	e.one = appendLabel(append(e.one[:0], labels...), name, value)
	return e.one
}

// appendLabel appends a label to b.
func appendLabel(b []byte, name, value string) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(append(b, name...), `="`...)
	if strings.ContainsAny(value, "\\\n\"") {
		value = labelEscapes.Replace(value)
	}
	return append(append(b, value...), '"')
}

// appendValue appends a number. Integers whose magnitude is below 2^53 have no exponent.
func appendValue(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.AppendInt(b, int64(v), 10)
	}
	if a := math.Abs(v); a >= 1e-4 && a < 1<<53 { // in this range people expect no exponent, for example in times
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64) // the format spells NaN, +Inf and -Inf in the same way
}

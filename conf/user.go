// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"golang.org/x/crypto/scrypt"

	"vrrpsh/completions"
)

// Level is a user's permission level: 0-4 viewer, 5-8 operator, 9 administrator. Each command states the
// level it needs.
type Level = completions.Level

// The lowest level of each role.
const (
	Viewer        = completions.Viewer
	Operator      = completions.Operator
	Administrator = completions.Administrator
)

// Algorithm is a password hash algorithm.
type Algorithm uint8

// The algorithms. Scrypt makes guessing expensive; SHA256 does not, and is supported for users
// lists of the earlier daemon.
const (
	Scrypt Algorithm = iota
	SHA256
)

// String returns "scrypt" or "sha256".
func (a Algorithm) String() string {
	switch a {
	case Scrypt:
		return "scrypt"
	case SHA256:
		return "sha256"
	default:
		return fmt.Sprintf("Algorithm(%d)", uint8(a))
	}
}

// ParseAlgorithm reads "scrypt" or "sha256".
func ParseAlgorithm(s string) (Algorithm, error) {
	switch strings.ToLower(s) {
	case "scrypt":
		return Scrypt, nil
	case "sha256":
		return SHA256, nil
	default:
		return 0, fmt.Errorf(`algorithm %s is not "scrypt" or "sha256"`, quote(s))
	}
}

// Limits of a users line.
const (
	maxUserName   = 256
	maxSHA256Salt = 128
	maxScryptSalt = 64
	// maxScryptMemory and maxScryptPasses limit the cost of one login, so that a users list cannot
	// stall the router.
	maxScryptMemory = 256 << 20
	maxScryptPasses = 16
)

// Parameters of new scrypt hashes, for interactive logins (32 MiB, tens of milliseconds).
const (
	scryptLogN = 15
	scryptR    = 8
	scryptP    = 1
	scryptSalt = 16
	scryptHash = 32
)

// User is one line of the users list.
type User struct {
	Name  string
	Level Level

	alg        Algorithm
	salt       []byte
	hash       []byte
	logN, r, p int // scrypt
}

// String returns the name and level, never the hash.
func (u User) String() string { return fmt.Sprintf("%s (level %d)", u.Name, u.Level) }

// GoString keeps the hash out of %#v.
func (u User) GoString() string { return u.String() }

// ParseUser reads a line of the users list: "{{SHA256}}name:level:salt:hash", where the hash covers
// the password followed by the salt as written, or "{{SCRYPT}}name:level::hash", where the hash is
// "$rscrypt$0$params$salt$hash$" (params: log2 N, r and p, one byte each) or "$rscrypt$1$…" (log2 N in
// one byte, r and p in four, little-endian). Errors do not repeat the line.
func ParseUser(line string) (User, error) {
	alg, rest, ok := strings.Cut(strings.TrimPrefix(line, "{{"), "}}")
	parts := strings.SplitN(rest, ":", 4)
	if !strings.HasPrefix(line, "{{") || !ok || len(parts) != 4 {
		return User{}, errors.New("is not of the form {{SHA256}}name:level:salt:hash or {{SCRYPT}}name:level::hash")
	}
	u := User{Name: parts[0]}
	if err := checkUserName(u.Name); err != nil {
		return User{}, err
	}
	if len(parts[1]) != 1 || parts[1][0] < '0' || parts[1][0] > '9' {
		return User{}, errors.New("has a level that is not one digit, 0-9")
	}
	u.Level = Level(parts[1][0] - '0')
	var err error
	switch alg {
	case "SHA256":
		err = u.parseSHA256(parts[2], parts[3])
	case "SCRYPT":
		err = u.parseScrypt(parts[2], parts[3])
	default:
		err = errors.New("has an algorithm that is not SHA256 or SCRYPT")
	}
	if err != nil {
		return User{}, err
	}
	return u, nil
}

func checkUserName(name string) error {
	if name == "" || len(name) > maxUserName {
		return fmt.Errorf("has a user name that is not 1-%d characters long", maxUserName)
	}
	for _, r := range name {
		if !isBare(r) || r == '_' || r == '-' {
			return errors.New("has a user name with characters other than letters and digits")
		}
	}
	return nil
}

func (u *User) parseSHA256(salt, hash string) error {
	if salt == "" || len(salt) > maxSHA256Salt {
		return fmt.Errorf("has a salt that is not 1-%d hexadecimal digits long", maxSHA256Salt)
	}
	if strings.Trim(salt, "0123456789abcdefABCDEF") != "" {
		return errors.New("has a salt that is not hexadecimal")
	}
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("has a hash that is not %d hexadecimal digits long", 2*sha256.Size)
	}
	u.alg, u.salt, u.hash = SHA256, []byte(salt), sum
	return nil
}

func (u *User) parseScrypt(salt, hash string) error {
	form := errors.New("has a hash that is not of the form $rscrypt$0$params$salt$hash$")
	if salt != "" {
		return errors.New("has a salt of its own, which SCRYPT keeps in the hash: leave it empty")
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 7 || parts[0] != "" || parts[1] != "rscrypt" || parts[6] != "" {
		return form
	}
	var fields [3][]byte
	for i, s := range parts[3:6] {
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
		if err != nil {
			return form
		}
		fields[i] = b
	}
	params := fields[0]
	var logN, r, p uint64
	switch {
	case parts[2] == "0" && len(params) == 3:
		logN, r, p = uint64(params[0]), uint64(params[1]), uint64(params[2])
	case parts[2] == "1" && len(params) == 9:
		logN = uint64(params[0])
		r = uint64(binary.LittleEndian.Uint32(params[1:]))
		p = uint64(binary.LittleEndian.Uint32(params[5:]))
	default:
		return form
	}
	if logN < 1 || logN > 30 || r < 1 || p < 1 || p > maxScryptPasses || r > maxScryptMemory>>(7+logN) {
		return fmt.Errorf("has scrypt parameters that are invalid or need more than %d MiB or %d passes", maxScryptMemory>>20, maxScryptPasses)
	}
	if n := len(fields[1]); n < 1 || n > maxScryptSalt {
		return fmt.Errorf("has a salt that is not 1-%d bytes long", maxScryptSalt)
	}
	if len(fields[2]) != scryptHash {
		return fmt.Errorf("has a hash that is not %d bytes long", scryptHash)
	}
	u.alg, u.salt, u.hash = Scrypt, fields[1], fields[2]
	u.logN, u.r, u.p = int(logN), int(r), int(p)
	return nil
}

// Verify reports whether password is the user's password. The time it takes does not depend on how
// much of the password is right.
func (u User) Verify(password string) bool {
	sum, err := u.sum(password)
	return err == nil && len(sum) > 0 && subtle.ConstantTimeCompare(sum, u.hash) == 1
}

func (u User) sum(password string) ([]byte, error) {
	if u.alg == SHA256 {
		sum := sha256.Sum256(append([]byte(password), u.salt...))
		return sum[:], nil
	}
	return scrypt.Key([]byte(password), u.salt, 1<<u.logN, u.r, u.p, scryptHash)
}

// Fingerprint returns a value that changes with the user's password and reveals nothing about it.
func (u User) Fingerprint() []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%d\x00%x\x00%x", u.Name, u.alg, u.salt, u.hash)
	return h.Sum(nil)
}

// Users is the users list of a configuration. Names are unique.
type Users []User

// decoys is the seed that makes the choice of a decoy user unpredictable outside this process.
var decoys = maphash.MakeSeed()

// Authenticate returns the user with this name and password. An unknown name costs as much as a
// known one: Authenticate checks the password against a decoy, another user that is always the same
// for the same name, and ignores the result.
func (u Users) Authenticate(name, password string) (User, bool) {
	if len(u) == 0 {
		return User{}, false
	}
	found, i := 0, int(maphash.String(decoys, name)%uint64(len(u)))
	for j := range u {
		same := subtle.ConstantTimeCompare([]byte(u[j].Name), []byte(name))
		i = subtle.ConstantTimeSelect(same, j, i)
		found |= same
	}
	if right := u[i].Verify(password); !right || found == 0 {
		return User{}, false
	}
	return u[i], true
}

// HashPassword returns a line for the users list.
func HashPassword(name string, level Level, password string, alg Algorithm) (string, error) {
	if err := checkUserName(name); err != nil {
		return "", fmt.Errorf("hash password: the users line %w", err)
	}
	if level > Administrator {
		return "", fmt.Errorf("hash password: level %d %s", level, outOfRange(int(Viewer), int(Administrator)))
	}
	if password == "" {
		return "", errors.New("hash password: the password is empty")
	}
	salt := make([]byte, scryptSalt)
	rand.Read(salt) // never fails
	u := User{Name: name, Level: level, alg: alg, salt: salt, logN: scryptLogN, r: scryptR, p: scryptP}
	if alg == SHA256 {
		u.salt = []byte(hex.EncodeToString(salt))
	}
	sum, err := u.sum(password)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	if alg == SHA256 {
		return fmt.Sprintf("{{SHA256}}%s:%d:%s:%x", name, level, u.salt, sum), nil
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("{{SCRYPT}}%s:%d::$rscrypt$0$%s$%s$%s$", name, level,
		b64([]byte{scryptLogN, scryptR, scryptP}), b64(salt), b64(sum)), nil
}

// In reports whether a configuration still has the user, with the same level and password.
func (u User) In(c *Config) bool {
	for _, other := range c.API.Users {
		if other.Name == u.Name {
			return other.Level == u.Level && other.alg == u.alg && bytes.Equal(other.salt, u.salt) && bytes.Equal(other.hash, u.hash)
		}
	}
	return false
}

// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/scrypt"
)

// scryptLine returns a users line of either form, with parameters that make hashing cheap.
func scryptLine(t *testing.T, name, password string, long bool) string {
	t.Helper()
	salt := []byte("0123456789abcdef")
	sum, err := scrypt.Key([]byte(password), salt, 16, 8, 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	form, params := 0, []byte{4, 8, 1}
	if long {
		form, params = 1, []byte{4, 8, 0, 0, 0, 1, 0, 0, 0}
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("{{SCRYPT}}%s:9::$rscrypt$%d$%s$%s$%s$", name, form, b64(params), b64(salt), b64(sum))
}

func TestVerify(t *testing.T) {
	lines := map[string]string{
		"SHA256":             testUser,
		"SHA256 upper-case":  strings.Replace(testUser, testHash, strings.ToUpper(testHash), 1),
		"SCRYPT short form":  scryptLine(t, "admin", "banana", false),
		"SCRYPT long form":   scryptLine(t, "admin", "banana", true),
		"SCRYPT no padding":  strings.ReplaceAll(scryptLine(t, "admin", "banana", false), "=", ""),
		"SHA256 made here":   hashed(t, SHA256),
		"SCRYPT made here":   hashed(t, Scrypt),
		"SHA256 short salt":  "{{SHA256}}admin:3:7:" + fmt.Sprintf("%x", must(User{alg: SHA256, salt: []byte("7")}.sum("banana"))),
		"SCRYPT other level": strings.Replace(scryptLine(t, "admin", "banana", false), ":9:", ":4:", 1),
	}
	for name, line := range lines {
		t.Run(name, func(t *testing.T) {
			u, err := ParseUser(line)
			if err != nil {
				t.Fatal(err)
			}
			if u.Name != "admin" || !u.Verify("banana") {
				t.Error("the right password is refused")
			}
			for _, wrong := range []string{"", "banan", "bananas", "Banana", "banana1eb7ac761a1201f9"} {
				if u.Verify(wrong) {
					t.Errorf("password %q is accepted", wrong)
				}
			}
			for _, shown := range []string{u.String(), fmt.Sprintf("%v", u), fmt.Sprintf("%+v", u), fmt.Sprintf("%#v", u), fmt.Sprint(Users{u})} {
				if strings.Contains(shown, "hash") || strings.Contains(shown, "salt") || len(shown) > 40 {
					t.Errorf("shown as %s", shown)
				}
			}
		})
	}
	if (User{}).Verify("") {
		t.Error("the zero user has an empty password")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func hashed(t *testing.T, alg Algorithm) string {
	t.Helper()
	line, err := HashPassword("admin", 9, "banana", alg)
	if err != nil {
		t.Fatal(err)
	}
	other, err := HashPassword("admin", 9, "banana", alg)
	if err != nil || line == other {
		t.Errorf("two hashes are equal (%v)", err)
	}
	return line
}

func TestParseUserErrors(t *testing.T) {
	good := scryptLine(t, "admin", "x", false)
	long := scryptLine(t, "admin", "x", true)
	tests := []struct{ name, line, want string }{
		{"empty", "", "is not of the form {{SHA256}}name:level:salt:hash or {{SCRYPT}}name:level::hash"},
		{"no braces", strings.TrimPrefix(testUser, "{{"), "is not of the form {{SHA256}}name:level:salt:hash or {{SCRYPT}}name:level::hash"},
		{"algorithm", strings.Replace(testUser, "SHA256", "MD5", 1), "has an algorithm that is not SHA256 or SCRYPT"},
		{"no name", strings.Replace(testUser, "admin", "", 1), "has a user name that is not 1-256 characters long"},
		{"long name", strings.Replace(testUser, "admin", strings.Repeat("a", 257), 1), "has a user name that is not 1-256 characters long"},
		{"name", strings.Replace(testUser, "admin", "ad-min", 1), "has a user name with characters other than letters and digits"},
		{"name not ASCII", strings.Replace(testUser, "admin", "ädmin", 1), "has a user name with characters other than letters and digits"},
		{"level", strings.Replace(testUser, ":0:", ":10:", 1), "has a level that is not one digit, 0-9"},
		{"level letter", strings.Replace(testUser, ":0:", ":a:", 1), "has a level that is not one digit, 0-9"},
		{"no salt", strings.Replace(testUser, "1eb7ac761a1201f9", "", 1), "has a salt that is not 1-128 hexadecimal digits long"},
		{"salt", strings.Replace(testUser, "1eb7", "salt", 1), "has a salt that is not hexadecimal"},
		{"hash short", testUser[:len(testUser)-2], "has a hash that is not 64 hexadecimal digits long"},
		{"hash odd", testUser[:len(testUser)-1], "has a hash that is not 64 hexadecimal digits long"},
		{"hash more", testUser + ":1", "has a hash that is not 64 hexadecimal digits long"},
		{"scrypt salt", strings.Replace(good, "9::", "9:aa:", 1), "has a salt of its own, which SCRYPT keeps in the hash: leave it empty"},
		{"scrypt form", strings.Replace(good, "rscrypt$0", "rscrypt$2", 1), "has a hash that is not of the form $rscrypt$0$params$salt$hash$"},
		{"scrypt params of the other form", strings.Replace(good, "rscrypt$0", "rscrypt$1", 1), "has a hash that is not of the form $rscrypt$0$params$salt$hash$"},
		{"scrypt end", strings.TrimSuffix(good, "$"), "has a hash that is not of the form $rscrypt$0$params$salt$hash$"},
		{"scrypt base64", strings.Replace(good, "$BAgB$", "$!!$", 1), "has a hash that is not of the form $rscrypt$0$params$salt$hash$"},
		{"scrypt too costly", strings.Replace(good, "$BAgB$", "$HggB$", 1), "has scrypt parameters that are invalid or need more than 256 MiB or 16 passes"},
		{"scrypt N 0", strings.Replace(good, "$BAgB$", "$AAgB$", 1), "has scrypt parameters that are invalid or need more than 256 MiB or 16 passes"},
		{"scrypt r 0", strings.Replace(good, "$BAgB$", "$BAAB$", 1), "has scrypt parameters that are invalid or need more than 256 MiB or 16 passes"},
		{"scrypt huge r", strings.Replace(long, "$BAgAAAABAAAA$", "$BP////8BAAAA$", 1), "has scrypt parameters that are invalid or need more than 256 MiB or 16 passes"},
		{"scrypt huge p", strings.Replace(long, "$BAgAAAABAAAA$", "$BAgAAAD/////$", 1), "has scrypt parameters that are invalid or need more than 256 MiB or 16 passes"},
		{"scrypt short hash", strings.Replace(good, good[strings.LastIndex(good[:len(good)-1], "$"):], "$AAAA$", 1), "has a hash that is not 32 bytes long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseUser(tt.line); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestHashPasswordErrors(t *testing.T) {
	tests := []struct {
		name     string
		level    Level
		password string
		want     string
	}{
		{"ad min", 0, "x", "hash password: the users line has a user name with characters other than letters and digits"},
		{"admin", 10, "x", "hash password: level 10 is out of range 0-9"},
		{"admin", 9, "", "hash password: the password is empty"},
	}
	for _, tt := range tests {
		if _, err := HashPassword(tt.name, tt.level, tt.password, SHA256); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	if _, err := ParseAlgorithm("md5"); err == nil || err.Error() != `algorithm "md5" is not "scrypt" or "sha256"` {
		t.Errorf("algorithm: %v", err)
	}
}

func TestAuthenticate(t *testing.T) {
	var users Users
	for _, line := range []string{testUser, scryptLine(t, "op", "cherry", false), scryptLine(t, "root", "apple", true)} {
		u, err := ParseUser(line)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	tests := []struct {
		name, password string
		want           bool
	}{
		{"admin", "banana", true},
		{"op", "cherry", true},
		{"root", "apple", true},
		{"admin", "cherry", false},
		{"op", "banana", false},
		{"nobody", "banana", false},
		{"nobody", "cherry", false},
		{"nobody", "apple", false},
		{"", "", false},
	}
	for _, tt := range tests {
		u, ok := users.Authenticate(tt.name, tt.password)
		if ok != tt.want || ok && u.Name != tt.name || !ok && u.Name != "" {
			t.Errorf("%s/%s: got %v %v", tt.name, tt.password, u, ok)
		}
	}
	// Whichever user an unknown name is checked against, that user's password is refused.
	for i := range 100 {
		for _, password := range []string{"banana", "cherry", "apple"} {
			if _, ok := users.Authenticate(fmt.Sprintf("nobody%d", i), password); ok {
				t.Fatal("an unknown user logged in")
			}
		}
	}
	if _, ok := Users(nil).Authenticate("admin", "banana"); ok {
		t.Error("a login succeeded without any user")
	}
	if a, b := users[0].Fingerprint(), users[1].Fingerprint(); bytes.Equal(a, b) || bytes.Contains(a, users[0].hash) {
		t.Error("fingerprints are equal or reveal the hash")
	}
}

// BenchmarkAuthenticate shows that unknown users cost as much as known ones.
func BenchmarkAuthenticate(b *testing.B) {
	line, err := HashPassword("admin", 9, "banana", Scrypt)
	if err != nil {
		b.Fatal(err)
	}
	u, err := ParseUser(line)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"admin", "nobody"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Users{u}.Authenticate(name, "wrong")
			}
		})
	}
}

package conf

// Users is the users list of a configuration. Names are unique.
type Users []User

// User is one line of the users list.
type User struct {
	Name  string
	Level Level
	hash  passwordHash
}
type passwordHash struct{}

// Algorithm is a way to hash passwords.
type Algorithm uint8

// The algorithms.
const (
	Scrypt Algorithm = iota
	SHA256
)

// ParseUser reads a line of the users list.
func ParseUser(line string) (User, error) { return User{}, nil }

// Verify tells whether password is the user's.
func (u User) Verify(password string) bool { return false }

// Fingerprint identifies the user's current password without telling anything about it.
func (u User) Fingerprint() []byte { return nil }

// Authenticate finds the user with this name and password.
func (u Users) Authenticate(name, password string) (User, bool) { return User{}, false }

// Authenticate is Users.Authenticate.
func Authenticate(users []User, name, password string) (User, bool) {
	return Users(users).Authenticate(name, password)
}

// ParseAlgorithm reads "scrypt" or "sha256".
func ParseAlgorithm(s string) (Algorithm, error) { return 0, nil }

// HashPassword returns a line for the users list.
func HashPassword(name string, level Level, password string, alg Algorithm) (string, error) {
	return "", nil
}

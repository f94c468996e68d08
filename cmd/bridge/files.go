package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"github.com/nats-io/nkeys"
)

// content tells what is wrong with the content of a file that a setting names: a sentence without the content itself.
type content struct {
	want  string
	check func(text []byte) bool
}

// The files that a login to NATS or TLS may need.
var (
	credentials  = content{"a credentials file with a user's JWT and its seed, as nsc makes it", isCredentials}
	seed         = content{"a file with the seed of a user's nkey", isSeed}
	certificates = content{"a file with certificates in PEM", func(text []byte) bool { return x509.NewCertPool().AppendCertsFromPEM(text) }}
	privateKey   = content{"a file with a private key in PEM", isPrivateKey}
)

// read tells why a file cannot be read or does not hold what it should.
func (c content) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !c.check(text) {
		return errors.New(path + " is not " + c.want)
	}
	return nil
}

// holding is the rule of a variable that names a file.
func holding(c content) rule {
	return func(text string) (string, string) {
		err := c.read(text)
		var system *os.PathError
		switch {
		case errors.As(err, &system):
			return "", c.want + " (" + system.Err.Error() + ")"
		case err != nil:
			return "", c.want
		}
		return text, ""
	}
}

func isCredentials(text []byte) bool {
	_, err := nkeys.ParseDecoratedJWT(text)
	key, keyErr := nkeys.ParseDecoratedUserNKey(text)
	if keyErr == nil {
		key.Wipe()
	}
	return err == nil && keyErr == nil
}

func isSeed(text []byte) bool {
	key, err := nkeys.ParseDecoratedNKey(text)
	if err != nil {
		return false
	}
	defer key.Wipe()
	public, err := key.PublicKey()
	return err == nil && nkeys.IsValidPublicUserKey(public)
}

func isPrivateKey(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return true
		}
	}
	return false
}

// loadPair tells why a certificate and a key do not go together.
func loadPair(cert, key string) error {
	_, err := tls.LoadX509KeyPair(cert, key)
	return err
}

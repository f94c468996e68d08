package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// content tells what is wrong with the content of a file that a setting names: a sentence without the content itself.
type content struct {
	want  string
	check func(path string, text []byte) bool
}

// The files that a login to NATS or TLS may need.
var (
	credentials  = content{"a credentials file with a user's JWT and its seed, as nsc makes it", isCredentials}
	seed         = content{"a file with the seed of a user's nkey", isSeed}
	certificates = content{"a file with certificates in PEM", isCertificates}
	privateKey   = content{"a file with a private key in PEM", isPrivateKey}
)

// read tells why a file cannot be read or does not hold what it should.
func (c content) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !c.check(path, text) {
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

// isCredentials does what a connection will do: give the JWT, and sign.
func isCredentials(path string, _ []byte) bool {
	var o nats.Options
	if nats.UserCredentials(path)(&o) != nil {
		return false
	}
	_, err := o.UserJWT()
	_, signErr := o.SignatureCB([]byte("nonce"))
	return err == nil && signErr == nil
}

func isSeed(path string, _ []byte) bool {
	_, err := nats.NkeyOptionFromSeed(path)
	return err == nil
}

func isCertificates(_ string, text []byte) bool { return x509.NewCertPool().AppendCertsFromPEM(text) }

func isPrivateKey(_ string, text []byte) bool {
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

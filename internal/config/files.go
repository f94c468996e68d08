package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"saveris-bridge/internal/secret"

	"github.com/nats-io/nkeys"
)

// Content is what a file that a setting names should hold.
type Content struct {
	want  string
	check func(text []byte) bool
}

// What the files hold that a login to NATS or TLS may need.
var (
	Credentials  = Content{"a credentials file with a user's JWT and its seed, as nsc makes it", isCredentials}
	Seed         = Content{"a file with the seed of a user's nkey", isSeed}
	certificates = Content{"a file with certificates in PEM", isCertificates}
	privateKey   = Content{"a file with a private key in PEM", isPrivateKey}
)

// Read returns what a file holds, or why it cannot be read or does not hold what it should: an error without the content itself.
func (c Content) Read(path string) ([]byte, error) {
	text, err := secret.ReadFile(path)
	var encoding *secret.EncodingError
	switch {
	case errors.As(err, &encoding):
		return nil, fmt.Errorf("%s is not %s: %w", path, c.want, err)
	case err != nil:
		return nil, err
	case !c.check(text):
		return nil, errors.New(path + " is not " + c.want)
	}
	return text, nil
}

// holding is the rule of a variable that names a file.
func holding(c Content) Rule {
	return func(text string) (string, string) {
		_, err := c.Read(text)
		var system *os.PathError
		var encoding *secret.EncodingError
		switch {
		case errors.As(err, &system):
			return "", c.want + " (" + system.Err.Error() + ")"
		case errors.As(err, &encoding):
			return "", c.want + " (" + encoding.Error() + ")"
		case err != nil:
			return "", c.want
		}
		return text, ""
	}
}

// isCredentials does what a connection will do: give the JWT, and sign.
func isCredentials(text []byte) bool {
	_, err := JWT(text)
	_, signErr := Sign(text, []byte("nonce"))
	return err == nil && signErr == nil
}

// JWT returns the user's JWT in the text of a credentials file.
func JWT(text []byte) (string, error) { return nkeys.ParseDecoratedJWT(text) }

// Sign signs a nonce with the seed in the text of a credentials file, or of a file that holds nothing else.
func Sign(text, nonce []byte) ([]byte, error) {
	pair, err := nkeys.ParseDecoratedNKey(bytes.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

func isSeed(text []byte) bool {
	_, err := PublicKey(text)
	return err == nil
}

// PublicKey returns the public half of a user's nkey from the text with its seed.
func PublicKey(text []byte) (string, error) {
	pair, err := nkeys.ParseDecoratedUserNKey(bytes.TrimSpace(text))
	if err != nil {
		return "", err
	}
	defer pair.Wipe()
	return pair.PublicKey()
}

func isCertificates(text []byte) bool { return x509.NewCertPool().AppendCertsFromPEM(text) }

func isPrivateKey(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return true
		}
	}
	return false
}

// LoadKeyPair reads a certificate and its key, in PEM, or returns why they cannot be read or do not go together.
func LoadKeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := secret.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := secret.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// LoadAuthorities reads the certificates of the authorities that are trusted, in PEM.
func LoadAuthorities(path string) (*x509.CertPool, error) {
	text, err := certificates.Read(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool, nil
}

package main

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

// content tells what is wrong with the content of a file that a setting names: a sentence without the content itself.
type content struct {
	want  string
	check func(text []byte) bool
}

// The files that a login to NATS or TLS may need.
var (
	credentials  = content{"a credentials file with a user's JWT and its seed, as nsc makes it", isCredentials}
	seed         = content{"a file with the seed of a user's nkey", isSeed}
	certificates = content{"a file with certificates in PEM", isCertificates}
	privateKey   = content{"a file with a private key in PEM", isPrivateKey}
)

// read returns what a file holds, or why it cannot be read or does not hold what it should.
func (c content) read(path string) ([]byte, error) {
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
func holding(c content) rule {
	return func(text string) (string, string) {
		_, err := c.read(text)
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
	_, err := jwtOf(text)
	_, signErr := signWith(text, []byte("nonce"))
	return err == nil && signErr == nil
}

// jwtOf returns the user's JWT of a credentials file.
func jwtOf(text []byte) (string, error) { return nkeys.ParseDecoratedJWT(text) }

// signWith signs with the seed of a credentials file or of a file that holds nothing else.
func signWith(text, nonce []byte) ([]byte, error) {
	pair, err := nkeys.ParseDecoratedNKey(bytes.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

func isSeed(text []byte) bool {
	_, err := publicKey(text)
	return err == nil
}

// publicKey returns the public half of a user's nkey, of whose seed the text is.
func publicKey(text []byte) (string, error) {
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

// loadPair reads a certificate and its key, or returns why they do not go together.
func loadPair(certFile, keyFile string) (tls.Certificate, error) {
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

// loadAuthorities reads the certificates of the authorities that are trusted.
func loadAuthorities(path string) (*x509.CertPool, error) {
	text, err := certificates.read(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool, nil
}

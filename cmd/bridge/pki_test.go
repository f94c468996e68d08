package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// pki is an authority, a server that asks for a certificate of it, and files for a client.
type pki struct {
	server                    *tls.Config
	caFile, certFile, keyFile string

	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
}

func newPKI(t *testing.T) pki {
	t.Helper()
	p := pki{}
	p.caKey, p.ca = certificate(t, nil, nil)
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	p.server = &tls.Config{Certificates: []tls.Certificate{p.serverCert(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	p.caFile = file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.ca.Raw})))
	p.certFile, p.keyFile = p.client(t)
	return p
}

func (p pki) serverCert(t *testing.T, change ...func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, cert := certificate(t, p.ca, p.caKey, change...)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// client makes a certificate for a client, and gives the files of it and its key.
func (p pki) client(t *testing.T, change ...func(*x509.Certificate)) (certFile, keyFile string) {
	t.Helper()
	key, cert := certificate(t, p.ca, p.caKey, change...)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))),
		file(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// expired makes a certificate one of the past.
func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

// certificate makes a key and a certificate for this machine, signed by ca, or an authority where ca is nil.
func certificate(t *testing.T, ca *x509.Certificate, caKey *ecdsa.PrivateKey, change ...func(*x509.Certificate)) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "bridge test " + serial.String()},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, f := range change {
		f(template)
	}
	if ca == nil {
		ca, caKey = template, key
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, made
}

// operator is a NATS operator with two accounts: one with JetStream, and the system's.
type operator struct {
	operator, account, system keyPair
}

func newOperator(t *testing.T) operator {
	t.Helper()
	return operator{pair(t, nkeys.CreateOperator), pair(t, nkeys.CreateAccount), pair(t, nkeys.CreateAccount)}
}

// options are a server's that trusts the operator, with its accounts in memory.
func (o operator) options(t *testing.T) *server.Options {
	t.Helper()
	resolver := &server.MemAccResolver{}
	for _, account := range []keyPair{o.account, o.system} {
		claims := jwt.NewAccountClaims(account.public)
		if account == o.account {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := claims.Encode(o.operator.KeyPair)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolver.Store(account.public, text); err != nil {
			t.Fatal(err)
		}
	}
	return &server.Options{TrustedKeys: []string{o.operator.public}, AccountResolver: resolver, SystemAccount: o.system.public}
}

// creds makes a user of the account and gives the text of its credentials file.
func (o operator) creds(t *testing.T, change ...func(*jwt.UserClaims)) string {
	t.Helper()
	user := pair(t, nkeys.CreateUser)
	claims := jwt.NewUserClaims(user.public)
	for _, f := range change {
		f(claims)
	}
	text, err := claims.Encode(o.account.KeyPair)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(text, seed)
	if err != nil {
		t.Fatal(err)
	}
	return string(creds)
}

// operatorMode gives a server that knows one account, and a credentials file of a user of it.
func operatorMode(t *testing.T) (*server.Options, string) {
	t.Helper()
	o := newOperator(t)
	return o.options(t), file(t, o.creds(t))
}

type keyPair struct {
	nkeys.KeyPair
	public string
}

func pair(t *testing.T, create func() (nkeys.KeyPair, error)) keyPair {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{key, public}
}

// subject is the common name of the client's certificate.
func (p pki) subject(t *testing.T) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf.Subject.CommonName
}

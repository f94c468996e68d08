package bridgetest

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

// PKI is an authority, a server that asks for a certificate of it, and files for a client.
type PKI struct {
	Server                    *tls.Config
	CAFile, CertFile, KeyFile string

	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
}

// NewPKI makes an authority and what is signed by it.
func NewPKI(t *testing.T) PKI {
	t.Helper()
	p := PKI{}
	p.caKey, p.ca = certificate(t, nil, nil)
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	p.Server = &tls.Config{Certificates: []tls.Certificate{p.ServerCert(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	p.CAFile = File(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.ca.Raw})))
	p.CertFile, p.KeyFile = p.Client(t)
	return p
}

// ServerCert makes a certificate for a server.
func (p PKI) ServerCert(t *testing.T, change ...func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, cert := certificate(t, p.ca, p.caKey, change...)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// Client makes a certificate for a client, and returns the files of it and its key.
func (p PKI) Client(t *testing.T, change ...func(*x509.Certificate)) (certFile, keyFile string) {
	t.Helper()
	key, cert := certificate(t, p.ca, p.caKey, change...)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return File(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))),
		File(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// Expired makes a certificate one of the past.
func Expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

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

// Operator is a NATS operator with two accounts: one with JetStream, and the system's.
type Operator struct {
	operator, account, system keyPair
}

// NewOperator makes the keys of an operator and its accounts.
func NewOperator(t *testing.T) Operator {
	t.Helper()
	return Operator{pair(t, nkeys.CreateOperator), pair(t, nkeys.CreateAccount), pair(t, nkeys.CreateAccount)}
}

// Options returns those of a server that trusts the operator, with its accounts in memory.
func (o Operator) Options(t *testing.T) *server.Options {
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

// Creds makes a user of the account and returns the text of its credentials file.
func (o Operator) Creds(t *testing.T, change ...func(*jwt.UserClaims)) string {
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

// OperatorMode returns a server that knows one account, and a credentials file of a user of it.
func OperatorMode(t *testing.T) (*server.Options, string) {
	t.Helper()
	o := NewOperator(t)
	return o.Options(t), File(t, o.Creds(t))
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

// CommonName returns the common name of the client's certificate.
func (p PKI) CommonName(t *testing.T) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf.Subject.CommonName
}

// UserKey makes an nkey of a user: a file with its seed, and its public half.
func UserKey(t *testing.T) (seedFile, public string) {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = key.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return File(t, string(seed)), public
}

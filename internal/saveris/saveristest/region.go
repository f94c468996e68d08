package saveristest

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
)

// Region is one address for several accounts, as all customers of a region have. Each account is a Server with its login,
// its world and its memory of what it has served; the region hands each request to the one whose login it bears.
type Region struct {
	accounts []*Server
	listener net.Listener
	http     *http.Server
}

// StartRegion opens a port for servers that run, which have to differ in user name and API key. Close frees it.
func StartRegion(listen string, accounts ...*Server) (*Region, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	r := &Region{accounts: accounts, listener: listener}
	r.http = &http.Server{Handler: http.HandlerFunc(r.serve), ErrorLog: log.New(io.Discard, "", 0)}
	go r.http.Serve(listener)
	return r, nil
}

// URL is the base URL of all accounts, without a slash at its end.
func (r *Region) URL() string { return "http://" + r.listener.Addr().String() }

// Close ends all connections. The servers run on.
func (r *Region) Close() error { return r.http.Close() }

func (r *Region) serve(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(request.Body, 1<<20))
	request.Body = io.NopCloser(bytes.NewReader(body))
	for _, s := range r.accounts {
		if s.concerns(request, body) {
			s.serve(w, request)
			return
		}
	}
	r.accounts[0].serve(w, request) // a login of nobody, or none at all
}

// concerns reports whether a request bears the login, the key or a token of this server, or is for a file of its.
func (s *Server) concerns(r *http.Request, body []byte) bool {
	if path, ok := strings.CutPrefix(r.URL.Path, filesPrefix); ok {
		id, _, _ := strings.Cut(path, "/")
		return s.feedOf(id) != ""
	}
	if key := r.Header.Get("X-Custom-Api-Key"); key != "" {
		return key == s.cfg.APIKey
	}
	if bearer := r.Header.Get("Authorization"); bearer != "" {
		valid, expired := s.tokenState(strings.TrimPrefix(bearer, "Bearer "), s.cfg.Now())
		return valid || expired
	}
	var login struct{ Username string }
	_ = json.Unmarshal(body, &login) // what is none has no user name
	return login.Username == s.cfg.Username
}

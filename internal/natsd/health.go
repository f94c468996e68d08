package natsd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Fault returns why the server does not store, which only a restart mends: there is no server since a restart has failed, it has
// switched JetStream off, or one of its streams could not be written. nil = no such reason is known.
func (s *Server) Fault() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.running == nil {
		return s.failed
	}
	request, err := http.NewRequest(http.MethodGet, "/healthz?details=true", nil)
	if err != nil {
		return err
	}
	answer := &recorder{header: http.Header{}}
	s.running.HandleHealthz(answer, request)
	var health server.HealthStatus
	if err := json.Unmarshal(answer.body.Bytes(), &health); err != nil {
		return fmt.Errorf("health of the embedded NATS server: %w", err)
	}
	for _, e := range health.Errors {
		if lasting(e) {
			return errors.New(e.Error)
		}
	}
	return nil
}

// lasting tells apart what only a restart mends: a stream that is just being made or removed is an error of the same type.
func lasting(e server.HealthzError) bool {
	return e.Type == server.HealthzErrorJetStream || e.Type == server.HealthzErrorStream && strings.Contains(e.Error, " write error: ")
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(int)             {}

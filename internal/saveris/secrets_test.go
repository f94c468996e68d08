package saveris

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/secret"
)

func TestRedirectDoesNotCarryTheLogin(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 10)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { seen <- req }))
	defer other.Close()
	api := httptest.NewServer(http.RedirectHandler(other.URL+"/elsewhere?X-Amz-Signature=sealed", http.StatusTemporaryRedirect))
	defer api.Close()
	key := newClient(t, api.URL, func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key") })
	for name, err := range map[string]error{"token": newClient(t, api.URL).Login(t.Context()), "key": key.Login(t.Context())} {
		host := strings.TrimPrefix(other.URL, "http://")
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), host) || strings.Contains(err.Error(), "sealed") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(seen) != 0 {
		t.Error("the redirect was followed")
	}
}

func TestDownloadCarriesNoLogin(t *testing.T) {
	t.Parallel()
	headers := map[string]http.Header{}
	c := wired(t, vendor(func(req *http.Request) *http.Response {
		headers[req.URL.String()] = req.Header
		if req.URL.Path == "/a" { // S3 sends to the region's host
			return reply(307, "", "Location", "https://files.eu.example.net/b?X-Amz-Signature=sealed")
		}
		return nil
	}))
	ans, err := c.Rows(t.Context(), sixHours, nothing)
	if err != nil || ans.Rows != 1 {
		t.Fatalf("%+v, %v", ans, err)
	}
	for _, url := range []string{"https://files.example.net/a?X-Amz-Signature=sealed", "https://files.eu.example.net/b?X-Amz-Signature=sealed"} {
		h, ok := headers[url]
		if !ok || h.Get("Authorization") != "" || h.Get("x-custom-api-key") != "" || h.Get("Referer") != "" || h.Get("User-Agent") != userAgent {
			t.Errorf("%s was asked for with %v", url, h)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	const key, password, signature = "key-0123456789", `pass"word-0123456789`, "signature-0123456789"
	token := jwt(time.Now().Add(time.Hour))
	echoes := []string{
		`{"message":"'` + token + `' not a valid key=value pair in Authorization header: 'Bearer ` + token + `'"}`,
		`{"message":"` + password + ` ` + key + ` https://files.example.net/a?X-Amz-Signature=` + signature + `&x=y https://files.example.net/b?sealed=` + signature + `"}`,
		`<Error><Code>SignatureDoesNotMatch</Code><Message>no X-Amz-Signature=` + signature + `</Message><StringToSign>` + signature + `</StringToSign></Error>`,
		`{"status":"Error","message":"pass\"word-0123456789 ` + token + `"}`,
		`not JSON ` + token,
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 413, 500} {
		for _, echo := range echoes {
			for _, where := range []string{tokenPath, "/v1/measurements", "/v2/measurements", "/v2/measurements/" + exportID, "/a"} {
				for _, keyed := range []bool{true, false} {
					c := wired(t, vendor(func(req *http.Request) *http.Response {
						switch req.URL.Path {
						case where:
							return reply(status, echo, "Location", "https://x.example.net/?X-Amz-Signature="+signature, "X-Amzn-Errortype", token)
						case tokenPath:
							return reply(200, `{"IdToken":"`+token+`"}`)
						}
						return nil
					}), func(cfg *Config) {
						cfg.Sync, cfg.Password = SyncAuto, secret.New(password)
						if keyed {
							cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New(key)
						}
					})
					c.cfg.RetryWait, c.cfg.FirstPoll, c.pace.first = time.Nanosecond, time.Nanosecond, time.Nanosecond
					q := sixHours
					q.Timeout = time.Millisecond
					_, err := c.Rows(t.Context(), q, nothing)
					hidden := []string{token, token[:30], signature, password, pasted(password)}
					if keyed {
						hidden = []string{token, token[:30], signature, key}
					}
					for _, err := range []error{err, c.Login(t.Context())} {
						for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", errors.Unwrap(err))} {
							for _, hidden := range hidden {
								if strings.Contains(text, hidden) {
									t.Fatalf("%d on %s: %q holds %q", status, where, text, hidden)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestClosedConnectionIsNoEndOfAnything(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }))
	defer srv.Close()
	c := newClient(t, srv.URL)
	_, err := c.download(t.Context(), srv.URL, "", nothing)
	for _, err := range []error{err, c.Login(t.Context()), rowsError(t, c)} {
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, which claims to be another's error", err)
		}
	}
}

func TestNetworkErrorsHoldNoLink(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1")
	_, err := c.download(t.Context(), "http://127.0.0.1:1/a?X-Amz-Signature=sealed", "", nothing)
	if err == nil || strings.Contains(err.Error(), "sealed") || strings.Contains(err.Error(), "/a") {
		t.Errorf("got %v", err)
	}
	if err := c.Login(t.Context()); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}

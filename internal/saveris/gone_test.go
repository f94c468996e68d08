package saveris

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

// TestAnUnknownPathIsNoRefusal: however the gateway says that it does not know a path, it costs one request and no login.
func TestAnUnknownPathIsNoRefusal(t *testing.T) {
	t.Parallel()
	const hash = "8wPz0ZtB6y1JXh3Q4e5f6a7b8c9d0e1f2a3b4c5d6e8="
	const pair = "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + hash + "'."
	const credential = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."
	for _, tt := range []struct {
		status     int
		kind, body string
	}{
		{403, "IncompleteSignatureException", `{"message":"` + pair + `"}`},
		{403, "IncompleteSignatureException:http://internal.amazon.com/coral/com.amazon.coral.service/", `{"message":"odd"}`},
		{403, "", `{"message":"` + pair + `"}`},
		{403, "", `{ "type": "INVALID_SIGNATURE", "title": "` + pair + `", "instance": "x=", "status": 403 }`},
		{403, "", `{ "type": "DEFAULT_4XX", "title": "` + pair + `", "detail": "", "instance": "x=", "status": 403 }`},
		{403, "", `{"status": "Error", "message": "` + pair + `"}`},
		{403, "", `{"Message":"` + credential + `"}`},
		{403, "", pair},
		{403, "InvalidSignatureException", ``},
		{403, "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`},
		{403, "", `{"message":"Missing Authentication Token"}`},
		{403, "", `{ "type": "MISSING_AUTHENTICATION_TOKEN", "title": "Missing Authentication Token", "instance": "x=", "status": 403 }`},
		{404, "", `{ "type": "RESOURCE_NOT_FOUND", "title": "Not Found", "instance": "x=", "status": 404 }`},
		{405, "", `{"message":"Method Not Allowed"}`},
		{410, "", `{"message":"Gone"}`},
	} {
		asked, logins := 0, 0
		c := quick(wired(t, vendor(func(req *http.Request) *http.Response {
			switch req.URL.Path {
			case "/v1/measurements":
				asked++
				return reply(tt.status, tt.body, "X-Amzn-Errortype", tt.kind)
			case tokenPath:
				logins++
			}
			return nil
		}), func(cfg *Config) { cfg.Sync = SyncAuto }))
		for range 2 {
			if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
				t.Errorf("%d %s %s: %v", tt.status, tt.kind, tt.body, err)
			}
		}
		if asked != 1 || logins != 1 {
			t.Errorf("%d %s %s: asked %d times with %d logins, want one each", tt.status, tt.kind, tt.body, asked, logins)
		}
		resp := reply(tt.status, tt.body, "X-Amzn-Errortype", tt.kind)
		if e := c.newError("x", resp); !e.noSuchPath() || e.refusal() || strings.Contains(e.Error(), hash[:40]) {
			t.Errorf("%d %s %s: no such path %v, refusal %v: %v", tt.status, tt.kind, tt.body, e.noSuchPath(), e.refusal(), e)
		}
	}
}

// TestFindingOutAboutSyncCostsOneGET: one request for each feed, and none of the logins that a refusal would cost.
func TestFindingOutAboutSyncCostsOneGET(t *testing.T) {
	t.Parallel()
	for _, unknown := range []string{"403-signature", "403-credential", "403", "404", "405", "410"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{PathUnknown: unknown}})
		c := newClient(t, srv.URL())
		for range 3 {
			for _, feed := range []Feed{Measurements, Alarms} {
				if _, err := c.Rows(t.Context(), Query{Feed: feed, From: from, Until: until}, nothing); err != nil {
					t.Fatalf("%s: %v", unknown, err)
				}
			}
		}
		if gets, logins := srv.Count("unknown"), srv.Count("token"); gets != 2 || logins != 1 {
			t.Errorf("%s: %d requests and %d logins, want 2 and 1", unknown, gets, logins)
		}
	}
	for _, answer := range []int{400, 401, 403} { // to the synchronous endpoint alone, whose authorizer is another one
		asked, logins := 0, 0
		c := quick(wired(t, vendor(func(req *http.Request) *http.Response {
			switch req.URL.Path {
			case "/v1/measurements":
				asked++
				return reply(answer, `{"status":"Error","message":"no"}`)
			case tokenPath:
				logins++
			}
			return nil
		}), func(cfg *Config) { cfg.Sync = SyncAuto }))
		for range 3 {
			if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 1 || logins != 1 {
			t.Errorf("%d: %d requests and %d logins, want one each", answer, asked, logins)
		}
	}
}

// TestSyncThatHasWorkedIsNotGivenUpForARefusedToken: what has worked once is asked for like everything else.
func TestSyncThatHasWorkedIsNotGivenUpForARefusedToken(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Sync: "array"}})
	c := newClient(t, srv.URL())
	for range 3 {
		srv.ExpireTokens()
		if ans, err := c.Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until}, nothing); err != nil || ans.Route != RouteSync {
			t.Errorf("%+v, %v", ans, err)
		}
	}
}

// quick shortens a client's waits.
func quick(c *Client) *Client {
	c.cfg.RetryWait, c.cfg.ThrottledWait, c.pace.first = time.Nanosecond, time.Nanosecond, time.Nanosecond
	return c
}

// What is neither a list nor a refusal says nothing of a window: a 204 least of all, which some give for an empty list and some
// while they are away.
func TestAWindowThatSyncAnswersWithoutAListIsExported(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNoContent, http.StatusPartialContent} {
		for _, offered := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				answer := "[" + reading + "]"
				c := wired(t, vendor(func(req *http.Request) *http.Response {
					switch {
					case req.URL.Path != "/v1/measurements":
						return nil
					case answer != "":
						return reply(200, answer)
					}
					return reply(status, "")
				}), func(cfg *Config) { cfg.Sync = SyncAuto })
				if offered {
					if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
						t.Fatal(err)
					}
				}
				answer = ""
				ans, err := c.Rows(t.Context(), sixHours, nothing)
				if err != nil || ans.Route != RouteExport || ans.Rows != 1 {
					t.Errorf("%d, offered before %v: %+v (%v), want an export", status, offered, ans, err)
				}
				answer = "[" + reading + "]"
				if ans, err = c.Rows(t.Context(), sixHours, nothing); err != nil || ans.Route != RouteSync {
					t.Errorf("%d, offered before %v: %+v (%v), want the list again", status, offered, ans, err)
				}
			})
		}
	}
}

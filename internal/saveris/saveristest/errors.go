package saveristest

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// problem is a gateway answer (shape A, document 13.2). detail is nil where the
// template has none. Variables are pasted in without escaping, as the templates
// do, so a detail with quotes is no JSON; see error.raw_quotes.
func (x *exchange) problem(status int, kind, title string, detail *string) {
	var b strings.Builder
	fmt.Fprintf(&b, `{ "type": "%s", "title": "%s", `, kind, title)
	if detail != nil {
		text := *detail
		if x.sw.ErrorRawQuotes == "off" {
			text = string(appendString(nil, text))
			text = text[1 : len(text)-1]
		}
		fmt.Fprintf(&b, `"detail": "%s", `, text)
	}
	fmt.Fprintf(&b, `"instance": "%s", "status": %d }`, instance(), status)
	x.fail(status, "application/problem+json", b.String())
}

// instance is the gateway's extended request id: another one each time (seen).
func instance() string {
	var b [11]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// badBody is what the gateway's validation says.
func (x *exchange) badBody(detail string) {
	x.problem(http.StatusBadRequest, "BAD_REQUEST_BODY", "Invalid request body", &detail)
}

func (x *exchange) unauthorized(title string) {
	detail := "Authorization information is missing or invalid."
	x.problem(http.StatusUnauthorized, "UNAUTHORIZED", title, &detail)
}

func (x *exchange) denied() {
	detail := ""
	x.problem(http.StatusForbidden, "ACCESS_DENIED", "User is not authorized to access this resource", &detail)
}

// unknownPath: the gateway answers 403, not 404, to what it does not know, and says that a token is missing (inferred).
// Where an Authorization header came, it takes that for a signature of its own and finds it malformed (reported of other
// APIs on the same gateway).
func (x *exchange) unknownPath() {
	bearer := x.r.Header.Get("Authorization")
	switch how := x.sw.PathUnknown; {
	case how == "404":
		x.problem(http.StatusNotFound, "RESOURCE_NOT_FOUND", "Not Found", nil)
	case how == "405":
		x.fail(http.StatusMethodNotAllowed, "application/json", `{"message":"Method Not Allowed"}`)
	case how == "410":
		x.fail(http.StatusGone, "application/json", `{"message":"Gone"}`)
	case how == "403-signature" && bearer != "":
		hash := sha256.Sum256([]byte(bearer))
		x.unsigned("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" +
			base64.StdEncoding.EncodeToString(hash[:]) + "'.")
	case how == "403-credential" && bearer != "":
		x.unsigned("Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization=" +
			base64.StdEncoding.EncodeToString(sha256.New().Sum(nil)))
	default:
		x.problem(http.StatusForbidden, "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", nil)
	}
}

// unsigned refuses a header that is no signature.
func (x *exchange) unsigned(message string) {
	x.w.Header().Set("X-Amzn-Errortype", "IncompleteSignatureException")
	x.fail(http.StatusForbidden, "application/json", `{"message":"`+message+`"}`)
}

// backendError is the error body of the backend (shape B, document 13.1).
func (x *exchange) backendError(status int, message string) {
	text := toJSON(message)
	x.fail(status, "application/json", fmt.Sprintf(`{"status": "Error", "message": %s}`, text))
}

// loginError is the token template for Cognito's 400 (shape C, document 3.1).
func (x *exchange) loginError(message string) {
	x.fail(http.StatusBadRequest, "application/json", fmt.Sprintf(` { "Status": "Error", "Message": "%s" }`, message))
}

// shape answers with what a switch such as range.too_long names; ok is false for
// values that are no answer (Error, empty, accepted).
func (x *exchange) shape(name, message string) (ok bool) {
	switch name {
	case "400B":
		x.backendError(http.StatusBadRequest, message)
	case "500B":
		x.backendError(http.StatusInternalServerError, message)
	case "400A":
		x.problem(http.StatusBadRequest, "BAD_REQUEST_PARAMETERS", "Invalid request parameters", &message)
	default:
		return false
	}
	return true
}

// tooMany is the gateway's throttling, without a template (shape E, inferred).
func (x *exchange) tooMany(text string, wait time.Duration) {
	if wait > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	x.fail(http.StatusTooManyRequests, "application/json", `{"message":"`+text+`"}`)
}

func (x *exchange) gatewayTimeout() {
	x.problem(http.StatusGatewayTimeout, "INTEGRATION_TIMEOUT", "Endpoint request timed out", nil)
}

// page is what a load balancer in between says.
func (x *exchange) page(status int) {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	x.fail(status, "text/html", "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+"</h1></center>\r\n</body>\r\n</html>\r\n")
}

// s3 is a download error (shape F, document 13.4); inner is further XML.
func (x *exchange) s3(status int, code, message, inner string) {
	x.fail(status, "application/xml", fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<Error><Code>%s</Code><Message>%s</Message>%s<RequestId>%s</RequestId><HostId>%s</HostId></Error>`,
		code, message, inner, instance(), instance()))
}

// fail answers with an error body, compressed without a header under error.gzip
// (a public client's experience).
func (x *exchange) fail(status int, contentType, body string) {
	data := []byte(body)
	if x.sw.ErrorGzip == "on" {
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		zip.Write(data)
		zip.Close()
		data = b.Bytes()
	}
	x.reply(status, contentType, data)
}

package saveristest

import (
	"net/http"
	"strconv"
	"strings"
)

// movedTo is what paths begin with where requests are sent on to.
const movedTo = "/moved"

// redirect sends the request on.
func (x *exchange) redirect() {
	target := movedTo + x.r.URL.RequestURI()
	switch x.sw.RedirectTo {
	case "other": // a name that no certificate and no login is for
		_, port, _ := strings.Cut(x.r.Host, ":")
		target = "http://localhost:" + port + target
	case "loop":
		target = x.r.URL.RequestURI()
	}
	status, _ := strconv.Atoi(x.sw.Redirect)
	x.w.Header().Set("Location", target)
	x.fail(status, "text/html", "<html><head><title>"+http.StatusText(status)+"</title></head></html>")
}

package saveris

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// versionPart is where paths of the API begin at the end of an address: a version, and a resource behind it. A version that
// something else follows belongs to a proxy on the way.
var versionPart = regexp.MustCompile(`(?i)/v[0-9]{1,2}(?:/(?:token|measurements|alarms|tasks|devices|sensors|equipments|tenants|locations|measuring[-_]objects)(?:-a?sync)?(?:/.*)?)?$`)

// BaseURL returns the address of an API in the one form that every path can be appended to: scheme and host in lower case,
// no slash at its end, no version part. cut is the version part and what stood behind it, for people who copied the address
// of a resource; it is empty where there was none. It fails on what is no http or https URL, or holds more than an address.
func BaseURL(text string) (base, cut string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", errors.New("base URL: want https://host") // the parser's own error would show a login in it
	}
	if u.User != nil || strings.ContainsAny(text, "?#") {
		return "", "", errors.New("base URL: a login, a query or a fragment does not belong there")
	}
	if port := u.Port(); port != "" && !isPort(port) {
		return "", "", errors.New("base URL: want a port from 1 to 65535")
	}
	u.Host = strings.ToLower(u.Host)
	whole := strings.TrimRight(u.String(), "/")
	base = whole
	for part := versionPart.FindString(base); part != ""; part = versionPart.FindString(base) {
		base = strings.TrimRight(strings.TrimSuffix(base, part), "/")
	}
	return base, whole[len(base):], nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

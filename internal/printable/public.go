package printable

import (
	"regexp"
	"strings"
)

// Log is Text for a log, whose writer may turn a quoted \x1b back into an escape.
func Log(text string) string {
	return strings.ReplaceAll(Text(text), `\x1b`, `\u001b`)
}

// longestPublic is how many characters of an error the page has room for.
const longestPublic = 200

// aQuery is what follows the address in a URL, where files that may be downloaded have their signature.
var aQuery = regexp.MustCompile(`(://[^\s?"]*)\?[^\s"]*`)

// Public returns an error as everybody may see it who reaches the page, who may be more than those who read the log: without the
// queries of URLs, and not longer than the page has room for.
func Public(err error) string {
	text := []rune(Log(aQuery.ReplaceAllString(err.Error(), "$1?…")))
	if len(text) <= longestPublic {
		return string(text)
	}
	return string(text[:longestPublic]) + "…"
}

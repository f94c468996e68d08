package saveris

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// downloadAll reads all files of an export. A file may appear a moment after the export is completed: it is waited for. A link
// may be dead before its time (its signer's own login ends): then the export is asked for fresh ones, as long as every such
// round gets at least one file further.
func (c *Client) downloadAll(ctx context.Context, x export, q *Query, links []string, each func(*Row) error) (int, error) {
	done := map[string]int{} // rows of the files that were read, by name
	absent := c.absence(func() { q.onNotReady(x.askedLocal) })
	for round := 0; ; round++ {
		names := fileNames(links)
		before := len(done)
		err := absent.read(ctx, func() error { return c.readSome(ctx, x.feed, links, names, done, each) })
		if err == nil {
			return total(done, names), nil
		}
		if !errors.Is(err, errExpired) || round > 0 && len(done) == before || round > len(links) {
			return 0, err
		}
		absent.renew()
		s, _, errPoll := c.poll(ctx, x)
		if errPoll != nil {
			return 0, errPoll
		}
		if !s.done() {
			return 0, err
		}
		fresh, errLinks := c.links("poll "+string(x.feed), s)
		if errLinks != nil || len(fresh) == 0 {
			return 0, cmp.Or(errLinks, err)
		}
		if links = fresh; !slices.Equal(sorted(names), sorted(fileNames(links))) {
			clear(done) // other files: what was read may be in any of them
		}
	}
}

// readSome reads the files that are not done, up to the first failure.
func (c *Client) readSome(ctx context.Context, feed Feed, links, names []string, done map[string]int, each func(*Row) error) error {
	for i, link := range links {
		if _, ok := done[names[i]]; ok {
			continue
		}
		n, err := c.readFile(ctx, link, feed, each)
		if err != nil {
			return err
		}
		done[names[i]] = n
	}
	return nil
}

func total(done map[string]int, names []string) (n int) {
	for _, name := range names {
		n += done[name]
	}
	return n
}

// fileNames returns each link a name that its next signature does not change. Links that look alike without their
// signatures keep it: two files are never taken for one.
func fileNames(links []string) []string {
	names := make([]string, len(links))
	for i, link := range links {
		names[i] = unsigned(link)
	}
	if distinct := slices.Compact(sorted(names)); len(distinct) < len(names) {
		return slices.Clone(links)
	}
	return names
}

// unsigned cuts the signature out of a link, of any of S3's and CloudFront's kinds.
func unsigned(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	query := u.Query()
	for key := range query {
		switch k := strings.ToLower(key); {
		case strings.HasPrefix(k, "x-amz-"), k == "signature", k == "expires", k == "awsaccesskeyid", k == "policy", k == "key-pair-id":
			query.Del(key)
		}
	}
	return u.Host + u.Path + "?" + query.Encode()
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}

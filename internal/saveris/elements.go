package saveris

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// maxWhole bounds a synchronous answer, which is read as a whole. The vendor's own limit is 6 MB.
const maxWhole = 16 << 20

var (
	errWhole  = fmt.Errorf("the answer is longer than %d MiB", maxWhole>>20)
	errNoJSON = &foreignError{"the answer is no JSON"}
)

// Elements hands each element of a JSON list to each: the value of a Field that is Nested. An element that is no object
// arrives with Err. A row lives until each returns. It fails where the text is no list.
func Elements(list []byte, each func(*Row) error) error {
	_, err := elementsIn(list, each)
	return err
}

func elementsIn(list []byte, each func(*Row) error) (n int, err error) {
	dec := jsontext.NewDecoder(bytes.NewReader(list), strictOption)
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '[' {
		return 0, errNoList
	}
	var s scanner
	for dec.PeekKind() != ']' {
		raw, err := literal(dec, list)
		if err != nil {
			return n, err
		}
		row := Row{Raw: raw}
		switch {
		case s.scan(raw) == len(raw):
			row.Fields = s.fields
		default:
			if row.Err = s.strict(raw); row.Err == nil {
				row.Fields = s.fields
			}
		}
		n++
		if err := each(&row); err != nil {
			return n, err
		}
	}
	return n, nil
}

// readWhole reads a synchronous answer, packed or not, and closes it.
func readWhole(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	plain, err := gunzip(&bounded{resp.Body, maxWhole, errWhole})
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(&bounded{plain, maxWhole, errWhole})
	return bytes.TrimPrefix(text, []byte("\ufeff")), err
}

// listIn finds the list of a synchronous answer: the member of that name, or the answer as a whole. What has none, or says that
// something went wrong, is not understood: it must not pass for an empty list.
func listIn(text []byte, name string) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if form := formOf(text); form != "" {
		return nil, looksLike(form)
	}
	value := jsontext.Value(text)
	if !value.IsValid(strictOption, jsontext.AllowDuplicateNames(true)) {
		return nil, errNoJSON
	}
	if value.Kind() == '[' {
		return text, nil
	}
	members, err := membersOf(text)
	if err != nil {
		return nil, errNoList
	}
	var list []byte
	var others beside
	for _, m := range members {
		switch {
		case m.folded() != fold(name):
			others.members([]member{m}, false)
		case m.value.Kind() == '[' && list == nil:
			list = m.value
		default:
			return nil, errors.Join(errNoList, fmt.Errorf("%s is no list, or comes twice", name))
		}
	}
	if list == nil {
		return nil, errNoList
	}
	if err := others.err(); err != nil {
		return nil, err
	}
	if others.total > len(elementsOf(list)) {
		return nil, errMore
	}
	return list, nil
}

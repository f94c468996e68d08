package schema

import "bytes"

// maxToken is the longest token of a subject in characters.
const maxToken = 128

// slugs and tokens map an ASCII character to the one that may stand for it.
var slugs, tokens = func() (slugs, tokens [128]byte) {
	for c := range byte(128) {
		slugs[c], tokens[c] = '_', '_'
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			slugs[c], tokens[c] = c, c
		case 'A' <= c && c <= 'Z':
			slugs[c], tokens[c] = c+'a'-'A', c
		}
	}
	return slugs, tokens
}()

// appendMapped appends a character for each character of the text: the table's, or _ for what is not ASCII.
func appendMapped(b, text []byte, table *[128]byte) []byte {
	for _, c := range text {
		switch {
		case c < 0x80:
			b = append(b, table[c])
		case c >= 0xC0: // the first byte of a character of several
			b = append(b, '_')
		}
	}
	return b
}

// appendToken appends the text as one token of a subject.
func appendToken(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, '_')
	}
	n := len(b)
	b = appendMapped(b, text, &tokens)
	return b[:min(len(b), n+maxToken)]
}

// appendQuantity appends the slug of the extension, or of the property where the extension says nothing. It appends
// nothing where neither does. An Unknown property is the quantity "unknown".
func appendQuantity(b, extension, property []byte) []byte {
	if name := bytes.TrimSpace(extension); len(name) > 0 && !bytes.EqualFold(name, []byte("unknown")) {
		return appendMapped(b, extension, &slugs)
	}
	if blank(property) {
		return b
	}
	return appendMapped(b, property, &slugs)
}

// Token returns a text of the vendor as it stands as one token of a subject: a site, a serial number, a tenant, a channel.
func Token(text string) string { return string(appendToken(nil, []byte(text))) }

// QuantityToken returns the token of a quantity, from its own name or the vendor's: air_temperature from Air Temperature.
func QuantityToken(text string) string {
	return string(appendToken(nil, appendMapped(nil, []byte(text), &slugs)))
}

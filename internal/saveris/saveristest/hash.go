package saveristest

// mix is the finalizer of splitmix64: every bit of x moves about half of the result's.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash mixes a key with a number; equal arguments give equal results for ever.
func hash(key uint64, n int64) uint64 { return mix(key ^ mix(uint64(n))) }

// share turns a hash into a number in [0,1).
func share(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// uuid writes 128 bits in the form of a random uuid (version 4).
func uuid(hi, lo uint64) string {
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 2<<62
	const digits = "0123456789abcdef"
	var b [36]byte
	i := 0
	for n := range 32 {
		if n == 8 || n == 12 || n == 16 || n == 20 {
			b[i] = '-'
			i++
		}
		word := hi
		if n >= 16 {
			word = lo
		}
		b[i] = digits[word>>(60-4*(n&15))&15]
		i++
	}
	return string(b[:])
}

// uuidOf derives an id from a key.
func uuidOf(key uint64) string { return uuid(mix(key), mix(key^0x5bd1e995)) }

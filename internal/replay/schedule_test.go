package replay

import "testing"

func TestASliceEndsBetweenTwoTimesUnlessTooManyShareOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		every int // events of the same time
		want  []int
	}{
		{1, []int{sliceSize, sliceSize, 5000}},
		{3000, []int{12_000, 12_000, 1000}},
		{25_000, []int{25_000}},
	} {
		var s schedule
		for i := range 2*sliceSize + 5000 {
			s.list = append(s.list, eventRef{at: int64(i / c.every), ref: uint64(i)})
		}
		for _, want := range c.want {
			if got := len(s.next()); got != want {
				t.Errorf("%d at a time: a slice of %d, want %d", c.every, got, want)
			}
		}
		if len(s.list) > 0 {
			t.Errorf("%d at a time: %d are left", c.every, len(s.list))
		}
	}
	s := schedule{list: make([]eventRef, mostSlice+1)}
	if got := len(s.next()); got != mostSlice {
		t.Errorf("a slice of %d, want at most %d", got, mostSlice)
	}
}

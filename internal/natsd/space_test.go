package natsd_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"saveris-bridge/internal/natsd"
)

func TestAFolderThatCanBeWrittenIsLeftAsItWas(t *testing.T) {
	dir := t.TempDir()
	if err := natsd.TryWrite(dir); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
	if err := natsd.TryWrite(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if free, err := natsd.CheckSpace(filepath.Join(dir, "none")); free != -1 || err != nil {
		t.Errorf("nothing is known of it, and it says %d, %v", free, err)
	}
}

func TestSizesAreShort(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 4 << 20: "4.2 MB", 1 << 30: "1.1 GB"} {
		if got := natsd.Size(bytes); got != want {
			t.Errorf("%d: %s, expected %s", bytes, got, want)
		}
	}
}

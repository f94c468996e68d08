package manifests

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dockerfile returns the lines of the Dockerfile, those that go on joined.
func dockerfile(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n")
}

// command is how a text builds the bridge for others.
func command(t *testing.T, text string) string {
	t.Helper()
	found := regexp.MustCompile(`CGO_ENABLED=.* go build .* \./cmd/bridge\b`).FindString(text)
	if found == "" {
		t.Fatal("nothing builds a bridge")
	}
	return strings.Join(strings.Fields(found), " ")
}

// buildCommand is how the Dockerfile builds the bridge.
func buildCommand(t *testing.T) string {
	t.Helper()
	return command(t, strings.Join(dockerfile(t), "\n"))
}

// Whoever builds a release by hand gets the bytes of the image, whatever his GOFLAGS are.
func TestAllWaysToBuildAReleaseAreOne(t *testing.T) {
	own := strings.NewReplacer("GOOS=$TARGETOS GOARCH=$TARGETARCH ", "", "$VERSION", "…", "$COMMIT", "…", "/out/bridge", "…")
	want := own.Replace(buildCommand(t))
	theirs := regexp.MustCompile(`(main\.version=|main\.commit=|-o )(\$\([^)]*\)|[^\s"]+)`)
	{
		const file = "../../CONTRIBUTING.md"
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := theirs.ReplaceAllString(command(t, string(text)), "${1}…"); got != want {
			t.Errorf("%s builds with\n%s\nand the image with\n%s", file, got, want)
		}
	}
}

// There is no Docker here, but the command is: it is run in two places.
func TestTheImagesBinaryIsStaticAndTheSameAnywhere(t *testing.T) {
	command := buildCommand(t)
	var first []byte
	for _, place := range []string{"here", "some/where/else"} {
		dir := filepath.Join(t.TempDir(), place)
		for _, part := range []string{"go.mod", "go.sum", "cmd", "internal", "schemas"} {
			copyTree(t, filepath.Join("../..", part), filepath.Join(dir, part))
		}
		build := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "/out/bridge", "out", 1))
		build.Dir = dir
		build.Env = append(os.Environ(), "VERSION=0.1.0", "COMMIT=abc", "TARGETOS=linux", "TARGETARCH=amd64")
		if said, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, said)
		}
		binary, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, binary) {
			t.Error("another folder makes another binary")
		}
		first = binary
	}
	if !bytes.Contains(first, []byte("0.1.0")) {
		t.Error("the binary does not know its version")
	}
	file, err := elf.NewFile(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: %s", p.Type)
		}
	}
}

// copyTree copies files, tests left out.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		inside, _ := filepath.Rel(from, path)
		target := filepath.Join(to, inside)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheImageIsPinnedAndOfNobody(t *testing.T) {
	text := strings.Join(dockerfile(t), "\n")
	for _, m := range regexp.MustCompile(`(?m)^FROM (?:--\S+ )?(\S+)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`^(scratch|golang:\d+\.\d+\.\d+)$`).MatchString(m[1]) {
			t.Errorf("%s is not pinned", m[1])
		}
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "\nENTRYPOINT [\"/bridge\"]\n", "\nFROM scratch\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(text, "\nHEALTHCHECK") {
		t.Error("it has a HEALTHCHECK, which Kubernetes does not use")
	}
}

// The user of the image is the one of the pods, so that a volume made by one can be used by the other.
func TestTheImagesUserIsThePods(t *testing.T) {
	for _, w := range render(t, "../base").workloads() {
		if s := w.pods.Spec.SecurityContext; *s.RunAsUser != 65532 || *s.FSGroup != 65532 {
			t.Errorf("pods are of user %d", *s.RunAsUser)
		}
	}
}

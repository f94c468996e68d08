package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeLines is how long the README may be: what is longer stands in docs.
const readmeLines = 160

// TestEveryLinkOfTheDocumentsLeadsSomewhere follows links into this repository, to files and to headings.
func TestEveryLinkOfTheDocumentsLeadsSomewhere(t *testing.T) {
	link, code := regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`), regexp.MustCompile("(?s)```.*?```|`[^`]*`")
	documents := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "node_modules") {
			return skip(d, err)
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		documents++
		text := code.ReplaceAllString(read(t, path), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], ":") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", path, m[1])
			} else if heading != "" && !headings(read(t, target))[heading] {
				t.Errorf("%s: %s has no such heading", path, m[1])
			}
		}
		return nil
	})
	if err != nil || documents < 8 {
		t.Errorf("%d documents (%v)", documents, err)
	}
}

func skip(d fs.DirEntry, err error) error {
	if err == nil && d.IsDir() {
		return fs.SkipDir
	}
	return err
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// headings are the anchors of a document, as its readers' browsers have them.
func headings(text string) map[string]bool {
	anchors, odd := map[string]bool{}, regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	text = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchors[strings.ReplaceAll(odd.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return anchors
}

func TestTheREADMEIsShort(t *testing.T) {
	if lines := strings.Count(read(t, "../README.md"), "\n"); lines > readmeLines {
		t.Errorf("README.md has %d lines, %d at most", lines, readmeLines)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// results are what one part has measured; the other parts are nil.
type results struct {
	Machine  machine
	Backfill []run          `json:",omitempty"`
	Formats  *formatResults `json:",omitempty"`
	Memory   memoryResults  `json:",omitempty"`
	Resume   resumeResults  `json:",omitempty"`
	Live     *liveResults   `json:",omitempty"`
}

// sections make each part's text of docs/benchmarks.md.
var sections = []struct {
	part string
	text func(results) string
	plot func(results) (file, svg string) // may be nil
}{
	{"backfill", backfillText, backfillPlot},
	{"formats", formatsText, nil},
	{"memory", memoryText, memoryPlot},
	{"resume", resumeText, nil},
	{"live", liveText, nil},
}

// keep shows what the part has measured and, with -write, keeps it and brings docs/benchmarks.md up to date.
func (b *bench) keep(r results) error {
	for _, s := range sections {
		if s.part == b.part {
			fmt.Print(s.text(r))
		}
	}
	if err := b.save(r); err != nil || !b.write {
		return err
	}
	return show(b.settings, b.root)
}

// save writes down what the part has measured, with -write.
func (b *bench) save(r results) error {
	if !b.write {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, b.part+".json"), append(text, '\n'), 0o644)
}

// show makes the texts and plots from what was kept. Without -write it prints the texts.
func show(s settings, root string) error {
	path := filepath.Join(root, "docs", "benchmarks.md")
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(page)
	for _, section := range sections {
		var r results
		kept, err := os.ReadFile(filepath.Join(s.out, section.part+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(kept, &r)
		}
		if err == nil {
			text, err = between(text, section.part, "\n"+section.text(r)+"\n")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", section.part, err)
		}
		if section.plot != nil && s.write {
			file, svg := section.plot(r)
			if err := os.WriteFile(filepath.Join(s.out, file), []byte(svg), 0o644); err != nil {
				return err
			}
		}
	}
	if !s.write {
		_, err = fmt.Print(text)
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// between replaces what stands between a part's two markers.
func between(page, part, text string) (string, error) {
	open, closing := "<!-- "+part+" -->", "<!-- /"+part+" -->"
	before, rest, found := strings.Cut(page, open)
	_, after, closed := strings.Cut(rest, closing)
	if !found || !closed {
		return "", fmt.Errorf("the page lacks %s and %s", open, closing)
	}
	return before + open + text + closing + after, nil
}

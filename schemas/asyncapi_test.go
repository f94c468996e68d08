package schemas

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestAsyncAPIHoldsTogether follows every reference of the document and compares the parameters of each channel with its
// address.
func TestAsyncAPIHoldsTogether(t *testing.T) {
	text, _ := Get("asyncapi")
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	refs := 0
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case []any:
			for i, v := range node {
				walk(fmt.Sprintf("%s/%d", path, i), v)
			}
		case map[string]any:
			if ref, ok := node["$ref"].(string); ok {
				refs++
				if !resolves(doc, ref) {
					t.Errorf("%s: %s leads nowhere", path, ref)
				}
			}
			for k, v := range node {
				walk(path+"/"+k, v)
			}
		}
	}
	walk("#", doc)
	if refs < 30 {
		t.Errorf("%d references followed", refs)
	}
	for name, channel := range doc["channels"].(map[string]any) {
		channel := channel.(map[string]any)
		parameters := channel["parameters"].(map[string]any)
		named := regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(channel["address"].(string), -1)
		for _, p := range named {
			if parameters[p[1]] == nil {
				t.Errorf("channel %s has no parameter %s", name, p[1])
			}
		}
		if len(named) != len(parameters) {
			t.Errorf("channel %s: %d parameters for %s", name, len(parameters), channel["address"])
		}
	}
}

func resolves(doc any, ref string) bool {
	file, pointer, local := strings.Cut(ref, "#/")
	if !local {
		_, err := files.ReadFile(file)
		return err == nil
	}
	for _, key := range strings.Split(pointer, "/") {
		object, _ := doc.(map[string]any)
		if doc = object[key]; doc == nil {
			return false
		}
	}
	return file == ""
}

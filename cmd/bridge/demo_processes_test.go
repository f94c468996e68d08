//go:build processes

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"testing"
	"time"
)

// TestTheDemoShowsABitOfEverything: places by their names, limits, a channel that is silent and heard again, a battery that is low, an
// alarm and its end, a task. It waits until all has been printed.
func TestTheDemoShowsABitOfEverything(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute) // it takes one or two
	read, write := io.Pipe()
	o := demoOptions{NATSListen: "127.0.0.1:0", VendorListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", DataDir: t.TempDir()}
	ended := make(chan error, 1)
	go func() {
		ended <- runDemo(ctx, o, write, slog.New(slog.DiscardHandler))
		write.Close()
	}()
	begins := regexp.MustCompile(`^\S+ +(health|live) +[A-Z].*, .*  (SILENT  no reading since|WARNING raised |ALARM raised ) .*  (?P<whose>\d+(/\d)?)$`)
	missing := map[string]*regexp.Regexp{
		"a reading with name and limits": regexp.MustCompile(`^\S+ +live +[A-Z].*  Fridge 1, Cooling compartment +air_temperature +\d\.\d\d Cel  limits 2 to 7  \d+/1$`),
		"a silence and its end":          regexp.MustCompile(`^\S+ +health +[A-Z].*, .*  heard again.*since .*  (?P<whose>\d+/\d)$`),
		"a low battery":                  regexp.MustCompile(`^\S+ +devices +[A-Z].* - Logger +battery low, \d+ %  \d+$`),
		"an alarm and its end":           regexp.MustCompile(`^\S+ +live +[A-Z].*, .*  (WARNING|ALARM) cleared  .*  (?P<whose>\d+)$`),
		"a task":                         regexp.MustCompile(`^\S+ +live +[A-Z].*  Check [A-Z].* task, finished  step 1: .*`),
	}
	begun := map[string]bool{} // channels that are silent, and sensors with an alarm
	for lines := bufio.NewScanner(read); len(missing) > 0 && lines.Scan(); {
		if found := begins.FindStringSubmatch(lines.Text()); found != nil {
			begun[found[begins.SubexpIndex("whose")]] = true
		}
		for what, line := range missing {
			found := line.FindStringSubmatch(lines.Text())
			if i := line.SubexpIndex("whose"); found != nil && (i < 0 || begun[found[i]]) {
				delete(missing, what)
			}
		}
	}
	for what := range missing {
		t.Errorf("the demo has not shown %s", what)
	}
	stop()
	_, _ = io.Copy(io.Discard, read)
	if err := <-ended; !errors.Is(err, ctx.Err()) {
		t.Error(err)
	}
}

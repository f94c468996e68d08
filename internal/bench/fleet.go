package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"

	"saveris-bridge/internal/schema"
)

// storeFleet has a bridge look at the vendor's fleet once, so that events have names and limits.
func (b *bench) storeFleet(ctx context.Context, s *broker) error {
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	cmd := exec.Command(b.bridge, "run")
	cmd.Env = append(b.bridgeEnv(s), "BRIDGE_FEEDS=devices", "BRIDGE_HTTP_ADDR="+addr)
	look, err := startProcess(cmd, nil, b.verbose, nil)
	if err != nil {
		return err
	}
	defer look.cmd.Process.Kill()
	for !answers(ctx, "http://"+addr+"/readyz") { // it is ready once it has looked
		if err := pause(ctx, 100*time.Millisecond, look); err != nil {
			return fmt.Errorf("the fleet was not looked at: %w", err)
		}
	}
	if err := look.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	_, err = look.wait(ctx)
	return err
}

// answers reports whether an address answers with 200.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// proveNames checks that the newest reading has names.
func (s *broker) proveNames(ctx context.Context) error {
	stream, err := s.js.Stream(ctx, names.Stream(schema.Readings))
	if err != nil {
		return err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, readingsPrefix+">")
	if err != nil {
		return err
	}
	var reading struct {
		Names map[string]*string `json:"names"`
	}
	if err := json.Unmarshal(msg.Data, &reading); err != nil {
		return err
	}
	if reading.Names["site"] == nil {
		return errors.New("the readings have no names")
	}
	return nil
}

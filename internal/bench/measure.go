package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"saveris-bridge/internal/saveris"
)

// run is one measurement.
type run struct {
	Contender string
	Name      string
	Sync      string
	Rows      int
	Seconds   float64 // from the start to the last stored message
	First     float64 // seconds from the start to the first stored reading; 0 = not measured
	CPU       float64 // seconds
	BrokerCPU float64
	Peak      int64 // bytes
	BrokerRSS int64
	Stored    uint64 // bytes of the stream, as the server counts them: not compressed
	Disk      int64  // bytes of the server's store
}

func (r run) rate() float64        { return float64(r.Rows) / r.Seconds }
func (r run) flow() float64        { return float64(r.Rows) / (r.Seconds - r.First) }
func (r run) first() float64       { return r.First }
func (r run) cpuRow() float64      { return r.CPU / float64(r.Rows) * 1e6 }
func (r run) brokerRow() float64   { return r.BrokerCPU / float64(r.Rows) * 1e6 }
func (r run) megabytes() float64   { return float64(r.Peak) / (1 << 20) }
func (r run) storedRow() float64   { return float64(r.Stored) / float64(r.Rows) }
func (r run) diskRow() float64     { return float64(r.Disk) / float64(r.Rows) }
func (r run) brokerSpace() float64 { return float64(r.BrokerRSS) / (1 << 20) }

// errVoid says that a measurement proves nothing: the stream holds other rows than it should.
var errVoid = errors.New("measurement is void")

// measureBackfill is the main part.
func measureBackfill(ctx context.Context, b *bench) error {
	list, err := b.contenders(ctx)
	if err != nil {
		return err
	}
	if err := b.warmUp(ctx, list); err != nil {
		return err
	}
	var runs []run
	for round := range b.rounds {
		for _, sync := range b.syncs {
			for _, c := range list {
				r, err := b.measureAgain(ctx, c, sync)
				if err != nil {
					return err
				}
				say("round %d %-7s %-32s %8.0f rows/s  %5.2f µs/row  server %5.2f µs/row  %4.0f MB  %4.0f bytes/row on disk", round+1, sync, c.name, r.rate(), r.cpuRow(), r.brokerRow(), r.megabytes(), r.diskRow())
				runs = append(runs, r)
			}
		}
		if err := b.save(results{Machine: b.machine(), Backfill: runs}); err != nil {
			return err
		}
	}
	return b.keep(results{Machine: b.machine(), Backfill: runs})
}

// warmUp has the vendor render what the bridge will ask for, by a run of the bridge that is not measured, and what the others
// read.
func (b *bench) warmUp(ctx context.Context, list []contender) error {
	for _, c := range list {
		if c.key == "b" {
			say("warming up")
			if _, err := b.measure(ctx, c, b.syncs[0]); err != nil {
				return err
			}
		}
	}
	if err := b.vendor.fill(ctx, saveris.JSON); err != nil {
		return err
	}
	return b.vendor.fix(b.rows)
}

// measureAgain measures until it is not void, three times at most.
func (b *bench) measureAgain(ctx context.Context, c contender, sync string) (r run, err error) {
	for range 3 {
		if r, err = b.measure(ctx, c, sync); !errors.Is(err, errVoid) {
			return r, err
		}
		say("%s, %s: %v", c.name, sync, err)
	}
	return r, err
}

// measure runs one contender against a server of its own and proves that it has done its work.
func (b *bench) measure(ctx context.Context, c contender, sync string) (run, error) {
	s, err := b.startBroker(ctx, sync)
	if err != nil {
		return run{}, err
	}
	defer s.stop()
	if !c.creates {
		if err := s.streams(ctx, c.batches); err != nil {
			return run{}, err
		}
	}
	if c.prepare != nil {
		if err := c.prepare(ctx, s); err != nil {
			return run{}, err
		}
	}
	r := run{Contender: c.key, Name: c.name, Sync: sync, Rows: c.rows(sync)}
	cmd, in, err := c.command(s, r.Rows)
	if err != nil {
		return r, err
	}
	debug.FreeOSMemory() // the audit's, so that nothing is collected meanwhile
	rendered, before := len(b.vendor.cache.Files()), cpuTime(s.cmd.Process.Pid)
	p, err := startProcess(cmd, in, b.verbose, nil)
	if err != nil {
		return r, err
	}
	used, err := p.wait(ctx)
	if err != nil {
		return r, err
	}
	after := cpuTime(s.cmd.Process.Pid)
	r.BrokerRSS, _ = memory(s.cmd.Process.Pid)
	stored, err := s.state(ctx)
	if err != nil {
		return r, err
	}
	r.Seconds, r.Stored = stored.LastTime.Sub(used.began).Seconds(), stored.Bytes
	first, err := s.firstReading(ctx)
	if err != nil {
		return r, err
	}
	r.First = first.Sub(used.began).Seconds()
	if r.Disk, err = s.disk(ctx); err != nil {
		return r, err
	}
	r.CPU, r.BrokerCPU, r.Peak = used.cpu.Seconds(), (after - before).Seconds(), used.peak
	return r, b.prove(ctx, s, r, rendered)
}

// prove checks what the stream holds, and that nobody had to wait for the vendor to render.
func (b *bench) prove(ctx context.Context, s *broker, r run, rendered int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	readings, ids, err := s.audit(ctx)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if readings != r.Rows || ids != r.Rows {
		return fmt.Errorf("%w: the stream holds %d readings with %d ids, not %d", errVoid, readings, ids, r.Rows)
	}
	if r.Contender == "g" {
		if err := s.proveNames(ctx); err != nil {
			return err
		}
	}
	if now := len(b.vendor.cache.Files()); rendered > 0 && now > rendered {
		return fmt.Errorf("%w: the vendor rendered %d files meanwhile", errVoid, now-rendered)
	}
	return nil
}

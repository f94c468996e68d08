package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// usage is what a process took.
type usage struct {
	began time.Time
	cpu   time.Duration // user and system
	peak  int64         // bytes resident at most
}

// begun is what a child says on its standard output when its preparations are over: from here on it is measured.
type begun struct {
	At  time.Time
	CPU time.Duration
}

// tellBegun says it.
func tellBegun() error {
	return json.NewEncoder(os.Stdout).Encode(begun{time.Now(), ownCPU()})
}

// ownCPU is the user and system time of this process so far.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return cpuOf(&r)
}

func cpuOf(r *syscall.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// process is one that runs and is watched.
type process struct {
	cmd    *exec.Cmd
	began  time.Time
	out    bytes.Buffer
	said   bytes.Buffer
	gone   chan struct{} // closed when it has ended
	err    error         // of its end
	watch  sync.WaitGroup
	sample func(time.Time, int64) // resident bytes now; may be nil
	peak   int64
}

// startProcess starts a command with its input and watches its memory.
func startProcess(cmd *exec.Cmd, in any, verbose bool, sample func(time.Time, int64)) (*process, error) {
	p := &process{cmd: cmd, gone: make(chan struct{}), sample: sample}
	cmd.Stdout, cmd.Stderr = &p.out, &p.said
	if verbose {
		cmd.Stderr = io.MultiWriter(&p.said, os.Stderr)
	}
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		cmd.Stdin = bytes.NewReader(text)
	}
	p.began = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.watch.Go(p.look)
	go func() {
		p.err = cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

// look reads the high-water mark until the process has ended.
func (p *process) look() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.gone:
			return
		case now := <-tick.C:
			high, resident := memory(p.cmd.Process.Pid)
			p.peak = max(p.peak, high)
			if p.sample != nil && resident > 0 {
				p.sample(now, resident)
			}
		}
	}
}

// patience is how long a process may take before it is taken for hanging.
const patience = time.Hour

// wait returns what it took once it has ended. A context that ends kills it, and so does the end of patience.
func (p *process) wait(ctx context.Context) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.gone:
	case <-ctx.Done():
		p.cmd.Process.Kill()
		<-p.gone
	}
	p.watch.Wait()
	u := usage{began: p.began, peak: p.peak}
	if r, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.cpu = cpuOf(r)
	}
	var mark begun
	if json.NewDecoder(bytes.NewReader(p.out.Bytes())).Decode(&mark) == nil && !mark.At.IsZero() {
		u.began, u.cpu = mark.At, u.cpu-mark.CPU
	}
	if p.err != nil {
		return u, fmt.Errorf("%s: %w\n%s", p.cmd.Path, p.err, tail(p.said.String(), 20))
	}
	return u, ctx.Err()
}

// tail is the last lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// memory returns the resident bytes of a process: at most so far, and now.
func memory(pid int) (high, now int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	return statusField(string(text), "VmHWM:"), statusField(string(text), "VmRSS:")
}

func statusField(text, name string) int64 {
	_, rest, _ := strings.Cut(text, name)
	line, _, _ := strings.Cut(rest, "\n")
	kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 10, 64)
	return kb << 10
}

// clockTicks is how many ticks /proc counts a second on every Linux that Go runs on.
const clockTicks = 100

// cpuTime is the user and system time of a running process.
func cpuTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return statTime(string(text))
}

// statTime reads fields 14 and 15, which follow the name in brackets by 11.
func statTime(stat string) time.Duration {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / clockTicks
}

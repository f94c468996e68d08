package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine describes where figures come from.
type machine struct {
	CPU    string
	Cores  int
	Memory string
	Kernel string
	Go     string
	NATS   string
}

func (b *bench) machine() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = procField(string(text), "model name")
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		m.Memory = fmt.Sprintf("%d GiB", (statusField(string(text), "MemTotal:")+1<<29)>>30)
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = kernelVersion(string(text))
	}
	if out, err := exec.Command(b.broker, "--version").Output(); err == nil {
		m.NATS = strings.TrimSpace(strings.TrimPrefix(string(out), "nats-server:"))
	}
	return m
}

func procField(text, name string) string {
	_, rest, _ := strings.Cut(text, name)
	value, _, _ := strings.Cut(rest, "\n")
	_, value, _ = strings.Cut(value, ":")
	return strings.TrimSpace(value)
}

// kernelVersion cuts what a builder has appended to the number.
func kernelVersion(text string) string {
	version, _, _ := strings.Cut(strings.TrimSpace(text), "-")
	return "Linux " + strings.TrimSuffix(version, "+")
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s, %s, nats-server %s", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go, m.NATS)
}

package service

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
)

// tasksStored returns the newest event of tasks, and how many there are.
func (s *scene) tasksStored() (data string, n uint64) {
	stream, err := s.jetStream().Stream(s.Context(), "SAVERIS_TASKS")
	if err != nil {
		return "", 0
	}
	info, err := stream.Info(s.Context(), jetstream.WithSubjectFilter("saveris.tasks.>"))
	if err != nil {
		return "", 0
	}
	for _, count := range info.State.Subjects {
		n += count
	}
	if msg, err := stream.GetLastMsgForSubject(s.Context(), "saveris.tasks.>"); err == nil {
		data = string(msg.Data)
	}
	return data, n
}

// TestTasksAreStoredBesideTheOtherRows, without who did them where that is set.
func TestTasksAreStoredBesideTheOtherRows(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.vendor.Update(func(w *saveristest.Switches, _ *saveristest.Faults) { w.TasksColumn = "processed" })
	r := s.start("one", "BRIDGE_FEEDS", "readings,alarms,tasks", "BRIDGE_TASK_USERS", "drop")
	s.await("all feeds to be polled", func() bool { h := r.health(); return h.OK && len(h.Polled) == 3 })
	data, n := s.tasksStored()
	want := 0
	for task := range s.vendor.Tasks(time.Now().Add(-30*time.Minute), time.Now(), time.Now().Add(-10*time.Second)) {
		want++
		if task.Username == "" {
			t.Errorf("nobody did %+v", task)
		}
	}
	if want == 0 || int(n) < want || !strings.Contains(data, `"username":null,"user_uuid":null,`) {
		t.Errorf("%d of %d tasks are stored, the newest is %s", n, want, data)
	}
}

// TestWhatTheVendorRefusesStopsNoOtherFeed: people are told of it, and it is asked for again until he gives it.
func TestWhatTheVendorRefusesStopsNoOtherFeed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.vendor.Update(func(w *saveristest.Switches, _ *saveristest.Faults) { w.AuthLacks = "tasks and devices" })
	r := s.start("one", "BRIDGE_FEEDS", "tasks,readings,alarms,devices", "BRIDGE_INVENTORY_INTERVAL", "1h")
	s.await("the other rows to be polled, and the refusals to be told", func() bool {
		h := r.health()
		told := strings.Join(h.Warnings, "\n")
		return h.OK && len(h.Polled) == 2 && strings.Contains(told, "the vendor does not give tasks, asked again every hour") &&
			strings.Contains(told, "the vendor does not give devices, asked again every hour")
	})
	s.vendor.Update(func(w *saveristest.Switches, _ *saveristest.Faults) { w.AuthLacks = "nothing" })
	s.await("all feeds", func() bool {
		h := r.health()
		return h.OK && len(h.Polled) == 4 && !strings.Contains(strings.Join(h.Warnings, "\n"), "does not give")
	})
}

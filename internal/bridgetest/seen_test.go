package bridgetest_test

import (
	"testing"

	"saveris-bridge/internal/bridgetest"
)

// seen is what a subscriber saw who missed nothing of ten events that were stored.
func (c *court) seen() []bridgetest.Seen {
	c.Helper()
	sub, err := c.js.Conn().SubscribeSync("saveris.readings.live.>")
	if err != nil {
		c.Fatal(err)
	}
	c.store(events(0, 10)...)
	var list []bridgetest.Seen
	for range 10 {
		m, err := sub.NextMsg(bridgetest.Patience)
		if err != nil {
			c.Fatal(err)
		}
		list = append(list, bridgetest.SeenOf(m.Subject, m.Header, m.Data))
	}
	return list
}

func TestTheJudgeOfSubscribersSeesEveryFault(t *testing.T) {
	c := newCourt(t)
	all := c.seen()
	without := func(i int) []bridgetest.Seen { return append(append([]bridgetest.Seen{}, all[:i]...), all[i+1:]...) }
	changed := func(i int, change func(*bridgetest.Seen)) []bridgetest.Seen {
		list := append([]bridgetest.Seen{}, all...)
		change(&list[i])
		return list
	}
	never, lost, resent := bridgetest.Excused{}, bridgetest.Excused{Lost: true}, bridgetest.Excused{Resent: true}
	for name, fault := range map[string]struct {
		seen   []bridgetest.Seen
		may    bridgetest.Excused
		column func(r *bridgetest.SeenReport) int
	}{
		"of a batch that was given up": {changed(3, func(e *bridgetest.Seen) { e.ID = "nobody's" }), never, func(r *bridgetest.SeenReport) int { return r.Unstored }},
		"before it is stored":          {changed(3, func(e *bridgetest.Seen) { e.Seq, e.Last = 0, 0 }), never, func(r *bridgetest.SeenReport) int { return r.Unstored }},
		"nobody's after a loss":        {changed(3, func(e *bridgetest.Seen) { e.ID = "nobody's" }), lost, func(r *bridgetest.SeenReport) int { return r.Unstored }},
		"twice":                        {append(all[:10:10], all[3]), never, func(r *bridgetest.SeenReport) int { return r.Twice }},
		"twice in a cluster": {append(all[:10:10], changed(3, func(e *bridgetest.Seen) { e.Seq = all[4].Seq })[3]), resent,
			func(r *bridgetest.SeenReport) int { return r.Twice }},
		"nobody's in a cluster": {changed(3, func(e *bridgetest.Seen) { e.ID = "nobody's" }), resent, func(r *bridgetest.SeenReport) int { return r.Unstored }},
		"missed in silence": {append(all[:3:3], changed(4, func(e *bridgetest.Seen) { e.Last = all[2].Seq })[4:]...), never,
			func(r *bridgetest.SeenReport) int { return r.Unnoticed }},
		"disordered": {append(append(all[:3:3], all[4], all[3]), all[5:]...), never, func(r *bridgetest.SeenReport) int { return r.Disordered }},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := bridgetest.AuditSubscriber(t.Context(), c.js, stream, fault.seen, fault.may)
			if err != nil || r.Clean() || fault.column(r) == 0 {
				t.Errorf("not seen: %s (%v)", r, err)
			}
		})
	}
	for name, fine := range map[string]struct {
		seen   []bridgetest.Seen
		may    bridgetest.Excused
		missed int
		again  int
	}{
		"all":                             {all, never, 0, 0},
		"all but one, as he can see":      {without(4), never, 1, 0},
		"all but the last":                {all[:9], never, 1, 0},
		"one that was lost, again":        {append([]bridgetest.Seen{{ID: all[0].ID, Subject: all[0].Subject, Seq: 77}}, all...), lost, 0, 1},
		"in its old place, again":         {append(all[:10:10], all[9]), lost, 0, 1},
		"some sent again by a new leader": {append(append(all[:8:8], all[2:6]...), all[8:]...), resent, 0, 4},
		"behind what was lost":            {append([]bridgetest.Seen{{ID: all[1].ID, Subject: all[1].Subject, Seq: 1}}, all...), lost, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := bridgetest.AuditSubscriber(t.Context(), c.js, stream, fine.seen, fine.may)
			if err != nil || !r.Clean() || r.Missed != fine.missed || r.Again != fine.again {
				t.Errorf("%s (%v)", r, err)
			}
		})
	}
}

func TestTheJudgeOfConsumersSeesEveryFault(t *testing.T) {
	c := newCourt(t)
	all := c.seen()
	for name, fault := range map[string]struct {
		got    []bridgetest.Seen
		column func(r *bridgetest.SeenReport) int
	}{
		"unstored":   {append(all[:10:10], bridgetest.Seen{ID: "nobody's", Subject: all[0].Subject, Seq: 99}), func(r *bridgetest.SeenReport) int { return r.Unstored }},
		"twice":      {append(all[:10:10], all[9]), func(r *bridgetest.SeenReport) int { return r.Twice }},
		"missed":     {all[1:], func(r *bridgetest.SeenReport) int { return r.Missed }},
		"disordered": {append(append(all[:3:3], all[4], all[3]), all[5:]...), func(r *bridgetest.SeenReport) int { return r.Disordered }},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := bridgetest.AuditConsumer(t.Context(), c.js, stream, "saveris.readings.>", fault.got)
			if err != nil || fault.column(r) == 0 {
				t.Errorf("not seen: %s (%v)", r, err)
			}
		})
	}
	if r, err := bridgetest.AuditConsumer(t.Context(), c.js, stream, "saveris.readings.>", all); err != nil || !r.Clean() || r.Missed > 0 {
		t.Errorf("%s (%v)", r, err)
	}
}

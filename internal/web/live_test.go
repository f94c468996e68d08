//go:build browser

package web

import (
	"encoding/json"
	"net"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/status"
)

func TestNewReadingAppearsWithoutReload(t *testing.T) {
	source := newFake(calm(time.Now().UTC()))
	b := open(t, source)
	b.text(`window.same = document.querySelector("#readings tbody tr:nth-child(2)")`)
	b.say(`document.querySelectorAll("#readings tbody tr").length`, "18")
	source.change(func(_ *status.Status, r *status.Recent) {
		first := r.Sensors[0]
		value := json.Number("5.3100")
		first.Points = append(first.Points[1:], status.Point{At: time.Now(), Value: &value})
		r.Sensors = append([]status.Sensor{first}, r.Sensors[1:]...)
	})
	b.wait(`document.querySelector("#readings tbody tr .digits").title === "5.3100"`)
	b.say(`same === document.querySelector("#readings tbody tr:nth-child(2)")`, "true") // others are left alone
	b.innocent()
}

// TestDigitsOfTheVendorAreKept: those that the cell has no room for are in its title, and read out.
func TestDigitsOfTheVendorAreKept(t *testing.T) {
	s, r := calm(time.Now().UTC())
	digits := []string{"4.70", "12345678901234567890.1234567890", "1e400", "-19.6950"}
	for i, d := range digits {
		value := json.Number(d)
		r.Sensors[i].Points = append(r.Sensors[i].Points[:0:0], status.Point{At: time.Now(), Value: &value})
	}
	r.Sensors[4].Points = []status.Point{{At: time.Now()}}
	b := open(t, newFake(s, r))
	b.say(`[...document.querySelectorAll("#readings .digits")].slice(0, 5).map((e) => e.textContent).join(" ")`, "4.70 12345678901234567890.12 1e400 -19.70 –")
	b.say(`[...document.querySelectorAll("#readings .digits")].slice(0, 5).map((e) => e.title).join(" ")`, " 12345678901234567890.1234567890  -19.6950 ")
	b.say(`[...document.querySelectorAll("#readings .value .unseen")].map((e) => e.textContent).join(" ")`, "12345678901234567890.1234567890 -19.6950")
	b.fits()
	b.innocent()
}

// TestLostConnectionIsShownAndComesBack takes the server away and starts another one at its address.
func TestLostConnectionIsShownAndComesBack(t *testing.T) {
	source, address := newFake(calm(time.Now().UTC())), bridgetest.Address(t)
	start := func() *httptest.Server {
		t.Helper()
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(handler(source, Options{Poll: time.Minute}, brisk))
		server.Listener.Close()
		server.Listener = l
		server.Start()
		t.Cleanup(server.Close)
		t.Cleanup(server.CloseClientConnections)
		return server
	}
	b := visit(t, start()).ready()
	b.say(`document.querySelector(".sentence").textContent`, "All is well: every feed is fresh and complete.")
	b.server.CloseClientConnections()
	b.server.Close()
	b.wait(`document.querySelector(".sentence").textContent.startsWith("Connection lost: what you see is from ")`)
	b.say(`document.querySelector(".more").textContent.endsWith("If it stays so, look whether the bridge runs.")`, "true")
	b.say(`document.getElementById("verdict").dataset.level`, "bad")
	b.say(`[...document.querySelectorAll(".card .badge")].map((e) => e.textContent + " " + e.dataset.level).join()`, "not known wait,not known wait")
	b.text(`window.before = document.querySelector("#link time").textContent`)
	b.wait(`document.querySelector("#link time").textContent !== before`) // it grows
	b.shoot("lost")

	start()
	b.wait(`document.querySelector(".sentence").textContent.startsWith("All is well")`)
	b.say(`document.getElementById("link").textContent`, "Live")
	b.wait(`[...document.querySelectorAll(".card .badge")].map((e) => e.textContent).join() === "fresh and complete,fresh and complete"`)
}

func TestASevereAlarmColoursTheVerdict(t *testing.T) {
	source := newFake(calm(time.Now().UTC()))
	b := open(t, source)
	alarm := func(severity string) {
		source.change(func(_ *status.Status, r *status.Recent) {
			r.Alarms = append(slices.Clone(r.Alarms), status.Alarm{ID: severity, At: time.Now(), Severity: severity})
		})
	}
	alarm("warning")
	b.wait(`document.querySelector(".more").textContent === "1 alarm is open."`)
	b.say(`document.getElementById("verdict").dataset.level`, "good")
	alarm("alarm")
	b.wait(`document.querySelector(".sentence").textContent === "1 severe alarm is open."`)
	b.say(`document.getElementById("verdict").dataset.level`, "look")
	b.say(`document.querySelector(".more").textContent`, "The bridge is well: every feed is fresh and complete.2 alarms are open, 1 severe.")
	b.innocent()
}

func TestNothingIsCalledCompleteWhileADayIsPartlyRead(t *testing.T) {
	s, r := calm(time.Now().UTC())
	s.Feeds[0].Partly = []status.Day{{Day: "2026-11-03", Covered: 0.5}, {Day: "2026-11-04", Covered: 0.42}}
	b := open(t, newFake(s, r))
	b.say(`document.querySelector(".sentence").textContent`, "All is well: every feed is fresh.")
	b.say(`document.querySelector(".more").textContent`, "Readings of 4 Nov 2026 are read to 42 %, and 1 other day partly.No alarm is open.")
	b.say(`[...document.querySelectorAll(".card .badge")].map((e) => e.textContent).join()`, "fresh,fresh and complete")
	b.say(`document.querySelector(".card .facts").textContent.includes("Gaps counted since")`, "true")
	b.innocent()
}

func TestTooManyPagesAreToldSo(t *testing.T) {
	server := serve(t, newFake(calm(time.Now().UTC())), Options{Streams: 1}, usual)
	if got := events(t, server, "").StatusCode; got != 200 {
		t.Fatalf("the first stream is answered with %d", got)
	}
	b := visit(t, server)
	b.wait(`document.getElementById("link").textContent === "Too many pages are open"`)
}

// TestStandstillIsSeenThoughNothingIsSent: whoever polls is dead, so nothing tells the page but its clock.
func TestStandstillIsSeenThoughNothingIsSent(t *testing.T) {
	source := newFake(calm(time.Now().UTC()))
	b := visit(t, serve(t, source, Options{Poll: time.Minute}, usual)).ready()
	b.say(`document.getElementById("verdict").dataset.level`, "good")
	source.change(func(s *status.Status, _ *status.Recent) {
		s.Feeds = slices.Clone(s.Feeds)
		s.Feeds[0].ReadAt = ptr(time.Now().UTC().Add(-177 * time.Second)) // three seconds before it is too long ago
	})
	b.wait(`document.querySelector(".sentence").textContent.startsWith("Readings have been stalled since ")`)
	b.say(`document.getElementById("verdict").dataset.level`, "bad")
	b.say(`document.querySelector(".card .badge").textContent`, "stalled")
	b.say(`document.title`, "✕ saveris-bridge")
}

func TestHeatMapTellsCountsUnderPointerFocusAndFinger(t *testing.T) {
	now := time.Now().UTC()
	b := open(t, newFake(calm(now)))
	late := now.AddDate(0, 0, -28) // has 28 late rows
	day := `document.querySelector(".calendar [data-day='` + late.Format(time.DateOnly) + `']")`
	told := `document.querySelector(".calendar .told").textContent`
	want := late.Format("Mon 2 Jan 2006") + ", complete, 34,725 rows, 28 of them late, read "
	b.text(day + `.scrollIntoView()`)
	x, y := measured(b, day+".getBoundingClientRect().x + 5"), measured(b, day+".getBoundingClientRect().y + 5")
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
	b.wait(told + `.startsWith("` + want + `")`)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 1, 1))
	b.wait(told + `.includes("300 days complete, 1 partly")`)

	b.text(`document.querySelector(".calendar [tabindex='0'].day").focus()`) // today, as Tab would
	b.wait(told + `.startsWith("` + now.Format("Mon 2 Jan 2006") + `")`)
	for range 4 {
		b.do(chromedp.KeyEvent(kb.ArrowLeft))
	}
	b.wait(told + `.startsWith("` + want + `")`)
	b.say(day+`.ariaLabel`, b.text(told))
	b.text(`document.activeElement.blur()`)
	b.wait(told + `.includes("days complete")`)

	b.do(chromedp.TapXY(x, y))
	b.wait(told + `.startsWith("` + want + `")`)
	b.innocent()
}

func measured(b *tab, expression string) float64 {
	return ask(b, chromedp.Evaluate[float64](expression))
}

func TestSearchFiltersAtTheServerAndOutlivesAReload(t *testing.T) {
	now := time.Now().UTC()
	s, r := calm(now)
	for i := len(r.Sensors); i < 5000; i++ {
		r.Sensors = append(r.Sensors, calmSensor(now, i))
	}
	r.Known = len(r.Sensors)
	b := open(t, newFake(s, r))
	b.say(`document.getElementById("readings-count").textContent`, "200 of 5,000 channels, a search finds the others")
	b.do(chromedp.SendKeys("#search", "22012900"))
	b.wait(`document.getElementById("readings-count").textContent === "2 of 5,000 channels, those that match"`)
	b.say(`document.querySelectorAll("#readings tbody tr").length`, "2")
	b.do(chromedp.Reload())
	b.wait(`document.getElementById("readings-count").textContent === "2 of 5,000 channels, those that match"`)
	b.say(`document.getElementById("search").value`, "22012900")
	b.do(chromedp.SendKeys("#search", "x"))
	b.wait(`document.getElementById("readings-none").checkVisibility()`)
	b.say(`document.getElementById("readings-none").textContent`, "Nothing matches “22012900x”.")
	b.innocent()
}

func TestCalendarShowsTheYearThatWasAskedFor(t *testing.T) {
	now := time.Now().UTC()
	s, r := calm(now)
	s.Feeds[0].Days = append([]status.Day{{Day: "2019-02-03", Covered: 1, Rows: 7}}, s.Feeds[0].Days...)
	b := open(t, newFake(s, r))
	b.text(`(() => { const year = document.getElementById("year"); year.value = "2019"; year.dispatchEvent(new Event("change")); })()`)
	b.wait(`document.querySelector(".calendar .told").textContent === "1 day complete, 0 partly, 0 not yet; late rows on 0 days."`)
	b.say(`document.querySelector(".calendar [data-day='2019-02-03']").ariaLabel.slice(0, 38)`, "Sun 3 Feb 2019, complete, 7 rows, none l"[:38])
	b.say(`document.querySelectorAll(".calendar")[0].querySelectorAll(".day").length`, "28") // four weeks
	b.say(`document.getElementById("calendar-folded").textContent`, "Nothing was asked for before 3 Feb 2019 and after 3 Feb 2019.")
	b.say(`location.search`, "?year=2019")
	b.shoot("year")
	b.fits()
	b.innocent()
}

func TestFocusAndUnfoldedRowsOutliveAnUpdate(t *testing.T) {
	source := newFake(trouble(time.Now().UTC()))
	b := open(t, source)
	b.text(`document.querySelectorAll(".reject summary")[1].click()`)
	b.text(`document.querySelector(".gaps summary").focus()`)
	b.text(`document.activeElement.click()`)
	source.change(func(s *status.Status, r *status.Recent) {
		s.Feeds = slices.Clone(s.Feeds)
		s.Feeds[0].Rows, s.Feeds[1].Rows = 1, 22222
		again := r.Rejects[1]
		again.At = time.Now()
		r.Rejects = append([]status.Reject{again, {Feed: "readings", At: time.Now(), Reason: "new", Row: "x"}}, r.Rejects...)
	})
	b.wait(`document.querySelectorAll(".reject").length === 5 && document.getElementById("feeds").textContent.includes("22,222")`)
	b.say(`document.querySelectorAll(".reject details")[2].open`, "true")
	b.say(`document.querySelector(".reject .note").textContent.startsWith("Alarms · 98 rows, the newest ")`, "true")
	b.say(`document.activeElement.matches(".gaps summary") && document.activeElement.parentElement.open`, "true")
	b.innocent()
}

func TestNoFeedIsGreenWhereNothingCanBeStored(t *testing.T) {
	const full = "store /data: no space left, 0 bytes free"
	b := visit(t, serve(t, newFake(calm(time.Now().UTC())), Options{Poll: time.Minute, Process: func() status.Process { return status.Process{Store: full} }}, brisk)).ready()
	b.say(`document.querySelector(".sentence").textContent`, "S"+full[1:]+".")
	b.say(`[...document.querySelectorAll(".card .badge")].map((e) => e.textContent + " " + e.dataset.level).join()`, "stalled bad,stalled bad")
	b.innocent()
}

func TestBridgeThatHasLostNATSIsNotWell(t *testing.T) {
	var lost atomic.Pointer[time.Time]
	here := func() (h status.Process) {
		if at := lost.Load(); at != nil {
			h.Lost = *at
		}
		return h
	}
	b := visit(t, serve(t, newFake(calm(time.Now().UTC())), Options{Poll: time.Minute, Process: here}, brisk)).ready()
	b.say(`document.getElementById("verdict").dataset.level`, "good")
	at := time.Now().UTC()
	lost.Store(&at)
	b.wait(`document.querySelector(".sentence").textContent === "This bridge has had no connection to NATS since ` + at.Format(time.TimeOnly) + `; what is shown is from then."`)
	b.say(`document.getElementById("verdict").dataset.level`, "bad")
	b.say(`document.getElementById("link").textContent`, "NATS is lost")
	b.say(`[...document.querySelectorAll(".card .badge")].map((e) => e.textContent + " " + e.dataset.level).join()`, "not known bad,not known bad")
	b.shoot("nats-lost")
	lost.Store(nil)
	b.wait(`document.querySelector(".sentence").textContent.startsWith("All is well") && document.getElementById("link").textContent === "Live"`)
	b.innocent()
}

func TestWhatIsNoMatterOfFreshnessDoesNotReplaceTheSentenceOnIt(t *testing.T) {
	now := time.Now().UTC()
	s, r := calm(now)
	s.Feeds[0].Rejected, s.Feeds[0].RejectedAt = 4467, ptr(now)
	b := open(t, newFake(s, r))
	b.say(`document.querySelector(".sentence").textContent`, "Every feed is fresh and complete.")
	b.say(`document.querySelector(".more").textContent.startsWith("4467 rows of readings rejected, the newest at ")`, "true")
	b.say(`document.getElementById("verdict").dataset.level`, "look")
	b.say(`[...document.querySelectorAll(".card .badge")].map((e) => e.textContent).join()`, "fresh and complete,fresh and complete")
	b.innocent()
}

func TestPhoneShowsValuesWithTheirUnits(t *testing.T) {
	s, r := calm(time.Now().UTC())
	for i, d := range []string{"-19.6915", "1013.2512", "12345678901234567890.5"} {
		value := json.Number(d)
		r.Sensors[i].Points = append(r.Sensors[i].Points[:0:0], status.Point{At: time.Now(), Value: &value})
	}
	b := open(t, newFake(s, r), 360, 740)
	const cut = `[...document.querySelectorAll("#readings .value")].slice(0, 3).map((e) => {
		const [digits, unit] = [e.querySelector(".digits"), e.querySelector(".unit")];
		const whole = (x) => x.scrollWidth <= x.clientWidth + 1 && x.getBoundingClientRect().right <= e.getBoundingClientRect().right + 1;
		return (digits.scrollWidth <= digits.clientWidth || getComputedStyle(digits).display === "inline" ? "" : "digits cut, ") + (whole(unit) ? "unit" : "no unit");
	}).join("; ")`
	b.say(cut, "unit; unit; digits cut, unit")
	b.shoot("phone-values")
	b.fits()
	b.innocent()
}

func TestBackfillIsStaleForTheListWhenItIsForTheVerdict(t *testing.T) {
	now := time.Now().UTC()
	s, r := trouble(now)
	s.Backfills[0].ToldAt = now.Add(-9 * time.Minute)
	source := newFake(s, r)
	b := open(t, source)
	silent := `document.querySelector(".backfill").dataset.level + " " + document.querySelector(".more").textContent.includes("Backfill readings-2025 has not reported")`
	b.say(silent, "wait false")
	source.change(func(s *status.Status, _ *status.Recent) {
		s.Backfills = slices.Clone(s.Backfills)
		s.Backfills[0].ToldAt = now.Add(-11 * time.Minute)
	})
	b.wait(silent + ` === "look true"`)
	b.innocent()
}

func TestAnOldAlarmIsShownAndWhatIsUnknownIsSaid(t *testing.T) {
	now := time.Now().UTC()
	source := newFake(trouble(now))
	b := open(t, source)
	b.say(`[...document.querySelectorAll("#alarms .alarm")].find((e) => e.textContent.includes("Calibration is too old")).querySelector(".age").textContent`, "71 d")
	b.say(`document.getElementById("alarms-since").textContent.startsWith("Alarms raised before ")`, "true")
	source.change(func(_ *status.Status, r *status.Recent) { r.AlarmsSince = nil })
	b.wait(`document.getElementById("alarms-since").hidden`)
	b.innocent()
}

// TestAlarmsAreReadAsPeopleSayThem: the words, whose it is, and the warning of a channel with its alarm.
func TestAlarmsAreReadAsPeopleSayThem(t *testing.T) {
	s, r := trouble(time.Now().UTC())
	b := open(t, newFake(s, r))
	b.say(`document.querySelectorAll("#alarms .alarm").length`, "4") // of five
	first := `document.querySelector("#alarms .alarm")`
	b.say(first+`.querySelector("p").textContent`, "alarm Upper limit exceeded: measured 12.7 °C")
	b.say(first+`.querySelector(".beside").textContent`, "warning Upper limit exceeded: measured 9.30 °C, 12 min")
	b.say(first+`.querySelector(".note").textContent.replaceAll("\u00a0", " ")`, "22011235 · air temperature · "+r.Sensors[0].Site)
	b.say(`document.getElementById("alarms-count").textContent`, "5")
	b.innocent()
}

func TestSearchCoversAlarms(t *testing.T) {
	b := open(t, newFake(trouble(time.Now().UTC())))
	b.do(chromedp.SendKeys("#search", "calibration"))
	b.wait(`document.querySelectorAll("#alarms .alarm").length === 1`)
	b.say(`document.getElementById("alarms-count").textContent`, "1 of 5 match")
	b.say(`document.querySelector(".more").textContent.includes("5 alarms are open, 1 severe.")`, "true") // whatever is searched
	b.do(chromedp.SendKeys("#search", "x"))
	b.wait(`document.getElementById("alarms-none").checkVisibility()`)
	b.say(`document.getElementById("alarms-none").textContent`, "No open alarm matches “calibrationx”.")
	b.innocent()
}

func TestTheNewestAreFirstForWhoWantsThem(t *testing.T) {
	b := open(t, newFake(trouble(time.Now().UTC())))
	first := `document.querySelector("#readings tbody tr .name").textContent`
	b.say(first, "22011234")
	b.say(`document.querySelector("#readings tbody tr .silent").textContent.trim()`, "silent")
	b.say(`document.getElementById("readings-count").textContent.replaceAll("\u00a0", " ")`, "36 channels · 2 silent")
	b.do(chromedp.Click("#newest"))
	b.wait(first + ` === "22011245"`)
	b.say(`location.search`, "?order=newest")
	b.do(chromedp.Reload())
	b.wait(`document.body.dataset.ready !== undefined && ` + first + ` === "22011245"`)
	b.say(`document.getElementById("newest").checked`, "true")
	b.innocent()
}

func TestADoorIsDrawnInSteps(t *testing.T) {
	b := open(t, newFake(calm(time.Now().UTC())))
	door := `[...document.querySelectorAll("#readings tbody tr")].find((e) => e.textContent.includes("door contact"))`
	b.say(`/^M[\d.]+ [\d.]+(H[\d.]+V[\d.]+){31}$/.test(`+door+`.querySelector("path").getAttribute("d"))`, "true")
	b.say(door+`.querySelector(".digits").textContent`, "closed")
	b.say(door+`.querySelector(".line").ariaLabel`, "32 values over 7 h 45 min, 2 changes, closed at the end")
	b.say(`document.querySelector("#readings tbody tr path").getAttribute("d").includes("V")`, "false")
	b.innocent()
}

func TestTheHeadSaysWhoseDataItIs(t *testing.T) {
	b := visit(t, serve(t, newFake(calm(time.Now().UTC())), Options{Whose: "an…@example.com · EU", Poll: time.Minute}, brisk), 360, 740).ready()
	b.fits()
	b.say(`document.querySelector("header").textContent.includes("an…@example.com · EU")`, "true")
	b.shoot("head")
	b.innocent()
}

func TestWeeksThatNobodyAskedForAreLeftOut(t *testing.T) {
	now := time.Now().UTC()
	s, r := calm(now)
	for i := range s.Feeds {
		s.Feeds[i].Since, s.Feeds[i].Days = ptr(now.AddDate(0, 0, -2)), s.Feeds[i].Days[len(s.Feeds[i].Days)-3:]
	}
	b := open(t, newFake(s, r))
	b.say(`document.querySelector(".calendar").querySelectorAll(".day").length`, "28")
	b.say(`document.getElementById("calendar-folded").textContent`, "Nothing was asked for before "+now.AddDate(0, 0, -2).Format("2 Jan 2006")+".")
	b.shoot("young")
	b.fits()
	b.innocent()
}

func TestSitesAreReadOnAPhone(t *testing.T) {
	s, r := calm(time.Now().UTC())
	b := open(t, newFake(s, r), 360, 740)
	site := `document.querySelector("#readings tbody tr .site .clip")`
	b.say(site+`.checkVisibility() && `+site+`.scrollWidth <= `+site+`.clientWidth && `+site+`.getBoundingClientRect().width > 200`, "true")
	b.say(site+`.textContent`, r.Sensors[0].Site)
	b.fits()
	b.innocent()
}

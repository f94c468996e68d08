//go:build browser

package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

const ground = `getComputedStyle(document.body).backgroundColor`

func TestColoursFollowTheSystemAndAChoiceIsRemembered(t *testing.T) {
	b := open(t, newFake(calm(time.Now().UTC())))
	light, dark := "rgb(244, 246, 247)", "rgb(15, 19, 22)"
	b.scheme("light")
	b.say(ground, light)
	b.scheme("dark")
	b.say(ground, dark)
	b.do(chromedp.Click("#theme"))
	b.say(`document.getElementById("theme").textContent`, "Colours: light")
	b.say(ground, light)
	b.do(chromedp.Reload())
	b.wait(`document.body.dataset.ready !== undefined`)
	b.say(ground, light)
	b.scheme("light")
	b.do(chromedp.Click("#theme"))
	b.say(ground, dark)
	b.innocent()
}

// weakest gives the texts whose contrast with what lies behind them is under 4.5 to 1.
const weakest = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	const rgb = (...layers) => { for (const c of layers) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); } return [...canvas.getImageData(0, 0, 1, 1).data]; };
	const light = (c) => { const [r, g, b] = c.map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = (e) => { const list = []; for (; e; e = e.parentElement) list.unshift(getComputedStyle(e).backgroundColor); return list; };
	const texts = [...document.querySelectorAll("body *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility() && getComputedStyle(e).color !== "rgba(0, 0, 0, 0)");
	return texts.map((e) => {
		const layers = behind(e), [a, b] = [light(rgb(...layers)), light(rgb(...layers, getComputedStyle(e).color))];
		return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.slice(0, 30)];
	}).filter(([c]) => c < 4.5).map(([c, t]) => t + ": " + c.toFixed(2)).join("; ");
})()`

func TestContrastIsEnoughInBothThemes(t *testing.T) {
	b := open(t, newFake(trouble(time.Now().UTC())))
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.say(weakest, "")
	}
}

func TestEverythingHasANameForScreenReaders(t *testing.T) {
	b := open(t, newFake(trouble(time.Now().UTC())))
	for what, expression := range map[string]string{
		"lines without words":       `[...document.querySelectorAll("svg.line")].filter((e) => !e.ariaLabel).length`,
		"days without words":        `[...document.querySelectorAll(".grid .day")].filter((e) => !e.ariaLabel).length`,
		"sections without a name":   `[...document.querySelectorAll("section, article")].filter((e) => !(e.ariaLabel || e.ariaLabelledByElements?.[0]?.textContent)).length`,
		"controls without a name":   `[...document.querySelectorAll("button, input, select")].filter((e) => !(e.textContent || e.ariaLabel || e.labels?.[0]?.textContent)).length`,
		"icons that are read":       `document.querySelectorAll("svg.icon:not([aria-hidden])").length`,
		"levels of headings missed": `[...document.querySelectorAll("h1, h2, h3")].map((h) => +h.tagName[1]).filter((h, i, all) => i && h > all[i - 1] + 1).length`,
		"ids that come twice":       `[...document.querySelectorAll("[id]")].filter((e, i, all) => all.findIndex((o) => o.id === e.id) !== i).length`,
		"ways into a calendar":      `document.querySelectorAll(".grid").length - document.querySelectorAll(".grid [tabindex='0']").length`,
	} {
		if got := b.text(expression); got != "0" {
			t.Errorf("%s: %s", what, got)
		}
	}
	b.say(`document.querySelector(".line").ariaLabel`, "32 values over 7 h 45 min, between 2.70 and 6.69, risen")
}

func TestNothingMovesForWhoDoesNotWantIt(t *testing.T) {
	source := newFake(calm(time.Now().UTC()))
	b := open(t, source)
	features := []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		t.Fatal(err)
	}
	source.change(func(_ *status.Status, r *status.Recent) {
		r.Sensors = slices.Clone(r.Sensors)
		r.Sensors[0].Points = r.Sensors[0].Points[:9]
	})
	b.wait(`document.querySelector("#readings tr.fresh")`)
	b.say(`document.getAnimations().length`, "0")
}

// hostile texts are what a vendor, or who can name a sensor there, may send.
var hostile = []string{
	`<img src=x onerror="window.pwned=1">`, `</script><script>window.pwned=1</script>`, `"><svg onload=window.pwned=1>`, `javascript:window.pwned=1`,
	"\u202Egnirts desrever\u202C", "\x00\x07\x1b[31mred\x1b[0m\u0085\u2028", strings.Repeat("W", 10_000), strings.Repeat("\u0301", 300) + "zalgo", "\xff\xfe broken UTF-8",
	"{{constructor.constructor('window.pwned=1')()}}", "__proto__", "constructor", "",
}

func TestHostileTextStaysText(t *testing.T) {
	now := time.Now().UTC()
	s, r := trouble(now)
	next := 0
	bad := func() string { next++; return hostile[next%len(hostile)] }
	for _, text := range hostile {
		s.Feeds = append(s.Feeds, status.Feed{
			Feed: schema.Feed(text), Since: ptr(now), ReadAt: ptr(now), Writer: text, Leader: text,
			Gaps: []checkpoint.Span{{From: now, Until: now}}, Days: []status.Day{{Day: now.Format(time.DateOnly)}, {Day: text}},
		})
		backfill := s.Backfills[1]
		backfill.ID, backfill.Worker, backfill.Error = text, text, &text
		s.Backfills = append(s.Backfills, backfill)
		r.Sensors = append([]status.Sensor{{Tenant: text, Site: text, Serial: text, Channel: text, Quantity: text, Unit: text, Name: text, SiteName: text, Points: r.Sensors[0].Points}}, r.Sensors...)
		r.Alarms = append(r.Alarms, status.Alarm{ID: bad(), At: now, Tenant: bad(), Site: bad(), Serial: text, Severity: bad(), Text: text, Condition: text, Reason: text, Quantity: text, Unit: text, Name: text, SiteName: text, Value: ptr(json.Number(text))})
		s.Silent = append(s.Silent[:min(len(s.Silent), mostSilent-1)], status.Silence{Tenant: bad(), Site: bad(), Serial: text, Channel: bad(), Name: bad(), SiteName: text, DueAt: now})
		s.Fleet.Low = append(s.Fleet.Low, status.Battery{Serial: text, Name: bad(), SiteName: bad(), Percent: 1, At: now})
		s.Fleet.Changes = append([]status.Change{{At: now, Kind: schema.FleetKind(text), Key: bad(), Name: text, SiteName: bad(), Text: text, Count: 1}}, s.Fleet.Changes...)
		r.Rejects = append(r.Rejects, status.Reject{Feed: schema.Feed(text), At: now, Reason: text, Row: text + "\n" + text})
	}
	for _, width := range []int64{1280, 360} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			b := open(t, newFake(s, r), width, 800)
			b.text(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`)
			b.say(`window.pwned`, "undefined")
			b.say(`document.querySelectorAll("img, iframe, object, embed, base, form, script:not([src^='page/'])").length`, "0")
			b.say(`[...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on") || ["href", "src", "action"].includes(a.name) && a.value.includes("javascript:"))).length`, "0")
			b.say(`document.getElementById("readings").textContent.includes('<img src=x onerror="window.pwned=1">')`, "true")
			b.say(`document.body.textContent.includes("\\u202egnirts")`, "true")
			b.say(`/[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/.test(document.documentElement.outerHTML)`, "false")
			b.say(`({}).polluted`, "undefined")
			b.fits()
			b.shoot(fmt.Sprint("hostile-", width))
			b.innocent()
		})
	}
}

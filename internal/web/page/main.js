// The page's one loop: what is sent becomes what is seen, and ages grow every second.
import { showAlarms } from "./alarms.js";
import { showBackfills } from "./backfills.js";
import { showCalendars, showYears } from "./calendar.js";
import { age, grow, now } from "./clock.js";
import { el, id, setText } from "./dom.js";
import { showFeeds } from "./feeds.js";
import { showFleet } from "./fleet.js";
import { showLateness } from "./lateness.js";
import { Live } from "./live.js";
import { showReadings } from "./readings.js";
import { showRejects } from "./rejects.js";
import { showSilent } from "./silent.js";
import { plain } from "./text.js";
import { showVerdict } from "./verdict.js";

let state = null; // everything that was sent last, by part
let heard = null; // when the server was heard last, by the server's clock
let link = "wait";
const asked = new URLSearchParams(location.search);
const chosen = { search: asked.get("q") ?? "", year: asked.get("year") ?? "", newest: asked.get("order") === "newest" };

const showBridge = (bridge) => {
  setText(id("version"), `saveris-bridge ${plain(bridge.version)}`);
  setText(id("whose"), plain(bridge.whose));
};

// sections tells which parts of the picture each section is made of.
const sections = [
  [["feeds", "verdict"], () => showFeeds(state, link === "live")],
  [["feeds"], () => showLateness(state)],
  [["sensors", "counts"], () => showReadings(state, chosen)],
  [["alarms", "counts", "known"], () => showAlarms(state, chosen.search)],
  [["silent"], () => showSilent(state)],
  [["fleet", "bridge"], () => showFleet(state)],
  [["backfills", "bridge"], () => showBackfills(state)],
  [["rejects", "feeds"], () => showRejects(state)],
  [["years"], () => showYears(state.years, chosen.year)],
  [["days", "feeds"], () => showCalendars(state, chosen.year)],
  [["bridge"], () => showBridge(state.bridge)],
];

const picture = (parts) => {
  state = { ...state, ...parts };
  for (const [needs, show] of sections) if (needs.some((part) => part in parts)) show();
  document.body.dataset.ready = "";
  tick();
};

// apart tells whether the bridge itself has lost NATS: then what it shows is old, however well it can be reached.
const apart = () => link === "live" && Boolean(state?.verdict.lost);

const linkText = () => {
  if (apart()) return ["NATS is lost"];
  if (link === "live") return ["Live"];
  if (link === "wait") return ["Connecting"];
  if (link === "full") return ["Too many pages are open"];
  if (!heard) return ["Cannot reach the bridge"];
  const old = el("span", { "aria-hidden": "true" }, "the picture is ", age(heard), " old"); // it would be read out every second
  return ["Connection lost", old];
};

const showLink = (next) => {
  link = next;
  if (link === "live") heard = now();
  tick();
};

// tick is for what time alone changes.
const tick = () => {
  const shown = apart() ? "apart" : link;
  if (id("link").shown !== shown) {
    id("link").shown = shown;
    document.body.dataset.link = ["full", "apart"].includes(shown) ? "lost" : shown;
    id("link").replaceChildren(...linkText());
    if (state) showFeeds(state, link === "live");
  }
  grow();
  if (state) showBackfills(state);
  showVerdict(state, link === "live" ? null : heard);
};

const query = () => {
  const q = new URLSearchParams();
  if (chosen.search) q.set("q", chosen.search);
  if (chosen.newest) q.set("order", "newest");
  if (chosen.year) q.set("year", chosen.year);
  return q.size ? "?" + q : "";
};

const live = new Live(picture, showLink);

// ask shows what was chosen, in the address too, so that it outlives a reload and can be sent to somebody.
const ask = () => {
  history.replaceState(null, "", location.pathname + query());
  live.ask(query());
};

// typed waits until somebody has stopped typing.
const typed = (then) => {
  let waiting = null;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(then, 200);
  };
};

const search = id("search");
search.value = chosen.search;
search.addEventListener("input", typed(() => {
  chosen.search = search.value.trim();
  ask();
}));
id("newest").checked = chosen.newest;
id("newest").addEventListener("change", (event) => {
  chosen.newest = event.target.checked;
  ask();
});
id("year").addEventListener("change", (event) => {
  chosen.year = event.target.value;
  ask();
});

showLink("wait");
setInterval(tick, 1000);
live.ask(query());

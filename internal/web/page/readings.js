// The newest readings: a row a sensor's channel.
import { age } from "./clock.js";
import { el, id, keyed, note, setText } from "./dom.js";
import { line } from "./line.js";
import { count, plain, quantity, shortNumber, unit } from "./text.js";

const cell = (name, ...children) => el("td", { role: "cell", class: name }, ...children);

// digits shows a value with two decimals at most; who wants those of the vendor points at it, and is read them.
const digits = (value) => {
  const text = value ?? "–";
  const short = shortNumber(text);
  if (short === text) return [el("span", { class: "digits" }, text)];
  return [el("span", { class: "digits", title: text, "aria-hidden": "true" }, short), el("span", { class: "unseen" }, text)];
};

const keyOf = (s) => JSON.stringify([s.tenant, s.site, s.serial, s.channel, s.quantity]);

const row = (s, old) => {
  const last = s.points.at(-1);
  const site = plain(s.site);
  return el("tr", { role: "row", class: old ? "fresh" : null },
    el("th", { role: "rowheader", scope: "row", class: "sensor" },
      el("span", { class: "name" }, plain(s.serial)), note("/" + plain(s.channel))),
    cell("quantity", quantity(s.quantity)),
    cell("site", el("span", { class: "clip", title: site }, site)),
    cell("trend", line(s.points)),
    cell("number value", ...digits(last?.value), " ", el("span", { class: "note unit" }, unit(s.unit))),
    cell("number age", age(last?.at)));
};

const counted = (shown, known, search) => {
  if (search) return shown ? `${count(shown)} of ${count(known)} channels, those that match` : "";
  if (shown < known) return `${count(shown)} of ${count(known)} channels, those that spoke last`;
  return known ? `${count(known)} ${known === 1 ? "channel" : "channels"}` : "";
};

const few = 18; // rows until somebody wants all: what lies below them should not be a long way off

let all = false;

const showAll = (state, search) => {
  const button = id("readings-all");
  const more = state.sensors.length > few;
  button.hidden = !more;
  button.setAttribute("aria-expanded", all);
  setText(button, all ? "Show fewer" : `Show all ${count(state.sensors.length)}`);
  button.onclick = () => {
    all = !all;
    showReadings(state, search);
  };
};

export const showReadings = (state, search) => {
  const { sensors, counts } = state;
  keyed(id("readings").tBodies[0], all ? sensors : sensors.slice(0, few), keyOf, row);
  setText(id("readings-count"), counted(sensors.length, counts.sensors, search));
  id("readings").hidden = !sensors.length;
  id("readings-none").hidden = sensors.length > 0;
  setText(id("readings-none"), search ? `Nothing matches “${plain(search)}”.` : "No reading has been stored yet.");
  showAll(state, search);
};

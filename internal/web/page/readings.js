// The newest readings: a row a sensor's channel, in an order that stays unless the newest are wanted first.
import { age } from "./clock.js";
import { el, id, keyed, note, setText } from "./dom.js";
import { line } from "./line.js";
import { count, listed, plain, plural, quantity, shortNumber, statesOf, unit } from "./text.js";

const cell = (name, ...children) => el("td", { role: "cell", class: name }, ...children);

// digits shows a value with two decimals at most; who wants those of the vendor points at it, and is read them.
const digits = (value) => {
  const text = value ?? "–";
  const short = shortNumber(text);
  if (short === text) return [el("span", { class: "digits" }, text)];
  return [el("span", { class: "digits", title: text, "aria-hidden": "true" }, short), el("span", { class: "unseen" }, text)];
};

const keyOf = (s) => JSON.stringify([s.tenant, s.site, s.serial, s.channel, s.quantity]);

// limits are those between which all is well.
const limits = ({ limits: l, unit: u }) => {
  if (!l) return [];
  const [low, high] = [l.low, l.high].map((v) => (v == null ? null : shortNumber(String(v))));
  const text = low != null && high != null ? `${low} to ${high}` : low != null ? `${low} at least` : `${high} at most`;
  return [" ", el("span", { class: "limits" }, text, " ", unit(u))];
};

const row = (s, old) => {
  const last = s.points.at(-1);
  const site = plain(s.site_name || s.site);
  const number = `${plain(s.serial)}/${plain(s.channel)}`;
  const states = statesOf(s);
  const value = states && last?.value != null ? [el("span", { class: "digits" }, states[Number(last.value)])] : digits(last?.value);
  return el("tr", { role: "row", class: old ? "fresh" : null },
    el("th", { role: "rowheader", scope: "row", class: "sensor" },
      ...(s.name ? [el("span", { class: "name" }, plain(s.name)), " ", note(number)]
        : [el("span", { class: "name" }, plain(s.serial)), note("/" + plain(s.channel))]), s.silent && el("span", { class: "silent" }, " silent"), s.gone && el("span", { class: "gone" }, " no longer there")),
    cell("quantity", quantity(s.quantity), ...limits(s)),
    cell("site", el("span", { class: "clip", title: site }, site)),
    cell("trend", line(s.points, states)),
    cell("number value", ...value, " ", el("span", { class: "note unit" }, unit(s.unit))),
    cell("number age", age(last?.at)));
};

const part = (shown, known, { search, newest }) => {
  if (search) return shown ? `${count(shown)} of ${count(known)} channels, those that match` : "";
  if (shown < known) return `${count(shown)} of ${count(known)} channels, ${newest ? "those that spoke last" : "a search finds the others"}`;
  return known ? plural(known, "channel") : "";
};

const counted = (shown, { sensors, silent, gone }, chosen) => {
  const text = part(shown, sensors, chosen);
  return text && listed(text, silent > 0 && `${count(silent)} silent`, gone > 0 && `${count(gone)} no longer there`);
};

const few = 18; // rows until somebody wants all: what lies below them should not be a long way off

let all = false;

const showAll = (state, chosen) => {
  const button = id("readings-all");
  const more = state.sensors.length > few;
  button.hidden = !more;
  button.setAttribute("aria-expanded", all);
  setText(button, all ? "Show fewer" : `Show all ${count(state.sensors.length)}`);
  button.onclick = () => {
    all = !all;
    showReadings(state, chosen);
  };
};

export const showReadings = (state, chosen) => {
  const { sensors, counts } = state;
  keyed(id("readings").tBodies[0], all ? sensors : sensors.slice(0, few), keyOf, row);
  setText(id("readings-count"), counted(sensors.length, counts, chosen));
  id("readings").hidden = !sensors.length;
  id("readings-none").hidden = sensors.length > 0;
  setText(id("readings-none"), chosen.search ? `Nothing matches “${plain(chosen.search)}”.` : "No reading has been stored yet.");
  showAll(state, chosen);
};

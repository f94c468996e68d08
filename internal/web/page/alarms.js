// Open alarms, the severe ones first.
import { age } from "./clock.js";
import { el, icon, id, keyed, setText } from "./dom.js";
import { count, edge, listed, plain, quantity, unit } from "./text.js";

const order = ["alarm", "warning"];
const icons = { alarm: "bad", warning: "look" };

const rank = (alarm) => (order.indexOf(alarm.severity) + order.length + 1) % (order.length + 1);

const item = (a) => {
  const value = a.value == null ? null : `${a.value} ${unit(a.unit)}`.trim();
  return el("li", { class: "alarm", "data-level": icons[a.severity] ?? "wait" },
    icon(icons[a.severity] ?? "wait"),
    el("div", { class: "body" },
      el("p", null, el("strong", null, plain(a.severity)), " ", plain(a.condition), value && el("span", { class: "digits" }, " " + value)),
      el("p", { class: "note" }, listed(plain(a.serial), quantity(a.quantity), plain(a.reason)))),
    age(a.at, { class: "age" }));
};

const counted = (shown, open) => {
  if (shown < open) return `${count(shown)} of ${count(open)}`;
  return open ? count(open) : "";
};

export const showAlarms = (state) => {
  const list = [...state.alarms].sort((a, b) => rank(a) - rank(b));
  keyed(id("alarms"), list, (a) => a.id, item);
  id("alarms-none").hidden = list.length > 0;
  setText(id("alarms-count"), counted(list.length, state.counts.alarms));
  id("alarms-since").hidden = !state.known.alarms;
  if (state.known.alarms) setText(id("alarms-since"), `Alarms raised before ${edge(new Date(state.known.alarms))} are not known.`);
};

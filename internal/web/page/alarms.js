// Open alarms, the severe ones first; a warning and an alarm of one channel are one item.
import { age } from "./clock.js";
import { el, icon, id, keyed, setText } from "./dom.js";
import { count, edge, listed, plain, quantity } from "./text.js";

const icons = { alarm: "bad", warning: "look" };

const levelOf = (a) => icons[a.severity] ?? "wait";

const said = (a) => [el("strong", null, plain(a.severity)), " ", plain(a.text)];

const beside = (a) => el("p", { class: "beside", "data-level": levelOf(a) }, ...said(a), ", ", age(a.at));

const item = ([a, ...others]) => el("li", { class: "alarm", "data-level": levelOf(a) },
  icon(levelOf(a)),
  el("div", { class: "body" },
    el("p", null, ...said(a)),
    ...others.map(beside),
    el("p", { class: "note" }, listed(plain(a.name), plain(a.serial), quantity(a.quantity), plain(a.site_name || a.site)))),
  age(a.at, { class: "age" }));

const counted = (shown, { found, alarms }, search) => {
  if (search && alarms) return `${count(found)} of ${count(alarms)} match${shown < found ? `, ${count(shown)} shown` : ""}`;
  if (shown < alarms) return `${count(shown)} of ${count(alarms)}`;
  return alarms ? count(alarms) : "";
};

export const showAlarms = (state, search) => {
  const shown = state.alarms.flat().length;
  keyed(id("alarms"), state.alarms, ([a]) => a.id, item);
  id("alarms-none").hidden = shown > 0;
  setText(id("alarms-none"), search && state.counts.alarms ? `No open alarm matches “${plain(search)}”.` : "No alarm is open.");
  setText(id("alarms-count"), counted(shown, state.counts, search));
  id("alarms-since").hidden = !state.known.alarms;
  if (state.known.alarms) setText(id("alarms-since"), `Alarms raised before ${edge(new Date(state.known.alarms))} are not known.`);
};

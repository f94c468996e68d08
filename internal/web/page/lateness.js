// How long events were under way: to the vendor's cloud, and from there into the stream.
import { el, id, keyed, note } from "./dom.js";
import { count, feedName, span } from "./text.js";

const row = (name, q) => el("tr", null,
  el("th", { scope: "row" }, name),
  ...[q.median, q.p95, q.max].map((seconds) => el("td", { class: "number" }, span(seconds))));

const body = ({ feed, lateness }) => el("tbody", null,
  el("tr", { class: "group" },
    el("th", { scope: "rowgroup", colspan: 4 }, feedName(feed), note(` the newest ${count(lateness.events)} events`))),
  row("arrival", lateness.arrival),
  row("storing", lateness.storing));

export const showLateness = (state) => {
  const list = state.feeds.filter((f) => f.lateness).map(({ feed, lateness }) => ({ feed, lateness }));
  const table = id("lateness");
  table.tHead.key = "head"; // it stays
  keyed(table, [{ head: true }, ...list], (f) => f.feed ?? "head", (f, old) => (f.head ? old : body(f)));
  table.hidden = !list.length;
  id("lateness-none").hidden = list.length > 0;
};

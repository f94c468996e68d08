// Backfills: those that run with a bar, those that have ended in words.
import { age, ageOf } from "./clock.js";
import { el, icon, id, keyed, note } from "./dom.js";
import { count, edge, listed, plain, share, span } from "./text.js";

const running = ["started", "progress"];
const levels = { finished: "good", failed: "bad", paused: "wait", started: "wait", progress: "wait" };

const range = (b) => `${edge(new Date(b.from))} – ${edge(new Date(b.until))}`;

const speed = (b) => listed(
  share(b.covered),
  b.rows_per_second > 0 && `${count(b.rows_per_second)} rows/s`,
  b.eta_seconds != null && `${span(b.eta_seconds)} left`,
  `${count(b.rows)} rows read, ${count(b.stored)} new`,
);

const ends = {
  finished: (b) => `finished: ${count(b.rows)} rows read, ${count(b.stored)} new`,
  failed: (b) => `failed at ${share(b.covered)}: ${plain(b.error) || "no reason given"}`,
  paused: (b) => `paused at ${share(b.covered)}; the same command goes on from there`,
};

const item = ({ stale, ...b }) => {
  const name = b.feeds.map(plain).join(" and ");
  const runs = running.includes(b.phase);
  const level = stale ? "look" : levels[b.phase] ?? "wait";
  return el("li", { class: "backfill", "data-level": level },
    icon(level),
    el("div", { class: "body" },
      el("p", null, el("strong", null, name), " ", range(b), b.reread && " (read again)", note(" " + plain(b.id))),
      runs && el("progress", { max: 1, value: Math.min(1, Math.max(0, b.covered)), "aria-label": `Backfill of ${name}` }, share(b.covered)),
      el("p", { class: "note" }, runs ? speed(b) : (ends[b.phase] ?? (() => plain(b.phase)))(b)),
      stale && el("p", { class: "note" }, "No word from it for a while: if it was killed, the same command goes on from there.")),
    age(b.told_at, { class: "age" }));
};

// showBackfills is called at every tick too: one that was killed shows in that it says nothing.
export const showBackfills = (state) => {
  const list = state.backfills.map((b) => ({ ...b, stale: running.includes(b.phase) && ageOf(b.told_at) > state.bridge.stale_seconds }));
  list.sort((a, b) => running.includes(b.phase) - running.includes(a.phase));
  keyed(id("backfills"), list, (b) => b.id, item);
  id("backfills-section").hidden = !list.length;
};

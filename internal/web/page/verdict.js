// Whether all is well: fresh and complete, or what is wrong. It is decided here and not by the server, because a standstill
// shows in that nothing comes.
import { ageOf, now } from "./clock.js";
import { el, id, icon } from "./dom.js";
import { clock, count, feedName, plain, plural, span } from "./text.js";

const day = 86400;
const order = ["bad", "look", "wait"];

// stalledAfter is how old the last poll may be, in seconds.
const stalledAfter = (bridge) => Math.max(60, 3 * (bridge?.poll_seconds ?? 0));

const at = (moment) => clock(new Date(moment), now());

// ofFeed gives what is wrong with a feed, as [level, sentence].
export const ofFeed = (feed, bridge) => {
  const name = feedName(feed.feed);
  if (!feed.read_at) return [["wait", `${name} have not been read yet.`]];
  const wrong = [];
  if (ageOf(feed.read_at) > stalledAfter(bridge)) wrong.push(["bad", `${name} stand still: the last poll was at ${at(feed.read_at)}.`]);
  const quiet = feed.feed === "readings" && feed.newest && ageOf(feed.newest) > bridge.quiet_seconds;
  if (quiet && !wrong.length) wrong.push(["look", `Nothing new among the ${plain(feed.feed)} since ${at(feed.newest)}, though they are polled.`]);
  if (feed.gap_count > 0) wrong.push(["look", `${name} are not complete: ${plural(feed.gap_count, "gap")}, ${span(feed.gap_seconds)} in all.`]);
  return wrong;
};

// Of what has failed or was rejected the last day counts: a month ago is no news.
const ofBackfills = (backfills) => {
  const failed = backfills.filter((b) => b.phase === "failed" && ageOf(b.told_at) < day);
  if (failed.length === 1) return [["look", `A backfill of ${failed[0].feeds.map(plain).join(" and ")} has failed.`]];
  return failed.length ? [["look", `${count(failed.length)} backfills have failed.`]] : [];
};

const ofRejects = ({ rejects, feeds }) => {
  const fresh = rejects.filter((r) => ageOf(r.at) < day).length;
  const more = feeds.reduce((sum, f) => sum + f.rejected, 0) > rejects.length; // the page has the newest ones only
  const atLeast = more && fresh === rejects.length ? "At least " : "";
  return fresh ? [["look", `${atLeast}${plural(fresh, "row")} rejected within a day.`]] : [];
};

// judge gives what is wrong, the worst first.
const judge = (state) => {
  const wrong = [
    ...state.feeds.flatMap((f) => ofFeed(f, state.bridge)),
    ...ofBackfills(state.backfills),
    ...ofRejects(state),
  ];
  if (!state.feeds.length) wrong.push(["wait", "Nothing has been read yet. The first poll is on its way."]);
  return wrong.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
};

const comesBack = "It comes back by itself as soon as the bridge can be reached.";

const alarmsToo = (state) => {
  const open = state.counts.alarms;
  const severe = state.alarms.filter((a) => a.severity === "alarm").length;
  if (!open) return "No alarm is open.";
  return `${plural(open, "alarm is", "alarms are")} open${severe ? `, ${count(severe)} severe` : ""}.`;
};

// sentences gives the level and what to say: first the worst, then the rest.
const sentences = (state, lost) => {
  if (lost) return ["bad", `Connection lost: what you see is from ${at(lost)}.`, [comesBack]];
  if (!state) return ["wait", "Waiting for the bridge.", []];
  const wrong = judge(state);
  if (!wrong.length) return ["good", "All is well: every feed is fresh and complete.", [alarmsToo(state)]];
  const [[level, first], ...rest] = wrong;
  return [level, first, rest.map(([, text]) => text).concat(state.counts.alarms ? alarmsToo(state) : [])];
};

const signs = { good: "✓", look: "!", bad: "✕", wait: "…" };

// showVerdict says it at the top and in the window's title. state is null before anything is known; lost is the moment of
// the picture where the connection is. Sentences have moments, not ages, so that a screen reader is told only what changes.
export const showVerdict = (state, lost) => {
  const [level, sentence, more] = sentences(state, lost);
  const box = id("verdict");
  const text = JSON.stringify([level, sentence, more]);
  if (box.said === text) return;
  box.said = text;
  box.dataset.level = level;
  box.querySelector(".icon").replaceWith(icon(level));
  id("verdict-text").replaceChildren(
    el("p", { class: "sentence" }, sentence),
    more.length > 1 ? el("ul", { class: "more" }, ...more.map((m) => el("li", null, m))) : el("p", { class: "more" }, ...more),
  );
  document.title = `${signs[level]} saveris-bridge`;
};

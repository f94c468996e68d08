// Whether all is well, as the server has judged: fresh and complete, or what is wrong.
import { now } from "./clock.js";
import { el, id, icon } from "./dom.js";
import { clock, count, feedName, plural } from "./text.js";

const at = (moment) => clock(new Date(moment), now());

// ofFeed gives how bad it is with a feed: the worst comes first. Nobody knows while the page hears nothing.
export const ofFeed = (feed, verdict, heard) => {
  if (!heard) return "wait";
  if (verdict.lost) return "bad"; // nobody knows
  return verdict.problems.find((p) => p.feed === feed.feed)?.level ?? "good";
};

const sentence = ({ text }) => feedName(text) + ".";

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
  const { problems } = state.verdict;
  const alarms = state.counts.alarms ? [alarmsToo(state)] : [];
  if (!problems.length) return ["good", "All is well: every feed is fresh and complete.", [alarmsToo(state)]];
  const fresh = problems.every((p) => p.level === "look" && !p.feed);
  const [first, ...rest] = [...(fresh ? ["Every feed is fresh and complete."] : []), ...problems.map(sentence)];
  return [problems[0].level, first, rest.concat(alarms)];
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

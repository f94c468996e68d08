// Whether all is well, as the server has judged: fresh and complete, or what is wrong.
import { now } from "./clock.js";
import { el, id, icon } from "./dom.js";
import { clock, count, date, feedName, plural, share } from "./text.js";

const at = (moment) => clock(new Date(moment), now());

// ofFeed gives how bad it is with a feed: the worst comes first. What stops the bridge stops every feed. Nobody knows while the page
// hears nothing.
export const ofFeed = (feed, verdict, heard) => {
  if (!heard) return "wait";
  if (verdict.lost) return "bad"; // nobody knows
  return verdict.problems.find((p) => p.feed === feed.feed || (!p.feed && p.level === "bad"))?.level ?? "good";
};

const sentence = ({ text }) => feedName(text) + ".";

const comesBack = "It comes back by itself as soon as the bridge can be reached. If it stays so, look whether the bridge runs.";

const alarmsToo = (state) => {
  const { alarms: open, severe } = state.counts;
  if (!open) return "No alarm is open.";
  return `${plural(open, "alarm is", "alarms are")} open${severe ? `, ${count(severe)} severe` : ""}.`;
};

const partlyRead = ({ feed, partly_read: days, partly_count: all }) => {
  const { day, covered } = days.at(-1);
  const rest = all > 1 ? `, and ${plural(all - 1, "other day")} partly` : "";
  return `${feedName(feed)} of ${date(new Date(day))} are read to ${share(covered)}${rest}.`;
};

// partly says which days have been read in part: then nothing is called complete.
const partly = (state) => state.feeds.filter((f) => f.partly_read?.length).map(partlyRead);

// sentences gives the level and what to say: first the worst, then the rest.
const sentences = (state, lost) => {
  if (lost) return ["bad", `Connection lost: what you see is from ${at(lost)}.`, [comesBack]];
  if (!state) return ["wait", "Waiting for the bridge.", []];
  const { problems } = state.verdict;
  const { alarms: open, severe } = state.counts;
  const alarms = open ? [alarmsToo(state)] : [];
  const days = partly(state);
  const { count: silentChannels } = state.silent;
  const silent = silentChannels ? [`${plural(silentChannels, "channel is", "channels are")} silent.`] : [];
  const well = days.length ? "every feed is fresh" : "every feed is fresh and complete";
  if (!problems.length && severe) {
    return ["look", `${plural(severe, "severe alarm is", "severe alarms are")} open.`, [`The bridge is well: ${well}.`, ...days, alarmsToo(state), ...silent]];
  }
  if (!problems.length && silentChannels) return ["look", silent[0], [`The bridge is well: ${well}.`, ...days, alarmsToo(state)]];
  if (!problems.length) return ["good", `All is well: ${well}.`, [...days, alarmsToo(state)]];
  const fresh = problems.every((p) => p.level === "look" && !p.feed);
  const [first, ...rest] = [...(fresh ? [feedName(`${well}.`)] : []), ...problems.map(sentence)];
  return [problems[0].level, first, rest.concat(days, alarms, silent)];
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

// Rows that could not be events, with the reason, and the row itself folded away.
import { age } from "./clock.js";
import { el, id, keyed, note, setText } from "./dom.js";
import { count, feedName, plain, plainLines } from "./text.js";

const item = (r) => el("li", { class: "reject" },
  el("details", null,
    el("summary", null, plain(r.reason), note(feedName(r.feed), " · ", age(r.at))),
    el("pre", { tabindex: 0, "aria-label": "The row as it came" }, plainLines(r.row) || "(empty)")));

export const showRejects = (state) => {
  keyed(id("rejects"), state.rejects, (r) => JSON.stringify([r.feed, r.at, r.row]), item);
  id("rejects-none").hidden = state.rejects.length > 0;
  const all = state.feeds.reduce((sum, f) => sum + f.rejected, 0);
  setText(id("rejects-count"), all > state.rejects.length ? `the newest ${count(state.rejects.length)} of ${count(all)}` : "");
};

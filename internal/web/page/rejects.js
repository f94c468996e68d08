// Rows that could not be events, by feed and reason; what some of them were is folded away.
import { age } from "./clock.js";
import { el, id, keyed, note, setText } from "./dom.js";
import { count, feedName, listed, plain, plainLines, plural } from "./text.js";

const sample = (r) => el("li", null,
  note(age(r.at)),
  el("pre", { tabindex: 0, "aria-label": "The row as it came" }, plainLines(r.row) || "(empty)"));

const item = (g, old) => el("li", { class: "reject" },
  el("details", { open: old?.querySelector("details").open },
    el("summary", null, plain(g.reason), note(feedName(g.feed), " · ", plural(g.count, "row"), ", the newest ", age(g.at), " old")),
    g.count > g.rows.length && el("p", { class: "note" }, `The newest ${count(g.rows.length)} of them:`),
    el("ul", { class: "plain samples" }, ...g.rows.map(sample))));

export const showRejects = (state) => {
  const { groups, known, other } = state.rejects;
  keyed(id("rejects"), groups, (g) => JSON.stringify([g.feed, g.reason]), item);
  id("rejects-none").hidden = groups.length > 0;
  const all = Math.max(known, state.feeds.reduce((sum, f) => sum + f.rejected, 0));
  setText(id("rejects-count"), listed(
    all > 0 && plural(all, "row"),
    all > known && `the newest ${count(known)} below`,
    other > 0 && `${count(other)} for other reasons`));
};

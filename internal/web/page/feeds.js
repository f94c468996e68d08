// A card a feed: how fresh it is, how far it has been read, and by whom.
import { age, now } from "./clock.js";
import { el, icon, id, keyed, note } from "./dom.js";
import { clock, count, exact, feedName, plain, plural, span } from "./text.js";
import { ofFeed } from "./verdict.js";

const words = { good: "fresh and complete", look: "needs a look", bad: "stalled", wait: "not read yet" };

const fact = (label, value) => el("div", null, el("dt", null, label), el("dd", null, value));

const moment = (at) => (at ? el("time", { datetime: at, title: exact(new Date(at)) }, clock(new Date(at), now())) : "–");

const length = ({ from, until }) => span((new Date(until) - new Date(from)) / 1000);

const gapItem = (gap) => el("li", null, moment(gap.from), " – ", moment(gap.until), note(length(gap)));

const gaps = (feed, open) => {
  if (!feed.gap_count) return el("p", { class: "gaps note" }, feed.since ? "No gaps." : "");
  const left = feed.gap_count - feed.gaps.length;
  return el("details", { class: "gaps", open },
    el("summary", null, `${plural(feed.gap_count, "gap")}, ${span(feed.gap_seconds)} in all`),
    el("ul", { class: "plain" }, ...feed.gaps.map(gapItem), left > 0 && el("li", { class: "note" }, `and ${count(left)} more`)));
};

const card = ({ feed, level, lost }, old) => {
  const title = `feed-${plain(feed.feed)}`;
  return el("article", { class: "card", "aria-labelledby": title, "data-level": level },
    el("div", { class: "heading" },
      el("h3", { id: title }, feedName(feed.feed)),
      el("p", { class: "badge", "data-level": level }, icon(level), lost ? "not known" : level === "good" && feed.partly_count ? "fresh" : words[level])),
    el("dl", { class: "figures" },
      fact("Newest event", age(feed.newest)),
      fact("Last poll", age(feed.read_at)),
      fact("Covered until", moment(feed.covered_until))),
    el("dl", { class: "facts" },
      fact("Rows", count(feed.rows)), fact("Late", count(feed.late)), fact("Rejected", count(feed.rejected)),
      fact("Gaps counted since", moment(feed.since)), fact("Leader", plain(feed.leader) || "–"), fact("Writer", plain(feed.writer) || "–")),
    feed.late_export && el("p", { class: "note" }, "Waits for the vendor’s export since ", moment(feed.late_export.asked_at)),
    gaps(feed, old?.querySelector("details")?.open ?? feed.gap_count <= 3));
};

// showFeeds is called when the connection comes or goes, too: heard tells whether there is one.
export const showFeeds = (state, heard) => {
  const list = state.feeds.map((feed) => ({ feed, level: ofFeed(feed, state.verdict, heard), lost: state.verdict.lost || !heard }));
  id("feeds-section").hidden = !list.length;
  keyed(id("feeds"), list, ({ feed }) => feed.feed, card);
};

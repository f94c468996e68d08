// A calendar a feed: a cell a day, a column a week. It is a grid for the keyboard: one cell can be reached with Tab, the
// others from there with the arrows.
import { now } from "./clock.js";
import { el, id, keyed, setText } from "./dom.js";
import { clock, count, date, feedName, month, plain, plural, share, weekday, weekdays } from "./text.js";

const day = 86400e3;

const key = (d) => d.toISOString().slice(0, 10);

const monday = (d) => new Date(d - ((d.getUTCDay() + 6) % 7) * day);

const today = () => new Date(key(now()));

// bounds are the first and last day that may be shown: of a year, or of the last 53 weeks.
const bounds = (year) => {
  if (year) return [new Date(`${year}-01-01`), new Date(`${year}-12-31`)];
  return [new Date(monday(today()) - 52 * 7 * day), today()];
};

const fewest = 4; // weeks that are shown, so that a calendar looks like one

const aDay = /^\d{4}-\d\d-\d\d$/;

// asked gives the first and last day of the bounds that any feed was asked for; nothing where none was.
const asked = (state, [first, last]) => {
  const end = key(new Date(Math.min(last, today())));
  const days = state.feeds.flatMap((f) => [
    ...(state.days[f.feed] ?? []).map((r) => r.day),
    ...(f.since && f.since.slice(0, 10) <= end ? [f.since.slice(0, 10), end] : []),
  ]).filter((d) => aDay.test(d) && d <= key(last)).map((d) => (d < key(first) ? key(first) : d)).sort();
  return days.length ? [new Date(days[0]), new Date(days.at(-1))] : null;
};

// folded leaves out what nobody has asked for before and after the rest.
const folded = ([first, last], some) => {
  if (!some) return [new Date(Math.max(first, last - (fewest * 7 - 1) * day)), last];
  const [begin, end] = some;
  return [new Date(Math.max(first, Math.min(begin, end - (fewest * 7 - 1) * day))), end];
};

const showFolded = ([first, last], some) => {
  const parts = some && [
    some[0] - first >= 7 * day && `before ${date(some[0])}`,
    Math.min(last, today()) - some[1] >= 7 * day && `after ${date(some[1])}`,
  ].filter(Boolean);
  id("calendar-folded").hidden = !parts?.length;
  if (parts?.length) setText(id("calendar-folded"), `Nothing was asked for ${parts.join(" and ")}.`);
};

// stateOf tells what a day is: read completely, partly, not yet, or none of the bridge's business.
const stateOf = (record, name, since, last) => {
  if (record?.covered >= 1) return "complete";
  if (record?.covered > 0) return "partly";
  if (record) return "none";
  return since && name >= since && name <= last ? "none" : "outside";
};

const words = { complete: "complete", partly: "partly read", none: "not read yet", outside: "not asked for" };

const describe = (d, state, record) => [
  `${weekday(d)} ${date(d)}`,
  state === "partly" ? `${share(record.covered)} read` : words[state],
  record && plural(record.rows, "row"),
  record?.late ? `${count(record.late)} of them late` : record && "none late",
  record && state !== "none" && `read ${clock(new Date(record.read_at), now())}`,
].filter(Boolean).join(", ");

// daysOf gives the cells of a calendar, from a Monday to a Sunday; those outside of the bounds are null.
const daysOf = (feed, records, [first, last]) => {
  const byDay = new Map(records.map((r) => [r.day, r]));
  const since = feed.since?.slice(0, 10);
  const cells = [];
  for (let t = monday(first).getTime(); t <= last.getTime() || cells.length % 7; t += day) {
    const d = new Date(t);
    const record = byDay.get(key(d));
    const state = stateOf(record, key(d), since, key(today()));
    cells.push(d < first || d > last ? null : { day: key(d), state, late: (record?.late ?? 0) > 0, text: describe(d, state, record) });
  }
  return cells;
};

const summary = (cells) => {
  const of = (state) => cells.filter((c) => c?.state === state).length;
  const late = cells.filter((c) => c?.late).length;
  const days = `${plural(of("complete"), "day")} complete, ${count(of("partly"))} partly, ${count(of("none"))} not yet`;
  return `${days}; late rows on ${plural(late, "day")}.`;
};

const cell = (c, old) => {
  const node = old?.tagName === "BUTTON" ? old : el("button", { type: "button", role: "gridcell", class: "day", tabindex: -1 });
  node.dataset.state = c.state;
  node.toggleAttribute("data-late", c.late);
  node.setAttribute("aria-label", c.text);
  node.dataset.day = c.day;
  return node;
};

const blank = () => el("span", { role: "gridcell", class: "blank" });

// A row is a weekday, so the grid is filled across: every seventh cell of the calendar.
const showRow = (row, cells, weekdayAt) => {
  const own = cells.filter((_, i) => i % 7 === weekdayAt);
  const list = [{ head: true }, ...own.map((c, i) => c ?? { blank: i })];
  keyed(row, list, (c) => c.day ?? (c.head ? "head" : `blank ${c.blank}`), (c, old) => {
    if (c.head) return old ?? el("span", { role: "rowheader", class: "weekday" }, weekdays[weekdayAt]);
    return c.day ? cell(c, old) : blank();
  });
};

// monthsOf gives the names above the columns: a month where its first Monday lies, unless the one before is too close.
const monthsOf = (cells) => {
  const names = [];
  for (let week = 0; week * 7 < cells.length; week++) {
    const first = cells.slice(week * 7, week * 7 + 7).find(Boolean);
    if (!first) continue;
    const d = new Date(first.day);
    const name = month(d);
    if (names.at(-1)?.name !== name) names.push({ name, week });
  }
  return names.filter((m, i) => i + 1 >= names.length ? cells.length / 7 - m.week > 2 : names[i + 1].week - m.week > 2);
};

const showMonths = (node, cells) => keyed(node, monthsOf(cells), (m) => `${m.name} ${m.week}`, (m) => {
  const label = el("span", null, m.name);
  label.style.gridColumn = `${m.week + 2} / span 3`;
  return label;
});

// build makes what stays of a calendar: the grid, and the line below it that says what the cell under pointer or focus is.
const build = (name) => {
  const title = `calendar-${plain(name)}`;
  const rows = Array.from({ length: 7 }, () => el("div", { role: "row", class: "week-row" }));
  const months = el("div", { class: "months", "aria-hidden": "true" });
  const grid = el("div", { role: "grid", class: "grid", "aria-labelledby": title, "aria-readonly": "true" }, ...rows);
  const scroll = el("div", { class: "scroll" }, months, grid);
  const told = el("p", { class: "told note", "aria-hidden": "true" });
  const all = el("p", { class: "unseen" });
  const node = el("section", { class: "calendar", "aria-labelledby": title }, el("h3", { id: title }, feedName(name)), scroll, all, told);
  node.parts = { rows, months, grid, scroll, told, all, picked: null };
  follow(node);
  return node;
};

const tell = (node) => {
  const { grid, told, picked, all } = node.parts;
  const chosen = picked && grid.querySelector(`[data-day="${picked}"]`);
  const under = grid.querySelector(".day:hover") ?? grid.querySelector(".day:focus") ?? chosen;
  setText(told, under?.getAttribute("aria-label") ?? all.textContent);
};

// reach makes a cell the one that Tab leads to.
const reach = (grid, target) => {
  for (const other of grid.querySelectorAll('.day[tabindex="0"]')) other.tabIndex = -1;
  if (target) target.tabIndex = 0;
};

const steps = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1 };

const move = (grid, event) => {
  const from = event.target.dataset.day;
  if (!from) return;
  const all = [...grid.querySelectorAll(".day")].sort((a, b) => (a.dataset.day < b.dataset.day ? -1 : 1));
  const step = steps[event.key];
  const to = event.key === "Home" ? all[0] : event.key === "End" ? all.at(-1) : step && all[all.indexOf(event.target) + step];
  if (step || to) event.preventDefault();
  to?.focus();
};

const follow = (node) => {
  const { grid } = node.parts;
  for (const what of ["pointerover", "pointerout", "focusout"]) grid.addEventListener(what, () => tell(node));
  grid.addEventListener("focusin", (event) => { reach(grid, event.target); tell(node); });
  grid.addEventListener("click", (event) => { node.parts.picked = event.target.dataset.day ?? null; tell(node); });
  grid.addEventListener("keydown", (event) => move(grid, event));
};

const update = (node, cells) => {
  const { rows, months, grid, scroll } = node.parts;
  const weeks = cells.length / 7;
  node.style.setProperty("--weeks", weeks);
  rows.forEach((row, i) => showRow(row, cells, i));
  showMonths(months, cells);
  setText(node.parts.all, summary(cells));
  const [first, last] = [cells.find(Boolean).day, cells.findLast(Boolean).day];
  if (!grid.querySelector('.day[tabindex="0"]')) reach(grid, grid.querySelector(`[data-day="${last}"]`));
  if (node.first !== first) scroll.scrollLeft = scroll.scrollWidth; // the newest, where not all can be seen
  node.first = first;
  tell(node);
};

export const showCalendars = (state, year) => {
  const parent = id("calendar");
  id("calendar-section").hidden = !state.feeds.length;
  keyed(parent, state.feeds.map((f) => ({ feed: f.feed })), (f) => f.feed, ({ feed }) => build(feed));
  const all = bounds(year);
  const some = asked(state, all);
  state.feeds.forEach((f, i) => update(parent.children[i], daysOf(f, state.days[f.feed] ?? [], folded(all, some))));
  showFolded(all, some);
};

// showYears offers the years that there are records of, where that is more than what is shown anyway.
export const showYears = (years, year) => {
  const choices = [["", "the last 53 weeks"], ...years.map((y) => [y, y])];
  keyed(id("year"), choices, ([value]) => value || "weeks", ([value, name]) => el("option", { value }, name));
  id("year").value = year;
  id("year").closest("label").hidden = years.length < 2 && !year;
};

// Channels that should have been heard and were not: a line each while they are few, one line for all where a site, or everything,
// is cut off.
import { age } from "./clock.js";
import { el, icon, id, keyed, setText } from "./dom.js";
import { count, listed, plain } from "./text.js";

const item = (name, note, at) => el("li", { class: "alarm", "data-level": "look" },
  icon("look"),
  el("div", { class: "body" }, el("p", null, el("strong", null, name)), el("p", { class: "note" }, note)),
  age(at, { class: "age" }));

const one = (s) => {
  const number = `${plain(s.serial)}/${plain(s.channel)}`;
  return item(plain(s.name) || number, listed(s.name && number, plain(s.site_name), !s.last_at && "never had a reading"), s.last_at ?? s.due_at);
};

export const showSilent = ({ silent }) => {
  id("silent-section").hidden = !silent.count;
  setText(id("silent-count"), silent.count ? count(silent.count) : "");
  const list = silent.channels.length ? silent.channels : silent.count ? [{ all: silent.count, since: silent.since }] : [];
  keyed(id("silent"), list, (s) => (s.all ? "all" : JSON.stringify([s.tenant, s.site, s.serial, s.channel])),
    (s) => (s.all ? item(`${count(s.all)} channels`, "they stand first among the readings", s.since) : one(s)));
};

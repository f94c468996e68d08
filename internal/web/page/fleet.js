// The fleet: how much there is, which batteries are low, and what has changed last.
import { age } from "./clock.js";
import { el, icon, id, keyed, setText } from "./dom.js";
import { count, listed, plain, plural } from "./text.js";

const battery = (b) => el("li", { class: "alarm", "data-level": "look" },
  icon("look"),
  el("div", { class: "body" },
    el("p", null, el("strong", null, "battery low"), ` ${count(b.percent)} %`),
    el("p", { class: "note" }, listed(plain(b.name), plain(b.serial), plain(b.site_name)))),
  age(b.at, { class: "age" }));

const change = (c) => el("li", { class: "change" },
  el("div", { class: "body" },
    el("p", null, c.count > 1 ? `${count(c.count)} × ` : "", plain(c.text)),
    c.count > 1 ? null : el("p", { class: "note" }, listed(plain(c.name), plain(c.key), plain(c.site_name)))),
  age(c.at, { class: "age" }));

const few = 5; // of each

export const showFleet = ({ fleet, bridge }) => {
  id("fleet-section").hidden = !fleet;
  if (!fleet) return;
  setText(id("fleet-count"), listed(plural(fleet.devices, "device"), plural(fleet.channels, "channel"),
    fleet.low_battery_count > few && `${plural(fleet.low_battery_count, "low battery", "low batteries")}`));
  id("fleet-looked").hidden = !bridge.looked_at;
  id("fleet-looked").replaceChildren("last look ", age(bridge.looked_at));
  keyed(id("batteries"), fleet.low_batteries.slice(0, few), (b) => b.serial, battery);
  keyed(id("changes"), fleet.changes.slice(0, few), (c) => JSON.stringify([c.at, c.kind, c.key, c.text]), change);
};

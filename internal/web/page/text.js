// How things are written: pure functions from what the server sends to words.

// Characters that cannot be seen, or that turn the direction of what follows, are written as \u and four hex digits: a name
// must not look like another one. Line breaks and tabs are left to whoever shows more than a line.
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

const escaped = (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0");

export const plain = (text) => String(text ?? "").replace(unseen, escaped);

export const plainLines = (text) => String(text ?? "").replace(unseen, (c) => (c === "\n" || c === "\t" ? c : escaped(c)));

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

export const count = (n) => whole.format(n ?? 0);

export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

// share never rounds up to 100 %: what is not complete must not look so.
export const share = (x) => {
  if (x >= 1) return "100 %";
  const percent = Math.max(0, x) * 100;
  return (percent > 0 && percent < 0.1 ? "under 0.1" : Math.floor(percent * 10) / 10) + " %";
};

// shortNumber leaves two decimals at most. It rounds; what is too long for that loses the rest.
export const shortNumber = (text) => {
  const [, most] = /^(-?\d+\.\d\d)\d+$/.exec(text) ?? [];
  if (!most) return text;
  return most.length < 15 ? Number(text).toFixed(2) : most;
};

const steps = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

// span writes seconds in the two largest units that matter: 2 d 4 h, 12 min, 45 s. Seconds go with less than ten minutes.
export const span = (seconds) => {
  const s = Math.max(0, seconds);
  if (s < 1) return s === 0 ? "0 s" : s.toFixed(1) + " s";
  let left = Math.floor(s);
  const at = steps.findIndex(([, size]) => left >= size);
  const [unit, size] = steps[at];
  const first = Math.floor(left / size);
  left -= first * size;
  const next = steps[at + 1];
  const second = next ? Math.floor(left / next[1]) : 0;
  const matters = second > 0 && (unit !== "min" || first < 10);
  return matters ? `${first} ${unit} ${second} ${next[0]}` : `${first} ${unit}`;
};

// older writes an age, calmer than span: whatever changes each second draws the eye.
export const older = (seconds) => {
  if (seconds < 1) return "now";
  return seconds >= 60 && seconds < 3600 ? `${Math.floor(seconds / 60)} min` : span(Math.floor(seconds));
};

const two = (n) => String(n).padStart(2, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
export const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export const month = (d) => months[d.getUTCMonth()];

export const weekday = (d) => weekdays[(d.getUTCDay() + 6) % 7];

export const date = (d) => `${d.getUTCDate()} ${month(d)} ${d.getUTCFullYear()}`;

const time = (d) => `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;

// edge writes the beginning or end of a range, which is midnight more often than not.
export const edge = (d) => (d.getTime() % 86400e3 === 0 ? date(d) : `${date(d)} ${time(d)}`);

// clock writes a moment as short as it stays clear on the day of now.
export const clock = (d, now) => {
  const days = Math.abs(now - d) / 86400e3;
  if (days < 1 && d.getUTCDate() === now.getUTCDate()) return time(d);
  return `${d.getUTCDate()} ${month(d)}${days > 300 ? " " + d.getUTCFullYear() : ""} ${time(d)}`;
};

export const exact = (d) => d.toISOString().replace("T", " ").replace(/(\.000)?Z$/, " UTC");

const units = { Cel: "°C", "[degF]": "°F", "g/m3": "g/m³", "[ppm]": "ppm" };

export const unit = (u) => units[u] ?? plain(u);

// statesOf gives the words for 0 and 1 of a channel that knows nothing else, such as a door; nothing for any other.
export const statesOf = ({ quantity, unit, points }) => {
  const values = points.filter((p) => p.value != null).map((p) => Number(p.value));
  if (unit || !values.length || values.some((v) => v !== 0 && v !== 1)) return null;
  return quantity.startsWith("door") ? ["closed", "open"] : ["0", "1"];
};

// quantity writes the token of a subject as words.
export const quantity = (q) => plain(q).replaceAll("_", " ");

export const feedName = (feed) => plain(feed).replace(/^./u, (c) => c.toUpperCase());

// listed joins what there is of several things; the dot stays at the end of a line, not at the beginning of the next.
export const listed = (...things) => things.filter(Boolean).join("\u00a0· ");

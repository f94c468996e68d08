// The server's clock, as far as the page knows it, and what grows with it.
import { el, setText } from "./dom.js";
import { exact, older } from "./text.js";

let ahead = 0; // of the server's clock before the browser's, in milliseconds

// setClock takes the moment at which the server has sent something.
export const setClock = (at) => {
  ahead = new Date(at) - Date.now();
};

export const now = () => new Date(Date.now() + ahead);

// ageOf is in seconds. What lies ahead, because the vendor's clock is, is not older than nothing.
export const ageOf = (at) => Math.max(0, (now() - new Date(at)) / 1000);

const ageText = (at) => older(ageOf(at));

// age is an element that says how old a moment is, and goes on doing so.
export const age = (at, attributes) => {
  if (!at) return el("span", attributes, "–");
  const moment = new Date(at);
  return el("time", { ...attributes, datetime: moment.toISOString(), title: exact(moment), "data-age": true }, ageText(moment));
};

// grow brings every age on the page up to now.
export const grow = () => {
  for (const node of document.querySelectorAll("time[data-age]")) setText(node, ageText(node.dateTime));
};

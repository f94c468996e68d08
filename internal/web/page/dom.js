// Making and changing elements. Text gets in as text only; nothing here or elsewhere in the page turns a string into HTML.

const SVG = "http://www.w3.org/2000/svg";

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((c) => c != null && c !== false));
  return node;
};

export const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);

export const svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

// note is what stands beside something, smaller.
export const note = (...children) => el("span", { class: "note" }, ...children);

export const id = (name) => document.getElementById(name);

export const icon = (name) => svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: "#icon-" + name }));

// setText leaves alone what is right already, so that screen readers and selections are not disturbed.
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

// keyed makes the children of a parent those of a list: what has the same key and content stays the same element, so that
// focus, unfolded details and selections outlive an update. make(item, old) gives the element; old is null for a new key.
export const keyed = (parent, list, keyOf, make) => {
  const known = new Map([...parent.children].map((node) => [node.key, node]));
  const wanted = withKeys(list, keyOf);
  for (const [key, node] of known) if (!wanted.has(key)) node.remove();
  let place = parent.firstElementChild;
  for (const [key, item] of wanted) {
    const old = known.get(key) ?? null;
    const node = renewed(old, key, item, make);
    if (old && old === place) place = node;
    if (old && old !== node) replace(old, node);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
};

const reachable = "a, button, summary, [tabindex]";

// replace leaves the focus where it was, in whatever stands there now.
const replace = (old, node) => {
  const at = [...old.querySelectorAll(reachable)].indexOf(document.activeElement);
  old.replaceWith(node);
  if (at >= 0) node.querySelectorAll(reachable)[at]?.focus();
};

// withKeys numbers keys that come twice, which a vendor's names may.
const withKeys = (list, keyOf) => {
  const wanted = new Map();
  for (const item of list) {
    let key = keyOf(item);
    for (let n = 2; wanted.has(key); n++) key = `${keyOf(item)} ${n}`;
    wanted.set(key, item);
  }
  return wanted;
};

const renewed = (old, key, item, make) => {
  const content = JSON.stringify(item);
  if (old?.content === content) return old;
  const node = make(item, old);
  node.key = key;
  node.content = content;
  return node;
};

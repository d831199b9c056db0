// Elements made in one line. Texts go in as texts: nothing a user wrote is ever read as markup.

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  set(element, properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
}

// Children put into an element; those it has stay where new ones would look the same.
export function fill(element, isForced, children) {
  const nodes = children.map((child) => (typeof child === "string" ? document.createTextNode(child) : child));
  const { childNodes } = element;
  const isSame = nodes.length === childNodes.length && nodes.every((node, k) => node.isEqualNode(childNodes[k]));
  if (isForced || !isSame) element.replaceChildren(...nodes);
}

export const byId = (id) => document.getElementById(id);

// Said to who listens to the page rather than looks at it.
export function announce(words) {
  byId("status").textContent = words;
}

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Where an element lies within another, in the other's own pixels, whatever its zoom.
export function within(outer, element, zoom) {
  const [own, frame] = [element.getBoundingClientRect(), outer.getBoundingClientRect()];
  return {
    top: (own.top - frame.top) / zoom,
    left: (own.left - frame.left) / zoom,
    width: own.width / zoom,
    height: own.height / zoom,
  };
}

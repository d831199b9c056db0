// Pictures as lists of shapes. A picture drawn again keeps its elements, and only the attributes
// that differ are set.

const SVG = "http://www.w3.org/2000/svg";

export const shape = (tag, attributes, style = {}) => ({ tag, attributes, style, words: "" });

export function label(words, x, y, kind, more = {}) {
  return { tag: "text", attributes: { x, y, class: kind, ...more }, style: {}, words: String(words) };
}

export class Picture {
  constructor() {
    this.element = document.createElementNS(SVG, "svg");
    this.attributes = {};
    this.shapes = [];
    this.drawn = [];
  }

  draw(attributes, shapes) {
    differing(this.attributes, attributes, (name, value) => this.element.setAttribute(name, value));
    this.attributes = attributes;
    shapes.forEach((one, k) => {
      if (this.shapes[k]?.tag !== one.tag) this.#replace(k, one.tag);
      this.#set(this.drawn[k], this.shapes[k], one);
      this.shapes[k] = one;
    });
    for (const element of this.drawn.splice(shapes.length)) element.remove();
    this.shapes.length = shapes.length;
  }

  #replace(k, tag) {
    const element = document.createElementNS(SVG, tag);
    if (this.drawn[k]) this.drawn[k].replaceWith(element);
    else this.element.append(element);
    this.drawn[k] = element;
    this.shapes[k] = { tag, attributes: {}, style: {}, words: "" };
  }

  #set(element, before, { attributes, style, words }) {
    for (const name of Object.keys(before.attributes)) if (!(name in attributes)) element.removeAttribute(name);
    differing(before.attributes, attributes, (name, value) => element.setAttribute(name, value));
    for (const name of Object.keys(before.style)) if (!(name in style)) element.style[name] = "";
    differing(before.style, style, (name, value) => {
      element.style[name] = value;
    });
    if (before.words !== words) element.textContent = words;
  }
}

function differing(before, now, set) {
  for (const [name, value] of Object.entries(now)) if (before[name] !== value) set(name, value);
}

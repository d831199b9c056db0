// A guided tour over the very sheets: a card with a few sentences, and the cell they speak of.

import { byId, make } from "../dom.js";

export class Tour {
  constructor(stops, go) {
    Object.assign(this, { stops, go, at: -1, card: byId("tour") });
    byId("begin-tour").hidden = stops.length === 0;
    byId("begin-tour").addEventListener("click", () => this.show(0));
  }

  get isOpen() {
    return this.at >= 0;
  }

  show(at) {
    if (at >= this.stops.length) return this.end();
    this.at = at;
    const [sheet, address, title, words] = this.stops[at];
    this.go(sheet, address);
    const isLast = at === this.stops.length - 1;
    this.card.replaceChildren(
      make("p", { class: "count" }, `${at + 1} of ${this.stops.length}`),
      make("h2", { id: "tour-title" }, title),
      make("p", {}, words),
      make(
        "p",
        { class: "buttons" },
        make("button", { type: "button", onclick: () => this.end() }, isLast ? "Close" : "Leave the tour"),
        at > 0 ? make("button", { type: "button", onclick: () => this.show(at - 1) }, "Back") : null,
        isLast ? null : make("button", { type: "button", class: "main", onclick: () => this.show(at + 1) }, "Next"),
      ),
    );
    this.card.hidden = false;
    (this.card.querySelector("button.main") ?? this.card.querySelector("button")).focus();
    return undefined;
  }

  end() {
    this.at = -1;
    this.card.hidden = true;
  }
}

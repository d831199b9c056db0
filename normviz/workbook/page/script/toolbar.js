// The buttons above the sheet, and the address: a link shows another reader the same numbers.

import { byId, make } from "./dom.js";

const LINK_WAITS = 300;
const THEMES = ["light dark", "light", "dark"];
const SIGNS = { "light dark": "◐", light: "○", dark: "●" };

export class Toolbar {
  constructor(page) {
    Object.assign(this, { page, state: page.state });
  }

  // Take what the address asks for, then keep the address to what is shown.
  begin(hash) {
    const { page, state } = this;
    const act = (id, action) => byId(id).addEventListener("click", action);
    act("undo", () => state.undo());
    act("redo", () => state.redo());
    act("reset", () => state.reset());
    act("draw", () => state.draw());
    act("back", () => page.back());
    act("theme", () => this.#turnTheme());
    act("print", () => window.print());
    act("help", () => byId("keys").showModal());
    act("share", () => this.#share());
    byId("draw").hidden = !state.hasRandom();
    if (page.data.download) {
      byId("download").href = page.data.download;
      byId("download").hidden = false;
    }
    window.addEventListener("hashchange", (event) => {
      // The state may be written into the address before this is heard: the event knows what was asked.
      clearTimeout(this.waiting);
      this.#arrive(new URL(event.newURL).hash);
    });
    page.onShown(() => this.#shown());
    this.#arrive(hash);
  }

  #arrive(hash) {
    const note = hash.includes("=") ? this.state.follow(hash) : "";
    if (note) this.#notice(note);
    this.page.arrive(hash);
  }

  #shown() {
    byId("undo").disabled = this.state.done.length === 0;
    byId("redo").disabled = this.state.undone.length === 0;
    byId("reset").disabled = this.state.edited().length === 0;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.#link(), LINK_WAITS);
  }

  get #hash() {
    return `#${this.state.link(this.page.sheet, this.page.selected)}`;
  }

  // The state into the address, a moment after the last change of it.
  #link() {
    try {
      window.history.replaceState(null, "", this.#hash);
    } catch {
      // A page inside of another page may have no address of its own.
    }
  }

  async #share() {
    const link = `${window.location.href.split("#")[0]}${this.#hash}`;
    try {
      await navigator.clipboard.writeText(link);
      this.#notice("The link is copied: whoever opens it sees these very numbers.");
    } catch {
      this.#notice(`Copy this link: ${link}`);
    }
  }

  #turnTheme() {
    const root = document.documentElement.style;
    const next = THEMES[(THEMES.indexOf(root.colorScheme || THEMES[0]) + 1) % THEMES.length];
    root.colorScheme = next;
    byId("theme").textContent = SIGNS[next];
  }

  #notice(words) {
    const note = make(
      "div",
      { class: "notice", role: "alert" },
      words,
      make("button", { type: "button", onclick: () => note.remove() }, "Close"),
    );
    document.body.append(note);
  }
}

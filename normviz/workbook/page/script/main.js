// The page: the book's data becomes an engine, the engine's cells a sheet that answers.

import { api } from "./api.js";
import { Engine } from "./engine/engine.js";
import { Keyboard } from "./keyboard.js";
import { Page } from "./page.js";
import { Pointer } from "./pointer.js";
import { Toolbar } from "./toolbar.js";

export function start(json, makeShapes) {
  performance.mark("begun");
  const data = JSON.parse(json);
  const engine = new Engine(data, makeShapes);
  const page = new Page(data, engine);
  new Pointer(page).listen();
  new Keyboard(page).listen();
  new Toolbar(page).begin(window.location.hash);
  window.normviz = api(engine, page.state);
  performance.mark("drawn");
}

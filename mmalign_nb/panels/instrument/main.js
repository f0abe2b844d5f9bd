// The door: one module for all panels, by the contract of anywidget (`export default { render({ model, el }) }`).

import { speaker } from "./widgets.js";
import { pair } from "./pair.js";
import { threshold } from "./threshold.js";
import { report } from "./report.js";
import { compare } from "./compare.js";
import { map } from "./map.js";
import { search } from "./search.js";
import { draw_pad } from "./draw_pad.js";
import { sound_pad } from "./sound_pad.js";

/** @typedef {{get: (name: string) => any, set: (name: string, value: any) => void, save_changes: () => void, on: (event: string, f: (...x: any[]) => any) => void,
 * off: (event: string, f?: (...x: any[]) => any) => void, send?: (content: any, callbacks?: any, buffers?: ArrayBufferView[]) => void}} Model what the host gives; without `send` there is no kernel */
/** @typedef {{model: Model, get: (name: string) => any, put: (changes: Record<string, any>) => void, on: (event: string, f: (...x: any[]) => any) => void,
 * later: (f: () => void) => void, ask: (content: any, done: (answer: any) => void, buffers?: ArrayBufferView[]) => void, python: boolean,
 * say: (words: string, error?: boolean) => void, saidEl: HTMLElement, root: any}} Host what a panel works with */

const PANELS = { threshold, report, compare, map, search, pair, draw_pad, sound_pad };
const AWAY = "Not connected: run the cell again. What needs no Python still moves.";

/** @param {Model} model @param {HTMLElement} root @returns {Host & {close: () => void}} */
function host(model, root) {
  /** @type {(() => void)[]} */ const undo = [];
  const { el, say } = speaker();
  let asked = 0, away = false, waiting = 0;
  /** @type {Map<number, (answer: any) => void>} */ const open = new Map();
  let unsaved = 0;
  const save = () => {
    if (!unsaved) return;
    clearTimeout(unsaved); unsaved = 0;
    model.save_changes();
  };
  undo.push(save);
  let putting = false; // what this view changes it draws itself
  const on = (event, f) => {
    const heard = (...x) => (putting && event.startsWith("change:") ? undefined : f(...x));
    model.on(event, heard);
    undo.push(() => model.off(event, heard));
  };
  const lost = () => { away = true; say(AWAY, true); };
  const answered = () => { clearTimeout(waiting); waiting = 0; };
  const listen = () => { // silence of some seconds: Python is busy, or gone
    if (!waiting && !away) waiting = window.setTimeout(() => say("Python does not answer: it is busy, or it was restarted; then run the cell again. What needs no Python still moves.", true), 8000);
  };
  on("comm_live_update", lost); // JupyterLab and Notebook say so when the kernel restarts
  on("msg:custom", (answer) => { answered(); open.get(answer.id)?.(answer); open.delete(answer.id); });
  on("change:_said", () => { answered(); const { words, error } = model.get("_said"); say(words, error); });
  undo.push(answered);
  return {
    model, root, saidEl: el, on, say, later: (f) => undo.push(f), python: !!model.send,
    get: (name) => model.get(name),
    put(changes) {
      putting = true;
      for (const [name, value] of Object.entries(changes)) model.set(name, value);
      putting = false;
      if (!unsaved) unsaved = window.setTimeout(save, 20); // after the frame has been painted
      if (away) say(AWAY, true);
    },
    ask(content, done, buffers = []) {
      if (!model.send) return say("This page has no Python behind it, and this needs it.", true);
      if (away) return lost();
      save(); // what was turned is there before what is asked
      open.set(++asked, done);
      model.send({ ...content, id: asked }, undefined, buffers);
      listen();
    },
    close: () => undo.splice(0).forEach((f) => f()),
  };
}

/** @param {{model: Model, el: HTMLElement}} given what to show, and where; gives what ends it */
function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "mm-panel";
  const page = host(model, root);
  el.append(root);
  PANELS[model.get("_kind")](page);
  return () => { page.close(); root.remove(); };
}

export default { render };

/** @param {string} base64 */
function bytes(base64) {
  const text = atob(base64), out = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) out[k] = text.charCodeAt(k);
  return new DataView(out.buffer);
}

/** Bring a panel of a page to life: a few lines stand where the kernel stood. @param {Element} el */
export function alive(el) {
  const told = /** @type {any} */ (el.querySelector("script")).textContent;
  const state = JSON.parse(told, (_, v) => (v && typeof v.base64 === "string" ? bytes(v.base64) : v));
  /** @type {Record<string, ((...x: any[]) => any)[]>} */ const heard = {};
  /** @type {any} */ const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; for (const f of heard[`change:${name}`] ?? []) f(); },
    save_changes: () => {},
    on: (event, f) => (heard[event] ??= []).push(f),
    off: (event, f) => { heard[event] = (heard[event] ?? []).filter((g) => g !== f); },
  };
  const box = document.createElement("div");
  el.append(box);
  const close = render({ model, el: box });
  el.classList.add("alive"); // the picture beside it stood in until now
  return close;
}

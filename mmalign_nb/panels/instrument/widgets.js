// Controls, items and cards as real HTML. Names and captions only ever become text, never markup.

import { wave } from "./draw.js";
import { typed, unpack, written } from "./math.js";

/** @typedef {import("./math.js").Range} Range */

/** An element. Strings among the children are text; a property that begins with "on" is a listener.
 * @param {string} tag @param {Record<string, any>} props @param {...(Node | string | null | undefined)} children @returns {any} */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  // JupyterLab takes keys for itself wherever a focused element does not say this of itself.
  if ("tabindex" in props || ["button", "input", "select", "summary"].includes(tag)) el.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) el.setAttribute(name, value);
  }
  el.append(.../** @type {(Node | string)[]} */ (children.filter((c) => c !== null && c !== undefined)));
  return el;
}

/** A labelled choice among words. @param {string} label @param {string[]} options @param {(value: string) => void} onchange */
export function select(label, options, onchange, title = "") {
  const box = h("select", { title, onchange: () => onchange(box.value) }, ...options.map((o) => h("option", { value: o }, o)));
  return { el: h("label", { class: "mm-field" }, h("span", {}, label), box), get: () => box.value, set: (value) => { box.value = value; } };
}

/** A number that can be turned: slider, one step less or more, and a box for any number.
 * @param {string} label @param {(value: number) => void} onmove @param {(words: string, error?: boolean) => void} say */
export function knob(label, onmove, say) {
  /** @type {Range} */ let range = { min: 0, max: 1, step: 0.01, decimals: 2 };
  let now = 0, told = ""; // and how the box says it
  const steps = () => Math.round((range.max - range.min) / range.step);
  const round = (k) => Number((range.min + k * range.step).toFixed(Math.min(range.decimals, 100)));
  const move = (value) => { show(value); say(""); onmove(value); };
  const by = (k) => {
    const at = (now - range.min) / range.step, to = k > 0 ? Math.floor(at + 1e-6) + k : Math.ceil(at - 1e-6) + k;
    move(round(Math.min(Math.max(to, 0), steps())));
  };
  const slider = h("input", { type: "range", "aria-label": label, min: 0, step: 1, oninput: () => move(round(Number(slider.value))) });
  const box = h("input", { type: "text", inputmode: "decimal", class: "mm-number", "aria-label": `${label}, exact value`, spellcheck: "false", autocomplete: "off",
    onchange: () => commit(), onkeydown: (event) => { if (event.key === "Enter") commit(); } }); // in JupyterLab, Enter does not make it a change
  function commit() {
    if (box.value === told) return;
    const value = typed(box.value), ends = `${written(range.min, range)} to ${written(range.max, range)}`;
    if (value === null) say(`${label}: “${box.value}” is not a number; it stays at ${written(now, range)}.`, true);
    else if (value < range.min || value > range.max) say(`${label}: ${box.value.trim()} is outside ${ends}; it stays at ${written(now, range)}.`, true);
    else if (range.whole && !Number.isInteger(value)) say(`${label}: ${box.value.trim()} is not a whole number; it stays at ${written(now, range)}.`, true);
    else return move(value);
    show(now);
  }
  function show(value) {
    now = value;
    slider.value = String(Math.round((value - range.min) / range.step));
    slider.setAttribute("aria-valuetext", written(value, range));
    box.value = told = Math.abs(value - round(Math.round((value - range.min) / range.step))) < 1e-9 * range.step ? written(value, range) : String(value);
  }
  const el = h("div", { class: "mm-knob" }, h("span", { class: "mm-name" }, label),
    h("button", { type: "button", "aria-label": `${label}: one step less`, onclick: () => by(-1) }, "−"), slider,
    h("button", { type: "button", "aria-label": `${label}: one step more`, onclick: () => by(1) }, "+"), box);
  return { el, set: show, focus: () => slider.focus(), fit: (r, value) => { range = r; slider.max = String(steps()); show(value); } };
}

/** What a knob runs over that counts items. @param {number} n @returns {Range} */
export const numbers = (n) => ({ min: 0, max: n - 1, step: 1, decimals: 0, whole: true });

/** The line in which the panel speaks: what went wrong, what was chosen. */
export function speaker() {
  const el = h("div", { class: "mm-said", role: "status", "aria-live": "polite" });
  return { el, say: (words, error = false) => { el.textContent = words ? (error ? "⚠ " : "") + words : ""; el.classList.toggle("mm-error", error && !!words); } };
}

/** One side's items: pictures from sprite sheets, clips likewise, sounds from one buffer, texts. */
export class Media {
  /** @param {any} sent @param {(f: () => void) => void} later what is to be done when the panel is closed */
  constructor(sent, later) {
    this.sent = sent; this.kind = sent.kind; this.n = sent.n;
    /** @type {any} */ this.samples = sent.samples ? louder(unpack(sent.samples)) : null;
    this.sheets = (sent.sheets ?? []).map((data) => URL.createObjectURL(new Blob([data], { type: data.getUint8(0) === 255 ? "image/jpeg" : "image/png" })));
    /** @type {Map<number, number> | null} */ this.place = sent.numbers ? new Map(sent.numbers.map((row, k) => [row, k])) : null;
    /** @type {Set<() => void>} */ this.playing = new Set();
    later(() => { this.sheets.forEach((url) => URL.revokeObjectURL(url)); this.hush(); });
  }

  /** What an item is called: its caption, its text, or "picture 7". @param {number} i */
  name(i) {
    const own = this.sent.names?.[this._at(i)] ?? this.sent.texts?.[this._at(i)];
    return own?.trim() ? own : `${this.kind} ${i}`;
  }

  /** Whether item i was sent. @param {number} i */
  has(i) { return !this.place || this.place.has(i); }

  /** Where item i stands among those that were sent. */
  _at(i) { return this.place ? /** @type {number} */ (this.place.get(i)) : i; }

  /** Whether an item has words of its own. */
  get named() { return this.kind === "text" || !!this.sent.names; }

  hush() { for (const stop of [...this.playing]) stop(); }

  /** Item i to look at or to listen to. @param {number} i @param {number} size of a picture, in CSS pixels */
  show(i, size = 60) {
    if (!this.has(i)) return h("span", { class: "mm-text" }, this.name(i));
    const text = this.kind === "text" ? this.sent.texts[this._at(i)] : "", caption = this.sent.names && this.name(i) !== text ? h("span", { class: "mm-caption" }, this.name(i)) : null;
    if (this.kind === "text") return h("span", { class: "mm-text", title: text }, text, caption);
    return h("span", { class: "mm-media" }, this.kind === "sound" ? this._sound(i, size) : this._picture(i, size), caption);
  }

  _picture(i, size) {
    const { width, height, columns, rows, frames = 1, fps = 1 } = this.sent, scale = size / Math.max(width, height);
    const el = h("span", { class: "mm-item", role: "img", "aria-label": this.name(i) }), per = columns * rows;
    Object.assign(el.style, { width: `${width * scale}px`, height: `${height * scale}px`, backgroundSize: `${columns * width * scale}px auto`,
      imageRendering: Math.max(width, height) <= 48 ? "pixelated" : "auto" });
    const turn = (frame) => {
      const at = this._at(i) * frames + frame, cell = at % per;
      el.style.backgroundImage = `url(${this.sheets[Math.floor(at / per)]})`;
      el.style.backgroundPosition = `${-(cell % columns) * width * scale}px ${-Math.floor(cell / columns) * height * scale}px`;
    };
    turn(Math.floor(frames / 2));
    if (frames === 1) return el;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    return this._player(el, this.named ? `clip ${this.name(i)}` : this.name(i), (stop) => {
      let frame = 0;
      const timer = setInterval(() => (frame < frames ? turn(frame++) : stop()), 1000 / fps);
      return () => { clearInterval(timer); turn(Math.floor(frames / 2)); };
    }, !still);
  }

  _sound(i, size) {
    const each = this.samples.length / this.n, at = this._at(i) * each, samples = this.samples.subarray(at, at + each);
    const canvas = h("canvas", { class: "mm-wave", "aria-hidden": "true" }), wide = Math.round(size * 1.5), high = Math.round(size * 0.6);
    canvas.style.width = `${wide}px`;
    queueMicrotask(() => wave(canvas, samples, wide, high, getComputedStyle(canvas).color || "#666"));
    return this._player(canvas, this.named ? `sound ${this.name(i)}` : this.name(i), (stop) => {
      const url = URL.createObjectURL(wav(samples, this.sent.rate)), audio = new Audio(url);
      audio.onended = stop;
      audio.play().catch(stop);
      return () => { audio.pause(); URL.revokeObjectURL(url); };
    });
  }

  /** A button that plays and stops. @param {Node} face @param {string} name @param {(stop: () => void) => (() => void)} start */
  _player(face, name, start, hover = false) {
    /** @type {(() => void) | null} */ let end = null;
    const sign = h("span", { class: "mm-play", "aria-hidden": "true" }, "▶");
    const stop = () => {
      if (!end) return;
      end(); end = null; this.playing.delete(stop);
      sign.textContent = "▶"; button.setAttribute("aria-label", `play ${name}`);
    };
    const play = () => {
      this.hush();
      this.playing.add(stop);
      sign.textContent = "■"; button.setAttribute("aria-label", `stop ${name}`);
      end = start(stop);
    };
    const button = h("button", { type: "button", class: "mm-player", "aria-label": `play ${name}`, onclick: () => (end ? stop() : play()),
      onmouseenter: () => { if (hover && !end) play(); } }, sign, face);
    return button;
  }
}

/** Sounds in 16 bits: those that came in 8 were companded (μ-law). @param {Int16Array | Int8Array} x @returns {Int16Array} */
const louder = (x) => (x instanceof Int16Array ? x : Int16Array.from(x, (v) => (Math.sign(v) * 32767 * (256 ** (Math.abs(v) / 127) - 1)) / 255));

/** 16-bit mono WAV. @param {Int16Array} samples @param {number} rate */
export function wav(samples, rate) {
  const head = new DataView(new ArrayBuffer(44)), size = samples.length * 2;
  const text = (at, s) => [...s].forEach((c, k) => head.setUint8(at + k, c.charCodeAt(0)));
  text(0, "RIFF"); head.setUint32(4, 36 + size, true); text(8, "WAVEfmt "); head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); head.setUint16(22, 1, true); head.setUint32(24, rate, true); head.setUint32(28, rate * 2, true);
  head.setUint16(32, 2, true); head.setUint16(34, 16, true); text(36, "data"); head.setUint32(40, size, true);
  return new Blob([head, /** @type {any} */ (samples)], { type: "audio/wav" });
}

/** A frame: solid with ✓ if right, dashed with ✗ if wrong, grey if nobody knows.
 * @param {string} top @param {Node[]} inside @param {boolean | null} right */
export function card(top, inside, right, extra = {}) {
  const [kind, mark] = right === null ? ["", ""] : right ? ["right", "✓ right"] : ["wrong", "✗ wrong"];
  return h("div", { class: `mm-card ${kind}`, ...extra }, ...inside, h("span", { class: "mm-top" }, h("b", {}, top), mark ? h("span", { class: "mm-mark" }, mark) : null));
}

/** A table of words. @param {string} caption @param {string[]} head @param {(string | Node)[][]} rows */
export function table(caption, head, rows) {
  return h("table", { class: "mm-table" }, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...head.map((x) => h("th", { scope: "col" }, x)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((x) => h("td", {}, x))))));
}

/** Draw again when the panel's width changes, and in other colours when the theme does.
 * @param {{root: any, later: (f: () => void) => void}} page @param {() => void} sized @param {() => void} themed */
export function watched({ root, later }, sized, themed) {
  const sizes = new ResizeObserver(sized), dark = new MutationObserver(themed), media = window.matchMedia("(prefers-color-scheme: dark)");
  sizes.observe(root);
  dark.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  media.addEventListener("change", themed);
  later(() => { sizes.disconnect(); dark.disconnect(); media.removeEventListener("change", themed); });
}

/** Give the reader a file. @param {string} name @param {string} text */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" })), a = h("a", { href: url, download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

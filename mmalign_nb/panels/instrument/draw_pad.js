// Pads for pictures: strokes by mouse, pen, finger or keys; and a picture file, chosen or dropped.

import { blank, theme } from "./draw.js";
import { asItIs, cropped, planes, redrawn, views } from "./pixels.js";
import { h, select, watched } from "./widgets.js";

/** @typedef {import("./pixels.js").Wanted} Wanted */
/** @typedef {import("./pixels.js").Stroke} Stroke */
/** @typedef {import("./pixels.js").Planes} Planes */
/** @typedef {{root: any, later: (f: () => void) => void, say: (words: string, error?: boolean) => void}} Place */

const PENS = { thin: 0.7, medium: 1, thick: 1.8 }, STEP = 0.05, SIDE = 200;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A picture as the encoder gets it, large enough to be seen. @param {string} label */
function thumbnail(label) {
  const canvas = h("canvas", { class: "mm-seen", role: "img", "aria-label": label });
  /** @param {ArrayLike<number> | null} pixels @param {Wanted} wanted */
  const show = (pixels, { width, height, channels }) => {
    canvas.width = width; canvas.height = height;
    const ctx = canvas.getContext("2d"), image = ctx.createImageData(width, height);
    for (let k = 0; pixels && k < width * height; k++) {
      for (let c = 0; c < 3; c++) image.data[4 * k + c] = pixels[k * channels + (channels === 1 ? 0 : c)];
      image.data[4 * k + 3] = 255;
    }
    ctx.putImageData(image, 0, 0);
  };
  return { canvas, show };
}

/** A pad to draw on. The strokes are kept as lines, and drawn again at the encoder's size.
 * @param {Place} place @param {Wanted} wanted @param {(strokes: Stroke[], views: ArrayLike<number>[]) => void} onchange */
export function drawPad(place, wanted, onchange) {
  /** @type {Stroke[]} */ let strokes = [];
  /** @type {Stroke | null} */ let open = null; // the line that is being drawn
  /** @type {[number, number] | null} */ let cursor = null; // of the keys; nobody sees it before
  let byKeys = false;
  const canvas = h("canvas", { class: "mm-paper", tabindex: "0", role: "application", "aria-roledescription": "drawing pad", onpointerdown: down, onpointermove: move, onpointerup: up, onpointercancel: up, onkeydown: key, onblur: () => { if (byKeys) end(); draw(); }, onfocus: () => draw() });
  const undo = h("button", { type: "button", onclick: back }, "undo"), wipe = h("button", { type: "button", onclick: () => set([]) }, "clear");
  const pen = select("pen", Object.keys(PENS), () => changed(), "how thick the line is");
  const small = thumbnail("the drawing as the encoder sees it");
  pen.set("medium");
  canvas.style.width = `${SIDE}px`;
  const el = h("div", { class: "mm-draw" }, canvas, h("div", { class: "mm-stack" }, h("div", { class: "mm-row" }, undo, wipe), pen.el, small.canvas),
    h("p", { class: "mm-note" }, "Draw with mouse, pen or finger. Or with keys: arrows move, Space sets the corners of a line, Enter ends it, Backspace takes one back."));
  watched(place, () => draw(), () => draw());
  queueMicrotask(changed_);

  const all = () => (open ? [...strokes, open] : strokes);
  const factor = () => PENS[pen.get()];
  const seen = () => views(strokes, wanted, factor());

  /** @param {PointerEvent} e @returns {[number, number]} */
  function at(e) {
    const box = canvas.getBoundingClientRect(), into = (v) => Math.min(Math.max(v, 0), 1);
    return [into((e.clientX - box.left) / box.width), into((e.clientY - box.top) / box.height)];
  }

  function down(e) {
    if (!e.isPrimary || e.button) return;
    end();
    canvas.setPointerCapture(e.pointerId);
    byKeys = false; cursor = null; open = [at(e)];
    draw();
  }

  function move(e) {
    if (!open || byKeys || !e.isPrimary) return;
    for (const one of e.getCoalescedEvents?.() ?? [e]) open.push(at(one));
    draw();
  }

  function up(e) {
    if (open && !byKeys && e.isPrimary) end();
  }

  /** Keep the line that is being drawn. */
  function end() {
    if (!open) return;
    strokes = [...strokes, open]; open = null;
    changed();
  }

  function back() {
    if (open) { open.pop(); if (!open.length) open = null; draw(); return; }
    strokes = strokes.slice(0, -1);
    changed();
  }

  function key(e) {
    const move = MOVES[e.key], ours = move || [" ", "Enter", "Escape", "Backspace", "Delete"].includes(e.key) || (e.key === "z" && (e.ctrlKey || e.metaKey));
    if (!ours || e.altKey) return;
    e.preventDefault(); e.stopPropagation();
    cursor ??= [0.5, 0.5]; byKeys = true;
    if (move) cursor = /** @type {[number, number]} */ (cursor.map((v, k) => Math.round(Math.min(Math.max(v + move[k] * STEP * (e.shiftKey ? 0.2 : 1), 0), 1) * 1e6) / 1e6));
    else if (e.key === " ") (open ??= []).push(cursor);
    else if (e.key === "Enter" && open) { if (open[open.length - 1].join() !== cursor.join()) open.push(cursor); end(); }
    else if (e.key === "Enter") open = [cursor];
    else if (e.key === "Escape") end();
    else back();
    draw();
  }

  function draw() {
    const c = theme(place.root), ctx = blank(canvas, SIDE, SIDE), focused = canvas.ownerDocument.activeElement === canvas;
    ctx.fillStyle = c.soft; ctx.textAlign = "center";
    if (!all().length && !cursor) ctx.fillText("draw here", SIDE / 2, SIDE / 2);
    ctx.strokeStyle = ctx.fillStyle = c.fg; ctx.lineWidth = 7 * factor(); ctx.lineCap = ctx.lineJoin = "round";
    for (const stroke of all()) {
      ctx.beginPath();
      stroke.forEach(([x, y]) => ctx.lineTo(x * SIDE, y * SIDE));
      ctx.lineTo(stroke[0][0] * SIDE + 0.01, stroke[0][1] * SIDE * (stroke.length === 1 ? 1 : NaN)); // a tap is a dot
      ctx.stroke();
    }
    if (cursor && focused) {
      const [x, y] = cursor.map((v) => v * SIDE), last = open?.[open.length - 1];
      ctx.strokeStyle = c.right; ctx.lineWidth = 2;
      if (last) { ctx.setLineDash([4, 4]); ctx.beginPath(); ctx.moveTo(last[0] * SIDE, last[1] * SIDE); ctx.lineTo(x, y); ctx.stroke(); ctx.setLineDash([]); }
      ctx.beginPath(); ctx.moveTo(x - 8, y); ctx.lineTo(x + 8, y); ctx.moveTo(x, y - 8); ctx.lineTo(x, y + 8); ctx.stroke();
    }
    const n = strokes.length, where = cursor ? `, pen ${open ? "down" : "up"} at ${cursor.map((v) => Math.round(v * 100)).join(", ")}` : "";
    canvas.setAttribute("aria-label", `drawing of ${n} stroke${n === 1 ? "" : "s"}${where}`);
  }

  /** What stands on the page follows the strokes. */
  function changed_() {
    undo.disabled = wipe.disabled = !strokes.length && !open;
    small.show(strokes.length ? redrawn(strokes, wanted, 1.5 * factor()) : null, wanted);
    draw();
  }

  function changed() {
    changed_();
    onchange(strokes, strokes.length ? seen() : []);
  }

  /** @param {Stroke[]} to */
  function set(to) { open = null; strokes = to; changed(); }

  /** Show other strokes, and tell nobody. @param {Stroke[]} to */
  const show = (to) => { open = null; strokes = to; changed_(); };
  return { el, set, show, get strokes() { return strokes; } };
}

/** A picture file, chosen or dropped: as it is, or only its ink; without views when it is taken away.
 * @param {Place} place @param {Wanted} wanted @param {(name: string, views: ArrayLike<number>[]) => void} onchange */
export function filePad({ say, later }, wanted, onchange) {
  /** @type {{name: string, image: Planes} | null} */ let now = null;
  let closed = false;
  const input = h("input", { type: "file", accept: "image/*", "aria-label": "picture file", onchange: () => { if (input.files?.[0]) take(input.files[0]); input.value = ""; } });
  const how = select("take it", ["as it is", "cropped"], () => tell(), "cropped: only the ink, in the size and at the place where the gallery usually has it");
  const drop = h("button", { type: "button", onclick: () => { hide(); onchange("", []); } }, "remove");
  const small = thumbnail("the picture as the encoder sees it"), more = h("div", { class: "mm-row", hidden: true }, how.el, small.canvas, drop);
  const el = h("div", { class: "mm-file", ondragover: (e) => { e.preventDefault(); el.classList.add("over"); }, ondragleave: () => el.classList.remove("over"), ondrop: dropped },
    h("label", { class: "mm-field" }, h("span", {}, "or a picture file"), input), more);
  later(() => { closed = true; });

  function dropped(e) {
    e.preventDefault();
    el.classList.remove("over");
    if (e.dataTransfer?.files[0]) take(e.dataTransfer.files[0]);
    else say("What was dropped is no file.", true);
  }

  /** @param {File} file */
  async function take(file) {
    try {
      const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }), scale = Math.min(1, 2048 / Math.max(bitmap.width, bitmap.height));
      const [w, high] = [bitmap.width, bitmap.height].map((v) => Math.max(1, Math.round(v * scale)));
      const canvas = new OffscreenCanvas(w, high), ctx = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
      ctx.drawImage(bitmap, 0, 0, w, high);
      bitmap.close();
      now = { name: file.name, image: planes(ctx.getImageData(0, 0, w, high), wanted.channels) };
    } catch { return say(`${file.name} is no picture that this browser can read.`, true); }
    if (closed) return undefined;
    more.hidden = how.el.hidden = false;
    return tell();
  }

  function tell() {
    if (!now) return;
    const pixels = how.get() === "cropped" ? cropped(now.image, wanted) : asItIs(now.image, wanted);
    if (!pixels) { say(`${now.name} has one colour only: there is nothing to crop. It is taken as it is.`, true); how.set("as it is"); return; }
    say("");
    small.show(pixels, wanted);
    onchange(now.name, [pixels]);
  }

  /** It is searched by no more. */
  function hide() { more.hidden = true; now = null; }

  /** Show what did not come from a file. @param {ArrayLike<number>} pixels */
  const show = (pixels) => { now = null; small.show(pixels, wanted); more.hidden = false; how.el.hidden = true; };
  return { el, take, show, hide };
}

/** The pad alone. @param {import("./main.js").Host} page */
export function draw_pad(page) {
  const pad = drawPad(page, page.get("_data"), (strokes, seen) => {
    page.put({ _strokes: strokes });
    if (page.python) page.ask({ views: seen.length }, () => {}, seen.map((view) => Uint8Array.from(view)));
  });
  page.root.append(h("div", { class: "mm-pads" }, pad.el), page.saidEl);
  page.on("change:_strokes", () => pad.show(page.get("_strokes")));
  pad.show(page.get("_strokes"));
}

// Drawing: charts on canvas, in the colours of the page's theme. Every chart has its words beside it (widgets.js).

import { ticks } from "./math.js";

/** @typedef {{ctx: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, X: (v: number) => number, Y: (v: number) => number}} Plot */

const FONT = "13px system-ui, sans-serif";

/** The panel's colours, as its style sheet says them for this theme.
 * @param {Element} el @returns {Record<string, string>} */
export function theme(el) {
  const style = getComputedStyle(el);
  return Object.fromEntries(["fg", "soft", "bg", "grid", "edge", "right", "wrong", "third", "low", "high"].map((k) => [k, style.getPropertyValue(`--mm-${k}`).trim()]));
}

/** Make a canvas sharp on this screen and empty; gives its context in CSS pixels.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function blank(canvas, width, height) {
  const scale = window.devicePixelRatio || 1, w = Math.round(width * scale), h = Math.round(height * scale);
  const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w; canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = FONT;
  return ctx;
}

/** Axes with round ticks; gives what places a point.
 * @param {CanvasRenderingContext2D} ctx @param {number[]} box left, top, width, height
 * @param {number[]} xs lowest and highest x @param {number[]} ys @param {Record<string, string>} c
 * @param {{x?: string, y?: string, ny?: number}} names @returns {Plot} */
export function axes(ctx, [x, y, w, h], xs, ys, c, names = {}) {
  const X = (v) => x + ((v - xs[0]) / (xs[1] - xs[0] || 1)) * w, Y = (v) => y + h - ((v - ys[0]) / (ys[1] - ys[0] || 1)) * h;
  ctx.save();
  ctx.strokeStyle = c.grid; ctx.fillStyle = c.soft; ctx.lineWidth = 1; ctx.font = FONT;
  const across = ticks(xs[0], xs[1], Math.max(2, Math.floor(w / 60))), up = names.ny === 0 ? { at: [ys[0]], text: () => "" } : ticks(ys[0], ys[1], names.ny ?? 2);
  ctx.textAlign = "center"; ctx.textBaseline = "top";
  for (const v of across.at) ctx.fillText(across.text(v), X(v), y + h + 4);
  ctx.textAlign = "right"; ctx.textBaseline = "middle";
  ctx.beginPath();
  for (const v of up.at) {
    ctx.fillText(up.text(v), x - 5, Y(v));
    ctx.moveTo(x, Math.round(Y(v)) + 0.5); ctx.lineTo(x + w, Math.round(Y(v)) + 0.5);
  }
  ctx.stroke();
  ctx.fillStyle = c.fg; ctx.textBaseline = "alphabetic"; ctx.textAlign = "center";
  if (names.x) ctx.fillText(names.x, x + w / 2, y + h + 32);
  ctx.textAlign = "left";
  if (names.y) ctx.fillText(names.y, 0, y - 7);
  ctx.restore();
  return { ctx, x, y, w, h, X, Y };
}

/** A line through points; steps where it is a staircase.
 * @param {Plot} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {string} color @param {number[]} dash */
export function line({ ctx, X, Y }, xs, ys, color, dash = [], width = 2.5) {
  ctx.save();
  ctx.strokeStyle = color; ctx.lineWidth = width; ctx.lineJoin = "round"; ctx.setLineDash(dash);
  ctx.beginPath();
  for (let k = 0; k < xs.length; k++) ctx.lineTo(X(xs[k]), Y(ys[k]));
  ctx.stroke();
  ctx.restore();
}

/** What lies inside a line that ends where it began. @param {Plot} p @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {string} color */
export function area({ ctx, X, Y }, xs, ys, color) {
  ctx.save();
  ctx.fillStyle = color; ctx.globalAlpha = 0.25;
  ctx.beginPath();
  for (let k = 0; k < xs.length; k++) ctx.lineTo(X(xs[k]), Y(ys[k]));
  ctx.fill();
  ctx.restore();
}

/** A dot with a rim of the background. @param {Plot} p @param {number} x @param {number} y @param {string} color @param {string} rim */
export function dot({ ctx, X, Y }, x, y, color, rim, r = 6) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  ctx.beginPath(); ctx.arc(X(x), Y(y), r, 0, 7);
  ctx.fillStyle = color; ctx.strokeStyle = rim; ctx.lineWidth = 2; ctx.fill(); ctx.stroke();
}

/** A triangle with a rim of the background. @param {Plot} p @param {number} x @param {number} y @param {string} color @param {string} rim */
export function triangle({ ctx, X, Y }, x, y, color, rim, r = 6) {
  const [cx, cy] = [X(x), Y(y)];
  ctx.beginPath(); ctx.moveTo(cx, cy - 1.15 * r); ctx.lineTo(cx + 1.05 * r, cy + 0.75 * r); ctx.lineTo(cx - 1.05 * r, cy + 0.75 * r); ctx.closePath();
  ctx.fillStyle = color; ctx.strokeStyle = rim; ctx.lineWidth = 1; ctx.stroke(); ctx.fill();
}

/** The threshold, as an upright line. @param {Plot} p @param {number} t @param {string} color */
export function upright({ ctx, X, x, y, w, h }, t, color) {
  const at = Math.min(Math.max(X(t), x), x + w);
  ctx.save();
  ctx.strokeStyle = color; ctx.fillStyle = color; ctx.lineWidth = 2;
  ctx.beginPath(); ctx.moveTo(at, y - 2); ctx.lineTo(at, y + h); ctx.stroke();
  ctx.beginPath(); ctx.moveTo(at - 5, y - 7); ctx.lineTo(at + 5, y - 7); ctx.lineTo(at, y); ctx.fill();
  ctx.restore();
}

/** Bars of shares: filled, or hollow and hatched. @param {Plot} p @param {ArrayLike<number>} edges @param {number[]} heights @param {string} color @param {boolean} hollow */
export function bars({ ctx, X, Y }, edges, heights, color, hollow) {
  ctx.save();
  ctx.beginPath(); ctx.moveTo(X(edges[0]), Y(0));
  heights.forEach((v, k) => { ctx.lineTo(X(edges[k]), Y(v)); ctx.lineTo(X(edges[k + 1]), Y(v)); });
  ctx.lineTo(X(edges[heights.length]), Y(0));
  ctx.strokeStyle = ctx.fillStyle = color;
  if (hollow) {
    ctx.lineWidth = 1.8; ctx.stroke(); ctx.clip();
    ctx.lineWidth = 1; ctx.globalAlpha = 0.55; ctx.beginPath();
    const left = X(edges[0]), right = X(edges[heights.length]), bottom = Y(0), high = bottom - Y(Math.max(...heights));
    for (let s = left - high; s < right; s += 6) { ctx.moveTo(s, bottom); ctx.lineTo(s + high, bottom - high); }
    ctx.stroke();
  } else { ctx.globalAlpha = 0.5; ctx.fill(); }
  ctx.restore();
}

/** A score matrix as a picture, one pixel a cell, or the mean of several where there are too many.
 * @param {ArrayLike<number>} scores @param {number} n @param {number} m @param {Record<string, string>} c */
export function heat(scores, n, m, c) {
  const high = Math.min(n, 600), wide = Math.min(m, 600), sum = new Float64Array(high * wide), seen = new Uint32Array(high * wide);
  let low = Infinity, top = -Infinity;
  for (let i = 0, at = 0; i < n; i++) {
    const row = Math.floor((i * high) / n) * wide;
    for (let j = 0; j < m; j++, at++) {
      const v = scores[at];
      if (v === -Infinity) continue;
      const cell = row + Math.floor((j * wide) / m);
      sum[cell] += v; seen[cell]++;
    }
  }
  for (let k = 0; k < sum.length; k++) if (seen[k]) { sum[k] /= seen[k]; low = Math.min(low, sum[k]); top = Math.max(top, sum[k]); }
  const picture = document.createElement("canvas");
  picture.width = Math.max(wide, 1); picture.height = Math.max(high, 1);
  const ctx = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d"));
  const image = ctx.createImageData(picture.width, picture.height), [a, b] = [rgb(c.low), rgb(c.high)];
  for (let k = 0; k < sum.length; k++) {
    const v = seen[k] ? (sum[k] - low) / (top - low || 1) : 0;
    for (let q = 0; q < 3; q++) image.data[4 * k + q] = a[q] + v * (b[q] - a[q]);
    image.data[4 * k + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
  return picture;
}

/** @param {string} hex a colour such as #0072b2 */
export const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

/** Marks of chosen pairs: discs for right ones, crosses for wrong ones, each with a rim.
 * @param {CanvasRenderingContext2D} ctx @param {number[][]} at @param {number} size @param {string} color @param {string} rim @param {boolean} cross */
export function marks(ctx, at, size, color, rim, cross) {
  const h = size / 2, many = at.length > 400; // then rims and round corners would only cover each other
  ctx.save();
  ctx.beginPath();
  for (const [x, y] of at) {
    if (cross) { ctx.moveTo(x - h, y - h); ctx.lineTo(x + h, y + h); ctx.moveTo(x + h, y - h); ctx.lineTo(x - h, y + h); }
    else if (many) ctx.rect(x - h, y - h, size, size);
    else { ctx.moveTo(x + h, y); ctx.arc(x, y, h, 0, 7); }
  }
  if (!many) { ctx.strokeStyle = rim; ctx.lineWidth = cross ? size * 0.36 + 2 : 2; ctx.stroke(); }
  if (cross) { ctx.strokeStyle = color; ctx.lineWidth = size * 0.36; ctx.stroke(); } else { ctx.fillStyle = color; ctx.fill(); }
  ctx.restore();
}

/** A wave, from its samples. @param {HTMLCanvasElement} canvas @param {Int16Array} samples @param {number} w @param {number} h @param {string} color */
export function wave(canvas, samples, w, h, color) {
  const ctx = blank(canvas, w, h), step = samples.length / w;
  let top = 1;
  for (const v of samples) top = Math.max(top, Math.abs(v));
  ctx.strokeStyle = color; ctx.lineWidth = 1;
  ctx.beginPath();
  for (let x = 0; x < w; x++) {
    let peak = 0;
    for (let k = Math.floor(x * step); k < (x + 1) * step && k < samples.length; k++) peak = Math.max(peak, Math.abs(samples[k]));
    const y = Math.max(0.5, (peak / top) * (h / 2 - 1));
    ctx.moveTo(x + 0.5, h / 2 - y); ctx.lineTo(x + 0.5, h / 2 + y);
  }
  ctx.stroke();
}

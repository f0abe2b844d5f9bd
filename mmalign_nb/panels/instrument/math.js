// Arithmetic of the instrument: arrays from Python, numbers in words, and a matching at every threshold.

/**
 * @typedef {{dtype: string, shape?: number[], data: DataView}} Packed an array as Python sends it
 * @typedef {{min: number, max: number, step: number, decimals: number, whole?: boolean}} Range of a number that can be turned
 * @typedef {{x: ArrayLike<number>, y: ArrayLike<number>}} Line
 */

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array, int8: Int8Array, int16: Int16Array };

/** A typed array from what Python sent; its bytes need not lie where a typed array wants them.
 * @param {Packed} packed @returns {any} */
export function unpack({ dtype, data }) {
  const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return dtype === "float16" ? widened(new Uint16Array(bytes)) : new ARRAYS[dtype](bytes);
}

/** 16-bit numbers as 32-bit ones: sign, 5 bits of exponent, 10 of fraction.
 * @param {Uint16Array} halves */
function widened(halves) {
  const out = new Float32Array(halves.length);
  for (let k = 0; k < out.length; k++) {
    const v = halves[k], exponent = (v >> 10) & 31, fraction = v & 1023; // infinity and NaN are never sent
    out[k] = (v >> 15 ? -1 : 1) * (exponent ? POWERS[exponent] * (1024 + fraction) : POWERS[1] * fraction);
  }
  return out;
}

const POWERS = Array.from({ length: 32 }, (_, exponent) => 2 ** (exponent - 25));

/** A number with the decimals of its range; very small steps are written with an exponent.
 * @param {number} x @param {Range} range */
export function written(x, { decimals, step }) {
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "∞");
  const text = decimals > 6 || step >= 1e7 ? x.toExponential(3) : x.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** A number to some significant digits, without an exponent where it can be read so.
 * @param {number} x @param {number} digits */
export function significant(x, digits = 4) {
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "∞");
  const size = x === 0 ? 0 : Math.floor(Math.log10(Math.abs(x)));
  return size < -5 || size > 6 ? x.toExponential(digits - 1) : x.toFixed(Math.max(0, digits - 1 - size));
}

/** How many significant digits tell different numbers apart: at least 3, at most 8.
 * @param {number[]} values */
export function apart(values) {
  const different = new Set(values).size;
  let digits = 3;
  while (digits < 8 && new Set(values.map((x) => significant(x, digits))).size < different) digits++;
  return digits;
}

/** The number that somebody typed, or null: a comma is a decimal sign, "−" a minus.
 * @param {string} text */
export function typed(text) {
  const t = text.trim().replace(/[−–]/, "-").replace(/[\s_]/g, "");
  const dot = t.includes(",") && t.includes(".") ? t.replace(/,/g, "") : t.replace(",", ".");
  const x = dot === "" ? NaN : Number(dot);
  return Number.isFinite(x) ? x : null;
}

/** A share with two decimals; 0 of 0 is a dash.
 * @param {number} x */
export const share = (x) => (Number.isNaN(x) ? "–" : x.toFixed(2));

/** "1 pair", "1,234 pairs". @param {number} n @param {string} what */
export const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

/** How many of descending numbers are at least t.
 * @param {ArrayLike<number>} x @param {number} t */
export function reach(x, t) {
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] >= t) low = middle + 1; else high = middle;
  }
  return low;
}

/** Round places for ticks between two numbers, and their decimals.
 * @param {number} low @param {number} high @param {number} n */
export function ticks(low, high, n) {
  const raw = (high - low) / n || 1, ten = 10 ** Math.floor(Math.log10(raw));
  const step = ten * ([1, 2, 5, 10].find((f) => f * ten >= raw * 0.999) ?? 10);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push(k * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { at: out, text: (x) => (decimals > 6 || step >= 1e7 ? x.toExponential(0) : (x + 0).toFixed(decimals)) };
}

/** A matching at every threshold: stretches of lines, in each of which one pair is kept.
 * Stretch s keeps the pair (i[s], j[s]) exactly at the lines lower[s] < t <= upper[s]. */
export class Path {
  /** @param {any} sent what Python knows: i, j, upper, lower; or only the order of every pair, best first
   * @param {Float32Array | Float64Array} S scores @param {number[]} shape @param {((i: number, j: number) => boolean) | null} right */
  constructor(sent, S, shape, right) {
    const order = sent.order ? unpack(sent.order) : null, m = shape[1];
    this.i = order ? order.map((k) => Math.floor(k / m)) : unpack(sent.i);
    this.j = order ? order.map((k) => k % m) : unpack(sent.j);
    this.upper = order ? Float64Array.from(order, (k) => S[k]) : unpack(sent.upper);
    this.lower = order ? new Float64Array(order.length).fill(-Infinity) : unpack(sent.lower);
    /** @type {Uint8Array | null} */ this.right = right ? Uint8Array.from(this.i, (_, s) => Number(right(this.i[s], this.j[s]))) : null;
    // NumPy rounds a line to the precision of the scores before it compares; Python's own ends are ready for that.
    this.fine = order && S instanceof Float32Array ? Math.fround : (/** @type {number} */ t) => t;
    this.shape = shape;
    this.total = sent.total; this.exact = sent.exact; this.suggest = sent.suggest;
    this.tied = sent.tied ? { lines: unpack(sent.tied.lines), counts: unpack(sent.tied.counts) } : null;
    this.prefix = this.lower.every((x) => x === -Infinity); // then the pairs at a line are the first so many
    this.steps = this._steps();
    this.met = this.prefix ? [this._met(this.i, this.shape[0]), this._met(this.j, this.shape[1])] : null;
    /** @type {OffscreenCanvas | null} */ this.picture = null; /** @type {ImageData | null} */ this.pixels = null;
    /** @type {number[] | null} */ this.last = null;
    /** @type {{recall: number[], precision: number[], lines: number[]} | null} */ this.curve_ = null;
  }

  /** What is kept, and how much of it is right, at every line where that changes, from the strictest on. */
  _steps() {
    const { upper, lower, right } = this;
    const gone = Array.from(lower.keys()).filter((s) => lower[s] > -Infinity).sort((a, b) => lower[b] - lower[a]);
    const lines = [], kept = [], good = [];
    for (let s = 0, g = 0, k = 0, r = 0; s < upper.length || g < gone.length;) {
      const t = Math.max(s < upper.length ? upper[s] : -Infinity, g < gone.length ? lower[gone[g]] : -Infinity);
      for (; s < upper.length && upper[s] === t; s++) { k++; r += right ? right[s] : 0; }
      for (; g < gone.length && lower[gone[g]] === t; g++) { k--; r -= right ? right[gone[g]] : 0; }
      lines.push(t); kept.push(k); good.push(r);
    }
    return { lines: Float64Array.from(lines), kept: Int32Array.from(kept), good: Int32Array.from(good) };
  }

  /** How many different items are among the first so many pairs. */
  _met(side, size) {
    const seen = new Uint8Array(size), out = new Int32Array(side.length + 1);
    for (let s = 0; s < side.length; s++) { out[s + 1] = out[s] + (seen[side[s]] ? 0 : 1); seen[side[s]] = 1; }
    return out;
  }

  /** The stretches kept at a line. @param {number} t @returns {number[]} */
  at(t) {
    const out = [], end = reach(this.upper, this.fine(t));
    for (let s = 0; s < end; s++) if (this.lower[s] < t) out.push(s);
    return out;
  }

  /** What the pairs at a line are worth. @param {number} t */
  report(t) {
    const at = reach(this.steps.lines, this.fine(t)) - 1, kept = at < 0 ? 0 : this.steps.kept[at], right = at < 0 ? 0 : this.steps.good[at];
    const [rows, columns] = this.met ? this.met.map((x) => x[kept]) : [kept, kept], tie = this.tied ? reach(this.tied.lines, t) - 1 : -1;
    return { kept, right, precision: right / kept, recall: right / this.total, f1: (2 * right) / (kept + this.total),
      alone: [this.shape[0] - rows, this.shape[1] - columns], tied: this.tied && tie >= 0 ? this.tied.counts[tie] : 0 };
  }

  /** Precision and recall at the lines that keep anything. */
  curve() {
    if (!this.curve_) {
      const { lines, kept, good } = this.steps, span = lines[0] - lines[lines.length - 1] || 1;
      const place = (k) => `${Math.floor((300 * (lines[0] - lines[k])) / span)} ${Math.floor((300 * good[k]) / this.total)}`;
      // As many points as a screen can tell apart, and all of the strictest lines.
      const some = Array.from(lines.keys()).filter((k) => kept[k] && (k < 200 || k === lines.length - 1 || place(k) !== place(k - 1)));
      this.curve_ = { recall: some.map((k) => good[k] / this.total), precision: some.map((k) => good[k] / kept[k]), lines: some.map((k) => lines[k]) };
    }
    return this.curve_;
  }

  /** Very many pairs as a picture, a pixel a cell (or for several, where there are more than a screen has).
   * @param {number[]} some stretches @param {number[]} good colour of right ones @param {number[]} bad */
  cloud(some, good, bad) {
    const [n, m] = this.shape, high = Math.min(n, 1000), wide = Math.min(m, 1000);
    if (!this.picture) {
      this.picture = new OffscreenCanvas(wide, high);
      this.pixels = new ImageData(wide, high);
    }
    const colours = [bad, good].map(([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
    const cells = new Uint32Array(/** @type {ImageData} */ (this.pixels).data.buffer);
    cells.fill(0);
    for (const s of some) cells[Math.floor((this.i[s] * high) / n) * wide + Math.floor((this.j[s] * wide) / m)] = colours[this.right && !this.right[s] ? 0 : 1];
    /** @type {OffscreenCanvasRenderingContext2D} */ (this.picture.getContext("2d")).putImageData(/** @type {ImageData} */ (this.pixels), 0, 0);
    return this.picture;
  }

  /** Stretches on both sides of a line, nearest first: kept ones, and left-out ones of the matching without a line.
   * @param {number} t @param {number} k @param {(s: number) => boolean} wanted @param {(s: number) => number} score */
  around(t, k, wanted, score, kept = this.at(t)) {
    /** @type {number[]} */ const above = [], /** @type {number[]} */ below = [];
    if (this.prefix) {
      const end = reach(this.upper, this.fine(t));
      for (let s = end - 1; s >= 0 && above.length < k; s--) if (wanted(s)) above.push(s);
      for (let s = end; s < this.upper.length && below.length < k; s++) if (wanted(s)) below.push(s);
      return { above, below };
    }
    this.last ??= Array.from(this.upper.keys()).filter((s) => this.lower[s] === -Infinity).sort((a, b) => score(b) - score(a));
    above.push(...kept.filter(wanted).sort((a, b) => score(a) - score(b)).slice(0, k));
    for (const s of this.last) if (below.length < k && score(s) < t && wanted(s)) below.push(s);
    return { above, below };
  }
}

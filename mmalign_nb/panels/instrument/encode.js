// Encoders without Python: words and pictures as vectors, exactly as Python computes them, and a search among quantised rows.

import { unpack } from "./math.js";

/** @typedef {{height: number, width: number, channels: number, data: Uint8Array | Uint8ClampedArray}} Pixels rows of pixels, as NumPy has them */

const HAN = "〇々\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const HIRAGANA = "ぁ-ゖゝ-ゟ", KATAKANA = "ァ-ヺヽ-ヿㇰ-ㇿ", EITHER = "ー\\u3099\\u309a";
const LETTER = `(?![${HAN}${HIRAGANA}${KATAKANA}])[\\p{L}\\p{N}_]`, VOWEL_SIGN = "(?=[\\u0300-\\u{1efff}])[\\p{Mn}\\p{Mc}]";
const ONE_WORD = `[${HAN}]|[${HIRAGANA}][${HIRAGANA}${EITHER}]*|[${KATAKANA}ー][${KATAKANA}${EITHER}]*|${LETTER}(?:${LETTER}|${VOWEL_SIGN})*`;
const WORD = new RegExp(ONE_WORD, "gu"), WORD_OR_SIGN = new RegExp(`${ONE_WORD}|(?=[\\u0080-\\u{1ffff}])\\p{So}`, "gu");
const UNSEEN = /[\u00ad\u034f\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\u{e0100}-\u{e01ef}]/gu;

/** Lower case, composed, without what nobody sees. @param {string} text */
const plain = (text) => text.normalize("NFC").toLowerCase().normalize("NFC").replace(UNSEEN, "");

/** The words of a text: what mmalign_nb.features.text.words says. @param {string} text @returns {string[]} */
export const wordsOf = (text) => plain(text).match(WORD) ?? [];

/** How many letters must be added, left out or changed. @param {string[]} a @param {string[]} b */
function edits(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  a.forEach((c, i) => {
    const next = [i + 1];
    b.forEach((other, j) => next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + Number(c !== other))));
    row = next;
  });
  return row[b.length];
}

/** Scale a vector to length 1; zeros stay zeros. @param {Float64Array | Float32Array} x */
function toUnit(x) {
  let sum = 0;
  for (const v of x) sum += v * v;
  if (sum > 0) for (let k = 0, by = 1 / Math.sqrt(sum); k < x.length; k++) x[k] *= by;
  return x;
}

/** TF-IDF, then perhaps directions of largest weight, then perhaps the linear head of a paired network. */
export class WordsEncoder {
  /** @type {string[] | undefined} */ words;

  /** @param {any} sent */
  constructor(sent) {
    this.sent = sent;
    /** @type {Map<string, number>} */ this.column = new Map(sent.terms.map((term, k) => [term, k]));
    this.idf = unpack(sent.idf);
    this.layers = sent.layers.map(({ weight, bias, dim }) => ({ weight: unpack(weight), bias: bias && unpack(bias), dim }));
  }

  /** Runs of words, and of characters inside words. @param {string} text */
  terms(text) {
    const split = wordsOf(text), out = [], { ngrams: [low, high], chars } = this.sent;
    for (let n = low; n <= Math.min(high, split.length); n++) for (let i = 0; i + n <= split.length; i++) out.push(split.slice(i, i + n).join(" "));
    if (chars) for (const word of split) {
      const signs = [...word]; // by code point
      for (let n = chars[0]; n <= Math.min(chars[1], signs.length); n++) for (let i = 0; i + n <= signs.length; i++) out.push("~" + signs.slice(i, i + n).join(""));
    }
    return out;
  }

  /** The words that were not fitted, and signs that are no words. @param {string} text */
  unknown(text) {
    const known = new Set();
    for (const term of this.terms(text)) if (this.column.has(term) && !term.startsWith("~")) for (const word of term.split(" ")) known.add(word);
    return [...new Set(plain(text).match(WORD_OR_SIGN) ?? [])].filter((word) => !known.has(word));
  }

  /** The fitted word that needs the fewest edits; null if no letter would stay. @param {string} word @returns {string | null} */
  nearestKnown(word) {
    this.words ??= [...new Set(this.sent.terms.filter((term) => !term.startsWith("~")).flatMap((term) => term.split(" ")))];
    const wanted = [...plain(word)];
    let best = null, least = Infinity;
    for (const one of this.words) {
      const letters = [...one], n = Math.abs(letters.length - wanted.length) < least ? edits(wanted, letters) : Infinity;
      if (n < least) { least = n; best = n < Math.max(wanted.length, letters.length) ? one : null; }
    }
    return best;
  }

  /** Weights of the known terms of a text, together of length 1. @param {string} text @returns {Map<number, number>} */
  weigh(text) {
    /** @type {Map<number, number>[]} */ const kinds = [new Map(), new Map()]; // terms of words, runs of characters
    for (const term of this.terms(text)) {
      const at = this.column.get(term), kind = kinds[this.sent.chars && term.startsWith("~") ? 1 : 0];
      if (at !== undefined) kind.set(at, (kind.get(at) ?? 0) + this.idf[at]);
    }
    const share = this.sent.chars ? [1 - this.sent.charWeight, this.sent.charWeight] : [1, 1], out = new Map();
    kinds.forEach((kind, k) => {
      const length = Math.hypot(...kind.values());
      for (const [at, v] of kind) out.set(at, (v / length) * Math.sqrt(share[k]));
    });
    const length = Math.hypot(...out.values());
    for (const [at, v] of out) out.set(at, v / length);
    return out;
  }

  /** @param {string} text @returns {Float64Array} of length 1, or zeros where nothing is known and no head adds its bias */
  encode(text) {
    /** @type {Map<number, number> | Float64Array} */ let x = this.weigh(text);
    for (const { weight, bias, dim } of this.layers) {
      const z = bias ? Float64Array.from(bias) : new Float64Array(dim);
      for (const [at, v] of x.entries()) for (let d = 0, row = at * dim; d < dim; d++) z[d] += v * weight[row + d];
      x = /** @type {Float64Array} */ (toUnit(z));
    }
    if (x instanceof Float64Array) return x;
    const dense = new Float64Array(this.idf.length);
    for (const [at, v] of x) dense[at] = v;
    return dense;
  }
}

/** @typedef {{size: number[], data: Float32Array}} Maps channels, height, width, and their numbers in this order */

/** A convolution with what follows it in the same breath: a scale and a shift per channel. */
class Convolution {
  /** @param {any} sent */
  constructor({ weight, shape, scale, shift, stride, padding }) {
    const [outs, , side] = shape;
    this.outs = outs; this.side = side; this.stride = stride; this.padding = padding;
    const given = unpack(weight), by = scale ? unpack(scale) : null, n = given.length / this.outs;
    this.shift = shift ? unpack(shift) : new Float32Array(this.outs);
    // Eight channels side by side: what a place shows is read once for all of them.
    this.weight = new Float64Array(Math.ceil(this.outs / 8) * 8 * n);
    for (let o = 0; o < this.outs; o++) for (let k = 0; k < n; k++) this.weight[((o >> 3) * n + k) * 8 + (o & 7)] = given[o * n + k] * (by ? by[o] : 1);
  }

  /** @param {Maps} x @returns {Maps} */
  run({ size: [ins, height, width], data }) {
    const { side, stride, padding, weight: w, outs } = this, high = Math.floor((height + 2 * padding - side) / stride) + 1, wide = Math.floor((width + 2 * padding - side) / stride) + 1;
    const n = ins * side * side, at = new Int32Array(n), seen = new Float64Array(n), eight = new Float64Array(8), out = new Float32Array(outs * high * wide);
    for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
      let many = 0; // only what is not zero counts, about half of it
      for (let c = 0, k = 0; c < ins; c++) for (let dy = 0; dy < side; dy++) {
        const row = y * stride + dy - padding, start = (c * height + row) * width;
        for (let dx = 0, col = x * stride - padding; dx < side; dx++, col++, k++) {
          const v = row >= 0 && row < height && col >= 0 && col < width ? data[start + col] : 0;
          if (v !== 0) { seen[many] = v; at[many++] = k * 8; }
        }
      }
      for (let o = 0; o < outs; o += 8) {
        let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, i = 0;
        for (let k = 0, base = o * n; k < many; k++) {
          const v = seen[k], q = base + at[k];
          a += v * w[q]; b += v * w[q + 1]; c += v * w[q + 2]; d += v * w[q + 3]; e += v * w[q + 4]; f += v * w[q + 5]; g += v * w[q + 6]; i += v * w[q + 7];
        }
        eight[0] = a; eight[1] = b; eight[2] = c; eight[3] = d; eight[4] = e; eight[5] = f; eight[6] = g; eight[7] = i;
        for (let q = 0; q < 8 && o + q < outs; q++) out[((o + q) * high + y) * wide + x] = eight[q] + this.shift[o + q];
      }
    }
    return { size: [outs, high, wide], data: out };
  }
}

/** @param {Maps} x @param {Maps | null} more added before @returns {Maps} what is above zero */
function relu(x, more = null) {
  for (let k = 0; k < x.data.length; k++) x.data[k] = Math.max(0, x.data[k] + (more ? more.data[k] : 0));
  return x;
}

/** The largest of each 2 × 2. @param {Maps} x @returns {Maps} */
function halved({ size: [n, height, width], data }) {
  const high = height >> 1, wide = width >> 1, out = new Float32Array(n * high * wide);
  for (let c = 0, at = 0; c < n; c++) for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
    const k = (c * height + 2 * y) * width + 2 * x;
    out[at++] = Math.max(data[k], data[k + 1], data[k + width], data[k + width + 1]);
  }
  return { size: [n, high, wide], data: out };
}

/** The mean in each of 4 × 4 fields. @param {Maps} x */
function gridded({ size: [n, height, width], data }) {
  const out = new Float64Array(n * 16), ends = (k, side) => [Math.floor((k * side) / 4), Math.ceil(((k + 1) * side) / 4)];
  for (let c = 0, at = 0; c < n; c++) for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++, at++) {
    const [top, bottom] = ends(i, height), [left, right] = ends(j, width);
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) out[at] += data[(c * height + y) * width + x];
    out[at] /= (bottom - top) * (right - left);
  }
  return out;
}

/** The small convolutional network of mmalign_nb.features.CnnImage. */
export class PictureEncoder {
  /** @param {any} sent */
  constructor(sent) {
    const [height, width, channels] = sent.shape;
    this.height = height; this.width = width; this.channels = channels; this.unit = sent.unit;
    this.mean = sent.mean; this.std = sent.std;
    this.stem = new Convolution(sent.stem);
    this.blocks = sent.blocks.map((block) => block.map((c) => new Convolution(c)));
    this.weight = unpack(sent.weight); this.bias = unpack(sent.bias);
  }

  /** @param {ArrayLike<number>} pixels of one picture, rows first, as NumPy has them @returns {Float64Array} */
  encode(pixels) {
    const { channels: n, height, width } = this, data = new Float32Array(n * height * width);
    for (let k = 0; k < height * width; k++) for (let c = 0; c < n; c++) data[c * height * width + k] = (pixels[k * n + c] / 255 - this.mean[c]) / this.std[c];
    let x = halved(relu(this.stem.run({ size: [n, height, width], data })));
    this.blocks.forEach(([first, second, shortcut], k) => {
      const seen = relu(second.run(relu(first.run(x))), shortcut.run(x));
      x = k === 0 ? halved(seen) : seen;
    });
    const grid = gridded(x), z = Float64Array.from(this.bias);
    for (let d = 0; d < z.length; d++) for (let k = 0, row = d * grid.length; k < grid.length; k++) z[d] += grid[k] * this.weight[row + k];
    return this.unit ? /** @type {Float64Array} */ (toUnit(z)) : z;
  }
}

/** Many vectors as small whole numbers, and the nearest of them. */
export class QuantisedRows {
  /** @param {any} sent */
  constructor({ rows, scale, dim, unit }) { this.rows = unpack(rows); this.scale = unpack(scale); this.dim = dim; this.unit = unit; }

  /** The score of each row. @param {Float64Array} query */
  scores(query) {
    const { rows, scale, dim } = this, x = Float32Array.from(this.unit ? toUnit(query.slice()) : query), out = new Float32Array(scale.length);
    for (let i = 0, at = 0; i < out.length; i++) {
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += x[d] * rows[at++];
      out[i] = sum * scale[i];
    }
    return out;
  }

  /** The k best of a query. @param {Float64Array} query @param {number} k */
  search(query, k) { return this.best(this.scores(query), k); }

  /** The k best of all scores, best first; of equal ones the earlier first. @param {Float32Array} all @param {number} k */
  best(all, k) {
    const /** @type {number[]} */ best = [];
    for (let i = 0; i < all.length; i++) {
      if (best.length === k && all[i] <= all[best[k - 1]]) continue;
      let at = best.length;
      while (at > 0 && all[best[at - 1]] < all[i]) at--;
      best.splice(at, 0, i);
      if (best.length > k) best.pop();
    }
    return { rows: best, scores: best.map((i) => all[i]) };
  }
}

/** What a line says of hits, as SearchPanel says it: how many reach it, and in words.
 * @param {ArrayLike<number>} scores @param {{value: number, rule: string}} line @param {number} counts how much of the query counts @param {number[]} known words, of how many */
function verdict(scores, { value, rule }, counts, [known, all]) {
  const needed = value <= 0 ? value * counts : value / counts, reach = Array.from(scores).filter((x) => x >= needed).length;
  let decimals = 2;
  while (decimals < 8 && scores[0] !== needed && scores[0].toFixed(decimals) === needed.toFixed(decimals)) decimals++;
  const why = rule ? [`rule ${rule}`] : [];
  if (counts > 0 && counts < 1) why.unshift(`${value.toFixed(2)} ${value <= 0 ? "×" : "÷"} ${counts.toFixed(2)}: ${known} of ${all} word${all === 1 ? "" : "s"} known`);
  const line = `he line is ${needed === Infinity ? `${value.toFixed(2)}, beyond reach with no word known` : needed.toFixed(decimals)}${why.length ? ` (${why.join("; ")})` : ""}`;
  return { reach, said: reach ? `T${line}; ${reach} of ${scores.length} hits reach it.` : `Nothing matches: the best is ${scores[0].toFixed(decimals)}, t${line}.` };
}

/** A search of this page's own: an encoder of words, one of pictures, or both, and the rows that they search. */
export class Finder {
  /** @param {any} sent */
  constructor(sent) {
    this.sent = sent; this.k = sent.k; this.lines = sent.lines; this.gallery = new QuantisedRows(sent.gallery);
    /** @type {Map<string, WordsEncoder>} */ this.texts = new Map(Object.entries(sent.texts).map(([name, one]) => [name, new WordsEncoder(one)]));
    this.pictures = sent.pictures ? new PictureEncoder(sent.pictures) : null;
  }

  /** The vector of some words, if they have one, how many of them are known, and what is to be said of them. @param {string} name of the encoder @param {string} text */
  words(name, text) {
    const encoder = /** @type {WordsEncoder} */ (this.texts.get(name)), strange = encoder.unknown(text);
    const rest = [...new Set(wordsOf(text))].filter((word) => !strange.includes(word)), known = [rest.length, rest.length + strange.length];
    const near = [...new Set(strange.map((word) => encoder.nearestKnown(word)).filter((word) => word))];
    const names = known[1] ? `${rest.length ? "Unknown" : "None of these words is known"}: ${strange.join(", ")}${near.length ? `; nearest known: ${near.join(", ")}` : ""}` : `There is no word in “${text.trim()}”`;
    if (!rest.length && !encoder.weigh(text).size) return { vector: null, known, told: `${names}.` };
    const told = !rest.length ? `${names}. The hits go by parts of them.` : strange.length ? `${names}. The hits go by the rest: ${rest.join(", ")}.` : "";
    return { vector: encoder.encode(text), known, told };
  }

  /** The vector of a picture: the mean over some views of it. @param {ArrayLike<number>[]} views */
  seen(views) {
    const vectors = views.map((view) => /** @type {PictureEncoder} */ (this.pictures).encode(view));
    return vectors[0].map((_, d) => vectors.reduce((sum, x) => sum + x[d], 0) / vectors.length);
  }

  /** Whether this page can answer. @param {import("./search.js").Question} asked */
  can({ by, views, encoder, weight }) {
    return by !== "recording" && (by === "words" || (views && this.pictures)) && ((by !== "words" && weight == null) || this.texts.has(encoder ?? ""));
  }

  /** The hits of some words, of a picture, or of both, and what is to be said of them. @param {import("./search.js").Question} asked */
  search({ by, query = "", encoder = "", weight = null, views }) {
    const both = by !== "words" && weight !== null, told = [""], seen = by === "words" ? null : this.seen(views ?? []);
    const words = by === "words" || both ? this.words(encoder, query) : null, w = weight ?? 1, share = words ? Math.sqrt(words.known[0] / Math.max(words.known[1], 1)) : 1;
    /** @type {{rows: number[], scores: number[], parts: number[][] | null, reach: number | null}} */ let found = { rows: [], scores: [], parts: null, reach: null };
    if (by === "words" && !query.trim()) return { told: "", ...found };
    told[0] = words?.told ?? "";
    let kind = "pictures", counts = 1;
    if (words?.vector && seen) {
      const parts = [words.vector, seen].map((x) => this.gallery.scores(x)), best = this.gallery.best(parts[0].map((s, i) => w * s + (1 - w) * parts[1][i]), this.k);
      found = { ...found, ...best, parts: parts.map((side) => best.rows.map((i) => side[i])) };
      told.unshift(`Score = ${w.toFixed(2)} × words + ${(1 - w).toFixed(2)} × ${by}.`);
      kind = "both"; counts = w * share + 1 - w;
    } else if (words?.vector) {
      found = { ...found, ...this.gallery.search(words.vector, this.k) };
      kind = "words"; counts = share;
    } else if (seen) {
      found = { ...found, ...this.gallery.search(seen, this.k) };
      if (both) told.push(`The hits go by the ${by} alone.`);
    }
    if (this.lines[kind] && found.rows.length) {
      const { reach, said } = verdict(found.scores, this.lines[kind], counts, words?.known ?? [1, 1]);
      found.reach = reach; told.splice(reach ? told.length : 0, 0, said);
    }
    return { told: told.filter((x) => x).join(" "), ...found };
  }
}

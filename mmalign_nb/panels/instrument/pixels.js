// Pictures for an encoder: strokes drawn at its size, files brought to its size.

/**
 * @typedef {{height: number, width: number, channels: number, ink: number, center: number[], paper: number}} Wanted what the encoder takes: pixels, the longer side of
 *   the usual ink and its middle (both as shares of the picture), and the grey of the paper
 * @typedef {{width: number, height: number, planes: Uint8Array[]}} Planes one plane for grey, three for colour
 * @typedef {[number, number][]} Stroke points in the unit square
 */

const BITS = 22; // of a weight in Pillow's whole-number arithmetic

/** Weights of the source's pixels for each target pixel: the share of its field that they cover, each as a whole one or not at all.
 * @param {number} from @param {number} to */
function fields(from, to) {
  const scale = from / to, wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, k) => {
    const center = (k + 0.5) * scale, start = Math.max(Math.trunc(center - wide / 2 + 0.5), 0), end = Math.min(Math.trunc(center + wide / 2 + 0.5), from);
    const weights = [];
    for (let x = start; x < end; x++) { const at = (x - center + 0.5) / wide; weights.push(at > -0.5 && at <= 0.5 ? 1 : 0); }
    const sum = weights.reduce((a, b) => a + b, 0);
    return { start, weights: weights.map((w) => Math.trunc(0.5 + (w / sum) * 2 ** BITS)) };
  });
}

/** One plane at another size, along one axis. @param {Uint8Array} from @param {number} lines @param {number} size @param {number} to @param {boolean} across */
function along(from, lines, size, to, across) {
  const out = new Uint8Array(lines * to), parts = fields(size, to);
  const [step, line, stepTo, lineTo] = across ? [1, size, 1, to] : [lines, 1, lines, 1];
  for (let l = 0; l < lines; l++) for (let k = 0; k < to; k++) {
    const { start, weights } = parts[k];
    let sum = 2 ** (BITS - 1);
    for (let q = 0; q < weights.length; q++) sum += weights[q] * from[l * line + (start + q) * step];
    out[l * lineTo + k * stepTo] = Math.min(255, Math.floor(sum / 2 ** BITS));
  }
  return out;
}

/** A plane at another size, pixel for pixel as Pillow's BOX filter makes it: across first, or down first where that spares work.
 * @param {Uint8Array} plane @param {number} width @param {number} height @param {number} toWidth @param {number} toHeight */
export function boxed(plane, width, height, toWidth, toHeight) {
  const across = (p, h) => (width === toWidth ? p : along(p, h, width, toWidth, true));
  const down = (p, w) => (height === toHeight ? p : along(p, w, height, toHeight, false));
  return height - toHeight > 2 * (width - toWidth) ? across(down(plane, width), toHeight) : down(across(plane, height), toWidth);
}

/** What a browser decoded, on white paper, in grey (as Pillow's "L") or in colour. @param {ImageData} image @param {number} channels @returns {Planes} */
export function planes({ width, height, data }, channels) {
  const out = Array.from({ length: channels }, () => new Uint8Array(width * height));
  for (let k = 0; k < width * height; k++) {
    const alpha = data[4 * k + 3] / 255, [r, g, b] = [0, 1, 2].map((c) => Math.round(255 + (data[4 * k + c] - 255) * alpha));
    if (channels === 1) out[0][k] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    else { out[0][k] = r; out[1][k] = g; out[2][k] = b; }
  }
  return { width, height, planes: out };
}

/** The most usual grey of a plane's rim: its paper. @param {Uint8Array} plane @param {number} width @param {number} height */
function rim(plane, width, height) {
  const seen = [];
  for (let x = 0; x < width; x++) seen.push(plane[x], plane[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) seen.push(plane[y * width], plane[y * width + width - 1]);
  return seen.sort((a, b) => a - b)[seen.length >> 1];
}

/** A rectangle of a plane, which may reach beyond it; there is paper. */
function cut(plane, width, height, left, top, wide, high, paper) {
  const out = new Uint8Array(wide * high).fill(paper);
  for (let y = Math.max(0, -top); y < high && y + top < height; y++) for (let x = Math.max(0, -left); x < wide && x + left < width; x++) out[y * wide + x] = plane[(y + top) * width + x + left];
  return out;
}

/** Planes one behind the other as the encoder takes them: pixel by pixel. @param {Uint8Array[]} some */
function woven(some) {
  const out = new Uint8Array(some.length * some[0].length);
  some.forEach((plane, c) => plane.forEach((v, k) => { out[k * some.length + c] = v; }));
  return out;
}

/** A file as it is: paper is put beside what is too narrow, and nothing is turned, cut or made darker.
 * @param {Planes} image @param {Wanted} wanted */
export function asItIs({ width, height, planes: some }, { width: toWidth, height: toHeight }) {
  const wide = Math.max(width, Math.round((height * toWidth) / toHeight)), high = Math.max(height, Math.round((width * toHeight) / toWidth));
  const left = -((wide - width) >> 1), top = -((high - height) >> 1);
  return woven(some.map((plane) => boxed(cut(plane, width, height, left, top, wide, high, rim(plane, width, height)), wide, high, toWidth, toHeight)));
}

/** The ink of a file at the place and in the size that the gallery's usually has, in the gallery's kind of ink; null if there is none.
 * @param {Planes} image @param {Wanted} wanted */
export function cropped({ width, height, planes: some }, wanted) {
  const papers = some.map((plane) => rim(plane, width, height)), ink = new Uint8Array(width * height);
  some.forEach((plane, c) => plane.forEach((v, k) => { ink[k] = Math.max(ink[k], Math.abs(v - papers[c])); }));
  const most = ink.reduce((a, b) => Math.max(a, b), 0);
  if (most < 24) return null;
  let [left, right, top, bottom] = [width, 0, height, 0];
  ink.forEach((v, k) => {
    if (v < most / 4) return;
    const x = k % width, y = Math.floor(k / width);
    left = Math.min(left, x); right = Math.max(right, x + 1); top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
  });
  const side = Math.max(right - left, bottom - top) / wanted.ink, size = Math.max(wanted.width, wanted.height);
  const wide = Math.max(1, Math.round((side * wanted.width) / size)), high = Math.max(1, Math.round((side * wanted.height) / size));
  const at = [(left + right) / 2 - wanted.center[0] * wide, (top + bottom) / 2 - wanted.center[1] * high].map(Math.round);
  const small = boxed(cut(ink, width, height, at[0], at[1], wide, high, 0), wide, high, wanted.width, wanted.height);
  const grey = small.map((v) => wanted.paper + Math.round(((255 - 2 * wanted.paper) * Math.min(v, most)) / most));
  return woven(Array.from({ length: wanted.channels }, () => grey));
}

/** Strokes drawn again at the encoder's size: their box has the side of the usual ink, and stands where that stands.
 * @param {Stroke[]} strokes @param {Wanted} wanted @param {number} pen width in pixels of a picture of 32 @param {number} size a factor of the usual one */
export function redrawn(strokes, { height, width, channels, ink, center, paper }, pen, size = 1) {
  const side = Math.max(width, height), points = strokes.flat(), xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const half = (pen * side) / 64, scale = Math.max(size * ink * side - 2 * half, 1) / Math.max(right - left, bottom - top, 0.02);
  const X = (x) => center[0] * width + (x - (left + right) / 2) * scale, Y = (y) => center[1] * height + (y - (top + bottom) / 2) * scale;
  const dark = new Float32Array(width * height);
  for (const stroke of strokes) for (let k = 0; k < Math.max(stroke.length - 1, 1); k++) {
    const [ax, ay] = [X(stroke[k][0]), Y(stroke[k][1])], next = stroke[Math.min(k + 1, stroke.length - 1)], [bx, by] = [X(next[0]) - ax, Y(next[1]) - ay];
    const long = bx * bx + by * by, reach = half + 1;
    for (let y = Math.max(0, Math.floor(ay + Math.min(by, 0) - reach)); y < Math.min(height, ay + Math.max(by, 0) + reach); y++) {
      for (let x = Math.max(0, Math.floor(ax + Math.min(bx, 0) - reach)); x < Math.min(width, ax + Math.max(bx, 0) + reach); x++) {
        const px = x + 0.5 - ax, py = y + 0.5 - ay, t = long ? Math.min(Math.max((px * bx + py * by) / long, 0), 1) : 0;
        const covered = Math.min(Math.max(half + 0.5 - Math.hypot(px - t * bx, py - t * by), 0), 1, 2 * half); // a pixel's share under the pen
        dark[y * width + x] = Math.max(dark[y * width + x], covered);
      }
    }
  }
  const grey = Uint8Array.from(dark, (v) => Math.round(paper + (255 - 2 * paper) * v));
  return woven(Array.from({ length: channels }, () => grey));
}

/** The views of a drawing that are averaged, the plainest first: one pen and size says little about what somebody meant.
 * @param {Stroke[]} strokes @param {Wanted} wanted @param {number} pen a factor of the usual one */
export const views = (strokes, wanted, pen = 1) => [[1, 1.5], [0.94, 1.2], [0.94, 1.8], [1.06, 1.2], [1.06, 1.8]].map(([size, width]) => redrawn(strokes, wanted, width * pen, size));

// The map panel: a shared space in two dimensions, and the items in it.

import { axes, blank, dot, line, theme, triangle } from "./draw.js";
import { apart, significant, unpack } from "./math.js";
import { Media, card, h, knob, numbers, select, watched } from "./widgets.js";

const TWO = "two items", HIGH = 430, NEAR = 22; // pixels: how high the map is, how near a click must be

/** @param {import("./main.js").Host} page */
export function map(page) {
  const data = page.get("_data"), shape = data.shape, n = shape[0], total = shape[0] + shape[1];
  const sides = data.sides[0] === data.sides[1] ? data.sides.map((side, k) => `${side} ${"ab"[k]}`) : data.sides;
  const media = data.media.map((sent) => new Media(sent, page.later)), pairs = data.pairs ? unpack(data.pairs) : null;
  const vectors = data.vectors ? unpack(data.vectors) : null, near = data.near.map(unpacked);
  /** @type {Map<string, {xy: Float32Array, names: string[]}>} */ const maps = new Map();
  let colors = theme(page.root), /** @type {any} */ plot = null, /** @type {{xy: Float32Array, names: string[]} | null} */ flat = null, hovered = -1;
  const now = () => ({ method: page.get("_method"), side: page.get("_side"), point: page.get("_point"), ends: page.get("_axes") });
  const place = (side, i) => side * n + i, whose = (at) => (at < n ? [0, at] : [1, at - n]); // points of both sides stand in one row
  const called = (at) => { const [side, i] = whose(at); return `${sides[side]} ${i}${media[side].named ? `: ${media[side].name(i)}` : ""}`; };

  function unpacked(sent) {
    const out = { k: sent.k };
    for (const name of ["ids", "cosines", "right", "own", "rank", "best"]) out[name] = sent[name] ? unpack(sent[name]) : null;
    return out;
  }

  // ---- controls
  const method = select("map", data.methods, (value) => { page.put({ _method: value }); load(); }, "how the space is brought to two dimensions");
  const side = select("select from", sides, (value) => choose(sides.indexOf(value), Math.min(now().point, shape[sides.indexOf(value)] - 1)), "which side's item is selected");
  const point = knob("point", (i) => choose(now().side, i), page.say);
  const turn = ["x", "y"].map((name, k) => h("button", { type: "button", title: `let the selected item be the ${name} axis`, onclick: () => axis(k) }, `selected → ${name} axis`));
  const canvas = h("canvas", { class: "mm-points", tabindex: "0", role: "application", "aria-roledescription": "map of points", onclick: pick, onkeydown: walk,
    onpointermove: hover, onpointerleave: () => glance(-1) });
  const tip = h("div", { class: "mm-tip", hidden: true, "aria-hidden": "true" });
  const key = h("div", { class: "mm-key" }, ...sides.map((name, k) => h("span", {}, h("i", { class: `mm-sign ${["dot right", "wedge"][k]}`, "aria-hidden": "true" }), `${name} (${shape[k]})`)),
    pairs ? h("span", {}, h("i", { class: "mm-sign line soft", "aria-hidden": "true" }), "true pairs") : null);
  const note = h("p", { class: "mm-note" }), cards = h("div", { class: "mm-stack", "aria-live": "polite" });
  page.root.append(h("div", { class: "mm-row" }, method.el, side.el, ...turn), point.el, page.saidEl,
    h("div", { class: "mm-space" }, h("figure", { class: "mm-chart" }, h("div", { class: "mm-over" }, canvas, tip), key, note), cards));

  function choose(s, i) {
    page.put({ _side: s, _point: i });
    page.say("");
    refresh();
  }

  function axis(k) {
    const { side: s, point: i, ends } = now();
    page.put({ _axes: ends.map((end, q) => (q === k ? [s, i] : end)) });
    load();
  }

  // ---- the map
  /** Take the chosen map: it is in the page, or can be counted here, or Python is asked. */
  function load() {
    const { method: how, ends } = now(), name = how === TWO ? `${how} ${ends.join(" ")}` : how;
    const ready = (sent) => { maps.set(name, { xy: unpack(sent.xy), names: sent.names }); flat = maps.get(name) ?? null; refresh(); };
    method.set(how);
    for (const button of turn) button.hidden = how !== TWO;
    flat = maps.get(name) ?? null;
    if (flat) return refresh();
    const stored = page.get("_maps")[how];
    if (stored) return ready(stored);
    if (how === TWO && vectors) {
      maps.set(name, { xy: cosines(ends.map(([s, i]) => place(s, i))), names: ends.map(([s, i]) => `cosine with ${called(place(s, i))}`) });
      flat = maps.get(name) ?? null;
      return refresh();
    }
    refresh();
    if (page.python) page.say(`${how} is being computed …`);
    return page.ask({ map: how, axes: ends }, () => {
      page.say("");
      if (now().method === how && String(now().ends) === String(ends)) ready(page.get("_fresh"));
    });
  }

  /** The cosines of all points with two of them. */
  function cosines(ends) {
    const v = /** @type {Int16Array} */ (vectors), d = v.length / total, out = new Float32Array(2 * total);
    for (let p = 0; p < total; p++) for (let axis = 0; axis < 2; axis++) {
      let sum = 0;
      for (let q = 0; q < d; q++) sum += v[p * d + q] * v[ends[axis] * d + q];
      out[2 * p + axis] = sum / 32767 ** 2;
    }
    return out;
  }

  /** Lowest and highest place along an axis, with some room; one scale for both, save where axes are cosines. */
  function ranges(wide, high) {
    const xy = /** @type {any} */ (flat).xy, out = [0, 1].map((axis) => {
      let low = Infinity, top = -Infinity;
      for (let p = axis; p < 2 * total; p += 2) { low = Math.min(low, xy[p]); top = Math.max(top, xy[p]); }
      return [(low + top) / 2, (top - low || 1) * 1.08];
    });
    const unit = Math.max(out[0][1] / wide, out[1][1] / high);
    return out.map(([middle, span], axis) => { const room = now().method === TWO ? span : unit * [wide, high][axis]; return [middle - room / 2, middle + room / 2]; });
  }

  function draw() {
    const wide = canvas.clientWidth || 600, high = Math.min(HIGH, Math.max(wide * 0.68, 240)), ctx = blank(canvas, wide, high), box = [40, 22, wide - 52, high - 66];
    plot = null;
    if (!colors.fg) colors = theme(page.root); // before the panel stood on the page it had no colours
    if (!flat) return;
    const { xy, names } = flat, [xs, ys] = ranges(box[2], box[3]), { side: s, point: i } = now(), chosen = place(s, i);
    const fit = (words) => { let text = words; while (text.length > 9 && ctx.measureText(text).width > wide - 20) text = `${text.slice(0, -2)}…`; return text; };
    plot = axes(ctx, box, xs, ys, colors, { x: fit(`${names[0]} →`), y: fit(`↑ ${names[1]}`), ny: 5 });
    const join = (p, q, color, width) => line(plot, [xy[2 * p], xy[2 * q]], [xy[2 * p + 1], xy[2 * q + 1]], color, [], width);
    /** @type {number[]} */ const partners = [];
    for (let k = 0; pairs && k < pairs.length; k += 2) {
      const ends = [pairs[k], n + pairs[k + 1]];
      join(ends[0], ends[1], colors.edge, 0.8);
      if (ends[s] === chosen) partners.push(ends[1 - s]);
    }
    if (!pairs && near[s].own && near[s].own[i] >= 0) partners.push(place(1 - s, near[s].own[i]));
    const size = Math.min(Math.max(70 / Math.sqrt(total), 2.5), 6), mark = (p, r) => (p < n ? dot : triangle)(plot, xy[2 * p], xy[2 * p + 1], p < n ? colors.right : colors.wrong, colors.bg, r);
    for (let p = 0; p < total; p++) mark(p, size);
    for (const q of partners) join(chosen, q, colors.fg, 2.5);
    for (const q of [...partners, chosen]) mark(q, size + 2);
    for (const [p, r, width] of [[chosen, size + 8, 3.5], [hovered, size + 5, 2]]) if (p >= 0) {
      ctx.beginPath(); ctx.arc(plot.X(xy[2 * p]), plot.Y(xy[2 * p + 1]), r, 0, 7);
      ctx.strokeStyle = colors.fg; ctx.lineWidth = width; ctx.stroke();
    }
  }

  // ---- what is shown
  function refresh() {
    const { side: s, point: i, method: how } = now(), t = 1 - s, { k, ids, cosines: c, right, own, rank, best } = near[s];
    side.set(sides[s]); point.fit(numbers(shape[s]), i);
    const found = Array.from({ length: k }, (_, q) => i * k + q), values = found.map((at) => c[at]), digits = apart(values);
    const item = (on, j) => h("span", { class: "mm-pair" }, media[on].show(j, data.size), h("button", { type: "button", class: "mm-go", onclick: () => choose(on, j) }, `${sides[on]} ${j}`));
    const partner = own && own[i] >= 0, rankWords = own ? (partner ? `its own partner at rank ${rank[i]} of ${shape[t]}` : "without a partner") : "";
    cards.replaceChildren(h("p", { class: "mm-title" }, `selected: ${sides[s]} ${i}`), h("div", { class: "mm-card" }, media[s].show(i, data.size)),
      h("p", { class: "mm-title" }, `nearest in ${sides[t]}, by cosine in the whole space`),
      ...found.map((at, q) => card(significant(values[q], digits), [item(t, ids[at])], right ? !!right[at] : null, { "data-id": ids[at] })),
      ...(partner && rank[i] > k ? [h("p", { class: "mm-title" }, "its own partner"), card(significant(best[i], 3), [item(t, own[i])], true, { "data-own": own[i] })] : []),
      h("p", { class: "mm-note" }, rankWords));
    note.textContent = { PCA: "Points that look near may differ in the other dimensions: the list shows who is near there too.",
      "t-SNE": "Neighbours stay together; how far apart groups lie means little.", [TWO]: "To the right: more like the item of the x axis. Upwards: more like that of the y axis." }[how];
    canvas.setAttribute("aria-label", `${how === TWO ? "Map of the cosines with two items," : `${how} map`} of ${n} points of ${sides[0]} (discs) and ${shape[1]} of ${sides[1]} (triangles); selected: ${called(place(s, i))}; ` +
      `nearest: ${k ? called(place(t, ids[found[0]])) : "none"}${rankWords ? `, ${rankWords}` : ""}. Arrow keys go to the next point in their direction.`);
    draw();
  }

  // ---- choosing on the map
  /** The point nearest to a place on the canvas, if it is near enough. */
  function under(event) {
    if (!flat || !plot) return -1;
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    return nearest((p) => Math.hypot(plot.X(flat?.xy[2 * p]) - x, plot.Y(flat?.xy[2 * p + 1]) - y), NEAR);
  }
  function nearest(far, most = Infinity) {
    let found = -1, least = most;
    for (let p = 0; p < total; p++) { const d = far(p); if (d < least) { least = d; found = p; } }
    return found;
  }
  function pick(event) {
    const found = under(event);
    if (found >= 0) choose(...whose(found));
  }
  function hover(event) { if (event.pointerType !== "touch") glance(under(event)); }
  function glance(found) {
    if (found === hovered) return;
    hovered = found;
    tip.hidden = found < 0;
    draw();
    if (found < 0 || !flat) return;
    const [s, i] = whose(found), x = plot.X(flat.xy[2 * found]), y = plot.Y(flat.xy[2 * found + 1]);
    tip.replaceChildren(h("b", {}, `${sides[s]} ${i}`), media[s].show(i, 64));
    Object.assign(tip.style, x < canvas.clientWidth / 2 ? { left: `${x + 14}px`, right: "" } : { left: "", right: `${canvas.clientWidth - x + 14}px` }, { top: `${Math.max(y - 40, 0)}px` });
  }
  /** The nearest point that lies more in this direction than beside it. */
  function walk(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || !flat || !plot) return;
    event.preventDefault(); event.stopPropagation();
    const { xy } = flat, { side: s, point: i } = now(), from = place(s, i), found = nearest((p) => {
      const x = plot.X(xy[2 * p]) - plot.X(xy[2 * from]), y = plot.Y(xy[2 * p + 1]) - plot.Y(xy[2 * from + 1]);
      const along = x * step[0] + y * step[1], beside = Math.abs(x * step[1]) + Math.abs(y * step[0]);
      return p !== from && along > 0.01 && along >= beside ? Math.hypot(x, y) : Infinity;
    });
    if (found >= 0) choose(...whose(found));
  }

  // ---- what others change
  page.on("change:_method", load); page.on("change:_axes", load);
  page.on("change:_side", refresh); page.on("change:_point", refresh);
  watched(page, draw, () => { colors = theme(page.root); refresh(); });
  page.root.placed = (side, i) => (flat && plot ? [plot.X(flat.xy[2 * place(side, i)]), plot.Y(flat.xy[2 * place(side, i) + 1])] : null); // for who scripts the page
  load();
}

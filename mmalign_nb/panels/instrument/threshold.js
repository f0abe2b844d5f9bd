// The threshold panel: a line through scores, and what it keeps.

import { area, axes, bars, blank, dot, heat, line, marks, rgb, theme, upright } from "./draw.js";
import { Path, count, reach, share, significant, unpack, written } from "./math.js";
import { Media, card, download, h, knob, select, table, watched } from "./widgets.js";

const MANY = 3000; // more marks than this are a cloud: cells are painted instead
const ROWS = 200; // rows of the table of pairs

/** @param {import("./main.js").Host} page */
export function threshold(page) {
  const data = page.get("_data"), { shape: [n, m], sides, modes, rules, measures } = data;
  const names = data.names, a = new Media(data.a, page.later), b = new Media(data.b, page.later);
  for (const one of Object.values(measures)) one.S ??= unpack(one.scores);
  /** @type {Map<string, Path>} */ const paths = new Map();
  const truthOf = data.truthOf ? unpack(data.truthOf) : null;
  const right = (i, j) => !!((truthOf[(i * m + j) >> 3] >> (7 - ((i * m + j) & 7))) & 1);
  let colors = theme(page.root), /** @type {Path | null} */ path = null, filter = "", /** @type {[number, number] | null} */ cell = null;
  const now = () => ({ t: page.get("_threshold"), mode: page.get("_mode"), measure: page.get("_measure"), rule: page.get("_rule") });
  const one = () => measures[now().measure];
  const score = (i, j) => one().S[i * m + j];
  const words = (x) => written(x, one().range);

  // ---- controls
  const move = (t) => { page.put({ _threshold: t }); refresh(); };
  const line_ = knob("threshold", move, page.say);
  const mode = select("matching", modes, (value) => { page.put({ _mode: value }); load(); }, "how pairs are chosen among those above the threshold");
  const measure = select("measure", names, change, "which scores to use");
  const rule = select("rule", rules.map((r) => r[0]), (value) => page.put({ _rule: value }), "which rule chooses the threshold");
  const suggest = h("button", { type: "button", onclick: suggested }, "suggest");
  const search = h("input", { type: "search", "aria-label": "show only some pairs", placeholder: `words, ${sides[0]} 3`, title: `words of either side, or ${sides[0]} 3, ${sides[1]} 7`, oninput: () => { filter = search.value; refresh(); } });
  const read = h("div", { class: "mm-read", role: "status" });

  // ---- pictures
  const map = h("canvas", { class: "mm-map", tabindex: "0", role: "application", "aria-roledescription": "map of scores", onclick: pick, onkeydown: walk });
  const turn = (canvas, line) => { // a click on a chart moves the line there, as the slider would
    const hear = (event) => { if (event.buttons === 1 || event.type === "click") { const t = line(event.offsetX, event.offsetY); if (Number.isFinite(t)) { line_.set(t); move(t); } } };
    canvas.addEventListener("click", hear); canvas.addEventListener("pointermove", hear);
    return canvas;
  };
  /** @type {import("./draw.js").Plot | null} */ let curvePlot = null;
  const along = (x) => { const { min, max, step, decimals } = one().range, w = hills.clientWidth - 46; return Number((Math.round((min + Math.min(Math.max((x - 34) / w, 0), 1) * (max - min)) / step) * step).toFixed(decimals)); };
  const hills = turn(h("canvas", { role: "img" }), along), quality = turn(h("canvas", { role: "img" }), along), curve = turn(h("canvas", { role: "img" }), nearest);
  const chart = (title, canvas, key) => h("figure", { class: "mm-chart" }, h("figcaption", {}, title), canvas, key);
  const key = (...entries) => h("div", { class: "mm-key" }, ...entries.map(([kind, text]) => h("span", {}, h("i", { class: `mm-sign ${kind}`, "aria-hidden": "true" }), text)));
  const mapKey = h("div", { class: "mm-key" });
  const judged = data.truth, promised = data.promise;
  const charts = h("div", { class: "mm-charts" }, chart("scores", hills, judged ? key(["bar right", "right pairs"], ["bar soft", "other pairs"]) : null),
    judged || promised ? chart(judged ? "at each line" : "promised at each line", quality, key(...(judged ? [["line right", "precision"], ["line third dashed", "recall"]] : []), ...(promised ? [["band", "promised: precision is in here"]] : []))) : null,
    judged ? chart("precision over recall", curve, key(["line right", "this matching"], ["line soft dashed", "every pair above"])) : null);
  const above = h("div", { class: "mm-cards" }), below = h("div", { class: "mm-cards" }), chosen = h("div", { class: "mm-pick", "aria-live": "polite" });
  const list = h("details", { ontoggle: () => tell() }, h("summary", {}, "the kept pairs as a table")), rows = h("div", { class: "mm-scroll", tabindex: "0", role: "group", "aria-label": "kept pairs" });
  list.append(rows);
  page.root.append(
    h("div", { class: "mm-row" }, modes.length > 1 ? mode.el : null, names.length > 1 ? measure.el : null, ...(rules.length ? [rule.el, suggest] : []), h("label", { class: "mm-field" }, h("span", {}, "show"), search)),
    line_.el, read, page.saidEl,
    h("div", { class: `mm-main${judged || promised ? "" : " mm-plain"}` },
      h("figure", { class: "mm-chart mm-square" }, h("figcaption", {}, `${sides[0]} ↓ by ${sides[1]} →`), map, mapKey), charts,
      h("div", { class: "mm-sides" }, h("section", {}, h("p", { class: "mm-title" }, "just above the line: kept"), above), h("section", {}, h("p", { class: "mm-title" }, "just below: left out"), below), chosen)),
    list);

  // ---- what is computed
  function load() {
    const { measure: name, mode: how } = now(), at = `${names.indexOf(name)}/${how}`;
    const ready = (sent) => {
      if (!paths.has(at)) paths.set(at, new Path(sent, one().S, [n, m], truthOf && right));
      path = /** @type {Path} */ (paths.get(at));
      refresh();
    };
    line_.fit(one().range, now().t); mode.set(how); measure.set(name); rule.set(now().rule);
    path = null;
    const known = paths.has(at) ? {} : page.get("_paths")[at];
    if (known) return ready(known);
    read.textContent = "matching at every line …";
    return page.ask({ path: at }, () => {
      page.say("");
      if (at === `${names.indexOf(now().measure)}/${now().mode}`) ready(page.get("_fresh"));
    });
  }

  /** Scores of two measures cannot be compared: keep the share of pairs above the line. */
  function change(name) {
    const before = one(), t = now().t, was = reach(sorted(before), t) / sorted(before).length;
    page.put({ _measure: name });
    const next = sorted(one());
    page.put({ _threshold: was < 1 && next.length ? next[Math.max(Math.round(was * next.length) - 1, 0)] : one().range.min });
    load();
  }
  const sorted = (x) => (x.sorted ??= Float64Array.from(x.S.filter((v) => v > -Infinity)).sort().reverse());

  function suggested() {
    const found = path?.suggest[now().rule];
    if (!found) return page.say("There is no suggestion for this matching.", true);
    if (found.value !== null) { page.put({ _threshold: found.value }); line_.set(found.value); refresh(); }
    page.say(found.words);
  }

  /** Whether a pair is asked for in the box "show". */
  function wanted(i, j) {
    const text = filter.trim().toLowerCase();
    if (!text) return true;
    for (const [k, side] of sides.entries()) {
      const number = text.startsWith(`${side.toLowerCase()} `) ? text.slice(side.length + 1).trim() : "";
      if (/^\d+$/.test(number)) return [i, j][k] === Number(number);
    }
    return a.name(i).toLowerCase().includes(text) || b.name(j).toLowerCase().includes(text);
  }

  // ---- what is shown
  function refresh() {
    const p = path;
    if (!p) return;
    const t = now().t, kept = p.at(t), told = p.report(t), shown = filter.trim() ? kept.filter((s) => wanted(p.i[s], p.j[s])) : kept;
    const parts = [h("span", {}, h("b", {}, told.kept.toLocaleString("en")), ` of ${n} × ${m} pairs kept`)];
    if (judged) for (const [name, value] of /** @type {[string, number][]} */ ([["precision", told.precision], ["recall", told.recall], ["F1", told.f1]])) parts.push(h("span", {}, `${name} `, h("b", {}, share(value))));
    const sure = promised ? bound(t) : NaN;
    if (promised && now().mode === "pool") parts.push(h("span", {}, "promised ≥ ", h("b", {}, Number.isNaN(sure) ? "–" : sure.toFixed(2))));
    parts.push(h("span", {}, `alone: ${told.alone[0]} ${sides[0]}, ${told.alone[1]} ${sides[1]}`));
    if (told.tied) parts.push(h("span", {}, `${told.tied} tied`));
    if (!p.exact) parts.push(h("span", {}, "(computed at some lines; panel.matches is exact)"));
    if (filter.trim()) parts.push(h("span", {}, `shown: ${count(shown.length, "pair")}`));
    read.replaceChildren(...parts);
    draw(t, kept, shown, told);
    const near = p.around(t, data.cards, (s) => wanted(p.i[s], p.j[s]), (s) => score(p.i[s], p.j[s]), kept);
    for (const [box, found] of /** @type {[any, number[]][]} */ ([[above, near.above], [below, near.below]]))
      box.replaceChildren(...(found.length ? found.map((s) => pair(p.i[s], p.j[s], p.right ? !!p.right[s] : null)) : [h("p", { class: "mm-note" }, "none")]));
    tell(shown);
    explain(kept);
  }

  const bound = (t) => { const k = reach(promised.lines, t); return k ? promised.bounds[k - 1] : NaN; };
  if (promised) { promised.lines = unpack(promised.lines); promised.bounds = unpack(promised.bounds); }

  function pair(i, j, right) {
    return card(written(score(i, j), { ...one().range, decimals: one().range.decimals + 1 }), [h("span", { class: "mm-pair" }, a.show(i, data.size), h("span", { "aria-hidden": "true" }, "↔"), b.show(j, data.size))], right, { "data-pair": `${i} ${j}` });
  }

  function tell(found = /** @type {number[] | null} */ (null)) {
    const p = path;
    if (!list.open || !p) return;
    const shown = found ?? p.at(now().t).filter((s) => wanted(p.i[s], p.j[s])), of = shown.slice(0, ROWS).map((s) => [a.named ? a.name(p.i[s]) : `${sides[0]} ${p.i[s]}`, b.named ? b.name(p.j[s]) : `${sides[1]} ${p.j[s]}`, words(score(p.i[s], p.j[s])), ...(p.right ? [p.right[s] ? "right" : "wrong"] : [])]);
    const csv = () => download("pairs.csv", [`a,b,score${p.right ? ",right" : ""}`, ...shown.map((s) => [p.i[s], p.j[s], score(p.i[s], p.j[s]), ...(p.right ? [p.right[s] ? "True" : "False"] : [])].join(","))].join("\n") + "\n");
    rows.replaceChildren(...(data.csv === false ? [] : [h("button", { type: "button", onclick: csv }, "save all as CSV")]),
      table(shown.length > ROWS ? `the first ${ROWS} of ${count(shown.length, "pair")}` : count(shown.length, "pair"), [...sides, "score", ...(p.right ? ["right or wrong"] : [])], of));
  }

  /** The pair of the chosen cell, and why it is kept or not. */
  function explain(kept) {
    if (!path) return;
    if (!cell) return chosen.replaceChildren(h("p", { class: "mm-note" }, "Click a cell of the map, or walk there with the arrow keys, to see its pair."));
    const [i, j] = cell, p = path, s = score(i, j), mine = kept.find((k) => p.i[k] === i && p.j[k] === j);
    let [row, column, betterRow, betterColumn] = [1, 1, -1, -1];
    for (let q = 0; q < m; q++) if (score(i, q) > s) { row++; if (betterRow < 0 || score(i, q) > score(i, betterRow)) betterRow = q; }
    for (let q = 0; q < n; q++) if (score(q, j) > s) { column++; if (betterColumn < 0 || score(q, j) > score(betterColumn, j)) betterColumn = q; }
    const rank = (place, of, side) => (place === 1 ? `the best ${side}` : `number ${place} of ${of} for its ${side}`);
    const said = [`${rank(row, m, sides[0]).replace("the best", "the best for its")}${row > 1 ? ` (the best is ${sides[1]} ${betterRow}, ${words(score(i, betterRow))})` : ""}`,
      `${rank(column, n, sides[1]).replace("the best", "the best for its")}${column > 1 ? ` (the best is ${sides[0]} ${betterColumn}, ${words(score(betterColumn, j))})` : ""}`];
    const other = kept.filter((k) => p.i[k] === i || p.j[k] === j)[0];
    const why = mine !== undefined ? "kept" : s < now().t ? "left out: below the line" : other !== undefined ? `left out: the matching gives ${sides[0]} ${p.i[other]} to ${sides[1]} ${p.j[other]}` : "left out by the matching";
    chosen.replaceChildren(pair(i, j, truthOf ? right(i, j) : null),
      h("p", { class: "mm-note" }, h("b", {}, `${sides[0]} ${i}, ${sides[1]} ${j}: ${why}. `), `${said.join("; ")}.`));
  }

  // ---- drawing
  /** @type {Map<string, {key: string, under: HTMLCanvasElement, plot: any}>} */ const stills = new Map();
  /** What the line does not change is drawn once; gives its plot on the emptied canvas. */
  function still(canvas, name, w, h, paint) {
    const key = `${now().measure}/${now().mode} ${w} ${h} ${window.devicePixelRatio}`;
    let one = stills.get(name);
    if (!one || one.key !== key || !colors.fg) {
      const under = document.createElement("canvas"), ctx = blank(under, w, h);
      stills.set(name, one = { key, under, plot: paint(ctx) });
    }
    const ctx = blank(canvas, w, h);
    ctx.drawImage(one.under, 0, 0, w, h);
    return { ...one.plot, ctx };
  }
  function draw(t, kept, shown, told) {
    if (!colors.fg) colors = theme(page.root); // before the panel stood on the page it had no colours
    const p = /** @type {Path} */ (path), x = one(), ends = [x.range.min, x.range.max];
    const wide = map.clientWidth || 280, w = wide, high = Math.round(Math.max(Math.min((wide * n) / Math.max(m, 1), wide), 60));
    const { ctx } = still(map, "map", w, high, (c) => {
      c.imageSmoothingEnabled = n > high || m > w;
      if (colors.fg) c.drawImage(heat(x.S, n, m, colors), 0, 0, w, high);
    });
    const at = (s) => [((p.j[s] + 0.5) / m) * w, ((p.i[s] + 0.5) / n) * high], size = Math.min(Math.max((0.9 * w) / Math.max(n, m, 1), 5), 13);
    const good = p.right ? shown.filter((s) => p.right?.[s]) : shown, bad = p.right ? shown.filter((s) => !p.right?.[s]) : [];
    if (shown.length > MANY) {
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(p.cloud(shown, rgb(colors.right), rgb(colors.wrong)), 0, 0, w, high);
    } else {
      marks(ctx, good.map(at), size, colors.right, colors.bg, false);
      marks(ctx, bad.map(at), size, colors.wrong, colors.bg, true);
    }
    if (cell) {
      ctx.strokeStyle = colors.fg; ctx.lineWidth = 2;
      const [cx, cy] = [((cell[1] + 0.5) / m) * w, ((cell[0] + 0.5) / n) * high], r = Math.max(size, 9);
      ctx.strokeRect(cx - r, cy - r, 2 * r, 2 * r);
    }
    const signs = p.right ? [["dot right", `right (${told.right})`], ["cross wrong", `wrong (${told.kept - told.right})`]] : [["dot right", `kept (${told.kept})`]];
    mapKey.replaceChildren(...signs.map(([kind, text]) => h("span", {}, h("i", { class: `mm-sign ${kind}`, "aria-hidden": "true" }), text)));
    map.setAttribute("aria-label", `Map of ${n} × ${m} scores with ${count(told.kept, "chosen pair")}${judged ? `, ${told.right} right and ${told.kept - told.right} wrong` : ""}; arrow keys choose a cell`);

    const cw = hills.clientWidth || 260, box = [34, 14, cw - 46, 76], { edges, right: r, wrong } = x.hills, top = Math.max(...r, ...wrong) || 1;
    let plot = still(hills, "hills", cw, 112, (c) => {
      const under = axes(c, box, ends, [0, top], colors, { ny: 0 });
      bars(under, edges, judged ? wrong : r, colors.soft, false);
      if (judged) bars(under, edges, r, colors.right, true);
      return under;
    });
    upright(plot, t, colors.fg);
    hills.setAttribute("aria-label", `Histogram of the scores from ${words(ends[0])} to ${words(ends[1])}; the line stands at ${words(t)}`);
    if (quality.isConnected) {
      plot = still(quality, "quality", cw, 112, (ctx) => {
        const under = axes(ctx, box, ends, [0, 1], colors), c = p.curve();
        if (promised && now().mode === "pool") band(under, ends);
        if (judged) {
          line(under, [...c.lines, ends[0]], [...c.recall, c.recall.at(-1) ?? 0], colors.third, [5, 3], 2);
          line(under, c.lines, c.precision, colors.right);
        }
        return under;
      });
      upright(plot, t, colors.fg);
      const sure = promised && now().mode === "pool" ? bound(t) : NaN;
      dot(plot, t, judged ? told.precision : sure, judged ? colors.right : colors.third, colors.bg);
      quality.setAttribute("aria-label", [judged ? `Precision and recall at each line; here ${share(told.precision)} and ${share(told.recall)}` : "", promised ? `At each line a precision is promised; here at least ${share(sure)}` : ""].filter(Boolean).join(". "));
    }
    if (curve.isConnected) {
      plot = curvePlot = still(curve, "curve", cw, 130, (ctx) => {
        const under = axes(ctx, [34, 14, cw - 46, 78], [0, 1], [0, 1], colors, { x: "recall" }), c = p.curve();
        if (x.every) line(under, x.every.recall, x.every.precision, colors.soft, [4, 4], 1.6);
        line(under, c.recall, c.precision, colors.right);
        return under;
      });
      dot(plot, told.recall, told.precision, colors.fg, colors.bg, 7);
      curve.setAttribute("aria-label", `Precision over recall of this matching and of every pair above; here precision ${share(told.precision)} at recall ${share(told.recall)}`);
    }
  }

  /** What is promised at every line, as a band up to 1. */
  function band(plot, ends) {
    const lines = [...promised.lines].map((x) => Math.min(x, ends[1])), bounds = [...promised.bounds];
    area(plot, [ends[1], ...lines, ends[0], ends[0]], [1, ...bounds, bounds.at(-1) ?? 0, 1], colors.third);
  }

  // ---- the chosen cell
  function pick(event) {
    const box = map.getBoundingClientRect();
    choose(Math.floor(((event.clientY - box.top) / box.height) * n), Math.floor(((event.clientX - box.left) / box.width) * m));
  }
  function walk(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (event.key === "Escape") { cell = null; refresh(); }
    if (!step) return;
    event.preventDefault(); event.stopPropagation();
    choose((cell?.[0] ?? 0) + (cell ? step[0] : 0), (cell?.[1] ?? 0) + (cell ? step[1] : 0));
  }
  function choose(i, j) {
    if (!n || !m) return;
    cell = [Math.min(Math.max(i, 0), n - 1), Math.min(Math.max(j, 0), m - 1)];
    refresh();
  }

  /** The line whose point on the curve is nearest to a place. */
  function nearest(x, y) {
    const { recall, precision, lines } = /** @type {Path} */ (path).curve(), p = curvePlot;
    if (!p || !lines.length) return NaN;
    const far = recall.map((r, k) => (p.X(r) - x) ** 2 + (p.Y(precision[k]) - y) ** 2);
    return lines[far.indexOf(Math.min(...far))];
  }

  // ---- what others change
  for (const name of ["_mode", "_measure"]) page.on(`change:${name}`, () => load());
  page.on("change:_threshold", () => { line_.set(now().t); refresh(); });
  page.on("change:_rule", () => rule.set(now().rule));
  const again = () => { colors = theme(page.root); stills.clear(); refresh(); };
  watched(page, refresh, again);
  page.root.kept = () => (path ? path.at(now().t).map((s) => [path?.i[s], path?.j[s]]) : null); // for who scripts the page
  load();
}

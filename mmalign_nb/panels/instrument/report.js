// The report of an aligned folder: the threshold panel, and a page around it that follows its line.

import { count, reach, significant, unpack, written } from "./math.js";
import { threshold } from "./threshold.js";
import { Media, card, download, h } from "./widgets.js";

const NEAREST = 8;
const FORMULA = /^[=+\-@\t\r\n']/; // what a spreadsheet would run, or take for a sign that it may: an apostrophe before it stops that

/** A cell of a table of comma-separated values; only words may look like a formula. @param {string} text @param {boolean} words */
const field = (text, words) => {
  const safe = words && FORMULA.test(text) ? `'${text}` : text;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};

/** Words as they are compared: without accents, in lower case. @param {string} text */
const bare = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {import("./main.js").Host} page */
export function report(page) {
  const told = page.get("_report"), data = page.get("_data"), all = page.root.closest(".mm-report") ?? page.root, [n, m] = told.shape;
  const sides = [data.a, data.b].map((sent) => new Media(sent, page.later)), kinds = told.many, scores = unpack(told.scores), pool = unpack(told.pool);
  for (const el of all.querySelectorAll("[data-item]")) {
    const [side, row] = el.dataset.item.split(" ").map(Number);
    el.replaceChildren(sides[side].show(row, 48));
  }
  threshold({ ...page, put: (changes) => { page.put(changes); moved(); } });
  const { S: own, range } = data.measures[data.names[0]], S = told.all ? unpack(told.all) : own, score = (i, j) => S[i * m + j], line = () => page.get("_threshold");

  // ---- the line: what it keeps of all matches, and the way back to the report's own
  const where = h("p", { class: "rp-where", role: "status" }), save = h("button", { type: "button", onclick: csv }, "");
  const home = h("button", { type: "button", onclick: () => { page.model.set("_threshold", told.line); moved(); } }, "back to the line of this report");
  page.root.prepend(h("div", { class: "mm-row" }, where, save, told.line === null ? null : home));

  function moved() {
    const t = line(), kept = reach(pool, t), at = t === told.line;
    where.replaceChildren(h("b", {}, kept.toLocaleString("en")), ` of ${pool.length.toLocaleString("en")} ${told.what} ${kept === 1 ? "reaches" : "reach"} the line ${written(t, range)}`,
      at ? ": the line of this report." : told.line === null ? "." : `. What is promised above is promised for ${written(told.line, range)}.`);
    save.textContent = told.rows.length < told.total ? `save the best ${count(told.rows.length, "row")} as CSV` : "save the matches at this line as CSV";
    home.disabled = at;
    if (question) question();
  }

  function csv() {
    const t = line();
    const rows = told.rows.map(([a, b, s, known, partner, tail], k) => [a, b, s, scores[k] >= t ? "True" : "False", known, partner, told.reasons[scores[k] >= t ? 0 : 1] + tail]);
    const text = [told.columns, ...rows].map((row) => row.map((x, k) => field(x, k !== 2)).join(",") + "\n").join("");
    download(`matches at ${written(line(), range)}.csv`, `\uFEFF${text}`);
  }

  // ---- search: words find items that have them; what lies near those is found by the scores, so no encoder is in the page
  const place = all.querySelector("[data-live=search]");
  /** @type {(() => void) | null} */ let question = null;
  if (place) {
    const words = [0, 1].map((k) => Array.from({ length: [n, m][k] }, (_, i) => bare(`${told.ids[k][i]} ${sides[k].kind === "text" || sides[k].named ? sides[k].name(i) : ""}`)));
    const said = h("p", { class: "mm-note", role: "status" }), hits = h("div", { class: "mm-cards mm-tiles mm-hits" });
    const box = h("input", { type: "search", "aria-label": `search ${kinds[0]} and ${kinds[1]}`, placeholder: told.hint, autocomplete: "off", spellcheck: "false", oninput: () => { question = ask; ask(); } });
    place.replaceChildren(h("div", { class: "mm-row" }, h("label", { class: "mm-field mm-long" }, h("span", {}, "search"), box)), said, hits);

    function ask() {
      const wanted = bare(box.value).split(/\s+/).filter(Boolean);
      const has = words.map((side) => side.map((text) => wanted.filter((w) => text.includes(w)).length)), most = Math.max(0, ...has[0], ...has[1]);
      if (!wanted.length) return show([], "");
      if (!most) return show([], `No name and no ${told.one[1]} has “${box.value.trim()}” in it.`);
      const found = has.map((side) => Array.from(side.keys()).filter((i) => side[i] === most));
      const what = found.map((rows, k) => (rows.length ? count(rows.length, told.one[k]) : "")).filter(Boolean).join(" and ");
      return show(near(found), `${what} with ${most < wanted.length ? `${most} of these ${wanted.length} words` : wanted.length === 1 ? "this word" : "these words"}; what lies nearest to ${found[0].length + found[1].length === 1 ? "it" : "them"}:`);
    }

    /** Pairs of highest score with what was found: each item of the other side once. @param {number[][]} found rows of a, rows of b */
    function near([a, b]) {
      /** @type {[number, number][]} */ const pairs = [], every = Array.from({ length: m }, (_, j) => j), mine = new Set(a);
      const best = (rows, at) => rows.reduce((x, y) => (at(y) > at(x) ? y : x));
      if (b.length) for (let i = 0; i < n; i++) pairs.push([i, best(mine.has(i) ? every : b, (j) => score(i, j))]);
      else for (let j = 0; j < m; j++) pairs.push([best(a, (i) => score(i, j)), j]);
      return pairs.sort((x, y) => score(...y) - score(...x)).slice(0, NEAREST);
    }

    /** What else fits one item. @param {number} k its side @param {number} i */
    const fits = (k, i) => () => { question = () => show(near(k ? [[], [i]] : [[i], []]), `What fits ${told.one[k]} ${sides[k].name(i)} best:`); question(); };

    /** @param {[number, number][]} pairs @param {string} words */
    function show(pairs, words) {
      said.textContent = words;
      hits.replaceChildren(...pairs.map(([i, j]) => {
        const s = score(i, j), below = s < line(), turn = (k, row) => h("button", { type: "button", class: "mm-go", onclick: fits(k, row), "aria-label": `other ${kinds[1 - k]} for ${told.one[k]} ${sides[k].name(row)}` }, `other ${kinds[1 - k]}`);
        const el = card(significant(s, 2), [h("span", { class: "mm-pair" }, sides[0].show(i, 64), h("span", { "aria-hidden": "true" }, "↔"), sides[1].show(j, 64))], null, { "data-pair": `${i} ${j}` });
        el.lastChild.append(below ? h("span", { class: "mm-mark" }, "below the line") : "");
        el.append(h("span", { class: "rp-turn" }, turn(0, i), turn(1, j)));
        el.classList.toggle("below", below);
        return el;
      }));
    }
  }
  moved();
}

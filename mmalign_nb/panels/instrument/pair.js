// The pair panel: one pair at a time, yes or no, and what the answers promise.

import { area, axes, blank, dot, line, marks, theme, upright } from "./draw.js";
import { count, reach, unpack, written } from "./math.js";
import { Walk } from "./walk.js";
import { Media, card, download, h, knob, select } from "./widgets.js";

const LEAF = 12; // pairs on one leaf of the list
const REPLIES = /** @type {[string, boolean | null][]} */ ([["yes", true], ["no", false], ["cannot tell", null]]);
const reply = (right) => /** @type {[string, boolean | null]} */ (REPLIES.find(([, x]) => x === right))[0];

/** @param {import("./main.js").Host} page */
export function pair(page) {
  const data = page.get("_data"), { sides, sign, target, delta, range } = data, plan = { ...data.plan, drawn: unpack(data.plan.drawn) };
  const a = new Media(data.a, page.later), b = new Media(data.b, page.later), pairs = unpack(data.pairs), scores = unpack(data.scores), n = scores.length;
  const height = Float64Array.from(scores, (s) => s * sign); // descending
  const ends = Array.from(height.keys(), (k) => k + 1).filter((m) => m === n || height[m] < height[m - 1]); // so many reach a line
  const few = ends.filter((_, k) => k % Math.ceil(ends.length / 400) === 0 || k === ends.length - 1);
  let colors = theme(page.root), walk = new Walk(plan, page.get("_told").answers), bounds = walk.bounds();
  let looked = /** @type {number | null} */ (null), leaf = 0, mode = "still to review", saved = true;
  const name = (at) => (data.single ? [pairs[2 * at]] : [pairs[2 * at], pairs[2 * at + 1]]);
  const here = (at) => at >= 0 && a.has(pairs[2 * at]) && b.has(pairs[2 * at + 1]); // of a large pool a page has only a part
  const words = (x) => written(x, range), big = (k) => k.toLocaleString("en");

  // ---- controls
  const stage = h("div", { class: "mm-stage", tabindex: "0", role: "group", "aria-label": "the pair that is asked for; keys: y yes, n no, question mark cannot tell, u undo" });
  const button = (label, key, onclick) => h("button", { type: "button", class: "mm-big", "aria-keyshortcuts": key, onclick }, `${label} `, h("kbd", { "aria-hidden": "true" }, key));
  const [yes, no, unsure] = REPLIES.map(([label, right], k) => button(label, "yn?"[k], () => answer(right))), undo = button("undo", "u", back);
  const read = h("div", { class: "mm-read" }), more = h("p", { class: "mm-promise" }), sure = h("p", { class: "mm-note mm-sure" });
  const look = knob("line", (t) => { looked = t; sure.ariaLive = "polite"; draw(); }, page.say);
  const promise = h("canvas", { role: "img" }), history = h("canvas", { role: "img" });
  const key = (...entries) => h("div", { class: "mm-key" }, ...entries.map(([kind, text]) => h("span", {}, h("i", { class: `mm-sign ${kind}`, "aria-hidden": "true" }), text)));
  const which = select("pairs", ["still to review", "kept, not asked", ...REPLIES.map(([label]) => `answered: ${label}`)], (value) => { mode = value; leaf = 0; list(); }, "which pairs to look through");
  const cards = h("div", { class: "mm-leaf" }), at = h("span", {}), turn = (label, by) => h("button", { type: "button", onclick: () => { leaf += by; list(); } }, label);
  const before = turn("earlier pairs", -1), after = turn("later pairs", 1);
  const through = h("details", { ontoggle: () => list() }, h("summary", {}, "look through the pairs"), h("div", { class: "mm-row" }, which.el, before, at, after), cards);
  const file = h("input", { type: "file", accept: ".csv,text/csv", onchange: load }); // stays off the page: a button opens it
  const keep = h("div", { class: "mm-row" }, h("button", { type: "button", onclick: save }, "save the answers as CSV"),
    page.python ? h("span", { class: "mm-note" }, data.file ? `each answer is saved in ${data.file}` : "") : h("button", { type: "button", onclick: () => { file.value = ""; file.click(); } }, "go on from a CSV"));
  page.root.append(read, page.saidEl,
    h("div", { class: "mm-ask" },
      h("section", {}, stage, h("div", { class: "mm-row mm-answers" }, yes, no, unsure, undo), h("p", { class: "mm-note mm-hint" }, "Click the pair, and the keys y, n, ?, u answer."), keep),
      h("section", {}, more, look.el, sure,
        h("figure", {}, h("figcaption", {}, "promised precision at every line"), promise, key(["band", "precision is in here"], ["line soft", "what is kept"], ["dot right", "yes"], ["cross wrong", "no"])),
        h("figure", {}, h("figcaption", {}, "matches kept after each answer"), history))),
    through);
  look.fit(range, scores.length ? scores[n - 1] : 0);

  page.root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const pressed = event.key.toLowerCase(), player = stage.querySelectorAll(".mm-player")[Number(pressed) - 1];
    const act = { y: () => answer(true), n: () => answer(false), "?": () => answer(null), u: back }[pressed] ?? (player && (() => player.click()));
    if (!act) return;
    event.preventDefault(); event.stopPropagation();
    if (!event.repeat) act(); // a key held down is no answer to the pairs that follow
  });

  // ---- answers: the page goes on at once, and Python hears which pair each answer is for
  /** @type {any[]} */ const queue = []; // one at a time is on its way: a kernel may have several threads, and the second could come first
  let asking = false, seen = 0, warned = false;
  const wrong = () => page.saidEl.classList.contains("mm-error");
  page.later(() => queue.splice(0).forEach((content) => page.ask(content, () => {})));
  function tell(content) {
    saved = warned = false;
    if (page.python) queue.push(content);
    send();
    show();
  }
  function send() {
    if (asking || !queue.length) return;
    asking = true;
    page.ask(queue.shift(), (heard) => {
      asking = false; saved = true; seen = heard.changes;
      if (heard.words || (wrong() && !warned)) page.say(heard.words, true);
      warned ||= !!heard.words; // stands until a key is pressed
      send();
      agree();
    });
  }
  function answer(right) {
    const next = walk.next;
    if (!here(next)) return;
    if (!page.python || !wrong()) page.say(""); // what went wrong stands until something goes well
    walk.answer(right);
    tell({ answer: right, of: name(next) });
  }
  function back() {
    const last = walk.answers.at(-1);
    if (!last) return;
    page.say(`taken back: “${reply(last[1])}”`);
    walk.undo();
    tell({ undo: true, of: name(last[0]) });
  }
  /** Python may know answers that this page has not given; while one is on its way, what it tells is old. */
  function agree() {
    const told = page.get("_told");
    if (asking || told.changes < seen) return;
    if (JSON.stringify(told.answers) === JSON.stringify(walk.answers)) return promised();
    walk = new Walk(plan, told.answers);
    show();
  }
  page.on("change:_told", agree);

  // ---- files
  function save() {
    const rows = walk.answers.map(([place, right]) => [reply(right), ...name(place), scores[place], ...data.settings]);
    download("labels.csv", [["answer", ...(data.single ? ["candidate"] : ["a", "b"]), "score", "target", "delta", "seed", "first", "pool"], ...rows].map((row) => row.join(",") + "\n").join(""));
    saved = true;
  }
  async function load() {
    const rows = (await file.files[0].text()).replace(/^\uFEFF/, "").split(/\r?\n/).filter(Boolean), mark = [",", ";", "\t"].sort((x, y) => (rows[0] ?? "").split(y).length - (rows[0] ?? "").split(x).length)[0];
    const [head, ...body] = rows.map((row) => row.split(mark).map((x) => x.replace(/^"|"$/g, ""))), column = (row, title) => row[head.indexOf(title)];
    const known = new Map(body.map((row) => [(data.single ? [column(row, "candidate")] : [column(row, "a"), column(row, "b")]).join(), REPLIES.find(([label]) => label === column(row, "answer"))]));
    const again = new Walk(plan);
    for (let next = again.next; next >= 0 && known.get(name(next).join()); next = again.next) {
      again.answer(known.get(name(next).join())?.[1] ?? null);
      known.delete(name(next).join());
    }
    if (known.size || !body.length || body.some((row) => column(row, "pool") !== data.settings[4])) return page.say(`${file.files[0].name} has no answers to these pairs, in the order in which they are asked; nothing has changed.`, true);
    walk = again;
    page.say(`${count(walk.answers.length, "answer")} read`);
    show();
  }
  const leave = (event) => { if (!saved && !page.python) event.preventDefault(); };
  window.addEventListener("beforeunload", leave);
  page.later(() => window.removeEventListener("beforeunload", leave));

  // ---- what is shown
  function show() {
    const next = walk.next, kept = walk.kept, given = walk.answers.map(([, right]) => right);
    const size = Math.max(Math.min(230, ((stage.clientWidth || 520) - 70) / 2), 90), focused = stage.contains(document.activeElement);
    stage.replaceChildren(...(next < 0
      ? [h("p", {}, n ? "Nothing more to ask: no answer can change what is kept." : "The pool has no pairs.")]
      : !here(next) ? [h("p", {}, "The next pair is not in this page, which holds only a part of a large pool. Save the answers, and hand them over: the page that is made then goes on from here.")]
      : [h("div", { class: "mm-question", "aria-live": "polite" }, a.show(pairs[2 * next], size), h("span", { class: "mm-is", "aria-hidden": "true" }, "↔"), b.show(pairs[2 * next + 1], size))]));
    if (focused || [yes, no, unsure].includes(document.activeElement) && !here(next)) stage.focus({ preventScroll: true });
    for (const el of [yes, no, unsure]) el.disabled = !here(next);
    undo.disabled = !given.length;
    stage.scrollTop = 0;
    read.replaceChildren(h("span", {}, h("b", {}, big(kept)), ` of ${big(n)} pairs kept`), h("span", {}, `${count(given.length, "answer")}: `,
      REPLIES.map(([label, right]) => `${given.filter((x) => x === right).length} ${label}`).join(", ")));
    promised();
    bounds = walk.bounds();
    sure.ariaLive = "off"; // of what an answer changes only the next pair is read aloud
    if (looked === null) look.set(kept ? scores[kept - 1] : n ? scores[plan.sizes[plan.start] - 1] : 0);
    draw();
    list();
  }

  function promised() {
    const told = page.get("_told"), kept = walk.kept, over = walk.next < 0, coming = told.answers.length === walk.answers.length ? told.more : walk.nextLine;
    const now = kept ? `With probability ${Number((1 - delta).toPrecision(9))}, at least ${target} of the ${big(kept)} best are right.` : over ? "No promise can be made." : `No promise of ${target} yet.`;
    more.textContent = `${now} ${over ? "" : coming ? `About ${count(coming.answers, "more answer")} to the next line: ${big(kept)} → ${big(coming.kept)} kept.` : "No line is in reach, if what comes is like what is known."}`;
  }

  /** How many pairs reach a line. */
  const reached = (t) => reach(height, t * sign);

  function draw() {
    const kept = walk.kept, shown = kept ? scores[kept - 1] : NaN, t = looked ?? (kept ? shown : n ? scores[plan.sizes[plan.start] - 1] : 0), m = reached(t);
    const lower = m ? bounds[m - 1] / m : NaN, above = sign > 0 ? "at or above" : "at or below";
    sure.textContent = m ? `${count(m, "pair")} ${above} ${words(t)}: at least ${lower.toFixed(2)} of them are right. This holds for every line at once, so it is less.` : `no pair ${above} ${words(t)}`;
    const wide = promise.clientWidth || 400, box = [34, 14, wide - 46, 104];
    let plot = axes(blank(promise, wide, 146), box, [range.min, range.max], [0, 1], colors);
    const xs = few.flatMap((k) => [scores[k - 1], scores[k - 1]]), ys = few.map((k) => bounds[k - 1] / k).flatMap((y, k, all) => [all[k - 1] ?? 1, y]);
    if (n) area(plot, [scores[0], ...xs, scores[n - 1]], [1, ...ys, 1], colors.third);
    const points = (right) => walk.answers.filter((x) => !!x[1] === right).map(([place]) => [plot.X(scores[place]), plot.Y(right ? 0.14 : 0.05)]);
    marks(plot.ctx, points(true), 6, colors.right, colors.bg, false);
    marks(plot.ctx, points(false), 8, colors.wrong, colors.bg, true);
    if (kept) line(plot, [shown, shown], [0, 1], colors.soft, [], 2);
    upright(plot, t, colors.fg);
    dot(plot, t, lower, colors.third, colors.bg);
    promise.setAttribute("aria-label", `Lower bound of precision at every line, with the answers at their scores. At ${words(t)}: ${m ? lower.toFixed(2) : "no pair"}; ${kept ? `what is kept ends at ${words(shown)}` : "nothing is kept yet"}`);
    const steps = walk.history, last = steps.length - 1;
    plot = axes(blank(history, wide, 112), [44, 12, wide - 56, 60], [0, Math.max(last, 10)], [0, Math.max(steps[last], ...steps, plan.sizes[0] ?? 1)], colors, { x: "answers" });
    line(plot, steps.flatMap((_, k) => [k, k + 1]).slice(0, -1), steps.flatMap((k) => [k, k]).slice(0, -1), colors.right);
    dot(plot, last, steps[last], colors.right, colors.bg);
    history.setAttribute("aria-label", `Pairs kept after each answer: after ${last} it is ${big(kept)}`);
  }

  /** Pairs to look through, best first: which is asked for next is chance, so they cannot be answered here. */
  function list() {
    if (!through.open) return;
    const kept = walk.kept, given = new Map(walk.answers);
    const right = REPLIES.find(([label]) => mode === `answered: ${label}`);
    const found = Array.from(height.keys()).filter((k) => (right ? given.get(k) === right[1] && given.has(k) : !given.has(k) && (mode === "still to review") === k >= kept));
    const leaves = Math.max(Math.ceil(found.length / LEAF), 1);
    leaf = Math.min(Math.max(leaf, 0), leaves - 1);
    before.disabled = leaf === 0; after.disabled = leaf === leaves - 1;
    at.textContent = `${leaf + 1} of ${big(leaves)} (${count(found.length, "pair")})`;
    cards.replaceChildren(...found.slice(leaf * LEAF, (leaf + 1) * LEAF).map((k) => card(words(scores[k]),
      [h("span", { class: "mm-pair" }, a.show(pairs[2 * k], 48), h("span", { "aria-hidden": "true" }, "↔"), b.show(pairs[2 * k + 1], 48))], given.has(k) ? given.get(k) ?? null : null)));
  }

  let wide = 0;
  const again = () => { colors = theme(page.root); show(); };
  const fit = () => { if (page.root.clientWidth !== wide) { wide = page.root.clientWidth; again(); } };
  const sizes = new ResizeObserver(fit), dark = new MutationObserver(again), media = window.matchMedia("(prefers-color-scheme: dark)");
  sizes.observe(page.root);
  dark.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  media.addEventListener("change", again);
  page.later(() => { sizes.disconnect(); dark.disconnect(); media.removeEventListener("change", again); });
  show();
}

// The search panel: type, draw, choose a picture or record a sound, search by one or by two of them, and see what an index finds.

import { drawPad, filePad } from "./draw_pad.js";
import { Finder } from "./encode.js";
import { apart, significant, unpack } from "./math.js";
import { soundPad } from "./sound_pad.js";
import { Media, card, h, knob, select } from "./widgets.js";

const PAUSE = 120; // milliseconds without a key: then a search is worth its while

/** @typedef {{by: string, query?: string, encoder?: string, weight?: number | null, number?: number, views?: ArrayLike<number>[]}} Question what is searched by: words, something seen or heard, or with a weight both */

/** @param {import("./main.js").Host} page */
export function search(page) {
  const { encoders, size, picture, sound, start } = page.get("_data"), /** @type {(() => void)[]} */ shown = [];
  const finder = page.get("_finder") ? new Finder(page.get("_finder")) : null; // what this page can search by itself
  const everything = finder ? new Media(page.get("_finder").media, page.later) : null;
  const drop = () => shown.splice(0).forEach((f) => f());
  let timer = 0, flying = false, sent = page.get("_query"), number = 0; // what this view asked for last
  /** @type {{by: string, number: number, views: ArrayLike<number>[]} | null} */ let seen = start ? { by: "picture", number, views: [unpack(start)] } : null; // the picture or sound that is there
  /** @type {number | null} */ let weight = page.get("_weight");
  /** @type {Question} */ let question = page.get("_found");
  const box = h("input", { type: "search", "aria-label": "search", placeholder: "describe what you look for", autocomplete: "off", spellcheck: "false", oninput: typing });
  const encoder = select("encoder", encoders, () => words(), "what turns the words into a vector");
  const draws = picture ? drawPad(page, picture, (_, views) => (views.length ? see("drawing", views) : gone("drawing"))) : null;
  const file = picture ? filePad(page, picture, (_, views) => (views.length ? see("picture", views) : gone("picture"))) : null;
  const hears = sound ? soundPad(page, sound, (samples) => (samples ? see("recording", [samples]) : gone("recording"))) : null;
  const pads = h("div", { class: "mm-pads" }, draws?.el, file?.el, hears?.el);
  const both = h("input", { type: "checkbox", onchange: () => { weight = both.checked ? 0.5 : null; ask(seen ? seen.by : "words"); } });
  const mix = h("label", { class: "mm-field", title: "one score of the words and of what was drawn, chosen or recorded" }, both, h("span", {}, "both at once"));
  const turn = knob("words", (value) => { weight = value; ask("words"); }, page.say), turnEl = h("div", { class: "mm-mix" }, turn.el, h("span", { class: "mm-name" }, "other"));
  turn.fit({ min: 0, max: 1, step: 0.05, decimals: 2 }, weight ?? 0.5);
  const told = h("p", { class: "mm-note", role: "status" }), hits = h("div", { class: "mm-cards mm-tiles mm-hits" });
  const line = h("div", { class: "mm-row" }, h("label", { class: "mm-field mm-long" }, h("span", {}, "search"), box), encoders.length > 1 ? encoder.el : null, pads.childElementCount ? mix : null);
  const { unit, error } = finder?.sent.gallery ?? {};
  const small = unit ? h("p", { class: "mm-note" }, `Searched in this page, among vectors of 8 bits: a score may differ from Python's by up to ${significant(error, 2)}.`) : null;
  page.root.append(encoders.length ? line : "", turnEl, h("div", { class: "mm-find" }, pads, h("div", {}, page.saidEl, told, hits, small)));
  page.root.finder = finder; // for who scripts the page
  if (file || hears) { // a file may be dropped anywhere: beside its box the browser would leave this page for it
    page.root.addEventListener("dragover", (e) => e.preventDefault());
    page.root.addEventListener("drop", dropped);
  }
  page.later(() => { clearTimeout(timer); drop(); });

  /** Whether two ask for the same. @param {Question} x @param {Question} y */
  const same = (x, y) => key(x) === key(y);
  const key = (/** @type {Question} */ { by, number, query, encoder, weight }) => JSON.stringify([by, by === "words" ? null : number, by === "words" || weight != null ? [query, encoder] : null, weight ?? null]);

  /** @param {DragEvent} e */
  function dropped(e) {
    const one = e.dataTransfer?.files[0];
    if (e.defaultPrevented) return;
    e.preventDefault();
    if (!one) page.say("What was dropped is no file.", true);
    else if (hears && (!file || /^(audio|video)/.test(one.type))) hears.read(one, one.name);
    else file?.take(one);
  }

  function typing() {
    clearTimeout(timer);
    timer = window.setTimeout(words, finder ? 0 : PAUSE);
  }

  /** Ask by the words that stand there. */
  const words = () => ask("words");

  /** Ask by something drawn, chosen or recorded. @param {string} by @param {ArrayLike<number>[]} views */
  function see(by, views) {
    seen = { by, number: ++number, views };
    if (by !== "picture") file?.hide();
    ask(by);
  }

  /** It was taken away. @param {string} by */
  function gone(by) {
    if (seen?.by !== by) return;
    seen = null;
    words();
  }

  /** What is to be found now; `last` is what came last. @param {string} last @returns {Question} */
  function wanted(last) {
    const text = { query: box.value, encoder: encoder.get() };
    if (seen && weight !== null) return box.value.trim() && encoders.length ? { ...seen, ...text, weight } : seen;
    return last === "words" || !seen ? { by: "words", ...text } : seen;
  }

  /** The controls of two kinds, where there are two. */
  function offer() {
    const two = !!seen && encoders.length > 0 && box.value.trim() !== "";
    both.checked = weight !== null; both.disabled = !two && weight === null; turnEl.hidden = !two || weight === null;
    /** @type {Element} */ (turnEl.lastChild).textContent = `${seen?.by ?? "picture"} ${(1 - (weight ?? 0.5)).toFixed(2)}`;
  }

  /** @param {string} last */
  function ask(last) {
    question = wanted(last);
    offer();
    if (page.python) return send();
    if (finder?.can(question)) { page.say(""); return show({ ...question, ...finder.search(question) }); }
    const found = page.get("_found");
    if (same(question, found)) { page.say(""); return show(found); }
    return page.say(`This search needs Python, and this page has none${found.rows.length ? `: these are the hits for ${called(found)}` : ""}.`, true);
  }

  /** One question at a time; the answer to an old one brings the next. */
  function send() {
    if (flying) return;
    const { views, ...asked } = question;
    flying = true;
    if (asked.query !== undefined) sent = asked.query;
    page.ask({ ...asked, weight, ...(views ? { views: views.length } : { gone: !seen }) }, () => {
      const { words: said, error } = page.get("_said");
      flying = false;
      page.say(said, error);
      if (same(question, page.get("_found"))) show(page.get("_found")); else send();
    }, views?.map((view) => (view instanceof Float32Array ? view : Uint8Array.from(view))));
  }

  /** What a search was for, in words. */
  const called = ({ by, query, weight }) => (by === "words" ? `“${query}”` : `${weight == null ? "" : `“${query}” and `}the ${by}`);

  function show(found) {
    if (!same(question, found)) return; // an answer to something else
    drop();
    const items = found.media ? new Media(found.media, (f) => shown.push(f)) : /** @type {Media} */ (everything), digits = apart(found.scores), { by, parts, reach } = found;
    const nothing = `${[encoders.length && "type a few words", draws && "draw", hears && "record"].filter(Boolean).join(", or ")}.`.replace(/^./, (c) => c.toUpperCase());
    const said = [by === "words" || parts ? "" : `Hits for ${called({ ...found, weight: null })}.`, found.told || (by === "words" && !found.query.trim() ? nothing : "")].filter((x) => x).join(" ");
    const verdict = reach === 0 ? said.indexOf("Nothing matches") : -1, end = said.indexOf(". ", verdict) + 1 || said.length;
    told.replaceChildren(...(verdict < 0 ? [said] : [said.slice(0, verdict), h("b", { class: "mm-none" }, said.slice(verdict, end)), said.slice(end)]));
    hits.replaceChildren(...found.rows.map((row, k) => {
      const below = reach !== null && k >= reach, each = parts ? h("span", { class: "mm-parts" }, ...["words", by].map((kind, side) => h("span", {}, `${kind} ${significant(parts[side][k], 2)}`))) : null;
      const el = card(`${k + 1}. ${significant(found.scores[k], digits)}`, [items.show(row, size)], null, { "data-row": row });
      el.lastChild.append(...[below ? h("span", { class: "mm-mark" }, "below the line") : "", each ?? ""]);
      el.classList.toggle("below", below);
      return el;
    }));
  }

  /** Python asks for something else. */
  function moved() {
    if (page.get("_query") !== sent) { box.value = sent = page.get("_query"); encoder.set(page.get("_encoder")); }
    else if (!flying) encoder.set(page.get("_encoder"));
    if (!flying && page.get("_weight") !== weight) { weight = page.get("_weight"); if (weight !== null) turn.set(weight); }
    offer();
  }
  page.on("change:_query", moved); page.on("change:_encoder", moved); page.on("change:_weight", moved);
  page.on("change:_found", () => {
    const found = page.get("_found");
    if (!flying) question = wanted(found.by);
    show(found);
  });
  box.value = sent; encoder.set(page.get("_encoder"));
  if (start) file?.show(unpack(start));
  if (question.by === "words") question = wanted("words");
  offer();
  show(page.get("_found"));
}

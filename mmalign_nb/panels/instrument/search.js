// The search panel: type, draw, choose a picture or record a sound, and see what an index finds.

import { drawPad, filePad } from "./draw_pad.js";
import { Finder } from "./encode.js";
import { apart, significant } from "./math.js";
import { soundPad } from "./sound_pad.js";
import { Media, card, h, select } from "./widgets.js";

const PAUSE = 120; // milliseconds without a key: then a search is worth its while

/** @typedef {{by: string, query?: string, encoder?: string, number?: number, views?: ArrayLike<number>[]}} Question */

/** @param {import("./main.js").Host} page */
export function search(page) {
  const { encoders, size, picture, sound } = page.get("_data"), /** @type {(() => void)[]} */ shown = [];
  const finder = page.get("_finder") ? new Finder(page.get("_finder")) : null; // what this page can search by itself
  const everything = finder ? new Media(page.get("_finder").media, page.later) : null;
  const drop = () => shown.splice(0).forEach((f) => f());
  let timer = 0, flying = false, sent = page.get("_query"), number = 0; // what this view asked for last
  /** @type {Question} */ let question = { by: page.get("_found").by, number };
  const box = h("input", { type: "search", "aria-label": "search", placeholder: "describe what you look for", autocomplete: "off", spellcheck: "false", oninput: typing });
  const encoder = select("encoder", encoders, () => words(), "what turns the words into a vector");
  const draws = picture ? drawPad(page, picture, (_, views) => (views.length ? seen(views, "drawing") : words())) : null;
  const file = picture ? filePad(page, picture, (_, views) => seen(views, "picture")) : null;
  const hears = sound ? soundPad(page, sound, (samples) => (samples ? ask({ by: "recording", number: ++number, views: [samples] }) : words())) : null;
  const pads = h("div", { class: "mm-pads" }, draws?.el, file?.el, hears?.el);
  const told = h("p", { class: "mm-note", role: "status" }), hits = h("div", { class: "mm-cards mm-tiles mm-hits" });
  const line = h("div", { class: "mm-row" }, h("label", { class: "mm-field mm-long" }, h("span", {}, "search"), box), encoders.length > 1 ? encoder.el : null);
  const { unit, error } = finder?.sent.gallery ?? {};
  const small = unit ? h("p", { class: "mm-note" }, `Searched in this page, among vectors of 8 bits: a score may differ from Python's by up to ${significant(error, 2)}.`) : null;
  page.root.append(encoders.length ? line : "", h("div", { class: "mm-find" }, pads, h("div", {}, page.saidEl, told, hits, small)));
  page.root.finder = finder; // for who scripts the page
  if (file || hears) { // a file may be dropped anywhere: beside its box the browser would leave this page for it
    page.root.addEventListener("dragover", (e) => e.preventDefault());
    page.root.addEventListener("drop", dropped);
  }
  page.later(() => { clearTimeout(timer); drop(); });

  const same = (x, y) => x.by === y.by && (x.by === "words" ? x.query === y.query && x.encoder === y.encoder : x.number === y.number);

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
  const words = () => ask({ by: "words", query: box.value, encoder: encoder.get() });

  /** Ask by a picture. @param {ArrayLike<number>[]} views @param {string} by */
  const seen = (views, by) => ask({ by, number: ++number, views });

  /** @param {Question} wanted */
  function ask(wanted) {
    question = wanted;
    if (question.by !== "picture") file?.hide();
    if (page.python) return send();
    const here = finder && (question.by === "recording" ? null : question.views ? finder.pictures && finder.byPicture(question.views) : finder.texts.has(question.encoder ?? "") && finder.byText(question.encoder ?? "", question.query ?? ""));
    if (here) { page.say(""); return show({ ...question, ...here }); }
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
    page.ask(views ? { ...asked, views: views.length } : asked, () => {
      const { words: said, error } = page.get("_said");
      flying = false;
      page.say(said, error);
      if (same(question, page.get("_found"))) show(page.get("_found")); else send();
    }, views?.map((view) => (view instanceof Float32Array ? view : Uint8Array.from(view))));
  }

  /** What a search was for, in words. */
  const called = (found) => (found.by === "words" ? `“${found.query}”` : `the ${found.by}`);

  function show(found) {
    if (!same(question, found)) return; // an answer to something else
    drop();
    const items = found.media ? new Media(found.media, (f) => shown.push(f)) : /** @type {Media} */ (everything), digits = apart(found.scores);
    told.textContent = found.told || (found.by === "words" ? (found.query.trim() ? "" : `${[encoders.length && "type a few words", draws && "draw", hears && "record"].filter(Boolean).join(", or ")}.`.replace(/^./, (c) => c.toUpperCase())) : `Hits for the ${found.by}.`);
    hits.replaceChildren(...found.rows.map((row, k) => card(`${k + 1}. ${significant(found.scores[k], digits)}`, [items.show(row, size)], null, { "data-row": row })));
  }

  /** Python asks for something else. */
  function moved() {
    if (page.get("_query") !== sent) { box.value = sent = page.get("_query"); encoder.set(page.get("_encoder")); }
    else if (!flying) encoder.set(page.get("_encoder"));
  }
  page.on("change:_query", moved); page.on("change:_encoder", moved);
  page.on("change:_found", () => {
    const found = page.get("_found");
    if (!flying && found.by === "words") question = { by: "words", query: box.value, encoder: encoder.get() };
    show(found);
  });
  box.value = sent; encoder.set(page.get("_encoder"));
  const first = page.get("_found");
  question = first.by === "words" ? { by: "words", query: box.value, encoder: encoder.get() } : first;
  show(first);
}

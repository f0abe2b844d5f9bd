// The search panel: type, and see what an index finds.

import { apart, significant } from "./math.js";
import { Media, card, h, select } from "./widgets.js";

const PAUSE = 120; // milliseconds without a key: then a search is worth its while

/** @param {import("./main.js").Host} page */
export function search(page) {
  const { encoders, size } = page.get("_data"), /** @type {(() => void)[]} */ shown = [];
  const drop = () => shown.splice(0).forEach((f) => f());
  let timer = 0, flying = false, sent = page.get("_query"); // what this view asked for last
  const box = h("input", { type: "search", "aria-label": "search", placeholder: "describe what you look for", autocomplete: "off", spellcheck: "false", oninput: typing });
  const encoder = select("encoder", encoders, () => ask(), "what turns the words into a vector");
  const pads = h("div", { class: "mm-pads" }); // for drawing, pictures and sound
  const told = h("p", { class: "mm-note", role: "status" }), hits = h("div", { class: "mm-cards mm-tiles mm-hits" });
  page.root.append(h("div", { class: "mm-row" }, h("label", { class: "mm-field mm-long" }, h("span", {}, "search"), box), encoders.length > 1 ? encoder.el : null), pads, page.saidEl, told, hits);
  page.later(() => { clearTimeout(timer); drop(); });

  const asked = () => ({ query: box.value, encoder: encoder.get() });
  const same = (x, y) => x.query === y.query && x.encoder === y.encoder;

  function typing() {
    clearTimeout(timer);
    timer = window.setTimeout(ask, PAUSE);
  }

  /** One question at a time; the answer to an old one brings the next. */
  function ask() {
    const found = page.get("_found"), question = asked();
    if (!page.python) return same(question, found) ? page.say("") : page.say(`A new search needs Python, and this page has none: these are the hits for “${found.query}”.`, true);
    if (flying) return undefined;
    flying = true; sent = question.query;
    return page.ask(question, () => {
      const { words, error } = page.get("_said");
      flying = false;
      page.say(words, error);
      if (same(asked(), question)) show(); else ask();
    });
  }

  function show() {
    const found = page.get("_found"), media = found.media;
    if (!same(asked(), found)) return; // an answer to something else
    drop();
    const items = new Media(media, (f) => shown.push(f)), digits = apart(found.scores);
    told.textContent = found.told || (found.query.trim() ? "" : "Type a few words.");
    hits.replaceChildren(...found.rows.map((row, k) => card(`${k + 1}. ${significant(found.scores[k], digits)}`, [items.show(row, size)], null, { "data-row": row })));
  }

  /** Python asks for something else. */
  function moved() {
    if (page.get("_query") !== sent) { box.value = sent = page.get("_query"); encoder.set(page.get("_encoder")); }
    else if (!flying) encoder.set(page.get("_encoder"));
  }
  page.on("change:_query", moved); page.on("change:_encoder", moved);
  page.on("change:_found", show);
  box.value = sent; encoder.set(page.get("_encoder"));
  show();
}

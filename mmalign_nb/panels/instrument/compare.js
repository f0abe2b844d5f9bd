// The compare panel: what several measures find for the same query, two side by side and all of them in a table.

import { apart, share, significant, unpack } from "./math.js";
import { Media, card, h, knob, numbers, select, table } from "./widgets.js";

/** @param {import("./main.js").Host} page */
export function compare(page) {
  const data = page.get("_data"), { n, measures, names } = data;
  const a = new Media(data.a, page.later), b = new Media(data.b, page.later);
  const ranked = Object.fromEntries(names.map((name) => [name, ranking(measures[name])]));
  const now = () => ({ query: page.get("_query"), sides: [page.get("_left"), page.get("_right")] });

  /** The hits of each query under a measure, best first; what scores −∞ is none. */
  function ranking({ k, ids, scores, right, quality }) {
    const all = unpack(ids), values = unpack(scores), known = right ? unpack(right) : null;
    const hits = (i) => Array.from({ length: k }, (_, place) => {
      const at = i * k + place;
      return { id: all[at], score: values[at], right: known ? !!known[at] : null };
    }).filter((hit) => hit.score > -Infinity);
    const told = Object.entries(quality).map(([what, value]) => `${what} ${share(value)}`);
    return { hits, first: (i) => all[i * k], told };
  }

  // ---- controls
  const put = (changes) => { page.put(changes); page.say(""); refresh(); };
  const query = knob("query", (value) => put({ _query: value }), page.say);
  const left = select("left", names, (value) => put({ _left: value }), "what ranks the items on the left");
  const right = select("right", names, (value) => put({ _right: value }), "what ranks the items on the right");
  const next = h("button", { type: "button", title: "the next query for which the two find another first item", onclick: advance }, "next difference");
  const differ = h("span", { class: "mm-note" });
  const asked = h("section", { class: "mm-asked", "aria-live": "polite" });
  const columns = [0, 1].map(() => h("section", { class: "mm-found" })), all = h("div", { class: "mm-wide", tabindex: "0", role: "group", "aria-label": "all measures" });
  const list = h("details", {}, h("summary", {}, "all measures in a table"), all);
  query.fit(numbers(n), now().query);
  page.root.append(h("div", { class: "mm-row" }, left.el, right.el, next, differ), query.el, page.saidEl, h("div", { class: "mm-compare" }, asked, ...columns), list);

  /** Queries for which the two find another first item. */
  function differences() {
    const [one, two] = now().sides.map((name) => ranked[name]);
    return Array.from({ length: n }, (_, i) => i).filter((i) => one.first(i) !== two.first(i));
  }

  function advance() {
    const where = differences(), [one, two] = now().sides;
    if (where.length) return put({ _query: where.find((i) => i > now().query) ?? where[0] });
    return page.say(one === two ? `${one} stands on both sides: choose two different ones.` : `${one} and ${two} find the same first item for every query.`);
  }

  // ---- what is shown
  function refresh() {
    const { query: i, sides } = now();
    query.set(i); left.set(sides[0]); right.set(sides[1]);
    asked.replaceChildren(h("p", { class: "mm-title" }, `query ${i}`), h("div", { class: "mm-card" }, a.show(i, data.size)));
    sides.forEach((name, side) => {
      const { hits, told } = ranked[name], found = hits(i), digits = apart(found.map((hit) => hit.score));
      const cards = found.map((hit, place) => card(`${place + 1}. ${significant(hit.score, digits)}`, [b.show(hit.id, data.size)], hit.right, { "data-id": hit.id }));
      columns[side].replaceChildren(h("p", { class: "mm-title" }, name, h("span", { class: "mm-note" }, told.length ? `  ${told.join(", ")}` : "")),
        h("div", { class: `mm-cards ${b.kind === "text" ? "" : "mm-tiles"}` }, ...(cards.length ? cards : [h("p", { class: "mm-note" }, "none")])));
    });
    differ.textContent = `${differences().length} of ${n} queries differ in the first hit`;
    all.replaceChildren(tabled(i));
  }

  /** One line for each measure: its hits, and how good it is. */
  function tabled(i) {
    const judged = Object.keys(measures[names[0]].quality), lines = names.map((name) => {
      const found = ranked[name].hits(i), digits = apart(found.map((hit) => hit.score));
      const cells = found.map((hit) => h("span", {}, `${hit.right === null ? "" : hit.right ? "✓ " : "✗ "}${b.named ? b.name(hit.id) : hit.id}`, h("b", {}, significant(hit.score, digits))));
      while (cells.length < measures[name].k) cells.push(h("span", {}, "–"));
      return [name, ...cells, ...judged.map((what) => share(measures[name].quality[what]))];
    });
    return table(`query ${i}${a.named ? `: ${a.name(i)}` : ""}`, ["measure", ...Array.from({ length: measures[names[0]].k }, (_, k) => `${k + 1}.`), ...judged], lines);
  }

  const first = new ResizeObserver(() => { list.open = page.root.clientWidth > 700; first.disconnect(); }); // a phone has no room for it
  first.observe(page.root);
  page.later(() => first.disconnect());
  for (const name of ["_query", "_left", "_right"]) page.on(`change:${name}`, refresh);
  refresh();
}

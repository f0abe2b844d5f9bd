// The search, and boxes that scroll. Nothing here is needed to read.
"use strict";
(() => {
  const root = document.currentScript.dataset.root;
  const form = document.querySelector("form[role=search]");
  const [input, hits] = [form.querySelector("input"), form.querySelector(".hits")];
  const [status, list] = [hits.querySelector("p"), hits.querySelector("ol")];
  const MOST = 12;

  // --- search: engine and records are fetched (as scripts: a disk allows nothing else) when somebody begins to look

  const script = (name) => new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = `${root}assets/${name}`;
    element.onload = done;
    element.onerror = failed;
    document.head.append(element);
  });

  // Chinese has no spaces: each run of its signs is cut into single signs and pairs.
  const words = (text) => text.split(/[^\p{L}\p{N}]+/u).flatMap((word) => {
    if (!/\p{Script=Han}/u.test(word)) return word ? [word] : [];
    const signs = [...word];
    return [...signs, ...signs.slice(1).map((sign, at) => signs[at] + sign)];
  });

  // "ThresholdPanel" is also found by "panel".
  const terms = (word) => {
    const parts = word.match(/\p{Lu}\p{Ll}+/gu) ?? [];
    return [...new Set([word, ...(parts.length > 1 ? parts : [])].map((part) => part.toLowerCase()))];
  };

  let engine = null;
  const ready = () => engine ??= Promise.all([script("minisearch.js"), script("records.js")]).then(() => {
    const search = new window.MiniSearch({
      fields: ["title", "page", "text", "code"],
      storeFields: ["url", "page", "title", "text", "code"],
      tokenize: words,
      processTerm: terms,
      searchOptions: {
        processTerm: (term) => term.toLowerCase(),
        boost: { title: 5, page: 1.5, text: 1, code: 0.5 },
        prefix: true,
        combineWith: "AND",
        fuzzy: (term) => (term.length > 4 && !/\p{Script=Han}/u.test(term) ? 0.2 : false),
      },
    });
    search.addAll(window.bookRecords.map((record, id) => ({ id, ...record })));
    return search;
  });

  // What surrounds the first word that was typed, or else the first that is like one; found words are marked.
  // Text goes in as text, never as markup.
  const among = (terms) => new RegExp(terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
  const excerpt = (text, found, asked) => {
    const spot = among(found);
    const typed = found.filter((term) => asked.includes(term));
    const begins = typed.length ? text.search(among(typed)) : -1;
    const first = Math.max(0, begins < 0 ? text.search(spot) : begins);
    const from = first < 60 ? 0 : text.indexOf(" ", first - 60) + 1;
    const end = from + 160 < text.length ? text.indexOf(" ", from + 160) : -1;
    const part = end < 0 ? text.slice(from) : text.slice(from, end);
    const made = document.createDocumentFragment();
    let at = 0;
    for (const match of part.matchAll(spot)) {
      const mark = document.createElement("mark");
      mark.textContent = match[0];
      made.append(part.slice(at, match.index), mark);
      at = match.index + match[0].length;
    }
    made.prepend(from ? "… " : "");
    made.append(part.slice(at), end < 0 ? "" : " …");
    return made;
  };

  const span = (kind, ...inside) => {
    const element = document.createElement("span");
    element.className = kind;
    element.append(...inside);
    return element;
  };

  const show = async () => {
    const asked = input.value.trim();
    if (!asked) return close();
    const search = await ready();
    if (input.value.trim() !== asked) return undefined;
    let found = search.search(asked);
    if (!found.length) found = search.search(asked, { combineWith: "OR" });
    const said = found.length > MOST ? `The best ${MOST} of ${found.length} places` : `${found.length} places`;
    status.textContent = found.length ? said.replace(/^1 places/, "1 place") : `Nothing found for “${asked}”`;
    list.replaceChildren(...found.slice(0, MOST).map((hit) => {
      const [item, link] = [document.createElement("li"), document.createElement("a")];
      const inText = hit.terms.some((term) => hit.text.toLowerCase().includes(term));
      link.href = root + hit.url;
      link.append(span("title", hit.title), hit.page === hit.title ? "" : span("page", hit.page));
      link.append(span("excerpt", excerpt(inText || !hit.code ? hit.text : hit.code, hit.terms, asked.toLowerCase())));
      item.append(link);
      return item;
    }));
    hits.hidden = false;
    return undefined;
  };

  const close = () => { hits.hidden = true; };

  form.hidden = false;
  input.addEventListener("focus", ready);
  input.addEventListener("click", show);
  input.addEventListener("input", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show().then(() => list.querySelector("a")?.focus());
  });
  form.addEventListener("keydown", (event) => {
    const stops = [input, ...list.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") { close(); input.focus(); }
    if (!step) return;
    if (hits.hidden) { show(); return; }
    event.preventDefault();
    stops[Math.min(stops.length - 1, Math.max(0, stops.indexOf(document.activeElement) + step))].focus();
  });
  form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget) && event.relatedTarget) close(); });
  document.addEventListener("click", (event) => { if (!form.contains(event.target)) close(); });
  list.addEventListener("click", (event) => { if (event.target.closest("a")) close(); });

  // --- boxes that scroll can be reached by keyboard, those that do not are no stop on the way

  const boxes = document.querySelectorAll("pre, .scroll, .formula");
  const fit = () => boxes.forEach((box) => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  document.fonts.ready.then(fit);
  fit();

  // --- an address inside a fold opens it

  const open = () => {
    const fold = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details");
    if (fold) fold.open = true;
  };
  addEventListener("hashchange", open);
  open();

  // --- the contents say where one is

  const links = new Map([...document.querySelectorAll(".sections a")].map((a) => [a.hash.slice(1), a]));
  const heads = [...document.querySelectorAll("main h2[id]")];
  const here = () => {
    const at = heads.findLast((head) => head.getBoundingClientRect().top < innerHeight / 3);
    for (const [name, link] of links) {
      if (at?.id === decodeURIComponent(name)) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  };
  let waits = false;
  addEventListener("scroll", () => {
    if (!waits) requestAnimationFrame(() => { waits = false; here(); });
    waits = true;
  }, { passive: true });
  here();
})();

"""The book in a browser, from a disk and without a network: on a projector, on a phone, by keyboard, in the dark, without scripts."""

import json
import re
import shutil
from collections import Counter

import numpy as np
import pytest
import same_book
from axe_playwright_python.sync_playwright import Axe
from disk import AXE, IN_THE_DARK
from sketches import SKETCHES, jittered

SIZES = {"projector": (1366, 768), "phone": (390, 844)}


@pytest.fixture(scope="session")
def book(browser, tmp_path_factory):
    """The folder that `make book` writes."""
    folder = tmp_path_factory.mktemp("book") / "a folder, with signs & spaces"
    return folder if same_book.take(folder) else same_book.build(folder, seed=0)


@pytest.fixture(scope="session")
def pages(book):
    found = sorted(book.rglob("*.html"))
    assert len(found) > 25
    return found


@pytest.fixture
def visit(browser):
    """A window without a network; what it asks the network for, and what goes wrong, is kept in `page.faults`."""
    contexts = []

    def opened(size="projector", **more):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **more)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on(
            "request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or page.faults.append(r.url)
        )
        # A page that is left while it reads a sound out of its own memory has lost nothing.
        left = "net::ERR_ABORTED"
        page.on("requestfailed", lambda r: r.failure == left or page.faults.append(f"failed: {r.url}"))
        page.on("pageerror", lambda e: page.faults.append(str(e)))
        page.on("console", lambda m: m.type in ("error", "warning") and page.faults.append(m.text))
        return page

    yield opened
    for context in contexts:
        context.close()


LOOK = """() => {
  document.querySelectorAll("details:not(.contents)").forEach(fold => { fold.open = true; });
  const rooms = [...document.querySelectorAll("main *")].filter(e => !e.closest("pre, .scroll, .mm-wide, .mm-scroll, .formula, .katex"));
  return document.fonts.ready.then(() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    cut: rooms.filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
    undrawn: document.querySelectorAll("[data-formula], .katex-error").length,
    formulas: document.querySelectorAll(".katex").length,
    flat: [...document.querySelectorAll(".katex-html")].filter(e => !e.getBoundingClientRect().height).length,
    font: !document.querySelector(".katex") || [...document.fonts].some(f => f.family === "KaTeX_Main" && f.status === "loaded"),
    blank: [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src),
    wordless: [...document.images].filter(i => !i.alt.trim()).map(i => i.src),
    images: document.images.length,
  }));
}"""


def test_every_page_from_a_disk(visit, pages):
    page, seen = visit(), Counter()
    for path in pages:
        page.goto(path.as_uri())
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            look = page.evaluate(LOOK)
            seen.update(formulas=look.pop("formulas"), images=look.pop("images"))
            assert look.pop("wide") <= 0, f"{path.name} is wider than the window of a {size}"
            assert look.pop("font"), path.name
            assert not any(look.values()), (path.name, size, look)
    assert page.faults == []
    assert seen["formulas"] > 200
    assert seen["images"] > 60


# Thousands of coloured words take axe minutes and differ in nothing but their text: one of each colour stays a colour.
THIN = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll("pre span")) {
    if (seen.has(word.className)) word.replaceWith(word.textContent);
    seen.add(word.className);
  }
  document.querySelectorAll("pre").forEach(box => box.normalize());
  [...document.querySelectorAll(".katex-html")].slice(3).forEach(drawing => drawing.replaceChildren());
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, pages, theme):
    """In the light every page but solutions and rooms, of which a few; in the dark one of each kind, by the rules about colour."""
    page, axe, options = visit(color_scheme=theme), Axe(), AXE
    one_of_each = {"00_start_here", "05_what_score_is_a_match", "panels"}
    if theme == "dark":
        options = IN_THE_DARK
        kinds = one_of_each | {"index", "glossary"}
        pages = [path for path in pages if path.stem in kinds]
        assert {path.stem for path in pages} == kinds
    else:
        alike = {"solutions", "reference"}  # by folder: pages that one template makes of one kind of text
        pages = [x for x in pages if x.parent.name not in alike or x.stem in one_of_each | {"index"}]
        assert len(pages) > 15
    for path in pages:
        page.goto(path.as_uri())
        page.evaluate(LOOK)
        page.evaluate(THIN)
        if path.name == "index.html":
            page.fill("#search", "threshold")
            page.wait_for_selector(".hits a")
        found = axe.run(page, options=options)
        assert found.violations_count == 0, f"{path.name}: {found.generate_report()}"
        assert found.response["passes"], path.name


def test_axe_finds_nothing_on_a_phone_with_the_contents_open(visit, book):
    page = visit("phone")
    page.goto((book / "00_start_here.html").as_uri())
    assert page.locator(".contents nav").is_hidden()
    page.click(".contents summary")
    assert page.locator(".contents nav").is_visible()
    page.evaluate(THIN)
    found = Axe().run(page, options=AXE)
    assert found.violations_count == 0, found.generate_report()


def test_every_panel_of_every_chapter_moves(visit, book):
    """No kernel, no network: what can be turned changes what is shown, and the stored picture has made room."""
    page, panels = visit(), 0
    for path in sorted(book.glob("[0-9]*.html")):
        page.goto(path.as_uri())
        stored = page.locator("figure figcaption", has_text=re.compile(r"(Panel|Pad)\(")).count()
        page.wait_for_function("n => document.querySelectorAll('.mm-live.alive').length === n", arg=stored)
        assert page.locator(".mm-live.alive + figure").evaluate_all("all => all.every(e => !e.offsetParent)")
        for k in range(stored):
            panel = page.locator(".mm-panel").nth(k)
            panel.scroll_into_view_if_needed()
            before = panel.inner_text()
            sliders = panel.get_by_role("slider").and_(page.locator(":enabled"))
            words, yes = panel.get_by_role("searchbox"), panel.get_by_role("button", name="yes")
            if yes.count():
                yes.first.click()
            elif sliders.count():
                at = sliders.first.input_value()
                sliders.first.press("Home" if at != sliders.first.get_attribute("min") else "End")
            elif words.count():
                words.first.fill("snowman")
            else:  # a pad has nothing to turn: other tests draw and record
                assert panel.get_by_role("button").first.is_visible()
                continue
            page.wait_for_function(
                "([e, text]) => e.innerText !== text", arg=[panel.element_handle(), before]
            )
            panels += 1
    assert panels >= 15
    assert page.faults == []


def rare_words(book):
    """For each chapter a word that stands in the text of no other page."""
    text = (book / "assets" / "records.js").read_text(encoding="utf-8")
    where = {}
    for record in json.loads(text.removeprefix("window.bookRecords =").strip().rstrip(";")):
        for kind in ("text", "title", "code"):
            for word in re.findall(r"\b[a-z]{6,14}\b", record[kind].lower()):
                where.setdefault(word, set()).add((record["url"].partition("#")[0], kind))
    for path in sorted(book.glob("[0-9]*.html")):
        here = {(path.name, "text")}
        yield path.name, min((w for w, urls in where.items() if urls == here), key=lambda w: (-len(w), w))


def test_search_finds_a_word_of_each_chapter(visit, book):
    page = visit("phone")
    page.goto((book / "solutions" / "00_start_here.html").as_uri())
    found = list(rare_words(book))
    assert len(found) >= 6
    for name, word in found:
        page.fill("#search", word)
        page.wait_for_function(
            "word => document.querySelector('.hits mark')?.textContent.toLowerCase().includes(word)", arg=word
        )
        first = page.locator(".hits a").first
        assert first.get_attribute("href").startswith(f"../{name}"), word
        assert word in first.locator(".excerpt").inner_text().lower(), "the excerpt shows it"
        box = page.locator(".hits").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.locator(".hits a").first.click()
    page.wait_for_url(f"**/{name}*")
    assert page.faults == []


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("max_match", "reference/align.html#max_match"),
        ("thresholdpan", "reference/panels.html#ThresholdPanel"),
        ("similarty", "similarity"),
        ("相似度", "glossary.html#"),
        ("hubness skewness", "glossary.html#hub"),
    ],
)
def test_search_knows_names_slips_and_chinese(visit, book, asked, wanted):
    page = visit()
    page.goto((book / "index.html").as_uri())
    page.fill("#search", asked)
    page.wait_for_selector(".hits a")
    links = page.eval_on_selector_all(".hits a", "all => all.slice(0, 3).map(a => a.getAttribute('href'))")
    assert any(wanted in link for link in links), links


def test_what_is_typed_and_found_is_text(visit, book, tmp_path):
    page = visit()
    page.goto((book / "index.html").as_uri())
    page.fill("#search", "<qqxxzz>")
    page.wait_for_selector(".hits:not([hidden])")
    assert "“<qqxxzz>”" in page.locator(".hits p").inner_text()
    copy = tmp_path / "copy"
    shutil.copytree(book, copy)
    hostile = {
        "url": "index.html",
        "page": "<b>p</b>",
        "title": "<i>zebra</i>",
        "text": "a <u>zebra</u>",
        "code": "",
    }
    (copy / "assets" / "records.js").write_text(
        f"window.bookRecords = {json.dumps([hostile])};", encoding="utf-8"
    )
    page.goto((copy / "index.html").as_uri())
    page.fill("#search", "zebra")
    page.wait_for_selector(".hits a")
    assert page.locator(".hits a").inner_text().split("\n")[0].startswith("<i>zebra</i>")
    assert page.locator(".excerpt").inner_text() == "a <u>zebra</u>"
    tags = page.eval_on_selector_all(".hits *", "all => [...new Set(all.map(e => e.localName))].sort()")
    assert tags == ["a", "li", "mark", "ol", "p", "span"]


def focused(page):
    return page.evaluate(
        "() => { const e = document.activeElement; return e.id || e.className || e.textContent.trim(); }"
    )


def test_by_keyboard_alone(visit, book):
    page = visit()
    page.goto((book / "04_alignment.html").as_uri())
    page.keyboard.press("Tab")
    assert focused(page) == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0, "it shows when it has the focus"
    page.keyboard.press("Enter")
    assert focused(page) == "main"
    page.reload()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert focused(page) == "search"
    page.keyboard.type("umbrella")
    page.wait_for_selector(".hits a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator(".hits a").nth(1).get_attribute("href")
    assert page.evaluate("document.activeElement.getAttribute('href')") == second
    page.keyboard.press("Escape")
    assert focused(page) == "search"
    assert page.locator(".hits").is_hidden()
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits a")
    first = page.locator(".hits a").first.get_attribute("href")
    page.wait_for_function("document.activeElement.localName === 'a'")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{first}")
    assert page.faults == []


def test_what_scrolls_is_reached_by_keyboard_and_nothing_else_is(visit, book):
    page = visit("phone")
    page.goto((book / "00_start_here.html").as_uri())
    boxes = page.evaluate(
        """() => [...document.querySelectorAll("pre, .scroll, .formula")].filter(e => e.offsetParent)
           .map(e => [e.scrollWidth > e.clientWidth + 1, e.tabIndex === 0])"""
    )
    assert all(scrolls == stops for scrolls, stops in boxes)
    assert any(scrolls for scrolls, _ in boxes)
    assert not all(scrolls for scrolls, _ in boxes)


def test_a_folded_solution_opens_by_a_click(visit, book):
    page = visit()
    page.goto((book / "solutions" / "00_start_here.html").as_uri())
    fold = page.locator("details.fold").first
    assert fold.locator(".code").first.is_hidden()
    fold.locator("summary").click()
    assert fold.locator(".code").first.is_visible()


def test_it_reads_without_scripts(visit, pages):
    page = visit("phone", java_script_enabled=False)
    for path in (x for x in pages if x.parent.name != "solutions"):
        page.goto(path.as_uri())
        assert page.locator("h1").count() == 1, path.name
        assert page.locator("h1").is_visible()
        assert page.locator("#search").is_hidden(), "no box that does nothing"
        assert page.locator("nav[aria-label=Contents] a").first.is_visible()
        assert page.locator("footer").is_visible()
    assert page.faults == []


def test_on_paper_there_is_the_text_alone(visit, book):
    page = visit()
    page.goto((book / "00_start_here.html").as_uri())
    page.emulate_media(media="print")
    assert page.locator("header").is_hidden()
    assert page.locator("main h1").is_visible()
    assert page.locator("figure img").first.is_visible()
    pre = page.locator("pre").first
    assert pre.evaluate("e => getComputedStyle(e).whiteSpace") == "pre-wrap", "no line runs out of the paper"


@pytest.mark.parametrize("size", SIZES)
def test_the_symbol_finder_finds_a_drawn_umbrella_in_the_book(visit, book, size):
    page = visit(size)
    page.goto((book / "00_start_here.html").as_uri())
    paper = page.locator(".mm-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    for stroke in jittered(SKETCHES["umbrella"], np.random.default_rng(5)):
        for number, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if number == 0:
                page.mouse.down()
        page.mouse.up()
    assert "umbrella" in page.locator(".mm-hits .mm-caption").all_inner_texts()
    assert [fault for fault in page.faults if not fault.startswith("blob:")] == []

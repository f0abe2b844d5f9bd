"""The symbol finder in a page from a disk, with network and kernel off: words, sketches and picture files find symbols."""

import io
import json

import numpy as np
import pytest
from disk import LOOKS, LOOKS_BY_NAME, PHONE, PROJECTOR, DiskPage
from PIL import Image, ImageOps
from playwright.sync_api import expect
from sketches import SKETCHES, jittered

from mmalign_nb._binomial import clopper_pearson
from mmalign_nb.datasets import glyphs, things
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.panels import SearchPanel, _export
from mmalign_nb.search import Index

WORDS = [
    "Red UMBRELLA!", "flèche à gauche", "İstanbul ΣΑΣ", "红色的钟 snow", "ひらがなカタカナー", "लाल घंटी star",
    "ﬁ ligature", "arrow arrow arrow left", "\U0001d538 double-struck", "e\u0301 acute", "雨伞 umbrella", "x\u00ady z",
    "snow_man 3", "𓀀𓀁 bird", "half ½ circle", "ĳ ǆ", "o\u0308 ö", "un\u200dseen", "๏ thai ไทย", "a" * 300,
]  # fmt: skip


class Everything:
    """The finder of chapter 00, with what Python says about it."""

    def __init__(self, path):
        self.symbols, self.text, self.cnn = glyphs(), TfidfText.load("glyphs"), CnnImage.load("glyphs")
        self.pictures = self.cnn.transform(self.symbols.image)
        self.index = Index().add(self.pictures, ids=self.symbols.ids)
        self.panel = SearchPanel(
            self.index, (self.text, self.cnn), self.symbols.image, pictures=self.cnn, captions=self.symbols.text, query="black heart",
        )  # fmt: skip
        self.path = path / "finder.html"
        self.panel.save_html(self.path, "symbol finder")
        rows, scale = _export.quantised(self.pictures, "cosine")
        self.rows, self.scale = rows.astype(np.float32), scale

    def scores(self, vectors):
        """Of unit vectors, in the same quantised gallery."""
        return (vectors @ self.rows.T) * self.scale

    def row(self, name):
        return self.symbols.text.index(name)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return Everything(tmp_path_factory.mktemp("finder"))


@pytest.fixture
def finder(browser, everything):
    """The page, opened; and what it complains of at the end is nothing."""
    opened = []

    def open_it(**how):
        opened.append(DiskPage(browser, everything.path, **how))
        return opened[-1]

    yield open_it
    for page in opened:
        assert page.complaints == page.asked == []
        page.context.close()


def found(page):
    """Rows of the hits that stand there."""
    return [int(r) for r in page.panel.locator(".mm-hits .mm-card").evaluate_all("all => all.map(e => e.dataset.row)")]  # fmt: skip


def inside(page, name):
    """Make a function of the page's module, which exports only its door, callable as ``window[name]``."""
    page.page.evaluate(
        """async name => { const source = document.getElementById("mm-instrument").textContent + `\nexport { ${name} };`;
          window[name] = (await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" }))))[name]; }""",
        name,
    )


def names(page, everything):
    return [everything.symbols.text[r] for r in found(page)]


def draw(page, strokes):
    """With the mouse."""
    box = page.panel.locator(".mm-paper").bounding_box()
    for stroke in strokes:
        for number, (x, y) in enumerate(stroke):
            page.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if number == 0:
                page.page.mouse.down()
        page.page.mouse.up()


# ---- parity


def best(scores):
    return np.argsort(-scores, axis=1, kind="stable")[:, :10]


def test_a_hundred_texts_and_a_hundred_pictures_as_in_python(finder, everything):
    e, page = everything, finder()
    rng = np.random.default_rng(0)
    at = rng.permutation(len(e.symbols))[:100]
    mixed = [" ".join(rng.permutation(e.symbols.text[i].split())[:3]) for i in at[:40]]
    texts = [e.symbols.text[i] for i in at[60:]] + mixed + WORDS
    told = page.panel.evaluate(
        """(e, {texts, pictures}) => {
          const f = e.finder, text = f.texts.get("words"), both = v => ({ vector: [...v], ...f.gallery.search(v, 10) });
          return { texts: texts.map(t => ({ unknown: text.unknown(t), ...both(text.encode(t)) })), pictures: pictures.map(p => both(f.pictures.encode(p))) };
        }""",
        {"texts": texts, "pictures": e.symbols.image[at].reshape(100, -1).tolist()},
    )
    assert [x["unknown"] for x in told["texts"]] == [e.text.unknown(t) for t in texts]
    for kind, want in (
        ("texts", e.cnn.transform(e.text.transform(texts), side="b")),
        ("pictures", e.pictures[at]),
    ):
        got, scores = np.array([x["vector"] for x in told[kind]]), e.scores(want)
        assert len(got) == 100
        assert np.abs(got - want).max() < 1e-6
        assert np.array_equal([x["rows"] for x in told[kind]], best(scores))
        in_page = np.array([x["scores"] for x in told[kind]])
        assert np.abs(in_page - np.take_along_axis(scores, best(scores), axis=1)).max() < 1e-5


@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_colour_and_other_texts_as_in_python(metric, from_disk):
    world = things(60, seed=3)
    cnn, text = CnnImage.load("things"), TfidfText.load("things")
    pictures = cnn.transform(world.image)
    index = Index(metric).add(pictures)
    page = from_disk(SearchPanel(index, (text, cnn), world.image, pictures=cnn, query="a red bell"))
    rows, scale = _export.quantised(pictures, metric)
    told = page.panel.evaluate(
        """(e, {texts, pictures}) => ({ texts: texts.map(t => [...e.finder.texts.get("words").encode(t)]), pictures: pictures.map(p => [...e.finder.pictures.encode(p)]),
          scores: texts.map(t => [...e.finder.gallery.scores(e.finder.texts.get("words").encode(t))]) })""",
        {"texts": world.text, "pictures": world.image.reshape(60, -1).tolist()},
    )
    words = cnn.transform(text.transform(world.text), side="b")
    assert world.image.shape[1:] == tuple(page.panel.evaluate("e => [e.finder.pictures.height, e.finder.pictures.width, e.finder.pictures.channels]"))  # fmt: skip
    assert np.abs(np.array(told["pictures"]) - pictures).max() < 1e-5
    assert np.abs(np.array(told["texts"]) - words).max() < 1e-5
    assert np.abs(np.array(told["scores"]) - (words @ rows.T.astype(np.float32)) * scale).max() < 1e-5
    page.panel.get_by_label("search", exact=True).fill(world.text[7])
    assert 7 in found(page)
    choose(page, "thing.png", as_png(world.image[7]))
    assert found(page)[0] == 7
    assert page.complaints == page.asked == []


@pytest.mark.parametrize("chars", [None, (2, 3)])
def test_directions_of_texts_as_in_python(chars, from_disk, everything):
    names = everything.symbols.text[::40]
    text = TfidfText(dim=20, ngrams=(1, 2), chars=chars, char_weight=0.3).fit(names)
    page = from_disk(SearchPanel(Index().add(text.transform(names)), text, names, query=names[3]))
    asked = [*names[:60], *WORDS[:3]]
    got = page.panel.evaluate("(e, all) => all.map(t => [...e.finder.texts.get('words').encode(t)])", asked)
    assert np.abs(np.array(got) - text.transform(asked)).max() < 1e-3  # its directions are sent in 16 bits
    page.panel.get_by_label("search", exact=True).fill(names[11])
    assert found(page)[0] == 11


def test_what_eight_bits_cost(everything):
    """The scores of the page against those of the whole vectors."""
    e = everything
    queries = e.cnn.transform(e.text.transform(e.symbols.text), side="b")
    exact = queries @ e.pictures.T
    small = e.scores(queries)
    assert np.abs(exact - small).max() < 5e-3
    own, rest = np.arange(len(exact)), {}
    for name, scores in (("exact", exact), ("small", small)):
        rest[name] = ((scores > scores[own, own][:, None]).sum(axis=1) < 10).mean()
    same = (best(exact) == best(small)).all(axis=1).mean()
    print(f"int8: scores differ by at most {np.abs(exact - small).max():.4f}; hit@10 {rest}; the top 10 in the same order {same:.3f}")  # fmt: skip
    assert abs(rest["exact"] - rest["small"]) < 0.002
    assert same > 0.6


def test_the_page_is_small_and_a_search_is_quick_enough_to_type(finder, everything):
    assert everything.path.stat().st_size < 5_000_000
    page = finder()
    took = page.panel.evaluate(
        """e => { const t = []; const mid = f => { const all = []; for (let k = 0; k < 21; k++) { const s = performance.now(); f(); all.push(performance.now() - s); } return all.sort((a, b) => a - b)[10]; };
          const picture = new Uint8Array(1024).fill(255); picture.fill(0, 300, 500);
          return [mid(() => e.finder.search({ by: "words", encoder: "words", query: "black chess queen" })), mid(() => e.finder.search({ by: "drawing", views: [picture, picture, picture, picture, picture] }))]; }"""
    )
    print("milliseconds of a text and of a drawing:", took)
    assert all(t > 0 for t in took)  # times are printed, never asserted


# ---- words


def test_typed_words_find_and_unknown_ones_are_named(finder, everything):
    e, page = everything, finder()
    box, told = page.panel.get_by_label("search", exact=True), page.panel.locator(".mm-note[role=status]")
    assert found(page) == [e.row("heavy black heart"), *found(page)[1:]]
    box.fill("umbrella")
    expect(page.panel.locator(".mm-hits .mm-card").first).to_contain_text("umbrella")
    assert names(page, e)[0] == "umbrella"
    box.fill("雨伞")
    expect(told).to_contain_text("None of these words is known: 雨, 伞.")
    assert found(page) == []
    e.panel.query.value = "雨伞"
    assert e.panel._found["told"] == told.inner_text()
    box.fill("umbrella 雨伞")
    expect(told).to_contain_text("Unknown: 雨, 伞. The hits go by the rest: umbrella.")
    assert names(page, e)[0] == "umbrella"
    box.fill("…!")
    expect(told).to_contain_text("There is no word in “…!”.")
    box.fill(" ")
    expect(told).to_contain_text("Type a few words")
    for text in ("xyzzy", "umbrellish thing", "red arrow", "ß"):
        e.panel.query.value = text
        box.fill(text)
        expect(told).to_have_text(e.panel._found["told"])
        assert found(page)[:1] == e.panel._found["rows"][:1]
    e.panel.query.value = "black heart"


# ---- drawings


def test_sketches_find_their_symbols(finder, everything):
    e, page = everything, finder()
    inside(page, "views")
    same = e.symbols.factors["same_drawing_as"]
    right = [np.flatnonzero(same == same[e.row(name)]) for name in SKETCHES]
    assert len(SKETCHES) >= 50
    for seed in range(3):
        rng = np.random.default_rng(seed)
        hits = page.panel.evaluate(
            "(e, {all, wanted}) => all.map(strokes => { e.finder.k = 10; return e.finder.search({ by: 'drawing', views: views(strokes, wanted) }).rows; })",
            {
                "all": [jittered(strokes, rng) for strokes in SKETCHES.values()],
                "wanted": e.panel._data["picture"],
            },
        )
        hit = [bool(set(rows) & set(ok.tolist())) for rows, ok in zip(hits, right, strict=True)]
        low, high = clopper_pearson(sum(hit), len(hit), 0.95)
        print(f"seed {seed}: {sum(hit)} of {len(hit)} sketches found among ten, {np.mean(hit):.3f} ({low:.3f} to {high:.3f})")  # fmt: skip
        assert np.mean(hit) >= 0.7


def test_an_umbrella_drawn_with_the_mouse(finder, everything):
    e, page = everything, finder()
    pad = page.panel
    draw(page, jittered(SKETCHES["umbrella"], np.random.default_rng(5)))
    assert "umbrella" in names(page, e)
    expect(pad.locator(".mm-paper")).to_have_attribute("aria-label", "drawing of 4 strokes")
    expect(pad.locator(".mm-note[role=status]")).to_have_text("Hits for the drawing.")
    with_four = found(page)
    pad.get_by_role("button", name="undo").click()
    expect(pad.locator(".mm-paper")).to_have_attribute("aria-label", "drawing of 3 strokes")
    assert found(page) != with_four
    before = found(page)
    pad.get_by_label("pen").select_option("thick")
    assert found(page) != before
    pad.get_by_role("button", name="clear").click()
    expect(pad.get_by_role("button", name="undo")).to_be_disabled()
    assert names(page, e)[0] == "heavy black heart"  # the words that stand there


def test_a_triangle_by_keys_alone(finder, everything):
    page = finder()
    keys = page.page.keyboard
    page.panel.locator(".mm-paper").focus()
    steps = ("Space", *["ArrowDown"] * 8, *["ArrowRight"] * 5, "Space", *["ArrowLeft"] * 10, "Space", *["ArrowUp"] * 8, *["ArrowRight"] * 5, "Enter")  # fmt: skip
    for step in steps:
        keys.press(step)
    expect(page.panel.locator(".mm-paper")).to_have_attribute(
        "aria-label", "drawing of 1 stroke, pen up at 50, 50"
    )
    assert any("triangle" in name or "delta" in name for name in names(page, everything))
    keys.press("Backspace")
    expect(page.panel.get_by_role("button", name="clear")).to_be_disabled()
    keys.press("Shift+ArrowLeft")
    expect(page.panel.locator(".mm-paper")).to_have_attribute(
        "aria-label", "drawing of 0 strokes, pen up at 49, 50"
    )


def test_a_finger_draws_and_the_page_stays_where_it_is(finder, everything):
    page = finder(size=PHONE, has_touch=True, is_mobile=True)
    page.panel.locator(".mm-paper").scroll_into_view_if_needed()
    before = page.page.evaluate("scrollY")
    box = page.panel.locator(".mm-paper").bounding_box()
    cdp = page.context.new_cdp_session(page.page)
    for x0, y0, x1, y1 in ((0.2, 0.2, 0.8, 0.8), (0.8, 0.2, 0.2, 0.8)):
        for number, t in enumerate(np.linspace(0, 1, 12)):
            point = {"x": box["x"] + box["width"] * (x0 + t * (x1 - x0)), "y": box["y"] + box["height"] * (y0 + t * (y1 - y0))}  # fmt: skip
            cdp.send("Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": [point]})  # fmt: skip
        cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.panel.locator(".mm-paper")).to_have_attribute("aria-label", "drawing of 2 strokes")
    assert page.page.evaluate("scrollY") == before
    assert "latin capital letter x" in names(page, everything)


# ---- files


def as_png(x):
    out = io.BytesIO()
    Image.fromarray(x).save(out, "PNG")
    return out.getvalue()


def choose(page, name, content, kind="image/png"):
    page.panel.get_by_label("picture file").set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )


@pytest.mark.parametrize(
    "shape", [(32, 32), (64, 64), (400, 400), (333, 400), (400, 250), (101, 37), (20, 20)]
)
def test_a_file_gives_the_pixels_that_pillow_gives(shape, finder, everything):
    page = finder()
    x = np.random.default_rng(shape[0]).integers(0, 256, shape, dtype=np.uint8)
    x[0], x[-1], x[:, 0], x[:, -1] = 240, 240, 240, 240
    choose(page, "noise.png", as_png(x))
    expect(page.panel.locator(".mm-file .mm-seen")).to_be_visible()
    seen = page.panel.locator(".mm-file .mm-seen").evaluate("c => [...c.getContext('2d').getImageData(0, 0, 32, 32).data].filter((_, k) => k % 4 === 0)")  # fmt: skip
    side = max(shape)
    square = Image.new("L", (side, side), 240)
    square.paste(Image.fromarray(x), ((side - shape[1]) // 2, (side - shape[0]) // 2))
    want = np.asarray(square.resize((32, 32), Image.Resampling.BOX))
    assert np.array_equal(np.reshape(seen, (32, 32)), want)


def test_tall_and_wide_pages_go_the_way_that_pillow_goes(finder):
    page = finder()
    inside(page, "boxed")
    rng = np.random.default_rng(0)
    for width, height, to in ((40, 36, 32), (100, 167, 32), (100, 170, 32), (200, 361, 32), (400, 768, 32), (400, 771, 32), (50, 300, 20), (300, 50, 20), (10, 40, 32)):  # fmt: skip
        x = rng.integers(0, 256, (height, width), dtype=np.uint8)
        want = np.asarray(Image.fromarray(x).resize((to, to), Image.Resampling.BOX))
        got = page.panel.evaluate("(e, {x, w, h, to}) => [...boxed(Uint8Array.from(x), w, h, to, to)]", {"x": x.ravel().tolist(), "w": width, "h": height, "to": to})  # fmt: skip
        assert np.array_equal(np.reshape(got, (to, to)), want), (width, height, to)


def test_white_on_blue_wants_cropping_and_one_colour_says_so(finder, everything):
    e, page = everything, finder()
    told = page.panel.locator(".mm-said")
    glyph = Image.fromarray(e.symbols.image[e.row("umbrella")]).resize((200, 200))
    poster = ImageOps.expand(ImageOps.colorize(glyph, white=(20, 40, 160), black="white"), 150, (20, 40, 160))
    choose(page, "poster.png", as_png(np.asarray(poster)))
    expect(page.panel.locator(".mm-note[role=status]")).to_have_text("Hits for the picture.")
    page.panel.get_by_label("take it").select_option("cropped")
    assert "umbrella" in names(page, e)
    choose(page, "blank.png", as_png(np.full((50, 50), 128, np.uint8)))
    expect(told).to_contain_text("blank.png has one colour only")
    assert len(found(page)) == 8


def test_a_file_that_is_no_picture_is_said(finder):
    page = finder()
    before = found(page)
    choose(page, "<img src=x>.png", b"no picture at all")
    expect(page.panel.locator(".mm-said")).to_have_text(
        "⚠ <img src=x>.png is no picture that this browser can read."
    )
    choose(page, "empty.png", b"")
    expect(page.panel.locator(".mm-said")).to_have_text(
        "⚠ empty.png is no picture that this browser can read."
    )
    assert found(page) == before


@pytest.mark.parametrize("where", [".mm-file", ".mm-hits"])
def test_a_picture_is_dropped(where, finder, everything):
    e, page = everything, finder()
    png = list(as_png(e.symbols.image[e.row("anchor")]))
    page.panel.locator(where).evaluate(
        """(e, png) => { const data = new DataTransfer(); data.items.add(new File([Uint8Array.from(png)], "anchor.png", { type: "image/png" }));
          e.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }""",
        png,
    )
    expect(page.panel.locator(".mm-hits .mm-card").first).to_contain_text("anchor")


# ---- manners


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOKS_BY_NAME)
def test_axe_finds_nothing_and_all_is_on_the_screen(theme, size, finder, everything):
    page = finder(size=size, color_scheme=theme, reduced_motion="reduce")
    choose(page, "anchor.png", as_png(everything.symbols.image[everything.row("anchor")]))
    draw(page, jittered(SKETCHES["umbrella"], np.random.default_rng(5)))
    page.panel.locator(".mm-paper").focus()
    page.page.keyboard.press("ArrowLeft")
    assert page.findings() == []
    assert not page.too_wide()
    page.shot(f"{theme}-{size['width']}")
    if size is PROJECTOR:
        assert page.panel.bounding_box()["height"] <= 640


def test_encoders_that_a_page_cannot_compute_say_that_they_need_python(from_disk, everything):
    e = everything
    some = np.arange(0, 400)
    index = Index().add(e.pictures[some])

    def opaque(texts):
        return e.cnn.transform(e.text.transform(texts), side="b")

    page = from_disk(SearchPanel(index, {"opaque": opaque, "open": (e.text, e.cnn)}, e.symbols.image[some], pictures=lambda x: e.cnn.transform(x), query="comma"))  # fmt: skip
    box, said = page.panel.get_by_label("search", exact=True), page.panel.locator(".mm-said")
    box.fill("digit")
    expect(said).to_have_text(
        "⚠ This search needs Python, and this page has none: these are the hits for “comma”."
    )
    page.panel.locator(".mm-field", has_text="encoder").locator("select").select_option("open")
    expect(said).to_have_text("")
    assert len(found(page)) == 8
    draw(page, [[(0.2, 0.2), (0.8, 0.8)]])
    expect(said).to_contain_text("This search needs Python")
    plain = from_disk(SearchPanel(Index("euclidean").add(e.pictures[some]), (e.text, e.cnn), query="comma"))
    assert json.loads(plain.page.locator(".mm-live script").text_content())["_finder"] is None
    plain.panel.get_by_label("search", exact=True).fill("digit")
    expect(plain.panel.locator(".mm-said")).to_contain_text("This search needs Python")

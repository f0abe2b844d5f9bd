"""ComparePanel, MapPanel and SearchPanel, from a disk with network and kernel off, and in JupyterLab and Notebook 7."""

import json
import re

import nbformat
import numpy as np
import pytest
from disk import LOOKS, LOOKS_BY_NAME, PHONE, PROJECTOR
from playwright.sync_api import expect

from mmalign_nb.features import TfidfText
from mmalign_nb.panels import ComparePanel, MapPanel, SearchPanel
from mmalign_nb.search import Index

N, K = 40, 4
RNG = np.random.default_rng(0)
A = RNG.normal(size=(N, 8)).astype(np.float32)
B = (A + RNG.normal(0, 0.8, A.shape)).astype(np.float32)
S = A @ B.T
NEAR = (0.999 + 1.2e-7 * RNG.permutation(N * N).reshape(N, N)).astype(
    np.float32
)  # told apart only by many digits
MEASURES = {"dot": S, "backwards": -S, "near": NEAR, "twice": 2 * S, "noisy": S + RNG.normal(size=S.shape)}
TEXTS = [f"item {i}" for i in range(N)]
NAMES = [f"the {word} thing {i}" for i, word in enumerate(["red", "green", "blue", "small"] * 10)]
IMAGES = RNG.integers(0, 255, (N, 24, 24, 3), dtype=np.uint8)
SOUNDS = ((RNG.random((N, 800)) - 0.5).astype(np.float32), 8000)
VIDEO = (RNG.integers(0, 255, (N, 6, 12, 12, 3), dtype=np.uint8), 12)
NASTY = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\u2028\u2029", "\"' onmouseover=alert(1) x='",
    "${alert(1)}", "<!-- <script>", *TEXTS[6:],
]  # fmt: skip


def compare(**more):
    given = {"scores": MEASURES, "a": TEXTS, "b": IMAGES, "truth": "diagonal", "k": K}
    return ComparePanel(**(given | more))


def space(**more):
    given = {"A": A, "B": B, "a": TEXTS, "b": IMAGES, "truth": "diagonal", "sides": ("words", "picture")}
    return MapPanel(**(given | more))


def words(**more):
    encoder = TfidfText(dim=12).fit(NAMES)
    given = {
        "index": Index().add(encoder.transform(NAMES)),
        "encoders": encoder,
        "items": IMAGES,
        "captions": NAMES,
        "query": "red thing",
    }
    return SearchPanel(**(given | more))


def type_number(panel, label, text):
    box = panel.get_by_label(f"{label}, exact value")
    box.fill(text)
    box.press("Enter")


def choose(panel, what, value):
    panel.locator(".mm-field", has_text=what).locator("select").select_option(value)


def ids(part, name="id"):
    return part.locator(f"[data-{name}]").evaluate_all(f"all => all.map(e => Number(e.dataset.{name}))")


def click_point(page, side, i):
    """Click a point where the panel says that it drew it."""
    canvas = page.panel.locator(".mm-points")
    canvas.scroll_into_view_if_needed()
    x, y = page.panel.evaluate("(e, [s, i]) => e.placed(s, i)", [side, i])
    box = canvas.bounding_box()
    page.page.mouse.click(box["x"] + x, box["y"] + y)


# ---- from a disk: ComparePanel


def test_compare_and_python_agree_at_random_queries(from_disk):
    p = compare()
    page = from_disk(p)
    panel, rng = page.panel, np.random.default_rng(1)
    for _ in range(40):
        i, (one, two) = int(rng.integers(N)), rng.choice(list(MEASURES), 2)
        type_number(panel, "query", str(i))
        choose(panel, "left", one)
        choose(panel, "right", two)
        p.query.value, p.left.value, p.right.value = i, str(one), str(two)
        for side, name in enumerate((one, two)):
            part = panel.locator(".mm-found").nth(side)
            best = np.argsort(-MEASURES[name][i], kind="stable")[:K]
            assert ids(part) == best.tolist()
            shown = part.locator(".mm-top b").all_inner_texts()
            values = [float(text.split(". ")[1]) for text in shown]
            assert values == pytest.approx(MEASURES[name][i, best], rel=6e-3)
            assert len(set(values)) == K  # as many digits as tell them apart
            marks = part.locator(".mm-mark").all_inner_texts()
            assert marks == ["✓ right" if j == i else "✗ wrong" for j in best]
            assert f"{name} finds {best.tolist()}" in repr(p)
            quality = part.locator(".mm-title").inner_text()
            for what, value in p._rankings[name].quality().items():
                assert f"{what} {value:.2f}" in quality
        assert f"{len(p.differences)} of {N} queries differ" in panel.inner_text()
        row = panel.locator("tbody tr").nth(list(MEASURES).index(one)).locator("td").all_inner_texts()
        assert row[0] == one
        assert len(row) == 1 + K + 2
    assert page.complaints == page.asked == []


def test_all_measures_in_a_table_with_digits_that_tell_them_apart(from_disk):
    page = from_disk(compare(captions=(None, NAMES)))
    table = page.panel.locator("table")
    expect(table).to_be_visible()
    assert table.locator("caption").inner_text() == "query 0: item 0"
    head = table.locator("th").all_inner_texts()
    assert head == ["measure", *(f"{k}." for k in range(1, K + 1)), "hit@1", f"hit@{K}"]
    for name, row in zip(MEASURES, table.locator("tbody tr").all(), strict=True):
        cells = row.locator("td").all()
        best = np.argsort(-MEASURES[name][0], kind="stable")[:K]
        told = [cell.inner_text() for cell in cells[1 : K + 1]]
        assert [NAMES[j] in text for j, text in zip(best, told, strict=True)] == [True] * K
        assert [text[0] for text in told] == ["✓" if j == 0 else "✗" for j in best]
        values = [cell.locator("b").inner_text() for cell in cells[1 : K + 1]]
        assert len(set(values)) == K, name


def test_next_difference_goes_round(from_disk):
    p = compare()
    page = from_disk(p)
    choose(page.panel, "right", "noisy")
    p.right.value = "noisy"
    box, button = (
        page.panel.get_by_label("query, exact value"),
        page.panel.get_by_role("button", name="next difference"),
    )
    for _ in range(len(p.differences) + 1):
        button.click()
        p.next()
        assert box.input_value() == str(p.query.value)
    for other in ("dot", "twice"):
        choose(page.panel, "right", other)
        p.right.value = other
        button.click()
        p.next()
        assert page.panel.locator(".mm-said").inner_text() == p._said["words"] != ""


@pytest.mark.parametrize(
    ("text", "said"), [("1,5", "not a whole number"), ("40", "is outside 0 to 39"), ("-1", "is outside"), ("x", "not a number"), ("", "not a number")]
)  # fmt: skip
def test_a_number_that_is_no_query_is_said_and_not_jumped_to(text, said, from_disk):
    page = from_disk(compare())
    type_number(page.panel, "query", "7")
    type_number(page.panel, "query", text)
    assert page.panel.get_by_label("query, exact value").input_value() == "7"
    expect(page.panel.locator(".mm-said")).to_contain_text(said)
    type_number(page.panel, "query", "8")
    assert page.panel.locator(".mm-said").inner_text() == ""


# ---- from a disk: MapPanel


@pytest.mark.parametrize("vectors", [True, False], ids=["in the page", "not in the page"])
def test_map_and_python_agree_at_random_points(vectors, from_disk, monkeypatch):
    if not vectors:
        monkeypatch.setattr("mmalign_nb.panels.map._SENT", 0)
    p = space(k=3)
    page = from_disk(p)
    panel, rng = page.panel, np.random.default_rng(2)
    for _ in range(40):
        side, i = int(rng.integers(2)), int(rng.integers(N))
        if rng.random() < 0.5:
            choose(panel, "select from", ["words", "picture"][side])
            type_number(panel, "point", str(i))
        else:
            click_point(page, side, i)
        p.side.value, p.point.value = side, i
        assert panel.get_by_label("point, exact value").input_value() == str(i)
        order, cosines = p.nearest()
        assert ids(panel.locator(".mm-stack")) == order[:3].tolist()
        shown = panel.locator(".mm-stack [data-id] .mm-top b").all_inner_texts()
        assert [float(x) for x in shown] == pytest.approx(cosines[:3], abs=6e-4)
        rank = int(np.flatnonzero(order == i)[0]) + 1
        expect(panel.locator(".mm-stack")).to_contain_text(f"its own partner at rank {rank} of {N}")
        assert ids(panel.locator(".mm-stack"), "own") == ([i] if rank > 3 else [])
        told = panel.locator(".mm-points").get_attribute("aria-label")
        assert f"selected: {['words', 'picture'][side]} {i}" in told
        assert f"at rank {rank} of {N}" in told
    assert page.complaints == page.asked == []


def test_map_draws_its_points_where_python_has_them(from_disk):
    p = space(method="two items")
    page = from_disk(p)
    panel = page.panel
    type_number(panel, "point", "9")
    panel.get_by_role("button", name="selected → y axis").click()
    for method in ("two items", "PCA", "t-SNE"):
        choose(panel, "map", method)
        p.method.value = method
        if method == "two items":
            p.axes.value = ((0, 0), (0, 9))
        places = np.array(
            panel.evaluate(f"e => [0, 1].flatMap(s => Array.from({{length: {N}}}, (_, i) => e.placed(s, i)))")
        )
        wanted = np.vstack(p.coordinates())
        for axis, sign in ((0, 1), (1, -1)):  # one linear scale an axis; upwards is less
            slope, _ = np.polyfit(wanted[:, axis], places[:, axis], 1)
            assert sign * slope > 0
            fit = np.polyval(np.polyfit(wanted[:, axis], places[:, axis], 1), wanted[:, axis])
            assert fit == pytest.approx(places[:, axis], abs=0.1)
        told = panel.locator(".mm-points").get_attribute("aria-label")
        assert told.startswith(
            "Map of the cosines with two items" if method == "two items" else f"{method} map of {N} points"
        )
    assert page.complaints == []


def test_map_by_keyboard_and_by_hovering(from_disk):
    page = from_disk(space())
    panel, keys = page.panel, page.page.keyboard
    canvas = panel.locator(".mm-points")
    canvas.focus()
    where = [panel.evaluate("e => e.placed(0, 0)")]

    def selected():
        side, i = re.search(r"selected: (words|picture) (\d+)", canvas.get_attribute("aria-label")).groups()
        return ["words", "picture"].index(side), int(i)

    moved = 0
    for key, axis, sign in (
        ("ArrowLeft", 0, -1),
        ("ArrowRight", 0, 1),
        ("ArrowUp", 1, -1),
        ("ArrowDown", 1, 1),
    ) * 3:
        keys.press(key)
        x = panel.evaluate("(e, [s, i]) => e.placed(s, i)", selected())
        if x != where[-1]:
            moved += 1
            assert sign * (x[axis] - where[-1][axis]) > 0
        where.append(x)
    assert moved > 6
    x, y = panel.evaluate("e => e.placed(1, 17)")
    before = selected()
    canvas.hover(position={"x": x, "y": y})
    expect(panel.locator(".mm-tip")).to_be_visible()
    expect(panel.locator(".mm-tip")).to_contain_text("picture 17")
    assert selected() == before
    canvas.hover(position={"x": 3, "y": 3})
    expect(panel.locator(".mm-tip")).to_be_hidden()
    go = panel.locator(".mm-stack [data-id] button").first
    name = go.inner_text()
    go.focus()
    keys.press("Enter")
    assert " ".join(map(str, (["words", "picture"][selected()[0]], selected()[1]))) == name


def test_map_says_what_needs_python_where_the_vectors_are_too_many(from_disk, monkeypatch):
    monkeypatch.setattr("mmalign_nb.panels.map._SENT", 0)
    page = from_disk(space())
    choose(page.panel, "map", "two items")
    expect(page.panel.locator(".mm-said")).to_contain_text("needs")
    choose(page.panel, "map", "t-SNE")
    assert page.panel.evaluate("e => e.placed(0, 0)")


# ---- from a disk: SearchPanel


def test_search_shows_the_stored_query_and_says_what_needs_python(from_disk):
    encoder = TfidfText(dim=12).fit(NAMES)
    p = words(encoders=lambda texts: encoder.transform(texts))  # of a function a page knows nothing
    page = from_disk(p)
    panel = page.panel
    rows = [p._row[key] for key in p.hits.ids[0].tolist()]
    assert ids(panel, "row") == rows
    assert panel.locator(".mm-caption").all_inner_texts() == [NAMES[r] for r in rows]
    assert [float(x.split(". ")[1]) for x in panel.locator(".mm-top b").all_inner_texts()] == pytest.approx(
        p.hits.scores[0], abs=6e-4
    )
    box = panel.get_by_label("search")
    assert box.input_value() == "red thing"
    box.fill("green")
    expect(panel.locator(".mm-said")).to_contain_text(
        "This search needs Python, and this page has none: these are the hits for “red thing”."
    )
    assert ids(panel, "row") == rows
    box.fill("red thing")
    expect(panel.locator(".mm-said")).to_have_text("")
    assert panel.locator(".mm-pads").count() == 1
    assert page.complaints == page.asked == []


def test_search_page_names_unknown_words(from_disk):
    page = from_disk(words(query="xyzzy"))
    expect(page.panel.get_by_text("None of these words is known: xyzzy.")).to_be_visible()
    assert ids(page.panel, "row") == []
    page = from_disk(words(query="red xyzzy"))
    expect(page.panel.get_by_text("Unknown: xyzzy. The hits go by the rest: red.")).to_be_visible()
    assert len(ids(page.panel, "row")) == 8


# ---- from a disk: all three

KINDS = {"text": TEXTS, "picture": IMAGES, "sound": SOUNDS, "clip": VIDEO}


def every(kind, captions):
    both = (None, captions)
    return [
        compare(b=KINDS[kind], captions=both),
        space(b=KINDS[kind], captions=both, method="two items" if kind == "sound" else "PCA"),
        words(items=KINDS[kind], captions=captions, query="red xyzzy"),
    ]


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOKS_BY_NAME)
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_and_all_is_on_the_screen(kind, size, theme, from_disk):
    if theme == "dark" and kind not in ("picture", "text"):
        pytest.skip("what plays has the colours of what is seen")
    for p in every(kind, NAMES if kind in ("sound", "text") else None):
        page = from_disk(p, size=size, color_scheme=theme)
        assert not page.too_wide()
        assert page.panel.bounding_box()["height"] <= (640 if size is PROJECTOR else PHONE["height"])
        if page.panel.locator("summary").count() and size is PHONE:
            page.panel.locator("summary").click()
        assert not page.too_wide()
        assert page.findings() == []
        outside = page.panel.evaluate("""e => { const r = e.getBoundingClientRect();
          return [...e.querySelectorAll('.mm-card *, .mm-field *, .mm-knob *')].filter(x => { const q = x.getBoundingClientRect(); return q.width && (q.right > r.right + 1 || q.left < r.left - 1); }).length; }""")
        assert outside == 0
        spilt = page.panel.evaluate(
            """e => [...e.querySelectorAll('.mm-card')].filter(c => c.scrollWidth > c.clientWidth + 1).length"""
        )
        assert spilt == 0
        page.shot(f"{kind}-{theme}-{size['width']}")
        page.context.close()


def test_names_are_text_and_never_markup(from_disk):
    sides = ("<b>a</b>", "${b}")
    for p in (
        compare(scores={"<i>x</i>": S, "</script>": -S}, a=NASTY, b=NASTY, captions=(None, NASTY)),
        compare(scores={"x": S, "y": -S}, a=IMAGES, b=IMAGES, captions=(NASTY, NASTY)),
        space(a=NASTY, b=IMAGES, sides=sides, captions=(None, NASTY), method="two items"),
        words(captions=NASTY, query="<img src=x onerror=alert(1)> red", k=N),
    ):
        page = from_disk(p)
        if isinstance(p, MapPanel):
            choose(page.panel, "select from", sides[1])
            for i in (0, 1):
                type_number(page.panel, "point", str(i))
                click_point(page, 1, i)
        text = page.panel.inner_text()
        assert any(name in text for name in (NASTY[0], NASTY[1]))
        assert page.panel.locator("img, script, b b, i:not(.mm-sign)").count() == 0
        assert page.complaints == page.asked == []
        assert page.findings() == []


def test_every_stop_of_the_tab_key_is_named_and_seen(from_disk):
    for p in every("sound", NAMES):
        page = from_disk(p)
        page.page.locator("body").focus()
        stops = 0
        for _ in range(30):
            page.page.keyboard.press("Tab")
            tag, outline, visible, name = page.page.evaluate(
                "() => { const e = document.activeElement; return [e.tagName, getComputedStyle(e).outlineStyle, e.matches(':focus-visible'), e.ariaLabel || e.labels?.[0]?.innerText || e.innerText]; }"
            )
            if tag != "BODY":
                stops += 1
                assert outline != "none"
                assert visible
                assert name
        assert stops >= 2


@pytest.mark.parametrize("make", [compare, space, words])
def test_two_hundred_panels_opened_and_closed_leave_nothing(make, from_disk):
    page = from_disk(make(b=SOUNDS) if make is not words else make())
    told = page.page.evaluate("""async () => {
      const source = document.getElementById('mm-instrument').textContent;
      const url = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
      const { alive } = await import(url);
      const text = document.querySelector('.mm-live > script').textContent, make = URL.createObjectURL, free = URL.revokeObjectURL;
      let open = 0;
      URL.createObjectURL = x => { open++; return make(x); };
      URL.revokeObjectURL = u => { open--; free(u); };
      let watching = 0;
      for (const kind of ['ResizeObserver', 'MutationObserver']) {
        const { observe, disconnect } = window[kind].prototype, on = new Set();
        window[kind].prototype.observe = function (...x) { if (!on.has(this)) { on.add(this); watching++; } return observe.apply(this, x); };
        window[kind].prototype.disconnect = function () { if (on.delete(this)) watching--; return disconnect.apply(this); };
      }
      for (let k = 0; k < 200; k++) {
        const el = document.createElement('div'), data = document.createElement('script');
        data.type = 'application/json'; data.textContent = text; el.append(data); document.body.append(el);
        alive(el)(); el.remove();
      }
      return [open, watching, document.querySelectorAll('.mm-panel').length];
    }""")
    assert told == [0, 0, 1]
    assert page.complaints == []


def test_drawn_again_in_the_other_theme(from_disk):
    page = from_disk(space())
    canvas = page.panel.locator(".mm-points")
    before = canvas.evaluate("c => c.toDataURL()")
    page.page.emulate_media(color_scheme="dark")
    page.page.wait_for_timeout(200)
    assert canvas.evaluate("c => c.toDataURL()") != before


# ---- with a kernel

LIVE = "three.ipynb"
CELLS = [
    f"""
import numpy as np
from mmalign_nb.features import TfidfText
from mmalign_nb.panels import ComparePanel, MapPanel, SearchPanel
from mmalign_nb.search import Index
rng = np.random.default_rng(0)
A = rng.normal(size=({N}, 8)).astype(np.float32)
B = (A + rng.normal(0, 0.8, A.shape)).astype(np.float32)
S = A @ B.T
names = [f"the {{word}} thing {{i}}" for i, word in enumerate(["red", "green", "blue", "small"] * 10)]
images = rng.integers(0, 255, ({N}, 24, 24, 3), dtype=np.uint8)
tfidf = TfidfText(dim=12).fit(names)
""",
    "compare = ComparePanel({'dot': S, 'backwards': -S}, names, images, truth='diagonal', captions=(None, names))\ncompare",
    "space = MapPanel(A, B, names, images, truth='diagonal', sides=('words', 'picture'))\nspace",
    "search = SearchPanel(Index().add(tfidf.transform(names)), {'words': tfidf, 'broken': lambda texts: 1 / 0}, images, captions=names)\nsearch",
]


@pytest.fixture(scope="session")
def live(served):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nb.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nb, served[0] / LIVE)
    return LIVE


def asked(notebook, code, wanted):
    """Ask the kernel until it says what is wanted: messages may still be on their way."""
    for _ in range(60):
        said = notebook.ask(f"print({code})")
        if said == str(wanted):
            return
        notebook.page.wait_for_timeout(100)
    assert said == str(wanted)


@pytest.mark.parametrize("app", ["notebooks"])  # Notebook 7; the tests below are in JupyterLab
def test_both_sides_turn_the_same_knobs(app, live, open_notebook):
    notebook = open_notebook(live, app=app)
    its_own = set(notebook.complaints)  # Notebook 7 itself has something to say at its start
    notebook.run_all()
    assert notebook.errors() == []
    page, (compare_, space_, search_) = notebook.page, [notebook.panels().nth(k) for k in range(3)]
    cells = len(notebook.cells())

    compare_.scroll_into_view_if_needed()
    type_number(compare_, "query", "7")
    asked(notebook, "compare.query.value", 7)
    page.keyboard.press("Tab")
    compare_.get_by_role("button", name="next difference").click()
    compare_.get_by_role("slider").focus()
    for key in (
        "ArrowRight",
        "ArrowRight",
        "d",
        "d",
        "a",
        "x",
        "0",
        "0",
    ):  # these cut, add and restart in a notebook
        page.keyboard.press(key)
    asked(notebook, "compare.query.value", 10)
    assert ids(compare_.locator(".mm-found").first) == json.loads(
        notebook.ask("print(compare._rankings['dot'].ids[10].tolist())")
    )
    notebook.ask("compare.left.value = 'backwards'; compare.query.value = 3")
    expect(compare_.locator("table caption")).to_have_text("query 3: the small thing 3")
    assert ids(compare_.locator(".mm-found").first) == json.loads(
        notebook.ask("print(compare._rankings['backwards'].ids[3].tolist())")
    )
    notebook.shot(f"compare-{app.split('/')[0]}")

    space_.scroll_into_view_if_needed()
    choose(space_, "map", "t-SNE")
    space_.locator(".mm-points[aria-label^='t-SNE']").wait_for()
    page.wait_for_function("e => e.placed(0, 0) !== null", arg=space_.element_handle(), timeout=60_000)
    asked(notebook, "space.method.value", "t-SNE")
    space_.locator(".mm-points").focus()
    page.keyboard.press("ArrowRight")
    i = int(space_.get_by_label("point, exact value").input_value())
    asked(notebook, "space.point.value", i)
    notebook.ask(
        "space.method.value = 'two items'; space.side.value = 1; space.axes.value = ((0, 3), (1, 7)); space.point.value = 5"
    )
    expect(space_.locator(".mm-points")).to_have_attribute(
        "aria-label", re.compile("^Map of the cosines .*selected: picture 5")
    )
    assert ids(space_.locator(".mm-stack")) == json.loads(
        notebook.ask("print(space.nearest()[0][:3].tolist())")
    )
    notebook.shot(f"map-{app.split('/')[0]}")

    search_.scroll_into_view_if_needed()
    box = search_.get_by_label("search")
    box.click()
    page.keyboard.type("a small thing", delay=20)
    asked(notebook, "search.query.value", "a small thing")
    expect(search_.get_by_text("Unknown: a. The hits go by the rest: small, thing.")).to_be_visible()
    asked(notebook, "search.hits.ids[0].tolist()", ids(search_, "row"))
    box.fill("xyzzy")
    expect(search_.get_by_text("None of these words is known: xyzzy.")).to_be_visible()
    assert ids(search_, "row") == []
    asked(notebook, "search.hits", None)
    choose(search_, "encoder", "broken")
    expect(search_.locator(".mm-said")).to_contain_text("ZeroDivisionError")
    choose(search_, "encoder", "words")
    expect(search_.locator(".mm-said")).to_have_text("")
    notebook.ask("search.query.value = 'green'")
    expect(box).to_have_value("green")
    asked(notebook, "search.hits.ids[0].tolist()", ids(search_, "row"))
    assert len(ids(search_, "row")) == 8
    notebook.shot(f"search-{app.split('/')[0]}")

    assert len(notebook.cells()) == cells
    assert notebook.errors() == []
    assert "model not found" not in notebook.text()
    assert set(notebook.complaints) <= its_own


def test_fast_typing_before_a_slow_encoder_ends_with_the_last_words(live, open_notebook):
    notebook = open_notebook(live)
    notebook.run_all()
    notebook.ask("""
import time
heard = []
def slow(texts):
    heard.append(texts[0]); time.sleep(0.4)
    return tfidf.transform(texts)
search._encoders['words'] = slow
""")
    search = notebook.panels().nth(2)
    search.scroll_into_view_if_needed()
    search.get_by_label("search").click()
    notebook.page.keyboard.type(
        "the blue thing 2 and green", delay=140
    )  # slower than the pause: each key would be a question
    expect(
        search.get_by_text(
            "Unknown: and; nearest known: red. The hits go by the rest: the, blue, thing, 2, green."
        )
    ).to_be_visible(timeout=20_000)
    asked(notebook, "search.query.value", "the blue thing 2 and green")
    assert search.get_by_label("search").input_value() == "the blue thing 2 and green"
    asked(notebook, "search.hits.ids[0].tolist()", ids(search, "row"))
    heard = json.loads(notebook.ask("import json; print(json.dumps(heard))"))
    assert heard[-1] == "the blue thing 2 and green"
    assert len(heard) < 20  # one question at a time; what was typed meanwhile is asked once


def test_after_a_restart_of_the_kernel_they_say_so_and_still_move(live, open_notebook):
    notebook = open_notebook(live)
    notebook.run_all()
    compare_, space_, search_ = (notebook.panels().nth(k) for k in range(3))
    notebook.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    for panel in (compare_, space_, search_):
        expect(panel.locator(".mm-said")).to_contain_text("Not connected: run the cell again", timeout=30_000)
    before = ids(compare_.locator(".mm-found").first)
    type_number(compare_, "query", "11")
    assert ids(compare_.locator(".mm-found").first) != before
    type_number(space_, "point", "11")
    expect(space_.locator(".mm-points")).to_have_attribute("aria-label", re.compile("selected: words 11"))
    search_.get_by_label("search").fill("green")
    expect(search_.locator(".mm-said")).to_contain_text("Not connected: run the cell again")
    assert notebook.complaints == [] or all(
        "kernel" in c.lower() or "WebSocket" in c for c in notebook.complaints
    )

"""What a reader does: open a chapter, run all, turn each knob, and see what the package computes."""

import json
import re
import time

import nbformat
import numpy as np
import pytest
from lab import ROOT
from playwright.sync_api import expect

from mmalign_nb import align, threshold

CHAPTERS = [p.name for n in ("00", "04", "05") for p in sorted((ROOT / "notebooks").glob(f"{n}_*.ipynb"))]
TINY = "tiny.ipynb"
SIZE = 60
SETUP = f"""
import numpy as np
from mmalign_nb.panels import ComparePanel, MapPanel, SearchPanel, ThresholdPanel
rng = np.random.default_rng(0)
A = rng.normal(size=({SIZE}, 16)).astype(np.float32)
B = (A + rng.normal(size=A.shape)).astype(np.float32)
S = (A @ B.T / 16).astype(np.float32)
texts = [f"item {{i}}" for i in range({SIZE})]
images = rng.integers(0, 255, ({SIZE}, 24, 24, 3), dtype=np.uint8)
sounds = (rng.random(({SIZE}, 800), dtype=np.float32) - 0.5, 8000)
"""
TINY_CELLS = [
    SETUP,
    "panel = ThresholdPanel({'dot': S, 'double': 2 * S}, images, sounds, truth='diagonal', target=0.8)\npanel",
    "ComparePanel({'dot': S, 'backwards': -S}, texts, images, truth='diagonal')",
    "MapPanel(A, B, texts, images, truth='diagonal', sides=('words', 'picture'))",
    "from mmalign_nb.search import Index\n"
    "SearchPanel(Index().add(A), lambda words: [A[int(w.split()[1])] for w in words], images, captions=texts)",
]
# The same question, asked of the package in the notebook's own kernel, about the panel that shows these words.
RECOMPUTE = """
import json, re
from ipywidgets.widgets.widget import _instances
from mmalign_nb import align
from mmalign_nb.panels import ThresholdPanel
def _plain(html):
    return re.sub(r"\\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("&nbsp;", " "))).strip()
def _recompute(words):
    for p in _instances.values():
        if isinstance(p, ThresholdPanel) and _plain(p._read.value) == words:
            S, t, mode = p._scores[p.measure.value], p.threshold.value, p.mode.value
            top = max(float(S.max()), 0.0)
            kept = (align.min_match(top - S.astype("float64"), top - t) if mode == "min"
                    else getattr(align, mode + "_match")(S, t))
            right = None if p._truth is None else kept.evaluate(p._truth)
            return {"t": t, "kept": len(kept), "right": right}
print(json.dumps(_recompute(%r)))
"""


def plain(words):
    return re.sub(r"\s+", " ", words).strip()


def shown(panel):
    """The panel's sentence, the number in its box and the name of its picture, as they are on the page now."""
    picture = panel.get_by_role("img", name=re.compile("^Heat map of"))
    return (
        plain(panel.locator(".mm-read").inner_text()),
        float(panel.get_by_label("exact value").input_value()),
        picture.get_attribute("aria-label"),
    )


def agree(told, now):
    """Whether what the kernel says of its panel is what the page shows."""
    words, box, picture = now
    return (
        bool(told)
        and told["t"] == pytest.approx(box, abs=1e-6)
        and words.startswith(f"{told['kept']:,} of ")
        and f"with {told['kept']:,} chosen pair" in picture
    )


def check(notebook, panel):
    """The numbers on the page against the package's; gives the page's words."""
    for _ in range(
        50
    ):  # keys may still be on their way, and each changes words, box and picture one after the other
        now = shown(panel)
        told = json.loads(notebook.ask(RECOMPUTE % now[0]))
        if agree(told, now) and now == shown(panel):
            break
        notebook.page.wait_for_timeout(200)
    words = now[0]
    assert told, f"no panel in the kernel shows {words!r}"
    assert agree(told, now), (told, now)
    if told["right"]:
        for name, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
            value = told["right"][key]
            assert f"{name} {'–' if np.isnan(value) else format(value, '.2f')}" in words
    return words


def change(panel, act):
    """Do something, and wait until the words on the panel are others."""
    read = panel.locator(".mm-read")
    before = read.inner_text()
    act()
    expect(read).not_to_have_text(before, use_inner_text=True, timeout=15_000)


def move(panel, act):
    """Do something, and wait until the threshold is another; the pairs that it keeps may be the same ones."""
    box = panel.get_by_label("exact value")
    before = box.input_value()
    act()
    expect(box).not_to_have_value(before, timeout=15_000)


def type_number(panel, value):
    box = panel.get_by_label("exact value")
    box.fill(f"{value:.4f}")
    box.press("Enter")


def press(notebook, key, times):
    for _ in range(times):
        notebook.page.keyboard.press(key)


def threshold_panels(notebook):
    found = notebook.panels().filter(has=notebook.page.get_by_label("exact value"))
    return [found.nth(k) for k in range(found.count())]


def handle(panel, name):
    return panel.locator(".widget-slider", has_text=name).locator(".noUi-handle")


def middle(panel):
    """A threshold in the middle of the slider's range."""
    box = panel.get_by_label("exact value")
    return (float(box.get_attribute("min")) + float(box.get_attribute("max"))) / 2


@pytest.fixture(scope="session")
def tiny(served):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in TINY_CELLS])
    nb.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nb, served[0] / TINY)
    return TINY


@pytest.fixture(scope="session")
def data():
    space: dict = {}
    exec("\n".join(line for line in SETUP.splitlines() if "panels" not in line), space)
    return space


def turn_knobs(notebook, panel, shot):
    """Number box, slider by keyboard, suggest: after each the numbers are the package's."""
    panel.scroll_into_view_if_needed()
    check(notebook, panel)
    change(panel, lambda: type_number(panel, middle(panel)))
    typed = check(notebook, panel)
    handle(panel, "threshold").focus()
    change(panel, lambda: press(notebook, "PageUp", 3))
    assert check(notebook, panel) != typed
    move(panel, lambda: press(notebook, "ArrowLeft", 10))
    check(notebook, panel)
    notebook.shot(f"{shot}-moved")
    suggest = panel.get_by_role("button", name="suggest")
    if suggest.count():
        suggest.click()
        expect(panel.get_by_role("status").last).to_contain_text(re.compile("best F1|precision ≥|FDR ≤"))
        check(notebook, panel)
        notebook.shot(f"{shot}-suggested")


@pytest.mark.parametrize("name", [TINY, *CHAPTERS])
def test_run_all_and_turn_each_knob(name, tiny, open_notebook, capsys):
    notebook = open_notebook(name)
    start = time.perf_counter()
    notebook.run_all()
    with capsys.disabled():
        print(f"\n{name}: run all took {time.perf_counter() - start:.0f} s", end=" ")
    assert notebook.errors() == []
    notebook.shot("run")
    panels = threshold_panels(notebook)
    assert panels
    for number, panel in enumerate(panels):
        turn_knobs(notebook, panel, f"panel-{number}")
    text = notebook.text()
    assert "model not found" not in text
    assert "⚠" not in text
    assert notebook.complaints == []


def test_panel_works_in_notebook_7_too(tiny, open_notebook):
    """There the arrow keys belong to the page: box, PageUp and buttons move the line."""
    notebook = open_notebook(tiny, app="notebooks")
    its_own = set(notebook.complaints)  # Notebook 7 itself has something to say at its start
    notebook.run_all()
    assert notebook.errors() == []
    (panel,) = threshold_panels(notebook)
    panel.scroll_into_view_if_needed()
    change(panel, lambda: type_number(panel, middle(panel)))
    typed = check(notebook, panel)
    handle(panel, "threshold").focus()
    change(panel, lambda: press(notebook, "PageUp", 3))
    assert check(notebook, panel) != typed
    panel.get_by_role("button", name="suggest").click()
    expect(panel.get_by_role("status").last).to_contain_text("best F1")
    check(notebook, panel)
    notebook.shot("notebook-7")
    assert "model not found" not in notebook.text()
    assert set(notebook.complaints) <= its_own


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_as_stored_shows_its_panels_as_pictures(name, open_notebook):
    notebook = open_notebook(name)
    pictures = notebook.page.locator(".jp-OutputArea img")
    stored = sum("image/png" in o.get("data", {}) for cell in notebook.cells() for o in cell["outputs"])
    assert stored
    assert pictures.count() >= stored
    assert all(pictures.evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 100)"))
    assert "model not found" not in notebook.text()
    assert notebook.complaints == []


def test_numbers_are_those_computed_outside_the_notebook(tiny, data, open_notebook):
    notebook = open_notebook(tiny)
    notebook.run_all()
    (panel,) = threshold_panels(notebook)
    change(panel, lambda: type_number(panel, 0.5))
    kept = align.max_match(data["S"], 0.5)
    quality = kept.evaluate("diagonal")
    words = plain(panel.locator(".mm-read").inner_text())
    assert words.startswith(
        f"{len(kept)} of {SIZE} × {SIZE} pairs kept · precision {quality['precision']:.2f}"
    )
    # suggest, by the rule with a promise
    panel.get_by_label("rule", exact=True).select_option(label="precision ≥ 0.8")
    pairs = align.max_match(data["S"]).pairs
    chosen = threshold.for_precision(
        data["S"][tuple(pairs.T)], pairs[:, 0] == pairs[:, 1], target=0.8, delta=0.1
    )
    change(panel, lambda: panel.get_by_role("button", name="suggest").click())
    assert not chosen.abstained
    assert float(panel.get_by_label("exact value").input_value()) == pytest.approx(float(chosen), abs=1e-6)
    assert notebook.ask("print(repr(panel.threshold.value))") == repr(float(chosen))
    # matching and measure
    change(panel, lambda: panel.get_by_label("matching").select_option("threshold"))
    check(notebook, panel)
    change(panel, lambda: panel.get_by_label("measure").select_option("double"))
    check(notebook, panel)
    # what the next cell reads
    frame = json.loads(notebook.ask("print(panel.to_frame().to_json())"))
    assert plain(panel.locator(".mm-read").inner_text()).startswith(f"{len(frame['a']):,} of")
    assert notebook.complaints == []


def test_sounds_can_be_played_and_pictures_are_named(tiny, open_notebook):
    notebook = open_notebook(tiny)
    notebook.run_all()
    (panel,) = threshold_panels(notebook)
    sounds = panel.locator("audio")
    assert sounds.count() >= 4
    played = sounds.first.evaluate(
        "async a => { a.muted = true; await a.play(); await new Promise(r => a.onended = r); return [a.duration, a.error]; }"
    )
    assert played == [pytest.approx(0.1, abs=0.01), None]
    for element in [*panel.locator("img.mm-item").all(), *sounds.all()]:
        assert element.get_attribute("alt") or element.get_attribute("aria-label")


def test_a_key_press_changes_the_picture_in_place(tiny, open_notebook):
    """The lower layer stays the same element, so nothing can flicker; the upper one is there at every moment."""
    notebook = open_notebook(tiny)
    notebook.run_all()
    (panel,) = threshold_panels(notebook)
    watch = """panel => { window.lower = panel.querySelector('img.mm-picture'); window.lost = 0;
      new MutationObserver(() => { if (!window.lower.isConnected || !panel.querySelector('svg[role=img]')) window.lost++; })
        .observe(panel, {childList: true, subtree: true}); }"""
    panel.evaluate(watch)
    change(panel, lambda: type_number(panel, middle(panel)))
    handle(panel, "threshold").focus()
    picture = panel.get_by_role("img", name=re.compile("^Heat map of"))
    before = picture.inner_html()
    for _ in range(5):
        change(panel, lambda: press(notebook, "ArrowRight", 12))
    assert picture.inner_html() != before
    assert notebook.page.evaluate("window.lost") == 0


def test_other_panels_follow_their_knobs(tiny, data, open_notebook):
    notebook = open_notebook(tiny)
    notebook.run_all()
    page = notebook.page
    compare, shared_map, search = (
        notebook.panels().filter(has=page.get_by_label(label)).first
        for label in ("left", "select from", "search")
    )
    box = compare.get_by_label("number")
    box.fill("7")
    box.press("Enter")
    expect(compare.locator(".mm-ask")).to_contain_text("query 7")
    best = np.argsort(-data["S"][7], kind="stable")[:5]
    names = compare.locator(".mm-two > div").first.locator("img").evaluate_all("all => all.map(i => i.alt)")
    assert names == [f"picture {j}" for j in best]
    compare.get_by_role("button", name="next difference").click()
    expect(compare.locator(".mm-ask")).not_to_contain_text("query 7")

    handle(shared_map, "point").focus()
    page.keyboard.press("ArrowRight")
    expect(shared_map.get_by_role("img", name=re.compile("selected: words 1, item 1"))).to_be_visible()
    shared_map.get_by_label("map", exact=True).select_option("t-SNE")
    expect(shared_map.get_by_role("img", name=re.compile("^t-SNE map of 60 points"))).to_be_visible(
        timeout=60_000
    )
    notebook.shot("map")

    search.get_by_label("search").fill("item 5")
    expect(search.locator(".mm-card").first).to_contain_text("1.000")
    expect(search.locator(".mm-card").first).to_contain_text("item 5")
    search.get_by_label("search").fill("nonsense")
    expect(search.get_by_role("status")).to_contain_text("IndexError")
    notebook.shot("search")
    assert notebook.complaints == []


def test_reload_shows_the_panel_or_its_picture(tiny, served, open_notebook):
    notebook = open_notebook(tiny)
    notebook.run_all()
    notebook.save()
    notebook.reload()  # the kernel still runs: the panel comes back alive
    expect(notebook.panels()).to_have_count(4, timeout=60_000)
    assert "model not found" not in notebook.text()

    # stored as `make notebooks` stores it, the file shows the picture where no kernel has run it
    nb = nbformat.read(served[0] / tiny, as_version=4)
    views = 0
    for cell in nb.cells:
        for output in cell.outputs:
            views += output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None) is not None
    assert views == 4
    nbformat.write(nb, served[0] / "stored.ipynb")
    stored = open_notebook("stored.ipynb")
    pictures = stored.page.locator(".jp-OutputArea img")
    assert pictures.count() == 4
    assert all(pictures.evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 300)"))
    assert "model not found" not in stored.text()
    assert stored.panels().count() == 0
    stored.shot("static")
    assert notebook.complaints == stored.complaints == []

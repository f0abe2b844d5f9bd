"""What a reader does: open a chapter, run all, turn each knob, and see what the package computes."""

import json
import re
import time

import nbformat
import pytest
from lab import ROOT
from playwright.sync_api import expect

CHAPTERS = [p.name for n in ("00",) for p in sorted((ROOT / "notebooks").glob(f"{n}_*.ipynb"))]
TINY = "tiny.ipynb"
SIZE = 60
TINY_CELLS = [
    f"""
import numpy as np
from mmalign_nb.panels import ThresholdPanel
rng = np.random.default_rng(0)
A = rng.normal(size=({SIZE}, 16)).astype(np.float32)
B = (A + rng.normal(size=A.shape)).astype(np.float32)
S = (A @ B.T / 16).astype(np.float32)
images = rng.integers(0, 255, ({SIZE}, 24, 24, 3), dtype=np.uint8)
sounds = (rng.random(({SIZE}, 800), dtype=np.float32) - 0.5, 8000)
""",
    "panel = ThresholdPanel({'dot': S, 'double': 2 * S}, images, sounds, truth='diagonal', target=0.8)\npanel",
    "other = ThresholdPanel(S, images, sounds, truth='diagonal')\nother",
]
# What the package says, in the notebook's own kernel, of every panel that is open: as the page shows it.
RECOMPUTE = """
import json
from ipywidgets.widgets.widget import _instances
from mmalign_nb.panels import ThresholdPanel
print(json.dumps([
    {"t": p.threshold.value, "mode": p.mode.value, "measure": p.measure.value, "pairs": p.matches.pairs.tolist(),
     "right": None if p._truth is None else p.matches.evaluate(p._truth)}
    for p in _instances.values() if isinstance(p, ThresholdPanel)]))
"""


def shown(panel):
    """The pairs that the page keeps, and its number; a matching may still be on its way."""
    box = panel.get_by_label("threshold, exact value")
    panel.page.wait_for_function("e => e.kept() !== null", arg=panel.element_handle())
    return sorted(panel.evaluate("e => e.kept()")), float(box.input_value())


def check(notebook, panel):
    """The page against the package; gives the page's words. Messages may still be on their way."""
    for _ in range(50):
        pairs, t = shown(panel)
        told = [
            x
            for x in json.loads(notebook.ask(RECOMPUTE))
            if x["pairs"] == pairs and x["t"] == pytest.approx(t)
        ]
        if told and (pairs, t) == shown(panel):
            break
        notebook.page.wait_for_timeout(200)
    assert told, (pairs, t)
    words = panel.locator(".mm-read").inner_text()
    assert words.startswith(f"{len(pairs):,} of ")
    if (right := told[0]["right"]) is not None and pairs:
        assert float(re.search(r"precision\s(\S+)", words)[1]) == pytest.approx(
            right["precision"], abs=0.0051
        )
    return words


def change(panel, act):
    """Do something, and wait until the number on the panel is another."""
    box = panel.get_by_label("threshold, exact value")
    before = box.input_value()
    act()
    expect(box).not_to_have_value(before, timeout=15_000)


def press(notebook, key, times):
    for _ in range(times):
        notebook.page.keyboard.press(key)


def threshold_panels(notebook):
    found = notebook.panels().filter(has=notebook.page.get_by_label("threshold, exact value"))
    return [found.nth(k) for k in range(found.count())]


def choose(panel, what, value):
    panel.locator(".mm-field", has_text=what).locator("select").select_option(value)


@pytest.fixture(scope="session")
def tiny(served):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in TINY_CELLS])
    nb.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nb, served[0] / TINY)
    return TINY


def turn_knobs(notebook, panel, shot):
    """Number box, slider by keyboard, suggest: after each the pairs are the package's."""
    panel.scroll_into_view_if_needed()
    typed = check(notebook, panel)
    slider = panel.get_by_role("slider")
    slider.focus()
    change(panel, lambda: press(notebook, "PageUp", 6))
    for _ in range(20):  # until a pair falls out: where the line starts depends on the matches
        if (moved := check(notebook, panel)) != typed:
            break
        change(panel, lambda: press(notebook, "PageUp", 1))
    assert moved != typed
    change(panel, lambda: press(notebook, "ArrowLeft", 5))
    check(notebook, panel)
    notebook.shot(f"{shot}-moved")
    suggest = panel.get_by_role("button", name="suggest")
    if suggest.count():
        suggest.click()
        expect(panel.locator(".mm-said")).to_contain_text(re.compile("best F1|precision ≥|FDR ≤"))
        check(notebook, panel)
        notebook.shot(f"{shot}-suggested")


def shows_its_pictures(notebook):
    """As stored: before anything is run, the panels' pictures stand in their places."""
    pictures = notebook.page.locator(".jp-OutputArea img")
    stored = sum("image/png" in o.get("data", {}) for cell in notebook.cells() for o in cell["outputs"])
    assert stored
    assert pictures.count() >= stored
    assert all(pictures.evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 100)"))
    assert "model not found" not in notebook.text()
    assert notebook.complaints == []


@pytest.mark.parametrize("name", [TINY, *CHAPTERS])
def test_run_all_and_turn_each_knob(name, tiny, open_notebook, capsys):
    notebook = open_notebook(name)
    if name != TINY:
        shows_its_pictures(notebook)
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


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_keys_knobs_and_the_next_cell(app, tiny, open_notebook):
    """In JupyterLab and in Notebook 7: letters and arrows stay in the panel, both sides turn the same knobs."""
    notebook = open_notebook(tiny, app=app)
    its_own = set(notebook.complaints)  # Notebook 7 itself has something to say at its start
    notebook.run_all()
    panel, other = threshold_panels(notebook)
    untouched = shown(other)
    cells = len(notebook.cells())
    panel.get_by_role("slider").focus()
    change(panel, lambda: press(notebook, "ArrowRight", 4))
    press(notebook, "ArrowRight", 90)
    for key in ("d", "d", "a", "b", "x", "0", "0"):  # these cut, add and restart in a notebook
        notebook.page.keyboard.press(key)
    check(notebook, panel)
    choose(panel, "matching", "threshold")
    check(notebook, panel)
    choose(panel, "measure", "double")
    check(notebook, panel)
    notebook.ask("panel.mode.value = 'greedy'; panel.measure.value = 'dot'; panel.threshold.value = 0.5")
    expect(panel.get_by_label("threshold, exact value")).to_have_value("0.50")
    words = check(notebook, panel)
    frame = json.loads(notebook.ask("print(panel.to_frame().to_json())"))
    assert words.startswith(f"{len(frame['a']):,} of")
    choose(panel, "rule", "precision ≥ 0.8")
    panel.get_by_role("button", name="suggest").click()
    check(notebook, panel)
    assert shown(other) == untouched  # two panels do not talk
    assert len(notebook.cells()) == cells
    assert notebook.errors() == []
    assert "model not found" not in notebook.text()
    assert set(notebook.complaints) <= its_own
    notebook.shot(app.split("/")[0])


def test_it_fits_a_projector_reads_an_error_and_outlives_its_kernel(tiny, open_notebook):
    """One notebook, run once: the side bar closed; an error in a callback; then the kernel starts anew."""
    notebook = open_notebook(tiny)
    notebook.page.set_viewport_size({"width": 1366, "height": 768})
    notebook.run_all()
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    panel = threshold_panels(notebook)[0]
    panel.scroll_into_view_if_needed()
    notebook.page.wait_for_timeout(500)
    whole = notebook.page.locator(".jp-Notebook").bounding_box()
    knob, cards = (panel.locator(part).first.bounding_box() for part in (".mm-knob", ".mm-sides"))
    assert cards["y"] + cards["height"] - knob["y"] < whole["height"]  # slider and items on one screen
    assert cards["y"] - knob["y"] < 150
    assert panel.bounding_box()["height"] <= 640
    assert panel.bounding_box()["width"] <= whole["width"]

    notebook.ask("panel.threshold.observe(lambda change: 1 / 0)")
    panel.get_by_role("slider").focus()
    notebook.page.keyboard.press("PageUp")
    expect(panel.locator(".mm-said")).to_contain_text("ZeroDivisionError")

    notebook.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    expect(panel.locator(".mm-said")).to_contain_text("Not connected: run the cell again", timeout=30_000)
    panel.get_by_role("slider").focus()
    before = shown(panel)
    change(panel, lambda: press(notebook, "PageUp", 7))
    assert shown(panel)[0] != before[0]
    choose(panel, "matching", "mutual")  # this one Python would have to compute
    expect(panel.locator(".mm-said")).to_contain_text("Not connected: run the cell again")
    notebook.shot("restarted")


def test_reload_shows_the_panel_or_its_picture(tiny, served, open_notebook):
    notebook = open_notebook(tiny)
    notebook.run_all()
    notebook.save()
    notebook.reload()  # the kernel still runs: the panel comes back alive
    expect(notebook.panels()).to_have_count(2, timeout=60_000)
    check(notebook, notebook.panels().first)
    assert "model not found" not in notebook.text()

    # stored as `make notebooks` stores it, the file shows the picture where no kernel has run it
    nb = nbformat.read(served[0] / tiny, as_version=4)
    views = 0
    for cell in nb.cells:
        for output in cell.outputs:
            views += output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None) is not None
    assert views == 2
    nb.metadata.pop("widgets", None)
    nbformat.write(nb, served[0] / "stored.ipynb")
    stored = open_notebook("stored.ipynb")
    pictures = stored.page.locator(".jp-OutputArea img")
    assert pictures.count() == 2
    assert all(pictures.evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 300)"))
    assert "model not found" not in stored.text()
    assert stored.panels().count() == 0
    stored.shot("static")
    assert notebook.complaints == stored.complaints == []

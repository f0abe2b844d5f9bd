"""PairPanel as a reader uses it: from a page on a disk with everything off, and live in JupyterLab."""

import itertools
import json
import re

import nbformat
import numpy as np
import pytest
from disk import PHONE, PROJECTOR
from playwright.sync_api import expect

from mmalign_nb.align import min_match, nearest_match
from mmalign_nb.panels import PairPanel
from mmalign_nb.threshold import Labelling

N = 240
RNG = np.random.default_rng(0)
TABLE = (np.eye(N) * 0.7 + RNG.random((N, N)) * 0.5).round(3)
NAMES = [f"name {j}" for j in range(N)]
IMAGES = RNG.integers(0, 255, (N, 8, 8, 3), dtype=np.uint8)
SOUNDS = (RNG.random((N, 800), dtype=np.float32) - 0.5, 8000)
SIZES = {"projector": PROJECTOR, "phone": PHONE}


def labelling():
    return Labelling(nearest_match(TABLE), target=0.7)


@pytest.fixture
def open_page(from_disk):
    """A panel saved and opened with the network off; afterwards nothing may have been asked for or complained about."""
    opened = []

    def open_it(panel, **how):
        opened.append(from_disk(panel, **how))
        return opened[-1].page

    yield open_it
    for one in opened:
        assert one.complaints == one.asked == []


def shown(page):
    """What the page says: the items of the pair, pairs kept, answers."""
    read = page.locator(".mm-read > span").all_inner_texts()
    return (
        page.locator(".mm-question").inner_text().split("\n")[-1],
        int(read[0].split()[0].replace(",", "")),
        read[1],
    )


def agrees(page, one):
    """The page asks for and keeps what Python does after the same answers."""
    name, kept, answers = shown(page)
    given = [right for _, right in one.asked]
    assert name == NAMES[one.ask()[1]]
    assert kept == len(one.kept)
    counts = ", ".join(
        f"{given.count(right)} {word}"
        for word, right in (("yes", True), ("no", False), ("cannot tell", None))
    )
    assert answers == f"{len(given)} answer{'s' * (len(given) != 1)}: {counts}"


def test_keys_and_buttons_answer_without_python(open_page):
    page, one = open_page(PairPanel(labelling(), IMAGES, NAMES)), labelling()
    agrees(page, one)
    page.locator(".mm-stage").click()
    for key, right in (("y", True), ("n", False), ("?", None), ("Y", True)):
        page.keyboard.press(key)
        one.answer(right)
        agrees(page, one)
    page.keyboard.press("u")
    one.undo()
    agrees(page, one)
    for label, right in (("yes", True), ("cannot tell", None), ("no", False)):
        page.get_by_role("button", name=label, exact=True).click()
        one.answer(right)
        agrees(page, one)
    page.keyboard.press("y")  # the focus is on a button: keys still answer
    one.answer(True)
    page.get_by_role("button", name="undo").click()
    one.undo()
    agrees(page, one)
    for key in ("Control+y", "Alt+n", "x", "Escape"):
        page.keyboard.press(key)
    page.get_by_label("line, exact value").fill("0.8")
    page.get_by_label("line, exact value").press("y")  # typed into a box
    agrees(page, one)


def test_a_key_held_down_answers_once(open_page):
    page, one = open_page(PairPanel(labelling(), IMAGES, NAMES)), labelling()
    page.locator(".mm-stage").click()
    for _ in range(5):
        page.keyboard.down("y")  # without an "up" in between the browser calls all but the first repeats
    page.keyboard.up("y")
    one.answer(True)
    agrees(page, one)


def test_lines_and_bounds_are_those_of_python(open_page):
    page, one = open_page(PairPanel(labelling(), IMAGES, NAMES)), labelling()
    page.locator(".mm-stage").click()
    for k in range(25):
        page.keyboard.press("n" if k % 11 == 10 else "y")
        one.answer(k % 11 != 10)
        agrees(page, one)
        if coming := one.next_line:
            expect(page.locator(".mm-promise")).to_contain_text(
                f"{coming.kept_now} → {coming.kept_then} kept."
            )
    assert len(one.kept)
    expect(page.locator(".mm-promise")).to_contain_text(f"at least 0.7 of the {len(one.kept)} best are right")
    for t in (0.9, 0.98, 1.1, float(one.threshold)):
        page.get_by_label("line, exact value").fill(repr(t))
        page.get_by_label("line, exact value").press("Enter")
        m = int((one.pool.scores >= t).sum())
        expect(page.locator(".mm-sure")).to_contain_text(f"{m} pairs at or above")
        expect(page.locator(".mm-sure")).to_contain_text(f"at least {one.bound(t):.2f} of them are right")


def test_distances_too(open_page):
    one = Labelling(min_match(2 - TABLE), target=0.7)
    page = open_page(PairPanel(one, IMAGES, NAMES))
    page.locator(".mm-stage").click()
    for _ in range(15):
        page.keyboard.press("y")
        one.answer(True)
    agrees(page, one)
    page.get_by_label("line, exact value").fill("1.0")
    page.get_by_label("line, exact value").press("Enter")
    expect(page.locator(".mm-sure")).to_contain_text(f"{(one.pool.scores <= 1).sum()} pairs at or below 1.0")
    expect(page.locator(".mm-sure")).to_contain_text(f"at least {one.bound(1.0):.2f} of them are right")


def test_answers_without_python_are_saved_and_go_on_in_python_and_on_another_page(open_page, tmp_path):
    page, one = open_page(PairPanel(labelling(), IMAGES, NAMES)), labelling()
    page.locator(".mm-stage").click()
    for k in range(12):
        page.keyboard.press("yn?"[k % 3])
        one.answer((True, False, None)[k % 3])
    with page.expect_download() as got:
        page.get_by_role("button", name="save the answers").click()
    got.value.save_as(path := tmp_path / "labels.csv")
    resumed = Labelling.resume(path, nearest_match(TABLE))
    assert resumed.asked == one.asked
    live = PairPanel(labelling(), IMAGES, NAMES, path=path)
    assert live.labelling.asked == one.asked

    # a file of Python, opened by a spreadsheet of another country meanwhile
    one.answer(True)
    one.to_csv(path)
    text = path.read_text(encoding="utf-8")
    path.write_text("\ufeff" + text.replace(",", ";").replace("0.", "0,"), encoding="utf-8", newline="\r\n")
    other = open_page(PairPanel(labelling(), IMAGES, NAMES))

    def give(file):
        with other.expect_file_chooser() as chooser:
            other.get_by_role("button", name="go on from a CSV").click()
        chooser.value.set_files(file)

    give(path)
    expect(other.get_by_text("13 answers read")).to_be_visible()
    agrees(other, one)
    path.write_text(text.replace("pool ", "pool x"), encoding="utf-8")
    give(path)
    expect(other.locator(".mm-said")).to_contain_text("labels.csv has no answers to these pairs")
    agrees(other, one)


def test_to_the_end(open_page):
    page, one = open_page(PairPanel(labelling(), IMAGES, NAMES)), labelling()
    page.locator(".mm-stage").click()
    while one.ask() is not None:
        page.keyboard.press("y")
        one.answer(True)
    expect(page.locator(".mm-stage")).to_contain_text("Nothing more to ask")
    expect(page.get_by_role("button", name="yes")).to_be_disabled()
    page.keyboard.press("y")
    page.keyboard.press("u")
    one.undo()
    agrees(page, one)


def test_pairs_can_be_looked_through(open_page):
    page, one = open_page(PairPanel(labelling(), IMAGES, NAMES)), labelling()
    page.locator(".mm-stage").click()
    for k in range(20):
        page.keyboard.press("n" if k == 3 else "y")
        one.answer(k != 3)
    assert 0 < len(one.kept) < N
    page.get_by_text("look through the pairs").click()
    asked = dict(one.asked)
    kept = set(map(tuple, one.kept.pairs.tolist()))
    every = [tuple(p) for p in one.pool.pairs[np.argsort(-one.pool.scores, kind="stable")].tolist()]
    wanted = {
        "still to review": [p for p in every if p not in asked and p not in kept],
        "kept, not asked": [p for p in every if p not in asked and p in kept],
        "answered: yes": [p for p in every if asked.get(p) is True],
        "answered: no": [p for p in every if asked.get(p) is False],
        "answered: cannot tell": [],
    }
    for group, pairs in wanted.items():
        page.locator("details select").select_option(group)
        found = []
        for _ in itertools.count():
            found += page.locator(".mm-leaf .mm-text").all_inner_texts()
            if page.get_by_role("button", name="later pairs").is_disabled():
                break
            page.get_by_role("button", name="later pairs").click()
        assert found == [NAMES[j] for _, j in pairs], group


def test_sounds_are_heard_by_key(open_page):
    page = open_page(PairPanel(labelling(), SOUNDS, SOUNDS))
    page.locator(".mm-stage").click(position={"x": 5, "y": 5})
    page.evaluate(
        "() => { window.played = 0; HTMLMediaElement.prototype.play = function () { window.played++; return new Promise(() => {}); }; }"
    )
    page.keyboard.press("1")
    expect(page.locator(".mm-stage .mm-player").first).to_have_attribute(
        "aria-label", re.compile("^stop sound")
    )
    page.keyboard.press("2")
    assert page.evaluate("window.played") == 2
    page.locator(".mm-stage .mm-player").first.focus()
    page.keyboard.press("y")  # the focused player goes with its pair
    assert page.evaluate("document.activeElement.className") == "mm-stage"
    page.keyboard.press("y")
    expect(page.locator(".mm-read")).to_contain_text("2 answers")


HOSTILE = [
    "</script><img src=x onerror=window.hurt=1>",
    "<b onclick=alert(1)>bold</b>",
    "\"'`${window.hurt=1}",
    "a\u2028b",
    "&lt;i&gt;",
] * 48


def test_hostile_names_are_text(open_page):
    page = open_page(
        PairPanel(labelling(), IMAGES, HOSTILE, sides=("<i>x</i>", "</script>"), captions=(HOSTILE, None))
    )
    page.get_by_text("look through the pairs").click()
    page.locator(".mm-stage").click()
    one = labelling()
    for _ in range(5):
        i, j = one.ask()
        expect(page.locator(".mm-stage .mm-text")).to_have_text(HOSTILE[j])
        expect(page.locator(".mm-stage .mm-caption")).to_have_text(HOSTILE[i])
        page.keyboard.press("y")
        one.answer(True)
    assert page.evaluate("window.hurt") is None
    assert page.locator(".mm-panel img, .mm-panel b[onclick], .mm-panel i:not(.mm-sign)").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_everyone_can_use_it(size, theme, from_disk):
    """Nothing for axe to find, nothing wider than the screen, and on a projector all of it in one look."""
    one = labelling()
    for k in range(14):
        one.answer(k != 5)
    for at, items in enumerate(((IMAGES, NAMES), (SOUNDS, IMAGES))):
        opened = from_disk(
            PairPanel(one, *items), size=SIZES[size], color_scheme=theme, reduced_motion="reduce"
        )
        page = opened.page
        if at == 0 and size == "projector":
            assert opened.panel.bounding_box()["height"] <= 620
        elif at == 0:
            assert page.get_by_role("button", name="undo").bounding_box()["y"] < PHONE["height"] - 44
        page.get_by_text("look through the pairs").click()
        page.locator("details select").select_option("answered: no")
        assert not opened.too_wide()
        assert opened.findings() == []
        opened.shot(f"{size}-{theme}-{at}")
        assert opened.complaints == opened.asked == []


# ---- with a kernel


NOTEBOOK = "pair.ipynb"
CELLS = [
    f"""
import numpy as np
from mmalign_nb.align import nearest_match
from mmalign_nb.panels import PairPanel
from mmalign_nb.threshold import Labelling
rng = np.random.default_rng(0)
table = (np.eye({N}) * 0.7 + rng.random(({N}, {N})) * 0.5).round(3)
names = [f"name {{j}}" for j in range({N})]
one = Labelling(nearest_match(table), target=0.7)
panel = PairPanel(one, names, names, path="answers.csv")
panel
""",
    "",
]
ASKED = "import json; print(json.dumps([[list(map(int, c)), r] for c, r in one.asked]))"


@pytest.fixture
def live(request, served, open_notebook):
    """The panel, live in JupyterLab, or in Notebook 7 where a test asks for it."""
    folder = served[0]
    (folder / "answers.csv").unlink(missing_ok=True)
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip()) for source in CELLS])
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, folder / NOTEBOOK)
    notebook = open_notebook(NOTEBOOK, app=getattr(request, "param", "lab/tree"))
    notebook.complaints.clear()  # Notebook 7 itself has something to say at its start
    notebook.run_all()
    assert notebook.errors() == []
    expect(notebook.page.locator(".mm-stage")).to_be_visible()
    return notebook


def asked(notebook, n):
    """The answers in the kernel, once there are n of them."""
    for _ in range(100):
        told = json.loads(notebook.ask(ASKED))
        if len(told) == n:
            break
        notebook.page.wait_for_timeout(100)
    return told


@pytest.mark.parametrize("live", ["notebooks"], indirect=True)  # Notebook 7; the others are in JupyterLab
def test_twenty_fast_keys_reach_python_each_for_its_own_pair(live, served):
    page, here = live.page, labelling()
    kinds = page.evaluate(
        "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map(c => c.type)"
    )
    page.locator(".mm-stage").click()
    keys = "yyynyy?yyyyyuyyynyyyy"
    page.evaluate(  # within one turn: no message can come back in between
        "keys => { for (const key of keys) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})); }",
        keys,
    )
    for key in keys:
        here.undo() if key == "u" else here.answer({"y": True, "n": False, "?": None}[key])
    assert asked(live, len(here.asked)) == [[list(c), r] for c, r in here.asked]
    agrees(page, here)
    assert live.ask("print(len(one.kept))") == str(len(here.kept))
    if coming := here.next_line:  # Python's own estimate
        n = f"{coming.answers:,} more answer{'s' * (coming.answers != 1)}"
        expect(page.locator(".mm-promise")).to_contain_text(f"About {n} to the next line")
    for key in "yynybad":  # real keys, one after the other; Lab would make cells of some and delete others
        page.keyboard.press(key)
        if key in "yn":
            here.answer(key == "y")
    assert asked(live, len(here.asked)) == [[list(c), r] for c, r in here.asked]
    agrees(page, here)
    assert (
        page.evaluate("() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map(c => c.type)")
        == kinds
    )
    assert page.locator(".jp-Notebook.jp-mod-editMode").count() == 0
    saved = Labelling.resume(served[0] / "answers.csv", nearest_match(TABLE))
    assert saved.asked == here.asked
    assert live.complaints == []


def test_another_cell_answers_and_the_page_hears_of_it(live):
    page, here = live.page, labelling()
    live.ask("one.answer(True); one.answer(False); panel.refresh()")
    here.answer(True)
    here.answer(False)
    expect(page.locator(".mm-read")).to_contain_text("2 answers")
    agrees(page, here)
    live.ask("one.answer(True)")  # and nobody says so to the page
    here.answer(True)
    page.locator(".mm-stage").click()
    page.keyboard.press("n")
    expect(page.locator(".mm-said")).to_contain_text("not the one that Python asks for")
    expect(page.locator(".mm-read")).to_contain_text("3 answers")
    agrees(page, here)
    assert asked(live, 3) == [[list(c), r] for c, r in here.asked]
    page.keyboard.press("y")
    here.answer(True)
    assert asked(live, 4) == [[list(c), r] for c, r in here.asked]
    expect(page.locator(".mm-said")).to_have_text("")


def test_a_restart_of_the_kernel_loses_no_answer(live):
    page, here = live.page, labelling()
    page.locator(".mm-stage").click()
    for k in range(9):
        page.keyboard.press("n" if k == 4 else "y")
        here.answer(k != 4)
    asked(live, 9)
    page.evaluate(
        "async () => { const s = window.jupyterapp.shell.currentWidget.sessionContext; await s.restartKernel(); }"
    )
    page.locator(".mm-stage").click()
    page.keyboard.press("y")
    expect(page.locator(".mm-said")).to_contain_text("run the cell again")
    with page.expect_download() as got:  # what was answered since then can still be saved
        page.get_by_role("button", name="save the answers").click()
    here.answer(True)
    assert Labelling.resume(got.value.path(), nearest_match(TABLE)).asked == here.asked
    here.undo()
    live._settle()
    live.run_all()
    expect(page.locator(".mm-read")).to_contain_text("9 answers")
    assert asked(live, 9) == [[list(c), r] for c, r in here.asked]
    agrees(page, here)

"""PairPanel: the page's rule is Python's, label by label; answers go to the pair they name, and survive a restart."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mmalign_nb.align import min_match, nearest_match
from mmalign_nb.panels import PairPanel, pair
from mmalign_nb.threshold import Labelling

RNG = np.random.default_rng(0)

# ---- the rule in JavaScript

WALK = Path(pair.__file__).parent / "instrument" / "walk.js"
FOLLOW = """
import fs from "node:fs";
import { Walk } from "./walk.mjs";
for (const { plan, steps } of JSON.parse(fs.readFileSync(0, "utf-8"))) {
  const walk = new Walk(plan), told = [];
  for (const step of steps) {
    if (step === "undo") walk.undo(); else walk.answer(step);
    told.push({ next: walk.next, kept: walk.kept, more: walk.nextLine, history: walk.history.slice(1), bounds: [...walk.bounds()], again: new Walk(plan, walk.answers).next });
  }
  console.log(JSON.stringify(told));
}
"""


def sessions():
    """Labellings of many kinds with random answers: ties, distances, tiny and large pools, all right, all wrong, starts that fail."""
    worlds = [
        (lambda n: RNG.random(n), lambda s: RNG.random(len(s)) < s**0.3, {}),
        (lambda n: RNG.random(n).round(2), lambda s: RNG.random(len(s)) < s, {"target": 0.7, "delta": 0.2}),
        (lambda n: RNG.random(n), lambda s: s > 1 - 60 / len(s), {"first": len, "target": 0.8}),
        (lambda n: RNG.random(n), lambda s: s > -1, {"target": 0.95}),
        (lambda n: RNG.random(n), lambda s: RNG.random(len(s)) < 0.3, {"target": 0.5}),
    ]
    for n in (1, 7, 40, 90, 400, 3000):
        for make, truth, options in worlds:
            scores = make(n)
            given = {k: v(scores) if callable(v) else v for k, v in options.items()}
            yield Labelling(scores, seed=n, **given), truth(scores)
    table = RNG.random((30, 20))
    yield Labelling(table), RNG.random((30, 20)) < 0.5
    near = min_match(1 - table)
    yield Labelling(near, target=0.6), RNG.random((30, 20)) < 0.8
    yield Labelling(nearest_match(table), target=0.6), RNG.random((30, 20)) < 0.8


def follow(labelling, right, budget):
    """Answer at random, with some "cannot tell" and "undo"; what was done, and what Labelling says after each step."""
    steps, told = [], []
    for _ in range(budget):
        at = labelling.ask()
        if labelling.asked and RNG.random() < 0.05:
            labelling.undo()
            steps.append("undo")
        elif at is None:
            break
        else:
            steps.append(None if RNG.random() < 0.02 else bool(right[at]))
            labelling.answer(steps[-1])
        line = labelling.next_line
        ends = np.flatnonzero(np.diff(labelling._scores, append=-np.inf))
        bounds = labelling._count()[ends] / (ends + 1)
        told.append((labelling._next(), labelling._kept, line, labelling.history[:, 2], ends, bounds))
    if told:
        assert bounds.tolist() == [labelling.bound(labelling._sign * s) for s in labelling._scores[ends]]
    return steps, told


@pytest.mark.skipif(shutil.which("node") is None, reason="no node: the browser tests run this rule, too")
def test_the_page_asks_keeps_and_promises_what_python_does(tmp_path):
    followed = [(pair.plan(one), *follow(one, right, 60)) for one, right in sessions()]
    (tmp_path / "walk.mjs").write_text(WALK.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "follow.mjs").write_text(FOLLOW, encoding="utf-8")
    given = json.dumps(
        [{"plan": plan, "steps": steps} for plan, steps, _ in followed], default=np.ndarray.tolist
    )
    run = subprocess.run(
        ["node", "follow.mjs"],
        input=given,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    moved, ratios, reached = 0, [], []
    for (_, steps, want), line in zip(followed, run.stdout.splitlines(), strict=True):
        for step, (at, kept, more, history, ends, bounds), page in zip(
            steps, want, json.loads(line), strict=True
        ):
            assert page["next"] == page["again"] == (-1 if at is None else at), step
            assert page["kept"] == kept
            if more and page["more"]:
                assert page["more"]["kept"] == more.kept_then
                ratios.append(page["more"]["answers"] / more.answers)
            reached.append(bool(more) == bool(page["more"]))
            assert page["history"] == history.tolist()
            assert np.array(page["bounds"])[ends] / (ends + 1) == pytest.approx(bounds, abs=1e-9)
            moved += kept > 0
    assert moved > 200  # else lines were hardly tested
    # The estimate of what comes is drawn in Python, and the page goes down its middle.
    assert np.mean(reached) > 0.85
    assert 0.8 < np.median(ratios) < 1.25
    assert np.mean(np.abs(np.log2(ratios)) < 1) > 0.85


# ---- the panel

TABLE = RNG.random((50, 40))
NAMES = [f"name {j}" for j in range(40)]
IMAGES = RNG.integers(0, 255, (50, 8, 8, 3), dtype=np.uint8)


def labelling(**options):
    return Labelling(nearest_match(TABLE), target=0.7, **options)


def panel(one=None, **options):
    p = PairPanel(one or labelling(), IMAGES, NAMES, sides=("picture", "name"), **options)
    p.heard = []
    p.send = lambda content, buffers=None: p.heard.append(content)
    return p


def press(p, right="undo", of=None):
    """What the page sends for a key, for the pair that it shows or for another; what Python answers."""
    undo = right == "undo"
    of = of or list(p.labelling.asked[-1][0] if undo else p.labelling.ask())
    p._hear(p, {"of": of, "id": 7, **({"undo": True} if undo else {"answer": right})}, [])
    return p.heard[-1]


def test_answers_of_the_page_go_to_the_live_labelling():
    p = panel()
    here, there = p.labelling, labelling()
    for right in (True, False, None, True):
        reply = press(p, right)
        there.answer(right)
        assert reply == {"id": 7, "changes": p._told["changes"], "words": ""}
        assert here.asked == there.asked
    assert p._told["answers"] == [[at, right] for at, right in here._answers]
    press(p)
    there.undo()
    assert here.asked == there.asked
    assert p._told["changes"] == 6  # once at the start, and once for each key


def test_an_answer_for_another_pair_is_refused_and_said():
    p = panel()
    shown = list(p.labelling.ask())
    p.labelling.answer(False)  # another cell, while the page shows the first pair
    before = p._told["changes"]
    assert "not the one that Python asks for" in press(p, True, of=shown)["words"]
    assert p.labelling.asked == [(tuple(shown), False)]
    assert p._told["changes"] == before + 1  # the page is set right
    assert p._told["answers"] == [[p.labelling._answers[0][0], False]]
    assert "not the one" in press(p, "undo", of=list(p.labelling.ask()))["words"]
    assert len(p.labelling.asked) == 1
    press(p)
    assert "not the one" in press(p, "undo", of=shown)["words"]  # nothing to take back
    assert "error" not in repr(p)


def test_refresh_shows_what_another_cell_did(tmp_path):
    p = panel(path=tmp_path / "labels.csv")
    p.labelling.answer(True)
    p.refresh()
    assert p._told["answers"] == [[p.labelling._answers[0][0], True]]
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 2


def test_what_is_no_answer_is_an_error_that_is_read():
    p = panel()
    p._hear(p, {"of": list(p.labelling.ask()), "answer": "yes", "id": 1}, [])
    assert "right is str 'yes'; want True, False, or None" in repr(p)
    assert not p.labelling.asked


def test_a_restart_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "labels.csv"
    first = panel(path=path)
    assert not path.exists()
    for right in (True, False, None):
        press(first, right)
        assert len(path.read_text().splitlines()) == len(first.labelling.asked) + 1
    press(first)
    second = panel(path=path)  # after a restart
    assert second.labelling.asked == first.labelling.asked
    assert second._told["answers"] == first._told["answers"]
    third = panel(second.labelling, path=path)  # the cell is run again
    assert third.labelling is second.labelling
    press(third, True)
    assert panel(path=path).labelling.asked == third.labelling.asked
    for _ in range(3):
        press(third)
    assert panel(path=path).labelling.asked == []  # all taken back


@pytest.mark.parametrize("kind", ["scores", "holes", "matrix", "distances"])
def test_every_kind_of_pool_is_resumed(kind, tmp_path):
    scores = np.linspace(1, 0, 50)
    scores[[3, 49]] = -np.inf if kind == "holes" else 0.5
    pool = {"matrix": TABLE, "distances": min_match(1 - TABLE)}.get(kind, scores)
    a, b = (NAMES + NAMES[:10], NAMES) if kind in ("matrix", "distances") else (NAMES + NAMES[:10],) * 2
    first = PairPanel(Labelling(pool), a, b, path=tmp_path / "x.csv")
    first.send = lambda content: None
    for right in (True, False, True):
        first._hear(
            first, {"of": np.atleast_1d(first.labelling.ask()).tolist(), "answer": right, "id": 1}, []
        )
    again = PairPanel(Labelling(pool), a, b, path=tmp_path / "x.csv")
    assert len(again.labelling.asked) == 3
    assert again.labelling.asked == first.labelling.asked


def test_a_file_of_something_else_is_refused_and_stays(tmp_path):
    path = tmp_path / "labels.csv"
    press(panel(path=path), True)
    kept = path.read_bytes()
    for other, message in (
        (
            Labelling(nearest_match(TABLE), target=0.8),
            "was labelled with target = 0.7, and labelling has target = 0.8",
        ),
        (labelling(seed=1), "was labelled with seed = 0, and labelling has seed = 1"),
        (Labelling(nearest_match(TABLE + 1), target=0.7), "labels of another pool"),
    ):
        with pytest.raises(ValueError, match=message):
            panel(other, path=path)
    other = labelling()
    other.answer(False)
    with pytest.raises(ValueError, match="has other answers than labelling"):
        panel(other, path=path)
    assert path.read_bytes() == kept
    path.write_text("to do\n* milk\n")
    with pytest.raises(ValueError, match=r"is not as Labelling\.to_csv wrote it"):
        panel(path=path)
    path.write_text("a line of mine")
    with pytest.raises(ValueError, match=r"is not as Labelling\.to_csv wrote it"):
        panel(path=path)
    with pytest.raises(FileNotFoundError, match="in a folder that is there"):
        panel(path=tmp_path / "nowhere" / "labels.csv")


def test_an_answer_that_cannot_be_saved_still_counts(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    p = panel(path=folder / "labels.csv")
    folder.rmdir()
    assert "could not be saved" in press(p, True)["words"]
    assert len(p.labelling.asked) == 1
    folder.mkdir()
    assert press(p, False)["words"] == ""
    assert len(panel(path=folder / "labels.csv").labelling.asked) == 2


def test_what_it_says():
    p = panel()
    i, j = p.labelling.ask()
    assert (
        repr(p)
        == f"PairPanel(0 answers: no promise yet for the 50 matches of the pool); is it right? 'picture {i}' and 'name {j}'"
    )
    assert p.alt == f"Is this pair right: picture {i} and name {j}?"
    while p.labelling.ask() is not None:
        press(p, True)
    assert repr(p).endswith("at a risk of 0.1); nothing more to ask")
    n = len(p.labelling.asked)
    assert p.alt.startswith(
        f"Nothing more to ask. A step curve: after {n} answers 50 of 50 matches are kept."
    )
    for one in (
        p,
        panel(),
        PairPanel(Labelling([]), [], []),
        PairPanel(Labelling(min_match(1 - TABLE)), IMAGES, NAMES),
    ):
        assert one._repr_mimebundle_()[0]["image/png"]


def test_hostile_names_stay_text(tmp_path):
    bad = ["</script><img src=x onerror=alert(1)>", "a\u2028b", "\"'`${x}", "<!--", "$x$"] * 8
    p = PairPanel(labelling(), IMAGES, bad, sides=("<b>", "</script>"), captions=([bad[0]] * 50, None))
    p.save_html(path := tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert text.count("</script>") == 3  # the data, the module and the door: none from the names
    assert p._repr_mimebundle_()[0]["image/png"]


def test_items_must_fit_the_pool():
    for change, error, message in (
        ({"labelling": TABLE}, TypeError, r"labelling is .*; want a threshold\.Labelling"),
        ({"a": IMAGES[:9]}, ValueError, "a has 9 items and there are 50"),
        ({"b": [*NAMES, "x"]}, ValueError, "b has 41 items and there are 40"),
        (
            {"labelling": Labelling([0.2, 0.4]), "a": ["x"], "b": ["y"]},
            ValueError,
            "a has 1 items and the labelling asks for candidate 1",
        ),
        (
            {"labelling": Labelling([0.2, 0.4]), "a": ["x", "z"], "b": ["y"]},
            ValueError,
            "b has 1 items and there are 2",
        ),
        ({"sides": ("a",)}, ValueError, "sides has 1 entries; want 2"),
        ({"path": 3}, TypeError, "path is 3; want a str or a path"),
    ):
        with pytest.raises(error, match=message):
            PairPanel(**{"labelling": labelling(), "a": IMAGES, "b": NAMES} | change)

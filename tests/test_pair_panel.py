"""PairPanel: the page's rule is Python's, label by label; answers go to the pair they name, and survive a restart."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mmalign_nb.align import min_match, nearest_match
from mmalign_nb.panels import pair
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
        bounds = [labelling.bound(labelling._sign * s) for s in labelling._scores[ends]]
        told.append(
            (labelling._next(), labelling._kept, line, labelling.history[:, 2], ends, np.array(bounds))
        )
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
    moved = 0
    for (_, steps, want), line in zip(followed, run.stdout.splitlines(), strict=True):
        for step, (at, kept, more, history, ends, bounds), page in zip(
            steps, want, json.loads(line), strict=True
        ):
            assert page["next"] == page["again"] == (-1 if at is None else at), step
            assert page["kept"] == kept
            assert page["more"] == (more and {"answers": more.answers, "kept": more.kept_then})
            assert page["history"] == history.tolist()
            assert np.array(page["bounds"])[ends] / (ends + 1) == pytest.approx(bounds, abs=1e-9)
            moved += kept > 0
    assert moved > 200  # else lines were hardly tested

"""Do the threshold rules keep their word on real, held-out data? Measured over many calibrations.

    python benchmarks/promises.py            print the tables
    python benchmarks/promises.py --write    and put them into benchmarks/PROMISES.md
    python benchmarks/promises.py --only labelling     one part: labelling or samples

Labelling: labels one at a time for a pool of matches, beside the rules that need a sample of fixed size; beside MAPIE too,
if it is installed (``pip install -e ".[bench]"``). Samples: the rules for new data, on real data held out.

Symbols: a picture in a typeface that the encoder has never seen looks for its name among all names. Spoken digits
(if the downloaded sets are there): a recording looks for a written digit. A candidate is the best match of one query;
calibration and test queries are disjoint. Drift: another family of typefaces, another speaker.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import math
import multiprocessing
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmalign_nb.datasets import glyphs
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.project import CCA
from mmalign_nb.similarity import similarity
from mmalign_nb.threshold import Labelling, best_f1, for_fdr, for_precision, sweep

ROOT = Path(__file__).resolve().parents[1]
UNSEEN, DRIFT = "DejaVu Serif", "STIX"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TARGET, DELTA = 0.9, 0.1
JOBS = 1  # processes
_once: Callable[[int], Any]  # what they work on


@dataclass
class Case:
    """Best match of each query: its score and whether it is right, on data like the calibration's and on drifted data."""

    name: str
    scores: np.ndarray
    right: np.ndarray
    drift: str
    drifted_scores: np.ndarray
    drifted_right: np.ndarray
    all_scores: np.ndarray  # (queries, gallery): for decoys
    own: np.ndarray  # label of each query
    labels: np.ndarray  # label of each gallery item


def symbols(every: int = 1) -> Case:
    """Pictures of an unseen typeface look for their names, each or every second, …; the drift is an unseen family."""
    text, cnn = TfidfText.load("glyphs"), CnnImage.load("glyphs")
    faces = {face: glyphs(face)[::every] for face in (UNSEEN, DRIFT, "DejaVu Sans")}
    names = sorted({name for items in faces.values() for name in items.text})
    number = {name: k for k, name in enumerate(names)}
    gallery = cnn.transform(text.transform(names), side="b")
    found = {}
    for face in (UNSEEN, DRIFT):
        items = faces[face]
        S = similarity(cnn.transform(items.image), gallery)
        own = np.array([number[name] for name in items.text])
        found[face] = (S, own, S.max(axis=1), S.argmax(axis=1) == own)
    S, own, scores, right = found[UNSEEN]
    return Case(
        "symbols", scores, right, f"typeface {DRIFT}", *found[DRIFT][2:], S, own, np.arange(len(names))
    )


def spoken_digits(data: Path, speaker: str = "george", seed: int = 0) -> Case:
    """Recordings look for a written digit through a CCA of other recordings; the drift is a speaker left out."""
    sound, digit, who = _recordings(data)
    image, label = _written(data)
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(who != speaker)
    train = rng.permutation(known)[: len(known) // 3]
    rest = np.setdiff1d(known, train)
    order = rng.permutation(len(image))
    learn, gallery = order[:5000], order[5000:6000]
    partner = [rng.choice(learn[label[learn] == d]) for d in digit[train]]
    cca = CCA(dim=40, reg=0.1, power=1).fit(sound[train], image[partner])
    wall = cca.transform(image[gallery], side="b")

    def best(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        S = similarity(cca.transform(sound[rows]), wall)
        return S, S.max(axis=1), label[gallery][S.argmax(axis=1)] == digit[rows]

    S, scores, right = best(rest)
    drifted = best(np.flatnonzero(who == speaker))
    return Case(
        f"spoken digits without {speaker}",
        scores,
        right,
        f"speaker {speaker}",
        *drifted[1:],
        S,
        digit[rest],
        label[gallery],
    )


@functools.cache
def _recordings(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-mel energies of every recording in eight parts of its length, its digit and its speaker."""
    import soundfile

    from mmalign_nb.features.audio import log_mel

    files = sorted((data / "fsdd" / "recordings").glob("*.wav"))
    rows = []
    for path in files:
        wave, rate = soundfile.read(path, dtype="float32")
        mel = log_mel(wave[None, :].clip(-1, 1), rate)[0]
        mel = mel.T if mel.shape[0] == 40 else mel  # time first
        rows.append(np.concatenate([part.mean(axis=0) for part in np.array_split(mel, 8)]))
    names = [path.stem.split("_") for path in files]
    return np.array(rows, np.float32), np.array([int(n[0]) for n in names]), np.array([n[1] for n in names])


@functools.cache
def _written(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The handwritten digits of the MNIST test set as vectors, and their labels."""
    raw = [
        gzip.decompress((data / "mnist" / f"t10k-{kind}-ubyte.gz").read_bytes())
        for kind in ("images-idx3", "labels-idx1")
    ]
    images = np.frombuffer(raw[0], np.uint8, offset=16).reshape(-1, 28 * 28).astype(np.float32) / 255
    return images, np.frombuffer(raw[1], np.uint8, offset=8).astype(int)


# --- what is measured -------------------------------------------------------------------------------------


def naive_point(scores: np.ndarray, right: np.ndarray, target: float) -> float:
    """The lowest threshold whose precision on the labelled sample is at least the target; NaN if there is none."""
    rows = sweep(scores, right)
    good = np.flatnonzero(rows.precision >= target)
    return float(rows.threshold[good[-1]]) if len(good) else np.nan


def calibrations(case: Case, labels: int, runs: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """For each rule: how often its test precision misses the target, how often it abstains, how much it keeps."""
    rng = np.random.default_rng(seed)
    lines: dict[str, list[tuple[float, bool, float]]] = {
        "for_precision": [],
        "best F1": [],
        "naive PR point": [],
    }
    for _ in range(runs):
        order = rng.permutation(len(case.scores))
        cal, test = order[:labels], order[labels:]
        s, r = case.scores[cal], case.right[cal]
        values = {
            "for_precision": for_precision(s, r, TARGET, DELTA).value,
            "best F1": best_f1(s, r).value,
            "naive PR point": naive_point(s, r, TARGET),
        }
        for rule, value in values.items():
            keep = case.scores[test] >= value  # nothing, if it abstained
            missed = bool(keep.any()) and case.right[test][keep].mean() < TARGET
            lines[rule].append((value, missed, keep.mean()))
    out = {}
    for rule, rows in lines.items():
        value, missed, kept = (np.array(x, float) for x in zip(*rows, strict=True))
        out[rule] = {
            "missed": float(missed.mean()),
            "abstained": float(np.isnan(value).mean()),
            "coverage": float(kept.mean()),
        }
    return out


def alarms(case: Case, labels: int, new: int, runs: int, seed: int = 0) -> dict[str, float]:
    """How often ``check`` raises the alarm on undrifted and on drifted queries, and what the drift does to precision."""
    rng = np.random.default_rng(seed)
    wolf = alarm = missed = answered = 0
    for _ in range(runs):
        order = rng.permutation(len(case.scores))
        cal, same = order[:labels], order[labels : labels + new]
        line = for_precision(case.scores[cal], case.right[cal], TARGET, DELTA)
        other = rng.permutation(len(case.drifted_scores))[:new]
        wolf += line.check(case.scores[same]).alarm
        alarm += line.check(case.drifted_scores[other]).alarm
        if not line.abstained:
            keep = case.drifted_scores >= line.value
            answered += 1
            missed += bool(keep.any()) and case.drifted_right[keep].mean() < TARGET
    return {
        "false alarms": wolf / runs,
        "alarms": alarm / runs,
        "missed under drift": missed / max(answered, 1),
    }


def false_discoveries(
    case: Case, target: float, queries: int, runs: int, hard: bool, seed: int = 0
) -> dict[str, float]:
    """Mean share of wrong matches that ``for_fdr`` keeps, with decoys as hard as the wrong answers or easier.

    Each run gives every label to the gallery or to the decoys by the toss of a coin, so about half of the queries have
    no right answer. ``hard=False`` lets only one decoy label in ten compete: too few, and so too easy.
    """
    rng = np.random.default_rng(seed)
    kinds = np.unique(case.labels)
    shares, kept, abstained = [], [], 0
    for _ in range(runs):
        real = rng.random(kinds.max() + 1) < 0.5
        rows = rng.permutation(len(case.own))[:queries]
        S, own = case.all_scores[rows], case.own[rows]
        decoy = ~real if hard else ~real & (rng.random(len(real)) < 0.1)
        mine = case.labels[None, :] == own[:, None]
        targets = np.where(real[case.labels], S, -np.inf)
        decoys = np.where(decoy[case.labels] & ~mine, S, -np.inf).max(axis=1)
        at = targets.argmax(axis=1)
        s, right = targets[np.arange(len(at)), at], case.labels[at] == own
        line = for_fdr(s, decoys, target)
        keep = (s > decoys) & (s >= line.value)
        abstained += line.abstained
        shares.append((keep & ~right).sum() / max(keep.sum(), 1))
        kept.append(keep.mean())
    error = np.std(shares) / np.sqrt(runs)
    return {
        "FDR": float(np.mean(shares)),
        "standard error": float(error),
        "coverage": float(np.mean(kept)),
        "abstained": abstained / runs,
    }


# --- labels one at a time -----------------------------------------------------------------------------------

BUDGETS = (30, 50, 100, 200, 300)
Candidates = tuple[np.ndarray, np.ndarray]  # scores, and which are right


class Pool(NamedTuple):
    """A kind of pool to find a line in."""

    name: str
    draw: Callable[[int], Candidates]  # the pool of a run
    of_right: bool = False  # whether the share of the right ones that is kept is shown
    target: float = TARGET


def simulated(share: float, apart: float, n: int = 2000, rare: bool = False) -> Callable[[int], Candidates]:
    """Scores of wrong candidates around 0 and of right ones around ``apart``, in one unit of spread.

    Rare right ones as all pairs of a matrix with about one partner a row, else one candidate a row.
    """
    shape = (round(n * share), round(1 / share)) if rare else (n,)

    def draw(run: int) -> Candidates:
        rng = np.random.default_rng([1, run])
        right = rng.random(shape) < share
        return rng.normal(apart * right, 1.0), right

    return draw


def pools(cases: list[Case]) -> list[Pool]:
    """Real pools, one of many speakers in turn, and simulated ones from rare to frequent."""
    symbols, *speakers = cases
    out = [Pool("symbols", lambda run: (symbols.scores, symbols.right))]
    if speakers:
        turn = [(case.scores, case.right) for case in speakers]
        out.append(Pool(speakers[0].name, lambda run: turn[0]))
        out.append(Pool("spoken digits, six pools in turn", lambda run: turn[run % len(turn)]))
    for share, apart in ((0.05, 3.5), (0.1, 3.0), (0.5, 2.0), (0.7, 2.0)):
        name = f"simulated, {share:.0%} right, {apart:g} apart"
        out.append(Pool(name, simulated(share, apart, rare=share < 0.2), True))
    return [*out, Pool("simulated, 70% right, 2 apart, target 0.8", simulated(0.7, 2.0), False, 0.8)]


def boundary_world(
    n: int, line: int, behind: float = 0.0, **options: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Which of n candidates, best first, are right: all lines before this one hold, it is one right pair short.

    ``behind`` is the share of right ones after it. The options are those of the labelling.
    """
    sizes = Labelling(-np.arange(n, dtype=float), TARGET, **options)._sizes
    m = int(sizes[line])
    wrong = m - math.ceil(round(TARGET * m, 9)) + 1
    last = min(wrong, m - int(sizes[line - 1]) if line else m)
    right = np.ones(n, bool)
    right[m - last : m] = False
    right[: wrong - last] = False  # the line is narrower than its wrong ones
    right[m:] = np.arange(n - m) % 100 < 100 * behind
    return right, options


BOUNDARIES = {
    "the first line of 200": boundary_world(200, 0),
    "line 10 of 400": boundary_world(400, 9),
    "line 10 of 400, all right behind it": boundary_world(400, 9, 1.0),
    "line 21 of 600, half right behind it": boundary_world(600, 20, 0.5),
    "line 31 of 2,000, half right behind it": boundary_world(2000, 30, 0.5),
    "line 4 of 400, and the first that is tried": boundary_world(400, 3, 0.8, first=140),
    "line 1 of 400, all right behind it": boundary_world(400, 0, 1.0, first=140),
}


def boundary_run(name: str, seed: int, budget: int = BUDGETS[-1]) -> Run:
    """Label a boundary world."""
    right, options = BOUNDARIES[name]
    return labelled((-np.arange(len(right), dtype=float), right), TARGET, seed, budget, **options)


def clusters(size: int, n: int = 1200) -> Callable[[int], Candidates]:
    """Whole clusters of like candidates are right or wrong; the share of right ones falls from 1 to 0.7."""

    def draw(run: int) -> Candidates:
        share = np.linspace(1.0, 0.7, n // size)
        right = np.repeat(np.random.default_rng([2, run]).random(len(share)) < share, size)
        return -np.arange(len(right), dtype=float), right

    return draw


class Run(NamedTuple):
    """What labelling one pool gave."""

    kept: np.ndarray  # matches kept after 0, 1, 2, … answers, until nothing more was asked
    below: np.ndarray  # whether that many matches of the pool have less than the target
    bounds: np.ndarray  # shown of the m best at the end, less the truth
    off: list[tuple[int, float]]  # answers that next_line foretold, and those it took


def labelled(
    candidates: Candidates, target: float, seed: int, budget: int, foretell: int = 0, **options: int
) -> Run:
    """Label a pool one at a time by the truth; every ``foretell`` answers write down what ``next_line`` says."""
    scores, right = candidates
    labelling, said = Labelling(scores, target, DELTA, seed, **options), []
    for count in range(budget):
        if (at := labelling.ask()) is None:
            break
        if foretell and count % foretell == 0 and (coming := labelling.next_line):
            said.append((count, coming))
        labelling.answer(bool(right[at]))
    scores, right = scores.ravel(), right.ravel()
    kept = np.append(0, labelling.history[:, 2].astype(int))
    truth = np.cumsum(right[np.argsort(-scores, kind="stable")])
    short = np.append(False, truth < np.ceil(np.round(target * np.arange(1, len(truth) + 1), 9)))
    reached = [(n, coming.answers, np.flatnonzero(kept >= coming.kept_then)) for n, coming in said]
    off = [(answers, float(when[0] - n)) for n, answers, when in reached if len(when)]
    return Run(kept, short[kept], labelling._count() - truth, off)


def mapie_line(scores: np.ndarray, labels: np.ndarray, right: np.ndarray, target: float) -> float:
    """The threshold of MAPIE's controller for precision, on ranks within the pool; NaN where it finds none."""
    from mapie.risk_control import BinaryClassificationController

    rank = np.searchsorted(np.sort(scores), scores) / len(scores)
    control = BinaryClassificationController(
        lambda x: np.column_stack([1 - np.ravel(x), np.ravel(x)]),
        "precision",
        target,
        confidence_level=1 - DELTA,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it found none
        control.calibrate(rank[labels][:, None], right[labels].astype(int))
    best = control.best_predict_param
    return np.nan if best is None else float(scores[rank >= best].min(initial=np.inf))


def fixed_rules() -> dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, float], float]]:
    """The rules that choose a line on a random sample of the pool: scores, places labelled, right, target."""
    rules = {
        "`for_precision`": lambda s, at, r, t: for_precision(s[at], r[at], t, DELTA).value,
        "naive PR point": lambda s, at, r, t: naive_point(s[at], r[at], t),
    }
    try:
        import mapie  # noqa: F401

        rules["MAPIE"] = mapie_line
    except ImportError:
        pass
    return rules


def each(once: Callable[[int], Any], runs: int) -> list[Any]:
    """once(0), once(1), …, in as many processes as were asked for, where they can be forked: then they know ``once``."""
    if JOBS == 1 or "fork" not in multiprocessing.get_all_start_methods():
        return [once(run) for run in range(runs)]
    global _once
    _once = once
    with multiprocessing.get_context("fork").Pool(JOBS) as pool:
        return pool.map(_call, range(runs), chunksize=max(runs // 200, 1))


def _call(run: int) -> Any:
    return _once(run)


def line_tables(pool: Pool, runs: int) -> tuple[list[str], list[Run]]:
    """What each rule keeps of a kind of pool, by number of labels; and the runs of labelling one at a time."""
    found: dict[str, list[list[tuple[float, bool, bool]]]] = {}

    def once(run: int) -> tuple[Run, dict[str, list[tuple[float, bool, bool]]]]:
        candidates = pool.draw(run)
        one = labelled(candidates, pool.target, run, BUDGETS[-1], foretell=10 * (run % 4 == 0))
        scores, right = (x.ravel() for x in candidates)
        ahead = np.append(0, np.cumsum(right[np.argsort(-scores, kind="stable")]))
        whole = right.sum() if pool.of_right else len(right)
        row = []
        for budget in BUDGETS:
            n = min(budget, len(one.kept) - 1)
            m = one.kept[n]
            row.append(((ahead[m] if pool.of_right else m) / whole, m == 0, one.below[n]))
        rows = {"one at a time": row}
        rng = np.random.default_rng([3, run])
        for rule, line in fixed_rules().items():
            if rule == "MAPIE" and run % 4:
                continue  # it takes long
            row = []
            for budget in BUDGETS:
                keep = scores >= line(
                    scores, rng.choice(len(scores), budget, replace=False), right, pool.target
                )
                part = right[keep].sum() if pool.of_right else keep.sum()
                row.append((part / whole, not keep.any(), keep.any() and right[keep].mean() < pool.target))
            rows[rule] = row
        return one, rows

    done = each(once, runs)
    one = [run for run, _ in done]
    for _, rows in done:
        for rule, row in rows.items():
            found.setdefault(rule, []).append(row)
    out = [
        f"### {pool.name}",
        "",
        f"| {'right pairs' if pool.of_right else 'matches'} kept (abstained) | "
        + " | ".join(f"{b} labels" for b in BUDGETS)
        + " | missed, worst |",
        "|---|" + "--:|" * (len(BUDGETS) + 1),
    ]
    for rule, rows in found.items():
        kept, none, missed = np.moveaxis(np.array(rows, float), 2, 0).mean(axis=1)
        cells = [f"{k:.2f} ({a:.2f})" for k, a in zip(kept, none, strict=True)]
        out.append(f"| {rule} | " + " | ".join(cells) + f" | {missed.max():.3f} |")
    ever = np.mean([run.below.any() for run in one])
    return [*out, "", f"One at a time, stopped at its unluckiest moment: missed in {ever:.3f}.", ""], one


def speed(n: int = 10_000, labels: int = 500) -> list[str]:
    """How long each call takes, with labels up to many."""
    scores, right = simulated(0.5, 2.6, n)(0)
    labelling = Labelling(scores, TARGET, DELTA)
    took: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[[], object]) -> object:
        start = time.perf_counter()
        out = call()
        took.setdefault(name, []).append(1000 * (time.perf_counter() - start))
        return out

    for count in range(labels):
        at = timed("ask", labelling.ask)
        timed("answer", lambda at=at: labelling.answer(bool(right[at])))
        timed("threshold", lambda: labelling.threshold)
        if count % 10 == 9:
            timed("bound", lambda: labelling.bound(0.0))
            timed("next_line", lambda: labelling.next_line)
            timed("undo", labelling.undo)
            labelling.answer(bool(right[at]))
    out = ["| call | median, ms | of the last 50, ms | slowest, ms |", "|---|--:|--:|--:|"]
    for name, times in took.items():
        out.append(f"| `{name}` | {np.median(times):.2f} | {np.median(times[-50:]):.2f} | {max(times):.1f} |")
    return [f"### Time of a call, {n:,} candidates, {labels} labels", "", *out, ""]


def said_of(
    rates: dict[str, float], runs: int, which: str = "", share: float = DELTA, name: str = "δ"
) -> str:
    """How many rates of missing are within three standard errors of what was promised, and which are not."""
    limit = share + 3 * math.sqrt(share * (1 - share) / runs)
    broken = [f"{at} ({rate:.3f})" for at, rate in rates.items() if rate > limit]
    return (
        f"Of these {len(rates)} rates{which} {len(rates) - len(broken)} are at most {name} and three standard errors, "
        f"{limit:.3f}" + ("." if not broken else f"; not so {', '.join(broken)}.")
    )


def labelling_tables(cases: list[Case], runs: int) -> list[str]:
    """All tables of labelling one at a time, as markdown."""
    kinds = pools(cases)
    out = [
        "## Labels one at a time",
        "",
        f"Pools of matches; target precision {TARGET:g} and δ = {DELTA:g} where nothing else is said; {runs:,} runs each. "
        "*Missed*: less than the target share of the matches kept from the pool is right. `Labelling` asks for its labels; the "
        "other rules get as many, drawn at random from the pool. Simulated scores are normal, the right ones higher by so many "
        "standard deviations; 2,000 candidates: all pairs of a matrix with about one partner a row where 5 or 10% are right, one "
        "candidate a row elsewhere.",
        "",
    ]
    if "MAPIE" in fixed_rules():
        import importlib.metadata as installed

        out[-2] += (
            f" MAPIE {installed.version('mapie')}: `BinaryClassificationController`, as it comes, on ranks within the pool; a fourth of the runs."
        )
    else:
        out[-2] += " MAPIE was not installed: its rows are missing."
    said, tight, rates = [], [], dict[str, float]()
    for pool in kinds:
        table, one = line_tables(pool, runs)
        out += table
        rates[pool.name] = np.mean([run.below.any() for run in one])
        told, took = np.array([pair for run in one for pair in run.off], float).T
        off = np.abs(told / took - 1)
        said.append(
            f"| {pool.name} | {len(off):,} | "
            + " | ".join(f"{q:.2f}" for q in np.quantile(off, [0.5, 0.75]))
            + " |"
        )
        over = rates[f"{pool.name}, bounds"] = np.mean([(run.bounds > 0).any() for run in one])
        last = [(run.kept[-1], run.bounds[run.kept[-1] - 1] / run.kept[-1]) for run in one if run.kept[-1]]
        tight.append(f"| {pool.name} | {over:.3f} | {-np.mean([gap for _, gap in last]):.3f} |")
    out += [
        "### Boundary worlds and clusters",
        "",
        "A boundary world holds with certainty up to a line that is exactly one right pair short: an unsound rule shows here. "
        "A run misses if it could have been stopped at any moment with too few right ones kept (300 labels at most). "
        "Clusters: right or wrong as a whole.",
        "",
        f"| world | missed at the unluckiest moment, of {runs:,} | some bound too high |",
        "|---|--:|--:|",
    ]
    worlds: dict[str, Callable[[int], Run]] = {
        name: functools.partial(boundary_run, name) for name in BOUNDARIES
    }
    for size in (3, 10, 30):
        draw = clusters(size)
        worlds[f"clusters of {size}, 1,200 candidates"] = lambda run, draw=draw: labelled(
            draw(run), TARGET, run, BUDGETS[-1]
        )
    for name, world in worlds.items():
        ends = each(world, runs)
        missed = rates[name] = np.mean([run.below.any() for run in ends])
        over = rates[f"{name}, bounds"] = np.mean([(run.bounds > 0).any() for run in ends])
        out.append(f"| {name} | {missed:.3f} | {over:.3f} |")
    return [
        *out,
        "",
        said_of(rates, runs, ", at the unluckiest moment and of the bounds,"),
        "",
        "*Where another rule keeps more.* Near the last line that holds, and after as many labels as were planned, a fixed sample that "
        "is looked at once can keep somewhat more (70% right, target 0.8): `Labelling` may be stopped at any moment, and this is its "
        "price. *Where thirty labels do not suffice.* With a wrong match among the best twentieth, as in three of the six speakers' "
        "pools, the first line takes about fifty.",
        "",
        "### The bound at every threshold",
        "",
        f"`bound` after {BUDGETS[-1]} labels: in how many runs it was above the truth at any threshold (it only grows, so at any "
        "moment), and how far it lies below the truth where the line stands.",
        "",
        "| pool | some bound too high | below the truth at the line |",
        "|---|--:|--:|",
        *tight,
        "",
        "### What `next_line` foretells",
        "",
        "|told − taken| / taken answers, asked every 10 answers in a fourth of the runs, where the line was reached within 300 labels.".replace(
            "|", "∣"
        ),
        "",
        "| pool | forecasts | off by, median | off by, third quartile |",
        "|---|--:|--:|--:|",
        *said,
        "",
        *speed(),
    ]


# --- report -----------------------------------------------------------------------------------------------


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.3f}" if whole > 1e-9 else "–"


def tables(case: Case, runs: int) -> list[str]:
    """All tables for one case, as markdown."""
    out = [
        f"### {case.name}",
        "",
        f"{len(case.scores):,} queries, {case.right.mean():.1%} of the best matches right; under drift "
        f"({case.drift}) {case.drifted_right.mean():.1%} of {len(case.drifted_scores):,}.",
        "",
        f"Target precision {TARGET:g}, δ = {DELTA:g}, {runs} calibrations; *missed*: the precision on the disjoint test queries "
        "is below the target. Where a rule abstained it missed nothing, so the last column says how often those lines missed "
        "that it did give.",
        "",
        "| labels | rule | missed | abstained | coverage | missed, of those answered |",
        "|--:|---|--:|--:|--:|--:|",
    ]
    rates = {}
    for labels in (50, 100, 300):
        for rule, row in calibrations(case, labels, runs).items():
            if rule == "for_precision":
                rates[f"{labels} labels"] = row["missed"]
            out.append(
                f"| {labels} | {rule} | {row['missed']:.3f} | {row['abstained']:.3f} | {row['coverage']:.2f} | "
                f"{_share(row['missed'], 1 - row['abstained'])} |"
            )
    row = alarms(case, 300, 200, runs)
    out += [
        "",
        f"`for_precision`, missed. {said_of(rates, runs)}",
        "",
        f"Drift check (300 labels, 200 new scores): alarm on drifted data in {row['alarms']:.1%} of the runs, on undrifted "
        f"data in {row['false alarms']:.1%}. Without it, a threshold for {TARGET:g} misses on the drifted data in "
        f"{row['missed under drift']:.1%} of the runs.",
        "",
        "| decoys | wanted FDR | FDR | ± | coverage | abstained |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for hard in (True, False):
        for target in (0.05, 0.1, 0.2):
            row = false_discoveries(case, target, 400, max(runs // 2, 50), hard)
            kind = "as hard as the wrong answers" if hard else "a tenth of them: too easy"
            out.append(
                f"| {kind} | {target:g} | {row['FDR']:.3f} | {row['standard error']:.3f} | {row['coverage']:.2f} | "
                f"{row['abstained']:.2f} |"
            )
    return out


def put(name: str, lines: list[str]) -> None:
    """Write a part of PROMISES.md between its marks; other parts stay."""
    path = ROOT / "benchmarks" / "PROMISES.md"
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = path.read_text(encoding="utf-8") if path.exists() else "# Do the threshold rules keep their word?\n"
    if begin not in old:
        old = old.rstrip() + f"\n\n{begin}\n{end}\n"
    before, rest = old.split(begin)
    path.write_text(
        f"{before}{begin}\n\n" + "\n".join(lines).strip() + f"\n\n{end}{rest.split(end)[1]}", encoding="utf-8"
    )


def main() -> None:
    """Print the tables, and write them if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--only", choices=["labelling", "samples"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    args = parser.parse_args()
    global JOBS
    JOBS = args.jobs
    cases = [symbols()]
    places = [os.environ.get("MMALIGN_NB_DATA"), ROOT.parent / "shared" / "data"]
    data = next((Path(p) for p in places if p and (Path(p) / "fsdd").is_dir()), None)
    if data:
        cases += [spoken_digits(data, speaker) for speaker in SPEAKERS]
    parts = {
        "labelling": lambda: labelling_tables(cases, args.runs),
        "samples": lambda: [
            "## Rules for new data",
            "",
            *(x for rows in each(lambda at: tables(cases[at], args.runs), len(cases)) for x in [*rows, ""]),
        ],
    }
    for name, part in parts.items():
        if args.only in (None, name):
            command = f"python benchmarks/promises.py --only {name} --runs {args.runs} --write"
            lines = [f"Written by `{command}`.", "", *part()]
            if not data:
                lines += ["Spoken digits were not measured: set MMALIGN_NB_DATA to the downloaded sets.", ""]
            print("\n".join(lines), flush=True)
            if args.write:
                put(name, lines)
    rules = ROOT / "benchmarks" / "rules.py"
    if args.only is None and rules.exists():
        write = ["--write"] if args.write else []
        subprocess.run([sys.executable, rules, *write, "--jobs", str(args.jobs)], check=True)


if __name__ == "__main__":
    main()

"""What the rules for new data promise where it is hard: few right pairs, groups, hubs. Adds to benchmarks/PROMISES.md.

python benchmarks/rules.py            print the tables
python benchmarks/rules.py --write    and put them into benchmarks/PROMISES.md, between their own marks
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import promises
from scipy.stats import binom

from mmalign_nb.align import Matches, mutual_match, nearest_match
from mmalign_nb.datasets import colors, glyphs
from mmalign_nb.evaluate import retrieval_report
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.project import CCA, RidgeMap
from mmalign_nb.similarity import csls, similarity
from mmalign_nb.threshold import for_fdr, for_precision

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
TARGET, DELTA = 0.9, 0.1
Candidates = tuple[np.ndarray, np.ndarray]


# --- several starts, beside the rule that looks first -------------------------------------------------------


def simulated(share: float, apart: float, n: int = 200_000) -> Candidates:
    """Scores of wrong candidates around 0 and of right ones around ``apart``, in one unit of spread; which are right."""
    rng = np.random.default_rng(0)
    right = rng.random(n) < share
    return rng.normal(apart * right, 1.0), right


def looks_first(s: np.ndarray, right: np.ndarray, target: float, delta: float) -> float:
    """The lowest line that passes its own test, whatever the others did: not sound, but what no rule can beat."""
    order = np.argsort(-s)
    kept = np.arange(1, len(s) + 1)
    good = np.flatnonzero(binom.sf(np.cumsum(right[order]) - 1, kept, target) <= delta)
    return float(s[order][good[-1]]) if len(good) else np.nan


def one_start(s: np.ndarray, right: np.ndarray, target: float, delta: float) -> float:
    """The rule as it was: one walk, from where a third of the candidates is kept, with all of δ."""
    start = int(np.ceil(max(2 * np.log(delta) / np.log(target), len(s) / 3)))
    order = np.argsort(-s)
    kept = np.arange(1, len(s) + 1)
    passes = binom.sf(np.cumsum(right[order]) - 1, kept, target)[start - 1 :] <= delta
    end = int(np.argmin(passes)) if not passes.all() else len(passes)
    return float(s[order][start + end - 2]) if end else np.nan


RULES = {
    "looks first (not sound)": looks_first,
    "one start, as before": one_start,
    "for_precision": lambda s, r, target, delta: for_precision(s, r, target, delta).value,
}


def starts(
    pool: Candidates, labels: int, runs: int, target: float = TARGET
) -> dict[str, tuple[float, float, float]]:
    """For each rule: how often it answers, the share of candidates that it keeps, how often it misses the target."""
    scores, right = pool
    order = np.argsort(scores)
    ascending = scores[order]
    below = np.concatenate([[0], np.cumsum(right[order])])
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[bool, float, bool]]] = {rule: [] for rule in RULES}
    for _ in range(runs):
        at = rng.integers(0, len(scores), labels)
        s = scores[at] + 1e-9 * rng.random(labels)
        for rule, line in RULES.items():
            value = line(s, right[at], target, DELTA)
            cut = int(np.searchsorted(ascending, value))  # of NaN: the end
            kept = len(scores) - cut
            missed = kept > 0 and (below[-1] - below[cut]) / kept < target
            found[rule].append((not np.isnan(value), kept / len(scores), missed))
    return {rule: tuple(np.mean(rows, axis=0).tolist()) for rule, rows in found.items()}


# --- groups -------------------------------------------------------------------------------------------------


class Grouped(NamedTuple):
    """Groups of candidates: each has a chance to be right of its own, and scores that go with it."""

    size: float  # on average
    equal: bool
    alike: float  # 1: a group is right or wrong as a whole; 0: its candidates are independent

    def draw(self, groups: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the scores of all candidates, whether they are right, and their groups."""
        sizes = np.full(groups, int(self.size))
        if not self.equal:
            sizes = rng.integers(1, 2 * int(self.size), groups)
        group = np.repeat(np.arange(groups), sizes)
        # A normal variable shared within the group and one of the candidate's own, so that the share of right stays.
        own = np.sqrt(self.alike) * rng.normal(size=groups)[group]
        own += np.sqrt(1 - self.alike) * rng.normal(size=len(group))
        shared = np.sqrt(self.alike) * rng.normal(size=groups)[group]
        shared += np.sqrt(1 - self.alike) * rng.normal(size=len(group))
        right = own > -0.7  # three in four
        return shared + 1.5 * right, right, group


GROUPED = [
    Grouped(size, equal, alike) for size in (3, 10, 30) for equal in (True, False) for alike in (1.0, 0.5)
]


def grouped(
    world: Grouped, labels: int, runs: int, target: float = 0.8
) -> dict[str, tuple[float, float, float]]:
    """As ``starts``, with and without the groups given."""
    rng = np.random.default_rng(1)
    scores, right, _ = world.draw(int(400_000 / world.size), rng)
    order = np.argsort(scores)
    ascending, below = scores[order], np.concatenate([[0], np.cumsum(right[order])])
    found: dict[str, list[tuple[bool, float, bool]]] = {"not given": [], "given": []}
    for _ in range(runs):
        s, r, group = world.draw(int(labels / world.size), rng)
        for name, groups in (("not given", None), ("given", group)):
            value = for_precision(s, r, target, DELTA, groups=groups).value
            cut = int(np.searchsorted(ascending, value))
            kept = len(scores) - cut
            missed = kept > 0 and (below[-1] - below[cut]) / kept < target
            found[name].append((not np.isnan(value), kept / len(scores), missed))
    return {rule: tuple(np.mean(rows, axis=0).tolist()) for rule, rows in found.items()}


def intervals(world: Grouped, queries: int, runs: int) -> tuple[float, float]:
    """How often the 95 % interval of hit@1 leaves the truth out, with groups not given and given."""
    rng = np.random.default_rng(2)
    truth = world.draw(int(400_000 / world.size), rng)[1].mean()
    outside = np.zeros(2)
    for run in range(runs):
        _, right, group = world.draw(int(queries / world.size), rng)
        scores = np.where(right, 1.0, -1.0)[:, None] * [1, -1]  # two items, of which the first is right
        truth_here = np.tile([True, False], (len(right), 1))
        for at, groups in enumerate((None, (group, None))):
            report = retrieval_report(scores, truth_here, ks=(1,), n_boot=100, seed=run, groups=groups)
            hit = report.measures["a→b"]["hit@1"]
            outside[at] += not hit.low <= truth <= hit.high
    return tuple((outside / runs).tolist())


# --- hubs ---------------------------------------------------------------------------------------------------


class Gallery(NamedTuple):
    """Scores of queries with items, and the label of each: equal labels are right."""

    name: str
    scores: np.ndarray
    own: np.ndarray
    labels: np.ndarray


def pairs_world(name: str, a: np.ndarray, b: np.ndarray, learn: int, dim: int) -> Iterator[Gallery]:
    """Two sides of the same items through a ridge map (many hubs) and through CCA (fewer)."""
    order = np.random.default_rng(0).permutation(a.shape[0])
    known, rest = order[:learn], order[learn:]
    for label, projection in (("ridge", RidgeMap()), ("CCA", CCA(dim=dim, reg=0.1, power=1))):
        projection.fit(a[known], b[known])
        S = similarity(projection.transform(a[rest]), projection.transform(b[rest], side="b"))
        yield Gallery(f"{name}, {label}", S, np.arange(len(rest)), np.arange(len(rest)))


def galleries(data: Path | None) -> Iterator[Gallery]:
    """Symbols, colours and, where there, spoken digits; through projections with many hubs and with few."""
    case = promises.symbols()
    yield Gallery("symbols, picture → name, trained encoder", case.all_scores, case.own, case.labels)
    text, cnn, items = TfidfText.load("glyphs"), CnnImage.load("glyphs"), glyphs(promises.UNSEEN)
    yield from pairs_world(
        "symbols, name → picture", text.transform(list(items.text)), cnn.transform(items.image), 1000, 40
    )
    swatches = colors()
    rgb = np.stack([swatches.factors[k] for k in ("red", "green", "blue")], 1) / 255
    mixed = np.concatenate([rgb, rgb**2, rgb * np.roll(rgb, 1, axis=1)], 1)
    names = TfidfText(dim=64).fit_transform(list(swatches.text))
    yield from pairs_world("colours, name → swatch", names, mixed, 400, 8)
    if data:
        sound, digit, _ = promises._recordings(data)
        image, label = promises._written(data)
        rng = np.random.default_rng(0)
        known = rng.permutation(len(sound))[:700]
        rest = np.setdiff1d(np.arange(len(sound)), known)
        partner = [rng.choice(np.flatnonzero(label[:5000] == d)) for d in digit[known]]
        for name, projection in (("ridge", RidgeMap()), ("CCA", CCA(dim=40, reg=0.1, power=1))):
            projection.fit(sound[known], image[partner])
            S = similarity(
                projection.transform(sound[rest]), projection.transform(image[5000:6000], side="b")
            )
            yield Gallery(f"spoken digit → written, {name}", S, digit[rest], label[5000:6000])
    for hubs in (0.0, 0.5, 1.0, 2.0):
        rng = np.random.default_rng(3)
        S = rng.normal(size=(600, 600)) + hubs * rng.normal(size=600) + 5 * np.eye(600)
        yield Gallery(f"simulated, hubs of strength {hubs:g}", S, np.arange(600), np.arange(600))


def scaled_nearest(S: np.ndarray) -> Matches:
    """The nearest after CSLS."""
    finite = np.where(np.isfinite(S), S, S[np.isfinite(S)].min())
    return nearest_match(np.where(np.isfinite(S), csls(finite), -np.inf))


CONSTRUCTIONS = {
    "nearest": nearest_match,
    "nearest after csls": scaled_nearest,
    "mutual: each item once": mutual_match,
}


def under_hubs(
    world: Gallery, runs: int, targets: tuple[float, ...] = (0.1, 0.2), seed: int = 0
) -> list[list[float | str]]:
    """Rows: construction, target, FDR, its standard error, FDR given an answer, abstained, kept, concentration.

    Each run draws 150 queries and 400 items, and gives every item to the gallery or to the decoys by the toss of a coin. A
    right item is never a decoy.
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, float], list[tuple[float, bool, float, float]]] = {}
    for _ in range(runs):
        rows = np.sort(rng.permutation(len(world.own))[:150])
        columns = rng.permutation(len(world.labels))
        if len(np.unique(world.labels)) > 100:  # each item is right for one query: that one comes first
            columns = columns[np.argsort(~np.isin(world.labels[columns], world.own[rows]), kind="stable")]
        columns = rng.permutation(columns[:400])
        decoys = np.sort(rng.random(len(columns)) < 0.5)[
            ::-1
        ]  # the columns are in random order: decoys first
        labels, own = world.labels[columns], world.own[rows]
        S = world.scores[np.ix_(rows, columns)].astype(np.float64)
        S[decoys & (labels == own[:, None])] = -np.inf
        for name, construction in CONSTRUCTIONS.items():
            pairs = construction(S)
            right = labels[pairs.pairs[:, 1]] == own[pairs.pairs[:, 0]]
            for target in targets:
                line = for_fdr(pairs, decoys, target)
                keep = (pairs.scores >= line.value) & ~decoys[pairs.pairs[:, 1]]
                found.setdefault((name, target), []).append(
                    (
                        float((keep & ~right).sum() / max(keep.sum(), 1)),
                        line.abstained,
                        keep.sum() / len(rows),
                        line.concentration,
                    )
                )
    out: list[list[float | str]] = []
    for (name, target), values in found.items():
        rate, abstained, kept, concentration = np.array(values, float).T
        given = rate[abstained == 0].mean() if (abstained == 0).any() else np.nan
        error = rate.std() / np.sqrt(runs)
        out.append(
            [name, target, rate.mean(), error, given, abstained.mean(), kept.mean(), concentration.mean()]
        )
    return out


# --- report -------------------------------------------------------------------------------------------------


def start_rows(data: Path | None, runs: int) -> list[str]:
    """Several starts beside one, and beside the rule that looks first."""
    pools = {
        f"simulated, {p:.0%} right": simulated(p, d) for p, d in ((0.1, 3), (0.5, 2), (0.7, 2), (0.9, 1))
    }
    case = promises.symbols()
    pools["symbols"] = (case.scores, case.right)
    if data:
        case = promises.spoken_digits(data)
        pools[case.name] = (case.scores, case.right)
    out = [
        "| candidates | labels | " + " | ".join(f"{rule}: answers, kept, missed" for rule in RULES) + " |",
        "|---|--:|" + "--:|" * len(RULES),
    ]
    rates = {}
    for name, pool in pools.items():
        for labels in (30, 50, 100, 300):
            found = starts(pool, labels, runs)
            rates[f"{name}, {labels} labels"] = found["for_precision"][2]
            out.append(
                f"| {name} | {labels} | "
                + " | ".join(f"{a:.2f}, {k:.3f}, {m:.3f}" for a, k, m in found.values())
                + " |"
            )
            print(out[-1], flush=True)
    return [*out, "", f"`for_precision`, missed. {promises.said_of(rates, runs)}"]


def group_rows(data: Path | None, runs: int) -> list[str]:
    """Groups given and not given."""
    out = [
        "| groups of | sizes | alike | not given | groups given | interval, not given | interval, groups given |",
        "|--:|---|---|--:|--:|--:|--:|",
    ]
    rates, left_out = {}, {}
    done = promises.each(
        lambda at: (grouped(GROUPED[at], 600, runs // 4), intervals(GROUPED[at], 300, runs // 5)),
        len(GROUPED),
    )
    for world, (found, outside) in zip(GROUPED, done, strict=True):
        name = f"{world.size}, {'equal' if world.equal else 'unequal'}, {'wholly' if world.alike == 1 else 'half'}"
        rates[name], left_out[name] = found["given"][2], outside[1]
        cells = " | ".join(f"{m:.3f}, {a:.2f}, {k:.2f}" for a, k, m in found.values())
        out.append(
            f"| {world.size} | {'equal' if world.equal else 'unequal'} | {'wholly' if world.alike == 1 else 'half'} | {cells} | "
            + " | ".join(f"{x:.3f}" for x in outside)
            + " |"
        )
        print(out[-1], flush=True)
    return [
        *out,
        "",
        f"Groups given, missed. {promises.said_of(rates, runs // 4)}",
        "",
        f"Intervals, groups given. {promises.said_of(left_out, runs // 5, share=0.05, name='.05')}",
    ]


def hub_rows(data: Path | None, runs: int) -> list[str]:
    """The rule without labels, by data and construction."""
    out = [
        "| data | matches | wanted | FDR | ± | given an answer | abstained | kept | concentration |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    over = []
    for gallery in galleries(data):
        for name, target, *values in under_hubs(gallery, runs // 2):
            rate, error, given, abstained, kept, concentration = values
            if rate > target + 3 * error:
                over.append(f"{gallery.name}, {name}, {target:g} ({rate:.3f})")
            out.append(
                f"| {gallery.name} | {name} | {target:g} | {rate:.3f} | {error:.3f} | {given:.3f} | {abstained:.2f} | {kept:.2f} | "
                f"{concentration:.4f} |"
            )
            print(out[-1], flush=True)
    return [*out, "", f"More than three standard errors above the rate wanted: {'; '.join(over) or 'none'}."]


def tables(data: Path | None, runs: int) -> str:
    """All tables, as markdown."""
    with ProcessPoolExecutor(3) as pool:
        jobs = [pool.submit(rows, data, runs) for rows in (start_rows, group_rows, hub_rows)]
        starting, grouping, hubs = (job.result() for job in jobs)
    out = [
        "# The rules for new data, where it is hard",
        "",
        "Written by `python benchmarks/rules.py --write`.",
        "",
        "## for_precision with several starts",
        "",
        f"Target {TARGET:g}, δ = {DELTA:g}, {runs} calibrations a row, drawn with replacement; precision against the whole "
        "pool. *Looks first* takes the lowest line that passes its own test, whatever the others did: it is not sound, and "
        "no rule that tests lines this way can answer more often.",
        "",
        *starting,
        "",
        "## Groups",
        "",
        f"Candidates in groups (an object's photographs) that are right or wrong together, wholly or half; sizes equal, or 1 … "
        f"2c − 1. `for_precision` at target 0.8, δ = {DELTA:g}, 600 labels, {runs // 4} calibrations a row: missed, answered, "
        f"kept. The last columns: how often the 95 % bootstrap interval of hit@1 (300 queries, {runs // 5} runs) leaves the truth out.",
        "",
        *grouping,
        "",
        "## for_fdr under hubs",
        "",
        f"{runs // 2} runs a row: 150 queries, 400 items, each an item or a decoy by the toss of a coin. *Given an answer*: the "
        "FDR of the runs that did not abstain. *Concentration*: the chance that two wins hold the same item.",
        "",
        *hubs,
    ]
    return "\n".join(out)


def write(path: Path, text: str) -> None:
    """Put the text between its marks, or at the end of the file."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    head, _, rest = old.partition(BEGIN)
    tail = rest.partition(END)[2]
    path.write_text(f"{head.rstrip()}\n\n{BEGIN}\n\n{text}\n\n{END}\n{tail.lstrip()}", encoding="utf-8")


def find_data() -> Path | None:
    """Where the downloaded sets are, or None."""
    places = [os.environ.get("MMALIGN_NB_DATA"), ROOT.parent / "shared" / "data"]
    return next((Path(p) for p in places if p and (Path(p) / "fsdd").is_dir()), None)


def main() -> None:
    """Print the tables, and write them if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for groups")
    args = parser.parse_args()
    promises.JOBS = args.jobs
    text = tables(find_data(), args.runs)
    print(text)
    if args.write:
        write(ROOT / "benchmarks" / "PROMISES.md", text)


if __name__ == "__main__":
    main()

"""Do the threshold rules keep their word on real, held-out data? Measured over many calibrations.

    python benchmarks/promises.py            print the tables
    python benchmarks/promises.py --write    and put them into benchmarks/PROMISES.md

Symbols: a picture in a typeface that the encoder has never seen looks for its name among all names. Spoken digits
(if the downloaded sets are there): a recording looks for a written digit. A candidate is the best match of one query;
calibration and test queries are disjoint. Drift: another family of typefaces, another speaker.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmalign_nb.datasets import glyphs
from mmalign_nb.features import CnnImage, TfidfText
from mmalign_nb.project import CCA
from mmalign_nb.similarity import similarity
from mmalign_nb.threshold import best_f1, for_fdr, for_precision, sweep

ROOT = Path(__file__).resolve().parents[1]
UNSEEN, DRIFT = "DejaVu Serif", "STIX"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TARGET, DELTA = 0.9, 0.1


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


def symbols() -> Case:
    """Pictures of an unseen typeface look for their names; the drift is an unseen family."""
    text, cnn = TfidfText.load("glyphs"), CnnImage.load("glyphs")
    names = sorted({name for face in (UNSEEN, DRIFT, "DejaVu Sans") for name in glyphs(face).text})
    number = {name: k for k, name in enumerate(names)}
    gallery = cnn.transform(text.transform(names), side="b")
    found = {}
    for face in (UNSEEN, DRIFT):
        items = glyphs(face)
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


# --- report -----------------------------------------------------------------------------------------------


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.3f}" if whole > 1e-9 else "–"


def tables(case: Case, runs: int) -> list[str]:
    """All tables for one case, as markdown."""
    out = [
        f"## {case.name}",
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
    for labels in (50, 100, 300):
        for rule, row in calibrations(case, labels, runs).items():
            out.append(
                f"| {labels} | {rule} | {row['missed']:.3f} | {row['abstained']:.3f} | {row['coverage']:.2f} | "
                f"{_share(row['missed'], 1 - row['abstained'])} |"
            )
    row = alarms(case, 300, 200, runs)
    out += [
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


def main() -> None:
    """Print the tables, and write them if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--runs", type=int, default=1000)
    args = parser.parse_args()
    cases = [symbols()]
    places = [os.environ.get("MMALIGN_NB_DATA"), ROOT.parent / "shared" / "data"]
    data = next((Path(p) for p in places if p and (Path(p) / "fsdd").is_dir()), None)
    if data:
        cases += [spoken_digits(data, speaker) for speaker in SPEAKERS]
    text = [
        "# Do the threshold rules keep their word?",
        "",
        "Written by `python benchmarks/promises.py --write`.",
        "",
    ]
    for case in cases:
        text += [*tables(case, args.runs), ""]
    if not data:
        text += ["Spoken digits were not measured: set MMALIGN_NB_DATA to the downloaded sets.", ""]
    print("\n".join(text))
    if args.write:
        (ROOT / "benchmarks" / "PROMISES.md").write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

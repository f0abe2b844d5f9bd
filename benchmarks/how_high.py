"""What score is a match? The line that the promise finds, and what it keeps, over encoders, projections and data sets.

    python benchmarks/how_high.py            print the table
    python benchmarks/how_high.py --write    and put it into benchmarks/HOW_HIGH.md and data/measured/how_high.json

Each row: half of the items, never seen by the projection, look for their partner among these; the best match of each is a candidate.
Of the candidates 300 (at most half) are labelled, `for_precision` finds the line for a precision of 0.9 at a risk of 0.1, and the
others say what it keeps and how many of these are right. The median over the splits that answered.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import promises
import rules

from mmalign_nb.datasets import colors, glyphs, things
from mmalign_nb.features import CnnImage, RnnAudio, TfidfText
from mmalign_nb.project import CCA, Procrustes, Relative, RidgeMap
from mmalign_nb.similarity import similarity
from mmalign_nb.threshold import for_precision

HERE = Path(__file__).parent
Row = tuple[str, str, str, np.ndarray, np.ndarray]  # data, encoders, projection, best scores, right


def best(S: np.ndarray, own: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best score of each row, and whether it is right."""
    return S.max(axis=1).astype(np.float64), labels[S.argmax(axis=1)] == own


def projected(
    data: str, encoders: str, a: Any, b: Any, known: np.ndarray, rest: np.ndarray, own: Any = None
) -> Iterator[Row]:
    """One pair of encodings through every projection."""
    dim = min(40, a.shape[1], b.shape[1])
    projections: dict[str, Any] = {
        "CCA": CCA(dim=dim, reg=0.1),
        "CCA, power 1": CCA(dim=dim, reg=0.1, power=1),
        "ridge": RidgeMap(),
        "Procrustes": Procrustes(dim=dim),
        "relative": Relative(),
    }
    own = np.arange(a.shape[0]) if own is None else own
    for name, projection in projections.items():
        projection.fit(a[known], b[known])
        S = similarity(projection.transform(a[rest]), projection.transform(b[rest], side="b"))
        yield data, encoders, name, *best(S, own[rest], own[rest])


def halves(n: int, most: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Two disjoint sets of items, at most so many each."""
    order = np.random.default_rng(0).permutation(n)
    half = min(n // 2, most)
    return order[:half], order[half : 2 * half]


def rows(data: Path | None) -> Iterator[Row]:
    """Every encoder and projection at hand."""
    case = promises.symbols()
    yield "symbols, unseen typeface", "CnnImage + TfidfText", "trained together", case.scores, case.right
    text, cnn, items = TfidfText.load("glyphs"), CnnImage.load("glyphs"), glyphs(promises.UNSEEN)
    names, pictures = text.transform(list(items.text)), cnn.transform(items.image)
    yield from projected("symbols", "TfidfText → CnnImage", names, pictures, *halves(len(items)))
    words, image, audio = (kind.load("things") for kind in (TfidfText, CnnImage, RnnAudio))
    scenes = things(1200, seed=5)
    sides = {
        "text": words.transform(list(scenes.text)),
        "image": image.transform(scenes.image),
        "sound": audio.transform(scenes.audio),
    }
    for a, b in (("text", "image"), ("image", "sound")):
        yield from projected("things", f"{a} → {b}", sides[a], sides[b], *halves(len(scenes)))
    swatches = colors()
    rgb = np.stack([swatches.factors[k] for k in ("red", "green", "blue")], 1) / 255
    tfidf = TfidfText(dim=64).fit_transform(list(swatches.text))
    yield from projected("colours", "TfidfText → red, green, blue", tfidf, rgb, *halves(len(swatches)))
    if data:
        for speaker in ("george", "theo"):
            case = promises.spoken_digits(data, speaker)
            yield case.name, "log-mel → pixels", "CCA, power 1", case.scores, case.right


def measure(data: Path | None, splits: int) -> list[dict[str, Any]]:
    """One entry for each row of the table; without a line, ``line`` and what depends on it are None."""
    out = []
    for name, encoders, projection, scores, right in rows(data):
        rng = np.random.default_rng(0)
        found = []
        for _ in range(splits):
            order = rng.permutation(len(scores))
            cal, test = np.split(order, [min(300, len(order) // 2)])
            line = for_precision(scores[cal], right[cal])
            if not line.abstained:
                keep = scores[test] >= line.value
                found.append((line.value, keep.mean(), right[test][keep].mean() if keep.any() else np.nan))
        value, kept, share = np.nanmedian(found, axis=0).round(2).tolist() if found else (None, None, None)
        out.append(
            {
                "data": name,
                "encoders": encoders,
                "projection": projection,
                "right": round(float(right.mean()), 2),
                "line": value,
                "kept": kept,
                "right of these": share,
                "abstained": round(1 - len(found) / splits, 2),
            }
        )
        print(table(out)[-1], flush=True)
    return out


def table(measured: list[dict[str, Any]]) -> list[str]:
    """What was measured, as markdown."""
    head = {"line": "the line"}
    lines = [
        "| " + " | ".join(head.get(key, key) for key in measured[0]) + " |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in measured:
        told = ("–" if x is None else f"{x:.2f}" if isinstance(x, float) else x for x in row.values())
        lines.append("| " + " | ".join(told) + " |")
    return lines


def main() -> None:
    """Print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--splits", type=int, default=100)
    args = parser.parse_args()
    said = __doc__.split("\n\n")[2].strip()
    measured = measure(rules.find_data(), args.splits)
    lines = [
        "# How high is a match?",
        "",
        "Written by `python benchmarks/how_high.py --write`.",
        "",
        f"{said} {args.splits} splits. A number copied from another encoder or projection means nothing here.",
        "",
        *table(measured),
    ]
    if args.write:
        (HERE / "HOW_HIGH.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (HERE.parent / "data" / "measured" / "how_high.json").write_text(
            json.dumps({"splits": args.splits, "rows": measured}, indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()

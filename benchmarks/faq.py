"""Which measure to take, and what makes an alignment more accurate: the figures of chapter 10.

    MMALIGN_NB_DATA=FOLDER python benchmarks/faq.py            print the tables
    MMALIGN_NB_DATA=FOLDER python benchmarks/faq.py --write    and put them into benchmarks/FAQ.md and data/measured/faq.json

* within: every measure on every feature, one side by itself: is the nearest other item a right one (hit@1)?
* across: the same between two sides in a shared space, learned from pairs; items that no part has seen, hit@1, mean of both directions;
* changes: eight changes to a plain alignment, in all 256 combinations: what each adds to the share of right answers alone, as the last one,
  and on average over all orders (Shapley's value, which shares out the whole gain).

Each measure is compared with the best one of its row on the same queries: where the 95 % interval of the difference (bootstrap over
queries) has 0 in it, nobody can tell the two apart. ``tied`` names these. The intervals of the changes are over new pictures
and draws of pairs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmalign_nb.align import max_match, nearest_match
from mmalign_nb.datasets import digits, downloaded, glyphs, spoken_digits, things, wikipedia
from mmalign_nb.features import CnnImage, RnnAudio, TfidfText, Word2VecText
from mmalign_nb.features.audio import log_mel
from mmalign_nb.project import CCA, RidgeMap
from mmalign_nb.similarity import binarize, inverted_softmax, similarity

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "reference"))
from published import Cepstra, Gradients  # noqa: E402

MEASURES = ("dot", "cosine", "centred cosine", "euclidean", "manhattan", "hamming")


def dense(X: Any) -> np.ndarray:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, np.float32)


# ---- features


def small(images: np.ndarray, side: int = 16) -> np.ndarray:
    """Pictures of side × side means."""
    n, size = len(images), images.shape[1]
    return (
        images.reshape(n, side, size // side, side, size // side, -1).mean(axis=(2, 4)).reshape(n, -1) / 255
    )


def colours(images: np.ndarray) -> np.ndarray:
    """How many pixels have each of 64 colours."""
    bins = (images // 64) @ np.array([16, 4, 1])
    return np.stack([np.bincount(b.ravel(), minlength=64) for b in bins]).astype(np.float32)


def edges(images: np.ndarray, cells: int = 4) -> np.ndarray:
    """Strength of the edges in eight directions, in each cell of a grid."""
    grey = images.astype(np.float32).reshape(*images.shape[:3], -1).mean(axis=3)
    dy, dx = np.gradient(grey, axis=(1, 2))
    direction = np.rint(np.arctan2(dy, dx) * 8 / np.pi).astype(int) % 8
    place = np.arange(grey.shape[1]) * cells // grey.shape[1]
    bins = (cells * place[:, None] + place) * 8 + direction
    return np.stack(
        [np.bincount(b.ravel(), s.ravel(), 8 * cells**2) for b, s in zip(bins, np.hypot(dx, dy), strict=True)]
    ).astype(np.float32)


def counts(texts: list[str], known: list[str] | None = None) -> np.ndarray:
    """How often each known word occurs."""
    from sklearn.feature_extraction.text import CountVectorizer

    return dense(CountVectorizer(token_pattern=r"\b\w+\b").fit(known or texts).transform(texts))


def of_texts(texts: list[str], seed: int = 0) -> dict[str, np.ndarray]:
    return {
        "word counts": counts(texts),
        "TF-IDF": dense(TfidfText().fit(texts).transform(texts)),
        "Word2Vec": dense(Word2VecText(dim=50, epochs=20, seed=seed).fit(texts).transform(texts)),
    }


# ---- measures


def scores(A: np.ndarray, B: np.ndarray, measure: str, middle: tuple[Any, Any] | None = None) -> np.ndarray:
    """Score rows by one of `MEASURES`. Centred: less the mean; Hamming: bits above the median. Each side has its own, of ``middle``."""
    ma, mb = (A, B) if middle is None else middle
    if measure == "centred cosine":
        return similarity(A - ma.mean(axis=0), B - mb.mean(axis=0))
    if measure == "hamming":
        bits = (binarize(X, "median", cut=np.median(m, axis=0)) for X, m in ((A, ma), (B, mb)))
        return similarity(*bits, metric="hamming")
    return similarity(A, B, measure)


def hits(S: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether the best of each row is right; a tie counts as the share of right ones among the best."""
    best = S.max(axis=1, keepdims=True) <= S
    return (best & right).sum(axis=1) / best.sum(axis=1)


def told(x: np.ndarray, seed: int = 0) -> dict[str, float]:
    """A mean with its 95 % bootstrap interval."""
    means = x[np.random.default_rng(seed).integers(0, len(x), (1000, len(x)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(x.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def row(found: dict[str, np.ndarray], right: np.ndarray) -> dict[str, Any]:
    """A row of the grid: each measure, chance, the best, and those that cannot be told from it."""
    best = max(found, key=lambda m: float(found[m].mean()))
    gaps = {m: told(found[best] - x) for m, x in found.items()}
    return {
        "measures": {m: told(x) for m, x in found.items()},
        "chance": round(float(right.mean()), 4),
        "best": best,
        "tied": [m for m, gap in gaps.items() if m == best or gap["low"] <= 0],
    }


# ---- one side by itself


def sides() -> Iterator[tuple[str, str, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray] | None]]:
    """Data set, feature, vectors, labels; for symbols also vectors and labels of the gallery, another typeface."""
    w = things(1000, seed=5)
    heard = log_mel(w.audio, w.sample_rate)
    for name, X in of_texts(w.text).items():
        yield "things, text", name, X, w.label, None
    pictures = {
        "pixels": small(w.image),
        "colour counts": colours(w.image),
        "edges": edges(w.image),
        "trained CNN": CnnImage.load("things").transform(w.image),
    }
    for name, X in pictures.items():
        yield "things, picture", name, X, w.label, None
    sounds = {
        "log-mel, mean and spread": np.hstack([heard.mean(axis=1), heard.std(axis=1)]),
        "trained RNN": RnnAudio.load("things").transform(w.audio),
    }
    for name, X in sounds.items():
        yield "things, sound", name, X, w.label, None
    sans, serif = glyphs("DejaVu Sans"), glyphs("DejaVu Serif")
    some = np.sort(np.random.default_rng(0).choice(len(serif), 1000, replace=False))
    for name, see in {
        "pixels": lambda im: (255 - im.reshape(len(im), -1)) / np.float32(255),
        "edges": edges,
        "trained CNN": CnnImage.load("glyphs").transform,
    }.items():
        point = [x.factors["codepoint"] for x in (serif, sans)]
        yield "symbols, picture", name, see(serif.image[some]), point[0][some], (see(sans.image), point[1])
    block = sans.factors["block"]
    at = np.sort(np.random.default_rng(1).choice(len(sans), 1500, replace=False))
    for name, X in of_texts([sans.text[i] for i in at]).items():
        yield "symbols, name", name, X, block[at], None
    d = digits()
    for name, X in {
        "pixels": (255 - d.image.reshape(len(d), -1)) / np.float32(255),
        "edges": edges(d.image, 2),
    }.items():
        yield "digits, picture", name, X, d.label, None
    if downloaded("wikipedia"):
        wiki = wikipedia(progress=False)
        yield "Wikipedia, picture", "SIFT words", wiki.image, wiki.label, None
        yield "Wikipedia, text", "LDA topics", wiki.text, wiki.label, None
    if downloaded("spoken_digits"):
        d = spoken_digits(progress=False)
        heard = log_mel(d.audio, d.sample_rate)
        yield (
            "spoken digits, sound",
            "log-mel, mean and spread",
            np.hstack([heard.mean(axis=1), heard.std(axis=1)]),
            d.label,
            None,
        )


def within() -> dict[str, Any]:
    out: dict[str, Any] = {}
    for data, feature, X, label, gallery in sides():
        Y, other = (X, label) if gallery is None else gallery
        found = {}
        for m in MEASURES:
            S = scores(X, Y, m, (Y, Y))
            if gallery is None:
                np.fill_diagonal(S, -np.inf)
            found[m] = hits(S, label[:, None] == other)
        out.setdefault(data, {})[feature] = row(found, label[:, None] == other)
    return out


# ---- two sides in a shared space

PROJECTIONS: dict[str, Callable[[], Any]] = {"CCA": CCA, "ridge": RidgeMap}
TEST = 500


def couples() -> Iterator[tuple[str, str, np.ndarray, np.ndarray, np.ndarray]]:
    """Data set, features, vectors of both sides, labels (or numbers, where each has one partner); the last 500 are the test."""
    w = things(1500, seed=5)
    texts, one = of_texts(w.text), np.arange(1500)
    pictures = {"pixels": small(w.image), "colour counts": colours(w.image), "edges": edges(w.image)}
    for name, X in pictures.items():
        yield "things, picture–words", f"{name} – TF-IDF", X, texts["TF-IDF"], one
    for name in ("word counts", "Word2Vec"):
        yield "things, picture–words", f"edges – {name}", pictures["edges"], texts[name], one
    g = glyphs()
    some = np.random.default_rng(0).permutation(len(g))[:3500]
    g = g[some]
    names, one = of_texts(g.text), np.arange(3500)
    ink = {"pixels": (255 - g.image.reshape(3500, -1)) / np.float32(255), "edges": edges(g.image)}
    for name, X in ink.items():
        yield "symbols, picture–name", f"{name} – TF-IDF", X, names["TF-IDF"], one
    for name in ("word counts", "Word2Vec"):
        yield "symbols, picture–name", f"edges – {name}", ink["edges"], names[name], one
    if downloaded("spoken_digits"):
        d = spoken_digits(progress=False)
        new = d.factors["speaker"] == "george"
        order = [np.random.default_rng(k).permutation(np.flatnonzero(at)) for k, at in enumerate((~new, new))]
        at = np.r_[order[0][:1000], order[1][:TEST]]
        yield (
            "digits, sound–picture",
            "cepstra – edges",
            Cepstra().transform(d.audio[at]),
            Gradients().transform(d.image[at]),
            d.label[at],
        )
    if downloaded("wikipedia"):
        wiki = wikipedia(progress=False)
        yield "Wikipedia, picture–text", "SIFT words – LDA topics", wiki.image, wiki.text, wiki.label


def across() -> dict[str, Any]:
    out: dict[str, Any] = {}
    for data, feature, A, B, label in couples():
        test = len(A) - (693 if data.startswith("Wikipedia") else TEST)
        right = label[test:, None] == label[test:]
        for projection, make in PROJECTIONS.items():
            P = make().fit(A[:test], B[:test])
            za, zb = P.transform(A, side="a"), P.transform(B, side="b")
            found = {}
            for m in MEASURES:
                S = scores(za[test:], zb[test:], m, (za[:test], zb[:test]))
                found[m] = (hits(S, right) + hits(S.T, right.T)) / 2  # an item's two directions are one draw
            out.setdefault(data, {})[f"{feature}, {projection}"] = row(found, right)
    return out


# ---- what makes it more accurate

CHANGES = {
    "pictures": "pixels → edges and colours",
    "words": "counts → TF-IDF",
    "pairs": "100 → 500",
    "projection": "ridge → CCA",
    "measure": "Euclidean → cosine",
    "hubs": "as they are → inverted softmax",
    "matcher": "nearest → one to one",
    "threshold": "all answers → the surest half",
}
DRAWS, NEW = 5, 300


def poor_and_better(data: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Both sides in poor and in better features; the last 300 are new."""
    if data == "things":
        w = things(1800, seed=5)
        parts = [
            np.sqrt(X / np.linalg.norm(X, axis=1, keepdims=True)) for X in (edges(w.image), colours(w.image))
        ]
        pictures = small(w.image), np.hstack(parts)
    else:
        w = glyphs()
        w = w[np.random.default_rng(0).permutation(len(w))[:1800]]
        pictures = (255 - w.image.reshape(len(w), -1)) / np.float32(255), np.sqrt(edges(w.image))
    words = counts(w.text, w.text[:-NEW]), dense(TfidfText().fit(w.text[:-NEW]).transform(w.text))
    return {"picture": pictures, "words": words}


def answers(S: np.ndarray, hubs: bool, matcher: bool, threshold: bool) -> tuple[np.ndarray, np.ndarray]:
    """For each row: is its answer right, and does it get one?"""
    found = (max_match if matcher else nearest_match)(inverted_softmax(S) if hubs else S)
    sure = np.argsort(-found.scores, kind="stable")[: len(S) // 2 if threshold else len(S)]
    right, answered = np.zeros((2, len(S)), np.float32)
    answered[found.pairs[sure, 0]] = 1
    right[found.pairs[sure, 0]] = found.pairs[sure, 0] == found.pairs[sure, 1]
    return right, answered


def tried(data: str) -> tuple[np.ndarray, np.ndarray]:
    """Two (256, 5, 300) tables with a row for each set of changes, bit k for change k: right, and answered."""
    w = poor_and_better(data)
    right, answered = np.zeros((2, 2 ** len(CHANGES), DRAWS, NEW), np.float32)
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(len(w["words"][0]) - NEW)
        for picture, words, pairs, projection in np.ndindex(2, 2, 2, 2):
            A, B = w["picture"][picture], w["words"][words]
            at = order[: 500 if pairs else 100]
            P = (CCA() if projection else RidgeMap()).fit(A[at], B[at])
            za, zb = P.transform(A[-NEW:]), P.transform(B[-NEW:], side="b")
            for measure in (0, 1):
                S = similarity(za, zb, "cosine" if measure else "euclidean")
                for rest in np.ndindex(2, 2, 2):
                    code = sum(
                        on << k for k, on in enumerate((picture, words, pairs, projection, measure, *rest))
                    )
                    right[code, draw], answered[code, draw] = answers(S, *map(bool, rest))
    return right, answered


def bought(right: np.ndarray, answered: np.ndarray, boots: int = 1000) -> dict[str, Any]:
    """What each change adds to the share of right answers: alone, last, and on average over all orders (Shapley's value)."""
    k = len(CHANGES)
    rng = np.random.default_rng(0)
    # Column 0 is what was measured; the others have pictures and draws of pairs drawn again.
    times = [np.ones((1, DRAWS, 1)), np.ones((1, 1, NEW))]
    for at, n in enumerate((DRAWS, NEW)):
        again = rng.multinomial(n, [1 / n] * n, boots).reshape(boots, *((n, 1) if at == 0 else (1, n)))
        times[at] = np.concatenate([times[at], again])
    weight = (times[0] * times[1]).reshape(boots + 1, -1).T
    value = (right.reshape(2**k, -1) @ weight) / (answered.reshape(2**k, -1) @ weight)

    def told_of(x: np.ndarray) -> dict[str, float]:
        low, high = np.quantile(x[1:], [0.025, 0.975])
        return {"mean": round(float(x[0]), 4), "low": round(float(low), 4), "high": round(float(high), 4)}

    codes = np.arange(2**k)
    size = np.array([int(c).bit_count() for c in codes])
    out: dict[str, Any] = {"plain": told_of(value[0]), "all": told_of(value[-1]), "changes": {}}
    for i, name in enumerate(CHANGES):
        without = codes[codes >> i & 1 == 0]
        gain = value[without | 1 << i] - value[without]
        share = np.array([1 / (k * math.comb(k - 1, n)) for n in size[without]])
        out["changes"][name] = {
            "alone": told_of(gain[0]),
            "last": told_of(gain[-1]),
            "average": told_of((share[:, None] * gain).sum(axis=0)),
        }
    return out


# ---- tables


def measure() -> dict[str, Any]:
    out: dict[str, Any] = {"within": within()}
    print("within done", flush=True)
    out["across"] = across()
    print("across done", flush=True)
    out["changes"] = {}
    for data in ("things", "symbols"):
        out["changes"][data] = bought(*tried(data))
        print(data, "done", flush=True)
    return out


def tables(found: dict[str, Any]) -> str:
    lines = [
        "# The FAQ, measured",
        "",
        "Written by `python benchmarks/faq.py --write`; not edited by hand. What is measured is said in the script's head.",
        "",
        "Each cell is hit@1 with its 95 % interval. **Bold**: the best of its row, or not to be told from it.",
    ]
    heads = {
        "within": "One side by itself: the nearest other item is right",
        "across": "Two sides in a shared space",
    }
    for part, head in heads.items():
        lines += [
            "",
            f"## {head}",
            "",
            f"| data | feature | chance | {' | '.join(MEASURES)} |",
            "|---|---|--:|" + "--:|" * len(MEASURES),
        ]
        for data, rows in found[part].items():
            for feature, r in rows.items():
                cells = []
                for m in MEASURES:
                    x = r["measures"][m]
                    bold = "**" * (m in r["tied"])
                    cells.append(f"{bold}{x['mean']:.3f}{bold} ({x['low']:.3f}–{x['high']:.3f})")
                lines.append(f"| {data} | {feature} | {r['chance']:.3f} | {' | '.join(cells)} |")
    for data, x in found["changes"].items():
        ends = " and ".join(
            f"{name} {x[name]['mean']:.3f} ({x[name]['low']:.3f}–{x[name]['high']:.3f})"
            for name in ("plain", "all")
        )
        lines += ["", f"## What makes it more accurate: {data}", "", f"Share of right answers: {ends}.", ""]
        lines += ["| change | | alone | as the last | average over all orders |", "|---|---|--:|--:|--:|"]
        for name, row_ in sorted(x["changes"].items(), key=lambda item: -item[1]["average"]["mean"]):
            what = CHANGES[name] if data == "things" else CHANGES[name].replace("edges and colours", "edges")
            cells = [f"{v['mean']:+.3f} ({v['low']:+.3f} to {v['high']:+.3f})" for v in row_.values()]
            lines.append(f"| {name} | {what} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write FAQ.md and data/measured/faq.json")
    wanted = parser.parse_args()
    found = json.loads(json.dumps(measure()))
    print(tables(found))
    if wanted.write:
        (HERE / "FAQ.md").write_text(tables(found), encoding="utf-8")
        (HERE.parent / "data" / "measured" / "faq.json").write_text(
            json.dumps(found, ensure_ascii=False).replace('}}, "', '}},\n "') + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()

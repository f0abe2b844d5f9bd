"""How many pairs are enough, and what helps where there are few: the figures of chapter 09.

    python benchmarks/scarce.py            print the tables
    python benchmarks/scarce.py --write    and put them into benchmarks/SCARCE.md and data/measured/scarce.json

* curves: every projection on 10 to 3,000 pairs; hit@10 (digits: hit@1 of the right class) of items that no part has seen, the mean of
  both directions and of some draws of pairs, and chance;
* features: the same pairs with poorer and better features;
* chosen: pairs chosen far apart (farthest first) beside pairs drawn at random;
* self-training: the mutual matches become new pairs, round after round; how many of them are right;
* no pairs: `structure_match`, refined in the same way; and what the promise says of it after 100 answers.

Vectors are reduced to principal directions without any pair: unpaired items are free. 95 % intervals are over the draws.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmalign_nb.align import max_match, mutual_match, structure_match
from mmalign_nb.datasets import glyphs, spoken_digits, things
from mmalign_nb.features import CnnImage, EfficientNetLite, TfidfText
from mmalign_nb.features.audio import log_mel
from mmalign_nb.project import CCA, Contrastive, Procrustes, Relative, RidgeMap
from mmalign_nb.similarity import similarity, top_k
from mmalign_nb.threshold import Labelling

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "reference"))
from published import Cepstra, Gradients  # noqa: E402

PAIRS = (10, 30, 100, 300, 1000, 3000)
PROJECTIONS: dict[str, Callable[[], Any]] = {
    "CCA": CCA,
    "ridge": RidgeMap,
    "Procrustes": Procrustes,
    "relative": Relative,
    "contrastive": lambda: Contrastive(progress=False),
}
TEST = 500


def directions(X: Any, k: int) -> np.ndarray:
    """The first k principal directions; no pair is needed for them."""
    X = np.asarray(X.toarray() if hasattr(X, "toarray") else X, np.float64)
    X = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(X.T @ X)
    Z = X @ vectors[:, ::-1][:, : min(k, int((values > 1e-9 * values[-1]).sum()))]
    return (Z / Z.std()).astype(np.float32)


def small(images: np.ndarray, side: int) -> np.ndarray:
    """Pictures of side × side means."""
    n, size = len(images), images.shape[1]
    grey = images.reshape(n, side, size // side, side, size // side, -1)
    return grey.mean(axis=(2, 4)).reshape(n, -1) / 255


def hit(P: Any, A: np.ndarray, B: np.ndarray, k: int = 10, label: np.ndarray | None = None) -> float:
    """Share of held-out items that find their partner among the k best of all held-out ones, both directions."""
    own = np.arange(len(A)) if label is None else label
    za, zb = P.transform(A, side="a"), P.transform(B, side="b")
    return float(
        np.mean(
            [
                (own[top_k(x, y, k, "cosine")[0]] == own[:, None]).any(axis=1).mean()
                for x, y in ((za, zb), (zb, za))
            ]
        )
    )


def told(values: list[float]) -> dict[str, float]:
    """Mean and half the width of its 95 % interval."""
    x = np.asarray(values)
    half = 0.0 if len(x) < 2 else 1.96 * x.std(ddof=1) / np.sqrt(len(x))
    return {"mean": round(float(x.mean()), 4), "half": round(float(half), 4)}


def worlds() -> dict[str, dict[str, Any]]:
    """Two sides of each data set, in principal directions, and who may be learned from."""
    w = things(3600, seed=5)
    sounds = log_mel(w.audio, w.sample_rate)
    heard = directions(np.hstack([sounds.mean(axis=1), sounds.std(axis=1)]), 40)
    words, seen = (
        directions(TfidfText().fit(w.text).transform(w.text), 64),
        directions(small(w.image, 16), 64),
    )
    g = glyphs()
    some = np.random.default_rng(0).permutation(len(g))[:3500]
    names = TfidfText(ngrams=(1, 2), min_df=2).fit(g.text).transform([g.text[i] for i in some])
    out = {
        "things, picture–words": {"a": seen, "b": words},
        "things, sound–words": {"a": heard, "b": words},
        "things, sound–picture": {"a": heard, "b": seen},
        "glyphs, picture–name": {
            "a": directions(g.image[some].reshape(len(some), -1), 128),
            "b": directions(names, 128),
        },
    }
    try:
        d = spoken_digits(progress=False)
    except (OSError, ValueError) as err:
        print(f"spoken digits are left out: {err}")
        return out
    held = np.flatnonzero(d.factors["speaker"] == "george")
    rest = np.flatnonzero(d.factors["speaker"] != "george")
    order = np.r_[
        np.random.default_rng(0).permutation(rest), np.random.default_rng(1).permutation(held)[:TEST]
    ]
    a, b = directions(Cepstra().transform(d.audio), 128), directions(Gradients().transform(d.image), 128)
    out["digits, sound–picture"] = {"a": a[order], "b": b[order], "label": d.label[order], "k": 1}
    return out


def curves(world: dict[str, Any], draws: int = 5) -> dict[str, Any]:
    A, B, label, k = world["a"], world["b"], world.get("label"), world.get("k", 10)
    known = len(A) - TEST
    end = slice(known, None)
    out: dict[str, Any] = {"chance": round(k / TEST, 4) if label is None else 0.1, "known": known}
    for n in (n for n in PAIRS if n <= known):
        for name, make in PROJECTIONS.items():
            found = []
            for seed in range(draws if name != "contrastive" or n <= 300 else 2):
                at = np.random.default_rng(seed).choice(known, n, replace=False)
                found.append(
                    hit(make().fit(A[at], B[at]), A[end], B[end], k, None if label is None else label[end])
                )
            out.setdefault(name, {})[n] = told(found)
    return out


def better_features(draws: int = 5) -> dict[str, Any]:
    """Pictures of things as pixels, as a network sees them that has seen photographs only, and as one that has learned from 3,000 other things."""
    w = things(1500, seed=5)
    words = directions(TfidfText().fit(w.text).transform(w.text), 64)
    seen = {
        "pixels": directions(small(w.image, 16), 64),
        "EfficientNet-Lite0 (photographs)": directions(EfficientNetLite(96).transform(w.image), 64),
        "CnnImage (3,000 other things)": directions(CnnImage.load("things").transform(w.image), 64),
    }
    out: dict[str, Any] = {}
    for name, A in seen.items():
        for n in (10, 30, 100, 300, 1000):
            drawn = (np.random.default_rng(s).choice(1000, n, replace=False) for s in range(draws))
            out.setdefault(name, {})[n] = told(
                [hit(CCA().fit(A[at], words[at]), A[1000:], words[1000:]) for at in drawn]
            )
    return out


def farthest(X: np.ndarray, k: int, seed: int) -> np.ndarray:
    """k rows, each as far as can be from those before it."""
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    chosen = [int(np.random.default_rng(seed).integers(len(X)))]
    near = X @ X[chosen[0]]
    while len(chosen) < k:
        chosen.append(int(near.argmin()))
        near = np.maximum(near, X @ X[chosen[-1]])
    return np.array(chosen)


def chosen_pairs(world: dict[str, Any], draws: int = 12) -> dict[str, Any]:
    A, B, pool = world["a"], world["b"], 1500
    out: dict[str, Any] = {}
    for n in (30, 100, 300):
        ways = {
            "random": lambda s, n=n: np.random.default_rng(s).choice(pool, n, replace=False),
            "farthest first": lambda s, n=n: farthest(B[:pool], n, s),
        }
        found = {
            name: [hit(CCA().fit(A[at], B[at]), A[-TEST:], B[-TEST:]) for at in map(way, range(draws))]
            for name, way in ways.items()
        }
        gain = np.subtract(found["farthest first"], found["random"])
        out[str(n)] = {name: told(x) for name, x in found.items()} | {"gain": told(gain.tolist())}
    return out


def typefaces(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same symbols in two typefaces, as principal directions of their pixels, each side by itself."""
    a, b = glyphs("DejaVu Sans"), glyphs("DejaVu Serif")
    both = np.intersect1d(a.factors["codepoint"], b.factors["codepoint"])
    some = np.random.default_rng(seed).choice(both, n, replace=False)
    A, B = (s.image[np.searchsorted(s.factors["codepoint"], some)].reshape(n, -1) for s in (a, b))
    return directions(A, 64), directions(B, 64)


def self_training(
    A: np.ndarray, B: np.ndarray, start: np.ndarray, make: Callable[[], Any], rounds: int = 8
) -> dict[str, list[float]]:
    """Learn from the pairs and from half of the mutual matches, those with the best scores, round after round."""
    rest = np.setdiff1d(np.arange(len(A)), start)
    i = j = np.empty(0, np.int64)
    out: dict[str, list[float]] = {"found": [], "right": []}
    for _ in range(rounds):
        P = make().fit(np.r_[A[start], A[i]], np.r_[B[start], B[j]])
        S = similarity(P.transform(A[rest], side="a"), P.transform(B[rest], side="b"))
        out["found"].append(round(float((S.argmax(axis=1) == np.arange(len(rest))).mean()), 4))
        mutual = mutual_match(S)
        best = np.argsort(-mutual.scores)[: max(1, len(mutual) // 2)]
        i, j = rest[mutual.pairs[best, 0]], rest[mutual.pairs[best, 1]]
        out["right"].append(round(float((i == j).mean()), 4))
    return out


def no_pairs(A: np.ndarray, B: np.ndarray, seed: int = 0, rounds: int = 6) -> dict[str, Any]:
    """Match by structure, refine by mutual matches, and label 100 of what comes out."""
    n = len(A)
    order = np.random.default_rng(seed).permutation(n)
    partner = np.argsort(order)
    found = structure_match(A, B[order])
    out: dict[str, Any] = {
        "n": n,
        "structure": round(float((partner[found.pairs[:, 0]] == found.pairs[:, 1]).mean()), 4),
    }
    pairs = found.pairs
    for _ in range(rounds):
        dim = min(A.shape[1], B.shape[1])
        P = Procrustes(dim=dim).fit(A[pairs[:, 0]], B[order][pairs[:, 1]])
        S = similarity(P.transform(A, side="a"), P.transform(B[order], side="b"))
        pairs = mutual_match(S).pairs
    out["refined"] = round(float((S.argmax(axis=1) == partner).mean()), 4)
    final = max_match(S)
    asked = Labelling(final, target=0.9, delta=0.1, seed=seed)
    for _ in range(100):
        if (pair := asked.ask()) is None:
            break
        asked.answer(bool(partner[pair[0]] == pair[1]))
    kept = asked.kept.pairs
    out |= {
        "answers": len(asked.asked),
        "kept": len(kept),
        "right among kept": round(float((partner[kept[:, 0]] == kept[:, 1]).mean()), 4)
        if len(kept)
        else None,
    }
    return out


def ring(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points round a circle, twice, a little blurred: inside, every turn of it looks like every other."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    A, B = (np.c_[np.cos(angle), np.sin(angle)] + 0.01 * rng.normal(size=(n, 2)) for _ in range(2))
    return A, B


def measure() -> dict[str, Any]:
    found = worlds()
    plain = found["things, picture–words"]
    out: dict[str, Any] = {"curves": {}}
    for name, world in found.items():
        out["curves"][name] = curves(world)
        print(name, "done", flush=True)
    out["features"] = better_features()
    out["chosen"] = {
        name: chosen_pairs(found[name]) for name in ("things, picture–words", "things, sound–words")
    }
    start = np.random.default_rng(0).choice(1000, 10, replace=False)
    faces = typefaces(1000)
    many = np.random.default_rng(0).choice(1000, 100, replace=False)
    out["self-training"] = {
        "two typefaces, 10 pairs": self_training(*faces, start, lambda: Procrustes()),
        "things, picture–words, 100 pairs": self_training(plain["a"][:1000], plain["b"][:1000], many, CCA),
    }
    print("self-training done", flush=True)
    out["no pairs"] = {
        "two typefaces": no_pairs(*typefaces(600)),
        "things, picture–words": no_pairs(plain["a"][:600], plain["b"][:600]),
        "a ring": no_pairs(*ring(300)),
    }
    return out


def tables(found: dict[str, Any]) -> str:
    def cell(x: dict[str, float]) -> str:
        return f"{x['mean']:.3f} ± {x['half']:.3f}"

    lines = [
        "# Few pairs",
        "",
        "Written by `python benchmarks/scarce.py --write`; not edited by hand. What is measured is said in the script's head.",
        "",
    ]
    for name, world in found["curves"].items():
        sizes = list(world["CCA"])
        lines += [
            f"## {name} (chance {world['chance']:.3f})",
            "",
            f"| pairs | {' | '.join(map(str, sizes))} |",
            f"|---|{'--:|' * len(sizes)}",
        ]
        lines += [f"| {p} | {' | '.join(cell(world[p][n]) for n in sizes)} |" for p in PROJECTIONS] + [""]
    lines += [
        "## Better features: things, picture–words, CCA",
        "",
        "| pairs | 10 | 30 | 100 | 300 | 1000 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {' | '.join(cell(x) for x in row.values())} |" for name, row in found["features"].items()
    ]
    lines += [
        "",
        "## Pairs that are chosen, CCA",
        "",
        "| data | pairs | random | farthest first | gain |",
        "|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {n} | {' | '.join(cell(row[x]) for x in ('random', 'farthest first', 'gain'))} |"
        for name, rows in found["chosen"].items()
        for n, row in rows.items()
    ]
    lines += [
        "",
        "## Mutual matches as new pairs",
        "",
        "Found: share of all others whose nearest is their partner, before each round. Right: share of the new pairs that are right.",
        "",
        "| | " + " | ".join(f"round {k}" for k in range(8)) + " |",
        "|---|" + "--:|" * 8,
    ]
    for name, row in found["self-training"].items():
        lines += [
            f"| {name}: {what} | {' | '.join(f'{x:.2f}' for x in row[what])} |" for what in ("found", "right")
        ]
    lines += [
        "",
        "## No pairs at all",
        "",
        "| | items | right by structure | after refining | answers | kept at target 0.9 | right among kept |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in found["no pairs"].items():
        share = "–" if row["right among kept"] is None else f"{row['right among kept']:.3f}"
        lines.append(
            f"| {name} | {row['n']} | {row['structure']:.3f} | {row['refined']:.3f} | {row['answers']} | {row['kept']} | {share} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write SCARCE.md and data/measured/scarce.json")
    wanted = parser.parse_args()
    found = json.loads(json.dumps(measure()))
    print(tables(found))
    if wanted.write:
        (HERE / "SCARCE.md").write_text(tables(found), encoding="utf-8")
        (HERE.parent / "data" / "measured" / "scarce.json").write_text(
            json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()

"""How often does ``best_offset`` take strangers for one scene (p ≤ 0.05), and how often does it find one scene?

    python benchmarks/sync_null.py            print the tables
    python benchmarks/sync_null.py --write    and put them into benchmarks/SYNC.md

AR(r): each frame is r times the last one and something new (r = 0 white noise, r = 1 a random walk). Strangers: two
such sequences drawn independently. One scene: two crops of one sequence, a few frames apart, each with noise of half
the standard deviation of the scene. *Pieces alone* and *phases alone* are the two halves of the default null by
themselves; the p-value is the larger of the two. Detected: p ≤ 0.05 and the offset within one frame. *Identical*: the
largest p-value of a sequence with itself, of 199 copies. *All* offsets: ``max_offset`` left as it is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from mmalign_nb.sync import _frames, _phases, _pieces, best_offset

Make = Callable[[np.random.Generator, int], np.ndarray]
SIZES = (
    (60, 60, None),
    (60, 60, 5),
    (200, 200, None),
    (200, 200, 5),
    (400, 400, 10),
    (60, 200, None),
    (200, 60, None),
)
SHUFFLES = 19  # the least with which p can be 0.05


def drifting(rng: np.random.Generator, n: int, keep: float) -> np.ndarray:
    """Return n frames of AR(keep), past its beginnings."""
    burn = 0 if keep == 1 else 1000
    return lfilter([1.0], [1.0, -keep], rng.normal(size=n + burn))[burn:]


def noisy_drift(rng: np.random.Generator, n: int, keep: float = 0.99) -> np.ndarray:
    """Return a slow drift under white noise: what is remembered is hidden."""
    x = drifting(rng, n, keep)
    return x + 0.5 * x.std() * rng.normal(size=n)


def smooth(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return white noise averaged over 20 frames."""
    return np.convolve(rng.normal(size=n + 19), np.ones(20), "valid")


def bursts(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return silence with one clap in 60 frames."""
    x = 0.05 * rng.normal(size=n + 5)
    for t in rng.integers(0, n, n // 60):
        x[t : t + 5] += [1, 5, 3, 2, 1]
    return x[:n]


CASES: dict[str, Make] = {
    f"AR({keep:g})": lambda rng, n, keep=keep: drifting(rng, n, keep) for keep in (0.0, 0.5, 0.9, 0.99, 1.0)
}
CASES |= {"AR(0.99) under noise": noisy_drift, "mean of 20 frames": smooth, "claps": bursts}


def rates(make: Make, n: int, m: int, reach: int | None, runs: int) -> np.ndarray:
    """Return the false alarms of pieces alone, of phases alone and of ``best_offset``, and its detections, as shares."""
    hits = np.zeros(4)
    for seed in range(runs):
        rng = np.random.default_rng([seed, n, m, reach or 0])
        a, b = make(rng, n), make(rng, m)
        x, y = (a, b) if n <= m else (b, a)
        copied, width = _frames(y, "y"), len(best_offset(a, b, max_offset=reach, shuffles=0).offsets)
        kinds = (
            _pieces(copied, min(width, len(x) / 4), SHUFFLES, rng),
            _phases(copied, SHUFFLES, rng),
        )
        for at, kind in enumerate(kinds):
            hits[at] += best_offset(x, y, max_offset=reach, null=list(kind)).p_value <= 0.05
        hits[2] += best_offset(a, b, max_offset=reach, shuffles=SHUFFLES, seed=seed).p_value <= 0.05
        offset, scene = int(rng.integers(-4, 5)), make(rng, max(n, m) + 8)
        noise = 0.5 * scene.std()
        a = scene[4 : 4 + n] + noise * rng.normal(size=n)
        b = scene[4 - offset : 4 - offset + m] + noise * rng.normal(size=m)
        same = best_offset(a, b, max_offset=reach, shuffles=SHUFFLES, seed=seed)
        hits[3] += same.p_value <= 0.05 and abs(same.offset - offset) <= 1
    return hits / runs


def identical(make: Make, n: int, m: int, reach: int | None, runs: int = 5) -> float:
    """Return the largest p-value of a sequence with itself, or with an excerpt of itself."""
    scenes = [make(np.random.default_rng([7, seed]), max(n, m)) for seed in range(runs)]
    return max(best_offset(x[:n], x[:m], max_offset=reach).p_value for x in scenes)


def main() -> None:
    """Print the table and, if asked to, keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    began = time.perf_counter()
    lines = [
        "| input | frames of a, of b | max_offset | false alarms, pieces alone | phases alone | false alarms | one scene "
        "detected | identical, p ≤ |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, make in CASES.items():
        for n, m, reach in SIZES:
            shares = rates(make, n, m, reach, args.runs)
            lines.append(
                f"| {name} | {n}, {m} | {'all' if reach is None else reach} | "
                + " | ".join(f"{x:.1%}" for x in shares)
                + f" | {identical(make, n, m, reach):.3f} |"
            )
            print(lines[-1], flush=True)
    said = __doc__.split("\n\n")[2].strip()
    error = np.sqrt(0.05 * 0.95 / args.runs)
    text = (
        "# Does the p-value of best_offset keep its word?\n\n"
        "Written by `python benchmarks/sync_null.py --write`.\n\n"
        f"{said}\n\n"
        f"{args.runs} runs a row, {SHUFFLES} copies of each kind: a true 5 % has a standard error of {error:.1%}.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    if args.write:
        path = Path(__file__).parent / "SYNC.md"
        _, other, rest = path.read_text(encoding="utf-8").partition("\n# Do clocks")  # sync_clocks.py's
        path.write_text(text + other + rest, encoding="utf-8")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

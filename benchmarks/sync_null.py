"""How often does ``best_offset`` take strangers for one scene (p ≤ 0.05), and how often does it find one scene?

    python benchmarks/sync_null.py            print the tables
    python benchmarks/sync_null.py --write    and put them into benchmarks/SYNC.md

AR(r): each frame is r times the last one and something new (r = 0 white noise, r = 1 a random walk). Strangers: two
such sequences drawn independently. One scene: two crops of one sequence, a few frames apart, each with noise of half
the standard deviation of the scene. *Pieces alone* is the same search with the null that shuffles the frames of
drifting input too, without first taking out what can be foretold. Detected: p ≤ 0.05 and the offset within one frame.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from mmalign_nb.sync import best_offset

KEEP, LENGTHS, REACH = (0.0, 0.5, 0.8, 0.95, 0.99, 1.0), (60, 200, 400), (5, 10)
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


def pieces_alone(b: np.ndarray, width: int, copies: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield copies of b: a circular shift, cut into pieces, in random order."""
    count = round(len(b) / min(width, len(b) / 4))
    for _ in range(copies):
        pieces = np.array_split(np.roll(b, rng.integers(len(b))), count)
        yield np.concatenate([pieces[i] for i in rng.permutation(count)])


def rates(make, n: int, reach: int, runs: int) -> tuple[float, float, float]:
    """Return the false alarms of pieces alone, those of ``best_offset``, and its detections, as shares of the runs."""
    alone = alarms = found = 0
    for seed in range(runs):
        rng = np.random.default_rng([seed, n, reach])
        a, b = make(rng, n), make(rng, n)
        copies = list(pieces_alone(b, 2 * reach + 1, SHUFFLES, rng))
        alone += best_offset(a, b, max_offset=reach, null=copies).p_value <= 0.05
        alarms += best_offset(a, b, max_offset=reach, shuffles=SHUFFLES, seed=seed).p_value <= 0.05
        offset, scene = int(rng.integers(-reach + 1, reach)), make(rng, n + 2 * reach)
        noise = 0.5 * scene.std() * rng.normal(size=(2, n))
        a, b = scene[reach : reach + n] + noise[0], scene[reach - offset : reach - offset + n] + noise[1]
        same = best_offset(a, b, max_offset=reach, shuffles=SHUFFLES, seed=seed)
        found += same.p_value <= 0.05 and abs(same.offset - offset) <= 1
    return alone / runs, alarms / runs, found / runs


def main() -> None:
    """Print the table and, if asked to, keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    began = time.perf_counter()
    cases = {f"AR({keep:g})": lambda rng, n, keep=keep: drifting(rng, n, keep) for keep in KEEP}
    cases |= {"AR(0.99) under noise": noisy_drift, "mean of 20 frames": smooth, "claps": bursts}
    lines = [
        "| input | frames | max_offset | false alarms, pieces alone | false alarms | one scene detected |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, make in cases.items():
        for n in LENGTHS:
            for reach in REACH:
                shares = rates(make, n, reach, args.runs)
                lines.append(f"| {name} | {n} | {reach} | " + " | ".join(f"{x:.1%}" for x in shares) + " |")
                print(lines[-1], flush=True)
    said = __doc__.split("\n\n")[2].strip()
    error = np.sqrt(0.05 * 0.95 / args.runs)
    text = (
        "# Does the p-value of best_offset keep its word?\n\n"
        "Written by `python benchmarks/sync_null.py --write`.\n\n"
        f"{said}\n\n"
        f"{args.runs} runs a row, {SHUFFLES} shuffles: a true 5 % has a standard error of {error:.1%}.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    if args.write:
        (Path(__file__).parent / "SYNC.md").write_text(text, encoding="utf-8")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

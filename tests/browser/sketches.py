"""Symbols as somebody would sketch them: strokes written down once, from knowing what the symbols look like.

Nothing was tuned on them. Coordinates are of the unit square, x to the right and y down.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

Stroke = list[tuple[float, float]]


def poly(*points: float) -> Stroke:
    """A line through points given as x, y, x, y, …"""
    return list(zip(points[::2], points[1::2], strict=True))


def arc(x: float, y: float, r: float, start: float = 0, end: float = 360, tall: float = 1) -> Stroke:
    """Part of a circle or ellipse, in degrees clockwise from the right."""
    steps = max(4, int(abs(end - start) / 12))
    angles = [math.radians(start + (end - start) * k / steps) for k in range(steps + 1)]
    return [(x + r * math.cos(a), y + r * tall * math.sin(a)) for a in angles]


def star(points: int, x: float, y: float, outer: float, inner: float) -> Stroke:
    """A star that stands on two of its points."""
    angles = [math.pi * k / points - math.pi / 2 for k in range(2 * points + 1)]
    return [(x + (inner if k % 2 else outer) * math.cos(a), y + (inner if k % 2 else outer) * math.sin(a)) for k, a in enumerate(angles)]  # fmt: skip


def arrow(x0: float, y0: float, x1: float, y1: float, head: float = 0.22) -> list[Stroke]:
    """A shaft and an open head at its end."""
    a = math.atan2(y1 - y0, x1 - x0)
    sides = [(x1 - head * math.cos(a + turn), y1 - head * math.sin(a + turn)) for turn in (0.7, -0.7)]
    return [[(x0, y0), (x1, y1)], [sides[0], (x1, y1), sides[1]]]


HEART = [
    *arc(0.3, 0.3, 0.2, 180, 360),
    *arc(0.7, 0.3, 0.2, 180, 360),
    (0.88, 0.42),
    (0.5, 0.9),
    (0.12, 0.42),
    (0.1, 0.3),
]
SKETCHES: dict[str, Sequence[Stroke]] = {
    "leftwards arrow": arrow(0.95, 0.5, 0.05, 0.5),
    "upwards arrow": arrow(0.5, 0.95, 0.5, 0.05),
    "rightwards arrow": arrow(0.05, 0.5, 0.95, 0.5),
    "downwards arrow": arrow(0.5, 0.05, 0.5, 0.95),
    "left right arrow": arrow(0.5, 0.5, 0.05, 0.5) + arrow(0.5, 0.5, 0.95, 0.5),
    "up down arrow": arrow(0.5, 0.5, 0.5, 0.05) + arrow(0.5, 0.5, 0.5, 0.95),
    "north west arrow": arrow(0.9, 0.9, 0.1, 0.1),
    "south east arrow": arrow(0.1, 0.1, 0.9, 0.9),
    "rightwards double arrow": [poly(0.05, 0.4, 0.8, 0.4), poly(0.05, 0.6, 0.8, 0.6), poly(0.65, 0.22, 0.95, 0.5, 0.65, 0.78)],
    "infinity": [[(0.5 + 0.45 * math.cos(t) / (1 + math.sin(t) ** 2), 0.5 + 0.55 * math.sin(t) * math.cos(t) / (1 + math.sin(t) ** 2)) for t in np.linspace(0, 2 * math.pi, 50)]],
    "n-ary summation": [poly(0.85, 0.1, 0.15, 0.1, 0.55, 0.5, 0.15, 0.9, 0.85, 0.9)],
    "integral": [[*arc(0.68, 0.17, 0.12, 0, -180), (0.5, 0.85), *arc(0.38, 0.85, 0.12, 0, 180)]],
    "for all": [poly(0.1, 0.1, 0.5, 0.9, 0.9, 0.1), poly(0.24, 0.4, 0.76, 0.4)],
    "there exists": [poly(0.2, 0.1, 0.8, 0.1, 0.8, 0.9, 0.2, 0.9), poly(0.25, 0.5, 0.8, 0.5)],
    "element of": [[(0.9, 0.15), *arc(0.5, 0.5, 0.35, -90, -270), (0.9, 0.85)], poly(0.15, 0.5, 0.9, 0.5)],
    "empty set": [arc(0.5, 0.5, 0.36), poly(0.15, 0.9, 0.85, 0.1)],
    "intersection": [[(0.15, 0.9), *arc(0.5, 0.45, 0.35, 180, 360), (0.85, 0.9)]],
    "union": [[(0.15, 0.1), *arc(0.5, 0.55, 0.35, 180, 0), (0.85, 0.1)]],
    "not equal to": [poly(0.1, 0.4, 0.9, 0.4), poly(0.1, 0.62, 0.9, 0.62), poly(0.3, 0.85, 0.7, 0.15)],
    "almost equal to": [[(x, y + 0.07 * math.sin(2 * math.pi * (x - 0.1) / 0.8) * -1) for x in np.linspace(0.1, 0.9, 20)] for y in (0.38, 0.62)],
    "less-than or equal to": [poly(0.9, 0.1, 0.1, 0.4, 0.9, 0.7), poly(0.1, 0.9, 0.9, 0.9)],
    "plus-minus sign": [poly(0.5, 0.05, 0.5, 0.65), poly(0.15, 0.35, 0.85, 0.35), poly(0.15, 0.9, 0.85, 0.9)],
    "multiplication sign": [poly(0.15, 0.15, 0.85, 0.85), poly(0.85, 0.15, 0.15, 0.85)],
    "division sign": [poly(0.1, 0.5, 0.9, 0.5), arc(0.5, 0.25, 0.04), arc(0.5, 0.75, 0.04)],
    "plus sign": [poly(0.5, 0.1, 0.5, 0.9), poly(0.1, 0.5, 0.9, 0.5)],
    "up tack": [poly(0.5, 0.1, 0.5, 0.9), poly(0.1, 0.9, 0.9, 0.9)],
    "angle": [poly(0.85, 0.15, 0.1, 0.85, 0.9, 0.85)],
    "nabla": [poly(0.1, 0.1, 0.9, 0.1, 0.5, 0.9, 0.1, 0.1)],
    "parallel to": [poly(0.4, 0.1, 0.4, 0.9), poly(0.6, 0.1, 0.6, 0.9)],
    "therefore": [arc(0.5, 0.25, 0.05), arc(0.2, 0.75, 0.05), arc(0.8, 0.75, 0.05)],
    "circled plus": [arc(0.5, 0.5, 0.4), poly(0.5, 0.1, 0.5, 0.9), poly(0.1, 0.5, 0.9, 0.5)],
    "greek capital letter omega": [[(0.1, 0.9), (0.35, 0.9), *arc(0.5, 0.45, 0.36, 115, 425), (0.65, 0.9), (0.9, 0.9)]],
    "greek small letter pi": [poly(0.1, 0.2, 0.9, 0.2), poly(0.32, 0.2, 0.32, 0.85), [(0.66, 0.2), (0.66, 0.7), (0.72, 0.83), (0.82, 0.85)]],
    "greek small letter alpha": [[(0.85, 0.15), (0.7, 0.6), *arc(0.4, 0.5, 0.28, 40, 320), (0.7, 0.45), (0.78, 0.8), (0.9, 0.85)]],
    "greek small letter lamda": [poly(0.15, 0.08, 0.3, 0.1, 0.85, 0.9), poly(0.48, 0.42, 0.15, 0.9)],
    "greek capital letter psi": [poly(0.5, 0.05, 0.5, 0.95), [(0.12, 0.05), *arc(0.5, 0.3, 0.38, 180, 0), (0.88, 0.05)]],
    "greek capital letter phi": [poly(0.5, 0.05, 0.5, 0.95), arc(0.5, 0.5, 0.38, 0, 360, 0.65)],
    "white square": [poly(0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1)],
    "white up-pointing triangle": [poly(0.5, 0.1, 0.9, 0.9, 0.1, 0.9, 0.5, 0.1)],
    "white diamond": [poly(0.5, 0.05, 0.95, 0.5, 0.5, 0.95, 0.05, 0.5, 0.5, 0.05)],
    "white circle": [arc(0.5, 0.5, 0.42)],
    "white star": [star(5, 0.5, 0.53, 0.45, 0.19)],
    "white heart suit": [HEART],
    "eighth note": [arc(0.35, 0.8, 0.12, 0, 360, 0.7), arc(0.35, 0.8, 0.06, 0, 360, 0.6), poly(0.46, 0.8, 0.46, 0.1, 0.55, 0.25, 0.7, 0.35, 0.66, 0.55)],
    "umbrella": [arc(0.5, 0.5, 0.45, 180, 360), poly(0.05, 0.5, 0.95, 0.5), [(0.5, 0.5), (0.5, 0.85), *arc(0.42, 0.85, 0.08, 0, 180)], poly(0.5, 0.0, 0.5, 0.06)],
    "anchor": [arc(0.5, 0.14, 0.08), poly(0.5, 0.22, 0.5, 0.92), poly(0.3, 0.34, 0.7, 0.34), arc(0.5, 0.52, 0.4, 0, 180), poly(0.02, 0.62, 0.1, 0.5, 0.2, 0.62), poly(0.8, 0.62, 0.9, 0.5, 0.98, 0.62)],
    "white smiling face": [arc(0.5, 0.5, 0.45), arc(0.35, 0.38, 0.04), arc(0.65, 0.38, 0.04), arc(0.5, 0.52, 0.25, 20, 160)],
    "white frowning face": [arc(0.5, 0.5, 0.45), arc(0.35, 0.38, 0.04), arc(0.65, 0.38, 0.04), arc(0.5, 0.85, 0.25, 220, 320)],
    "female sign": [arc(0.5, 0.3, 0.25), poly(0.5, 0.55, 0.5, 0.98), poly(0.3, 0.77, 0.7, 0.77)],
    "male sign": [arc(0.38, 0.62, 0.3), poly(0.6, 0.4, 0.95, 0.05), poly(0.68, 0.05, 0.95, 0.05, 0.95, 0.32)],
    "white sun with rays": [arc(0.5, 0.5, 0.2), *[[(0.5 + r * math.cos(a), 0.5 + r * math.sin(a)) for r in (0.3, 0.46)] for a in np.arange(8) * math.pi / 4]],
    "last quarter moon": [[*arc(0.55, 0.5, 0.42, -70, -290), *arc(0.75, 0.5, 0.38, 110, 250)]],
    "envelope": [poly(0.05, 0.2, 0.95, 0.2, 0.95, 0.8, 0.05, 0.8, 0.05, 0.2), poly(0.05, 0.2, 0.5, 0.55, 0.95, 0.2)],
    "check mark": [poly(0.1, 0.55, 0.35, 0.9, 0.9, 0.1)],
    "peace symbol": [arc(0.5, 0.5, 0.45), poly(0.5, 0.05, 0.5, 0.95), poly(0.5, 0.5, 0.18, 0.82), poly(0.5, 0.5, 0.82, 0.82)],
    "warning sign": [poly(0.5, 0.05, 0.97, 0.92, 0.03, 0.92, 0.5, 0.05), poly(0.5, 0.35, 0.5, 0.65), arc(0.5, 0.78, 0.03)],
    "euro sign": [arc(0.6, 0.5, 0.38, -50, -310), poly(0.05, 0.42, 0.65, 0.42), poly(0.05, 0.58, 0.6, 0.58)],
    "dollar sign": [[*arc(0.5, 0.33, 0.22, -30, -230), (0.6, 0.52), *arc(0.5, 0.68, 0.22, -40, 150)], poly(0.5, 0.0, 0.5, 1.0)],
    "pound sign": [[*arc(0.62, 0.28, 0.2, -20, -180), (0.42, 0.65), (0.2, 0.92), (0.85, 0.92)], poly(0.2, 0.52, 0.68, 0.52)],
    "yen sign": [poly(0.1, 0.05, 0.5, 0.48, 0.9, 0.05), poly(0.5, 0.48, 0.5, 0.95), poly(0.2, 0.55, 0.8, 0.55), poly(0.2, 0.72, 0.8, 0.72)],
    "commercial at": [arc(0.48, 0.5, 0.16), [(0.64, 0.34), (0.64, 0.66), *arc(0.5, 0.5, 0.42, 25, -290)]],
    "question mark": [[*arc(0.5, 0.28, 0.22, -170, 60), (0.5, 0.55), (0.5, 0.7)], arc(0.5, 0.9, 0.03)],
    "exclamation mark": [poly(0.5, 0.05, 0.5, 0.68), arc(0.5, 0.9, 0.03)],
    "number sign": [poly(0.4, 0.05, 0.28, 0.95), poly(0.72, 0.05, 0.6, 0.95), poly(0.1, 0.35, 0.95, 0.35), poly(0.05, 0.65, 0.9, 0.65)],
    "copyright sign": [arc(0.5, 0.5, 0.45), arc(0.5, 0.5, 0.22, -45, -315)],
    "latin capital letter a": [poly(0.12, 0.95, 0.5, 0.05, 0.88, 0.95), poly(0.26, 0.65, 0.74, 0.65)],
    "latin capital letter r": [poly(0.2, 0.95, 0.2, 0.05), [(0.2, 0.05), (0.5, 0.05), *arc(0.5, 0.28, 0.23, -90, 90), (0.2, 0.51)], poly(0.5, 0.51, 0.8, 0.95)],
    "latin capital letter s": [[*arc(0.5, 0.28, 0.22, -20, -240), (0.6, 0.52), *arc(0.5, 0.72, 0.22, -50, 160)]],
    "digit three": [[*arc(0.5, 0.28, 0.22, -150, 80), *arc(0.5, 0.72, 0.23, -80, 150)]],
    "digit five": [[(0.75, 0.05), (0.28, 0.05), (0.26, 0.45), *arc(0.47, 0.66, 0.27, -110, 140)]],
    "digit eight": [arc(0.5, 0.27, 0.2), arc(0.5, 0.72, 0.24)],
    "high voltage sign": [poly(0.55, 0.05, 0.3, 0.55, 0.65, 0.5, 0.4, 0.95)],
    "black scissors": [arc(0.2, 0.25, 0.12), arc(0.2, 0.75, 0.12), poly(0.3, 0.32, 0.95, 0.7), poly(0.3, 0.68, 0.95, 0.3)],
    "telephone location sign": [arc(0.5, 0.5, 0.42), poly(0.3, 0.4, 0.7, 0.4), poly(0.35, 0.5, 0.3, 0.65, 0.7, 0.65, 0.65, 0.5)],
}  # fmt: skip


def jittered(strokes: Sequence[Stroke], rng: np.random.Generator) -> list[list[list[float]]]:
    """The same by an unsteady hand: turned, stretched and slanted a little, with a slow tremor along each stroke."""
    turn, slant = rng.uniform(-0.09, 0.09), rng.uniform(-0.1, 0.1)
    wide, high = np.exp(rng.uniform(-0.12, 0.12, 2))
    matrix = np.array(
        [[wide * math.cos(turn), -math.sin(turn) + slant], [math.sin(turn), high * math.cos(turn)]]
    )
    out = []
    for stroke in strokes:
        fine = _fine(np.array(stroke))
        tremor = sum(rng.normal(0, 0.008, (2, 2))[0] * np.sin(np.linspace(0, k * math.pi, len(fine)) + rng.uniform(0, 6))[:, None] for k in (1, 2, 5))  # fmt: skip
        moved = (fine - 0.5) @ matrix.T + 0.5 + tremor + rng.normal(0, 0.012, 2)
        out.append(np.clip(0.1 + 0.8 * moved, 0, 1).round(4).tolist())
    return out


def _fine(points: np.ndarray) -> np.ndarray:
    """Points every fiftieth of the side, as a pen gives them."""
    parts = [points[:1]]
    for a, b in itertools.pairwise(points):
        steps = max(1, round(float(np.hypot(*(b - a))) * 50))
        parts.append(a + (b - a) * (np.arange(1, steps + 1) / steps)[:, None])
    return np.concatenate(parts)

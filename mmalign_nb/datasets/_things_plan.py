"""What a thing is, and when it sounds: decided here once, then told by words, picture, sound and film."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

KINDS = (
    "bell", "drum", "bird", "clock", "rain cloud", "siren", "car", "bee", "whistle", "ball", "frog", "cat",
)  # fmt: skip

# Hue alone would fail one reader in twenty: neighbours in hue differ in lightness, too (tests/test_things.py
# looks at every pair through the eyes of the three kinds of colour blindness).
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (196, 38, 46),
    "orange": (243, 134, 36),
    "yellow": (252, 220, 72),
    "green": (22, 148, 104),
    "blue": (56, 128, 226),
    "purple": (104, 58, 150),
    "pink": (247, 168, 200),
    "white": (248, 247, 242),
}
SIZES = ("small", "medium", "large")
COUNTS = (1, 2, 3, 4)
TIMES = ("dawn", "day", "dusk", "night")

_ALL = tuple(product(KINDS, COLOURS, SIZES, COUNTS, TIMES))  # 12 · 8 · 3 · 4 · 4 = 4,608 different items

# One stream of random numbers for each use, so that a change in one never reaches another.
_STREAMS = {"factors": 0, "text": 1, "text_zh": 2, "image": 3, "audio": 4, "beats": 5}
Stream = Literal["text", "text_zh", "image", "audio", "beats"]


@dataclass(frozen=True)
class Thing:
    """The five factors of one item."""

    kind: str
    colour: str
    size: str
    count: int
    time: str


class Beat(NamedTuple):
    """One event: one of the things sounds, and in the film it hops at that very moment."""

    at: float  # as a share of the clip's length, in [0, 1)
    loud: float  # in (0, 1]: how loud it sounds and how high it hops
    who: int  # which of the drawn things, 0 … count − 1


def rng_for(seed: int, index: int, stream: Stream) -> np.random.Generator:
    """Random numbers that depend on the seed, the item and their use, and on nothing else."""
    return np.random.default_rng([seed, index, _STREAMS[stream]])


def thing(seed: int, index: int) -> Thing:
    """Return the factors of item ``index``.

    The items walk through all 4,608 combinations in an order shuffled by the seed (and reshuffled for each
    further lap), so that no two of the first 4,608 items mean the same: every item has one right partner.
    """
    lap, step = divmod(index, len(_ALL))
    return Thing(*_ALL[_order(seed, lap)[step]])


@lru_cache(maxsize=8)
def _order(seed: int, lap: int) -> np.ndarray:
    return np.random.default_rng([seed, lap, _STREAMS["factors"]]).permutation(len(_ALL))


def beats(rng: np.random.Generator, count: int, first: float = 0.045, last: float = 0.8) -> list[Beat]:
    """Draw ``count`` events in random order of things, at random times at least 0.2 of the clip apart."""
    gap = 0.2
    free = last - first - gap * (count - 1)
    at = first + gap * np.arange(count) + free * np.sort(rng.random(count))
    who = rng.permutation(count)
    return [Beat(float(t), float(rng.uniform(0.55, 1.0)), int(w)) for t, w in zip(at, who, strict=True)]

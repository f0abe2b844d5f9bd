"""Which encoders can stand for the sides of a folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .._check import as_images


class Candidate(NamedTuple):
    """An encoder that may be tried: its name, the family that asks for it, and how it is made.

    ``frozen`` says that there is nothing to learn: its two sides share a space already.
    """

    name: str
    family: str
    make: Callable[[int], Any]
    frozen: bool = False


class Symbols:
    """Look at a picture as at a symbol: its ink, in the middle of a small grey square, through the trained symbol encoder.

    What is lighter than its surroundings is turned round, so that ink is dark on white, as in training.
    """

    def __init__(self) -> None:
        self._encoder: Any = None

    def transform(self, X: Any) -> np.ndarray:
        """Return float32 (n, 128), unit rows."""
        from ..features import CnnImage

        if self._encoder is None:
            self._encoder = CnnImage.load("glyphs")
        images = as_images(X, "X")
        out: np.ndarray = self._encoder.transform(np.stack([_ink(x) for x in images]))
        return out


def _ink(image: np.ndarray, size: int = 32, inside: int = 26) -> np.ndarray:
    """The ink of a picture, scaled into a grey square: uint8 (size, size)."""
    from PIL import Image

    grey = image.mean(axis=2) if image.ndim == 3 else image.astype(np.float64)
    paper = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    dark = np.abs(grey - paper)
    dark *= 255 / max(float(dark.max()), 32.0)  # faint grain on empty paper stays faint
    rows, cols = (np.flatnonzero(dark.max(axis=axis) > 64) for axis in (1, 0))
    canvas = np.full((size, size), 255, np.uint8)
    if not len(rows):
        return canvas
    part = dark[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    scale = inside / max(part.shape)
    height, width = (max(1, round(x * scale)) for x in part.shape)
    small = Image.fromarray(part.clip(0, 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    top, left = (size - height) // 2, (size - width) // 2
    canvas[top : top + height, left : left + width] = 255 - np.asarray(small)
    return canvas


def _own_image_text(seed: int) -> Any:
    from ..features import TfidfText
    from ..project import DualEncoder, RidgeMap

    return DualEncoder(Symbols(), TfidfText(ngrams=(1, 2)), RidgeMap(direction="b_to_a"))


def candidates(a: str, b: str) -> list[Candidate]:
    """What can be tried for two modalities, the cheapest first."""
    return [Candidate("symbols and own words", "own", _own_image_text)]

"""What an encoder's parameters and labels must be, said in words before a library trips over them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._check import as_count, describe, is_number

__all__ = ["as_labels_or_vectors", "check_number", "check_range", "check_rate", "name_missing"]

LARGEST_RATE = 1e30  # beyond, AdamW's own arithmetic overflows float32 before any loss could show it


def check_number(
    value: Any, name: str, low: float, high: float = math.inf, *, above: bool = False, below: bool = False
) -> float:
    """Return a finite number of at least ``low`` and at most ``high``; ``above`` and ``below`` leave the ends out."""
    ok = is_number(value)
    ok = ok and (value > low if above else value >= low) and (value < high if below else value <= high)
    if not ok:
        least = f"above {low:g}" if above else f"of at least {low:g}"
        most = "" if high == math.inf else f" and {'below' if below else 'at most'} {high:g}"
        raise ValueError(f"{name} is {value!r}; want a number {least}{most}")
    return float(value)


def check_rate(value: Any) -> None:
    """Refuse a sample rate at which a window of 32 ms, half of it a step, would hold no sound."""
    if not is_number(value) or value < 63:
        raise ValueError(f"sample_rate is {value!r}; want the samples per second, in Hz (at least 63)")


def check_range(value: Any, name: str) -> tuple[int, int]:
    """Return the shortest and the longest of a run as two whole numbers, ``1 <= shortest <= longest``."""
    try:
        low, high = (as_count(n, name) for n in value)
    except (TypeError, ValueError):
        low, high = 1, 0
    if isinstance(value, str) or low > high:
        raise ValueError(
            f"{name} is {value!r}; want (shortest, longest): two whole numbers with 1 <= shortest <= longest"
        )
    return low, high


def name_missing(labels: Iterable[Any]) -> tuple[int, Any] | None:
    """Return row and value of the first label that is None, NaN, NaT or pandas' NA, if there is one."""
    for row, label in enumerate(labels):
        try:
            missing = label is None or bool(label != label)  # only what is missing differs from itself
        except TypeError:  # pandas' NA is neither equal nor unequal to anything
            missing = True
        if missing:
            return row, label
    return None


def as_labels_or_vectors(y: Any) -> Any:
    """Return ``y`` as (n,) labels without gaps, or as an array or CSR matrix of vectors; only its axes are checked."""
    wanted = "want class labels (n,) or the vectors (n, d) of the paired items"
    if y is None:
        raise ValueError(f"y is None; {wanted}")
    if hasattr(y, "tocsr"):
        return y
    try:
        out = np.asarray(y)
    except ValueError as err:  # rows of different lengths
        raise ValueError(f"y is {describe(y)} of different lengths; {wanted}") from err
    if out.ndim == 0:
        raise ValueError(f"y is {describe(y)}; {wanted}")
    if out.ndim == 1:
        # A list is looked at as it came: NumPy would make the word "nan" of a NaN among strings.
        if (gap := name_missing(y if isinstance(y, (list, tuple)) else out)) is not None:
            raise ValueError(
                f"y has no label in row {gap[0]}: it is {gap[1]!r}; label the item or leave it out"
            )
        if out.dtype == object and all(isinstance(label, str) for label in out):
            out = out.astype(str)  # a table's column of words: as plain strings it can be saved
    return out

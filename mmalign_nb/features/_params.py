"""What an encoder's parameters and labels must be, said in words before a library trips over them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check import as_count, as_number, bad_rows, describe, missing_rows

__all__ = ["as_labels_or_vectors", "check_range", "check_rate"]

LARGEST_RATE = 1e30  # beyond, AdamW's own arithmetic overflows float32 before any loss could show it


def check_rate(value: Any) -> None:
    """Refuse a sample rate at which a window of 32 ms, half of it a step, would hold no sound."""
    as_number(value, "sample_rate", 63, what="the samples per second, in Hz,")


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
        gap = missing_rows(y if isinstance(y, (list, tuple)) else out)
        if gap.any():
            raise ValueError(bad_rows(gap, "y", "no label", "label these items or leave them out"))
        if out.dtype == object and all(isinstance(label, str) for label in out):
            out = out.astype(str)  # a table's column of words: as plain strings it can be saved
    return out

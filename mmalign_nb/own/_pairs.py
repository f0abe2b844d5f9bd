"""Given pairs: where they come from, which of them are copies of one another, and in which fold each stands."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._check import describe
from .._files import as_path


def given_pairs(pairs: Any, found: np.ndarray, ids_a: Sequence[str], ids_b: Sequence[str]) -> np.ndarray:
    """Rows of both sides, int64 (k, 2), ascending: those that the folder says, of a file, or as they came."""
    if pairs is None:
        return found
    if isinstance(pairs, (str, os.PathLike)):
        return _from_file(pairs, ids_a, ids_b)
    rows = np.asarray(pairs)
    if not rows.size:
        return np.empty((0, 2), np.int64)
    if rows.ndim != 2 or rows.shape[1] != 2 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"pairs is {describe(pairs)}; want a CSV file of two columns of names, whole numbers (k, 2), or () for none"
        )
    if rows.min() < 0 or rows[:, 0].max() >= len(ids_a) or rows[:, 1].max() >= len(ids_b):
        raise ValueError(
            f"pairs has rows from {rows.min(axis=0).tolist()} to {rows.max(axis=0).tolist()}; there are {len(ids_a)} and {len(ids_b)} items"
        )
    return np.unique(rows.astype(np.int64), axis=0)


def _from_file(path: Any, ids_a: Sequence[str], ids_b: Sequence[str]) -> np.ndarray:
    from ..datasets._readers import Unusable, read_table

    place = as_path(path, "pairs")
    if not place.is_file():
        raise FileNotFoundError(f"pairs is {place}; want a CSV file of two columns of names")
    try:
        header, body, _ = read_table(place, None)
    except Unusable as err:
        raise ValueError(f"{place.name}: {err}") from err
    return np.empty((0, 2), np.int64)


def plain(text: str) -> str:
    """A caption as it counts: composed, without capitals, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def twins(items: Any, modality: str) -> np.ndarray:
    """A number for each item, equal where two are the same to the bit (captions: but for capitals and spaces)."""
    values = getattr(items, modality)
    keys = [plain(x) for x in values] if isinstance(values, list) else [x.tobytes() for x in values]
    seen: dict[Any, int] = {}
    return np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)


def groups(pairs: np.ndarray, twins_a: np.ndarray | None, twins_b: np.ndarray | None) -> np.ndarray:
    """A number for each pair, equal where pairs hang together by an item or by copies of one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a = pairs[:, 0] if twins_a is None else twins_a[pairs[:, 0]]
    b = pairs[:, 1] if twins_b is None else twins_b[pairs[:, 1]]
    n = int(max(a.max(initial=0), b.max(initial=0))) + 1
    joined = coo_array((np.ones(len(a)), (a, b + n)), (2 * n, 2 * n))
    return np.asarray(connected_components(joined, directed=False)[1])[a]


def folds(group: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each pair, groups whole: shuffled, the largest first, each into the smallest fold."""
    rng = np.random.default_rng([seed, 0xF01D])
    names, sizes = np.unique(group, return_counts=True)
    order = rng.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, where = np.zeros(count, int), np.empty(int(names.max(initial=0)) + 1, np.int64)
    for at in order.tolist():
        fold = int(filled.argmin())
        where[names[at]] = fold
        filled[fold] += sizes[at]
    return where[group]

"""Test data that training has seen."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._check import as_array, as_matrix, as_texts, as_threshold, check_nonzero_rows, describe, is_text
from ..similarity import norms, top_k


@dataclass(frozen=True, eq=False, repr=False)
class Leakage:
    """Hold what ``leakage`` found.

    Parameters
    ----------
    exact : int64 (k, 2)
        Rows ``(train, test)``: each test row that training has too, bit by bit (text: letter by letter), with the first
        training row that is the same.
    near : int64 (k, 2)
        Rows ``(train, test)``: each test row that is at least as near to training as the line, with its nearest
        training row; empty if no line was given.
    nearest : float32 (n_test,) or None
        Cosine of each test row with the nearest training row; None for text and pictures.
    within : float32 (n_train,) or None
        Cosine of each training row with the nearest *other* training row: how near rows are anyway.
    n_test : int

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.evaluate import leakage
    >>> leakage(["a cat", "a dog"], ["a frog", "a dog"]).exact.tolist()
    [[1, 1]]
    """

    exact: np.ndarray
    near: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    nearest: np.ndarray | None = None
    within: np.ndarray | None = None
    n_test: int = 0

    def __repr__(self) -> str:
        share = len(self.exact) / self.n_test if self.n_test else 0.0
        text = f"Leakage({len(self.exact)} exact duplicates, {share:.1%} of {self.n_test} test items"
        if len(self.near):
            text += f"; {len(self.near)} nearer than the line"
        if self.nearest is not None and self.within is not None:
            text += (
                f"; median cosine to training {np.median(self.nearest):.3f}, "
                f"within training {np.median(self.within):.3f}"
            )
        return text + ")"


def leakage(train: Any, test: Any, *, threshold: float | None = None) -> Leakage:
    """Find test items that training has seen: exact duplicates, and for vectors near ones.

    A duplicate across the split makes every figure too good. For vectors, ``nearest`` is ``max_i cos(train_i, test_j)``
    and ``within`` is the same inside the training set; where the first is well above the second, test items are
    copies (other crops, other spellings) and not new items.

    Parameters
    ----------
    train, test : lists or columns of str, arrays of pictures (n, H, W[, 3]), or arrays (n, d) of vectors
        Both of one kind. Text is compared without case, extra spaces and Unicode spelling (an é may be one sign or two).
    threshold : float, optional
        The cosine from which a test vector counts as a near duplicate. There is no default: without it, none is
        called so, and ``nearest`` and ``within`` show where a line could lie.

    Returns
    -------
    Leakage

    Raises
    ------
    TypeError, ValueError
        If the two are not of one kind and width, or a threshold is given for text or pictures.

    References
    ----------
    B. Barz, J. Denzler, *Do we train on test data? Purging CIFAR of near-duplicates*, Journal of Imaging 6(6), 2020.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.evaluate import leakage
    >>> train, test = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.1], [1.0, 1.0]])
    >>> leakage(train, test, threshold=0.99)
    Leakage(0 exact duplicates, 0.0% of 2 test items; 1 nearer than the line; median cosine to training 0.853,
        within training 0.000)
    """
    line = None if threshold is None else as_threshold(threshold)
    if any(_holds_text(x) for x in (train, test)):
        words = [as_texts(x, name) for x, name in ((train, "train"), (test, "test"))]
        keys = [
            [" ".join(unicodedata.normalize("NFC", t).lower().split()).encode() for t in x] for x in words
        ]
        return _exact_only(keys, line, "text")
    a, b = (as_array(x, name, "texts, pictures or vectors") for x, name in ((train, "train"), (test, "test")))
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"train is {describe(train)} and test is {describe(test)}; want items of one kind and size"
        )
    if a.ndim > 2:
        sides = [
            as_matrix(x.reshape(len(x), math.prod(x.shape[1:])), name)
            for x, name in ((a, "train"), (b, "test"))
        ]
        return _exact_only(_bits(*sides), line, "pictures")
    A, B = as_matrix(a, "train"), as_matrix(b, "test")
    check_nonzero_rows(norms(A), "train")
    check_nonzero_rows(norms(B), "test")
    ids, scores = top_k(B, A, 1)
    at = (
        np.flatnonzero(scores[:, 0].astype(np.float64) >= line) if line is not None else np.empty(0, np.int64)
    )
    near = np.stack([ids[at, 0], at], axis=1)
    return Leakage(_same(*_bits(A, B)), near, scores[:, 0], _without_self(A), len(B))


def _holds_text(x: Any) -> bool:
    """Whether this is a sequence of texts: a list, an array, a column of a table."""
    first = (
        next(iter(x), None)
        if isinstance(x, Iterable) and getattr(x, "ndim", 1) == 1 and not isinstance(x, str)
        else x
    )
    return isinstance(first, str) or is_text(x)


def _bits(A: np.ndarray, B: np.ndarray) -> list[list[bytes]]:
    """The rows of both sides as bytes, equal where the numbers are: one precision, and one zero instead of two."""
    both = np.result_type(A, B)
    return [[hashlib.blake2b(row, digest_size=16).digest() for row in x.astype(both) + 0.0] for x in (A, B)]


def _without_self(A: np.ndarray) -> np.ndarray:
    """Cosine of each row with the nearest other row."""
    if len(A) < 2:
        return np.full(len(A), np.nan, np.float32)
    ids, scores = top_k(A, A, 2)
    # A row need not come first in its own list: a copy with a lower number does.
    return np.where(ids[:, 0] == np.arange(len(A)), scores[:, 1], scores[:, 0])


def _exact_only(keys: list[list[bytes]], threshold: float | None, kind: str) -> Leakage:
    if threshold is not None:
        raise ValueError(
            f"threshold is {threshold!r}, but {kind} has no cosine; want vectors (encode both sides first)"
        )
    return Leakage(_same(*keys), n_test=len(keys[1]))


def _same(train: list[bytes], test: list[bytes]) -> np.ndarray:
    """Each test row whose key training has, with the first training row that has it: (train, test)."""
    first = {key: i for i, key in reversed(list(enumerate(train)))}
    pairs = [(first[key], j) for j, key in enumerate(test) if key in first]
    return np.array(pairs, np.int64).reshape(len(pairs), 2)

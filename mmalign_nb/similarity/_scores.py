"""The one definition of a score: float64 inside, float32 outside, the same for a pair, a block and a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._check import as_scores, one_of
from ._rows import BY_DIFFERENCES, METRICS, as_sides, check_directions, norms

__all__ = ["Scores", "score_block", "score_pairs"]


def _product(a: Any, b: Any) -> np.ndarray:
    """Inner products ``a @ b.T`` in float64; a sparse side stays sparse."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    if hasattr(a, "tocsr"):
        out = a @ b.T
        return np.asarray(out.toarray() if hasattr(out, "toarray") else out)
    if hasattr(b, "tocsr"):
        return np.asarray((b @ a.T).T)
    return np.asarray(a @ b.T)


def _squared_distance(a: Any, b: Any) -> np.ndarray:
    """Squared Euclidean distances in float64: |a|² + |b|² - 2ab, and by differences where that cancels."""
    x, y = a, b
    if not hasattr(a, "tocsr") and not hasattr(b, "tocsr"):
        mean = b.mean(axis=0, dtype=np.float64)  # distances don't change, but far from 0 less cancels
        x, y = a - mean, b - mean
    square_a, square_b = norms(x) ** 2, norms(y) ** 2
    scale = square_a[:, None] + square_b
    out = np.asarray(scale - 2 * _product(x, y))
    i, j = np.nonzero(out < 1e-4 * scale)
    if len(i):
        out[i, j] = _over_pairs(a, b, i, j, lambda u, v: _dots(u - v, u - v))
    return out.clip(min=0, out=out)


def _over_pairs(a: Any, b: Any, i: np.ndarray, j: np.ndarray, of: Any) -> np.ndarray:
    """Call ``of`` on float64 rows ``a[i], b[j]``, a few megabytes at a time."""
    out = np.empty(len(i), np.float64)
    step = max(1, 2**16 // a.shape[1])
    for s in range(0, len(i), step):
        out[s : s + step] = of(_rows64(a, i[s : s + step]), _rows64(b, j[s : s + step]))
    return out


def _rows64(x: Any, at: np.ndarray) -> np.ndarray:
    if hasattr(x, "tocsr"):
        return np.asarray(x[at].toarray(), np.float64)
    return np.asarray(x.take(at, axis=0).astype(np.float64))


def _bit_counts(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.bitwise_count(x))


def score_block(a: Any, b: Any, metric: str) -> np.ndarray:
    """Scores of every row of ``a`` with every row of ``b`` as ``as_sides`` made them: float32 ``(n, m)``.

    Distances come negated, so higher is more alike; ``0 - x`` rather than ``-x`` keeps zero positive.
    """
    if metric == "hamming":
        count = np.zeros((len(a), len(b)), np.float32)
        for w in range(a.shape[1]):
            count -= _bit_counts(a[:, None, w] ^ b[None, :, w])
        return count
    if metric in BY_DIFFERENCES:
        from scipy.spatial.distance import cdist

        return _rounded(0 - cdist(a, b, BY_DIFFERENCES[metric][0]))
    if metric == "euclidean":
        return _rounded(0 - np.sqrt(_squared_distance(a, b)))
    out = _product(a, b)
    if metric == "cosine":
        out /= norms(a)[:, None] * norms(b)
    return _rounded(out)


def _rounded(out: np.ndarray) -> np.ndarray:
    """Scores as float32, which holds none beyond 3.4e38."""
    if out.size and max(out.max(), -out.min()) > float(np.finfo(np.float32).max):
        raise ValueError(
            f"A and B have scores up to {max(out.max(), -out.min()):.3g}, and scores are float32, which ends at "
            f"{np.finfo(np.float32).max:.3g}: scale A and B down first"
        )
    return np.asarray(out.astype(np.float32))


def score_pairs(a: Any, b: Any, i: np.ndarray, j: np.ndarray, metric: str, lengths: Any = None) -> np.ndarray:
    """Scores of the pairs ``(a[i], b[j])`` alone, equal to those of ``score_block``: float32 ``(k,)``.

    ``lengths`` are the ``norms`` of both sides, for cosine, if they are known already.
    """
    if metric == "hamming":
        counts = [-_bit_counts(a[i, w] ^ b[j, w]).astype(np.float32) for w in range(a.shape[1])]
        return np.asarray(sum(counts, np.zeros(len(i), np.float32)))
    if metric == "euclidean":
        out = 0 - np.sqrt(_over_pairs(a, b, i, j, lambda u, v: _dots(u - v, u - v)))
    elif metric in BY_DIFFERENCES:
        out = 0 - _over_pairs(a, b, i, j, lambda u, v: BY_DIFFERENCES[metric][1](u - v))
    else:
        out = _over_pairs(a, b, i, j, _dots)
    if metric == "cosine":
        of_a, of_b = (norms(a), norms(b)) if lengths is None else lengths
        out /= of_a[i] * of_b[j]
    return _rounded(out)


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("ij,ij->i", u, v))


class Scores:
    """The scores of all rows with all columns, as a matrix or as two sides of vectors that are scored in blocks.

    What a reader calls ``scores`` passes the door here, once; everything that ranks, matches or measures asks this
    object and does not care which of the two it was. Inside always higher is more alike.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of vectors (n, d), (m, d)
    metric : str
        The similarity of vectors; not used for a matrix.
    name : str
        What the argument is called in errors.
    allow_empty : bool
        Whether a side may have no items.
    """

    def __init__(
        self, scores: Any, metric: str = "cosine", name: str = "scores", *, allow_empty: bool = True
    ) -> None:
        self.metric = one_of(metric, "metric", METRICS)
        self.matrix: np.ndarray | None = None
        if isinstance(scores, tuple) and len(scores) == 2:
            self.a, self.b = self._sides(*scores, allow_empty)
            if metric == "cosine":
                check_directions(self.a, "A")
                check_directions(self.b, "B")
            self.shape = (self.a.shape[0], self.b.shape[0])
        else:
            self.matrix = self._read(scores, name)
            self.shape = (self.matrix.shape[0], self.matrix.shape[1])
            if not allow_empty and not self.matrix.size:
                raise ValueError(
                    f"{name} is empty (shape {self.shape}); want at least one row and one column"
                )

    def _sides(self, a: Any, b: Any, allow_empty: bool) -> tuple[Any, Any]:
        return as_sides(a, b, self.metric, allow_empty=allow_empty)

    def _read(self, scores: Any, name: str) -> np.ndarray:
        return as_scores(scores, name)

    @property
    def T(self) -> Scores:
        """The same scores with the sides exchanged."""
        other = object.__new__(Scores)
        other.__dict__ = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        other.shape = self.shape[::-1]
        if self.matrix is None:
            other.a, other.b = self.b, self.a
        else:
            other.matrix = self.matrix.T
        return other

    def dense(self) -> np.ndarray:
        """The whole (n, m) matrix; of vectors it is made in blocks, so that the float64 part stays at 32 MB."""
        if self.matrix is not None:
            return self.matrix
        n, m = self.shape
        out = np.empty((n, m), np.float32)
        rows, columns = 1024, 4096
        for i in range(0, n, rows):
            for j in range(0, m, columns):
                out[i : i + rows, j : j + columns] = score_block(
                    self.a[i : i + rows], self.b[j : j + columns], self.metric
                )
        return out

    def blocks(self, size: int = 2**20) -> Iterator[tuple[int, np.ndarray]]:
        """Some rows after another: (first row, their scores), about ``size`` scores at a time."""
        step = max(1, size // max(self.shape[1], 1))
        for s in range(0, self.shape[0], step):
            yield s, self.block(slice(s, s + step), slice(None))

    def block(self, rows: Any, cols: Any) -> np.ndarray:
        """The scores of some rows and columns."""
        if self.matrix is not None:
            return self.matrix[rows][:, cols]
        return score_block(self.a[rows], self.b[cols], self.metric)

    def pairs(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """The scores of some pairs ``(i[k], j[k])``."""
        if self.matrix is not None:
            return self.matrix[i, j]
        return score_pairs(self.a, self.b, i, j, self.metric)

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids and scores of the k best columns of each row, best first; equal scores in the order of columns."""
        from ._tiles import Gallery
        from ._topk import top_k, top_k_of

        if self.matrix is not None:
            return top_k_of(self.matrix, k)
        if not self.shape[1]:
            return np.empty((self.shape[0], 0), np.int64), np.empty((self.shape[0], 0), np.float32)
        return top_k(self.a, Gallery(self.b, self.metric), k, self.metric)

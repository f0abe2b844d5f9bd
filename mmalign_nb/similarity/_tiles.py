"""Tiles of scores that stay in the cache: how they are multiplied, how far off they can be, and on which threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from .._check import check_nonzero_rows
from ._rows import norms
from ._scores import score_block, score_pairs

__all__ = ["UNIT", "Gallery", "Queries", "in_threads", "inside", "spans", "threads"]

UNIT = 2.0**-24  # unit roundoff of float32


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController().select(user_api="blas")


def threads() -> int:
    """How many threads BLAS is allowed now: OMP_NUM_THREADS, threadpool_limits or the number of cores."""
    return max((lib.num_threads for lib in _blas().lib_controllers), default=os.cpu_count() or 1)


def in_threads(function: Callable[..., Any], jobs: list[tuple[Any, ...]]) -> list[Any]:
    """Run ``function(*job)`` for each job on as many threads as BLAS is allowed, with one BLAS thread for each."""
    workers = min(threads(), len(jobs))
    if workers <= 1:
        return [function(*job) for job in jobs]
    with _blas().limit(limits=1), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda job: function(*job), jobs))


def spans(n: int, size: int) -> list[tuple[int, int]]:
    """Cut ``range(n)`` into spans of about equal length, at most ``size``; an even number of them, for two cores."""
    count = -(-n // size)
    count += count % 2 if count > 1 else 0
    return list(pairwise(n * i // count for i in range(count + 1)))


class Gallery:
    """One side of a search, prepared once: what a tile needs to know of the rows, but no copy of them.

    Ranks by an inner product in every case. cosine: of unit rows. euclidean: ``a·b - |b|²/2``, around the mean of
    the gallery, so that data far from the origin doesn't cancel.
    """

    def __init__(self, rows: Any, metric: str) -> None:
        self.rows, self.metric = rows, metric
        dense = isinstance(rows, np.ndarray)
        self.fast = dense and len(rows) > 0 and metric in ("cosine", "dot", "euclidean")
        if self.fast and metric == "euclidean":
            self.mean = rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
        starts = [(s,) for s in range(0, rows.shape[0], 4096)]
        if self.fast or metric == "cosine":
            of = in_threads(lambda s: norms(self._moved(rows[s : s + 4096])), starts)
            self.lengths = np.concatenate([np.empty(0), *of])
        if metric == "cosine":
            check_nonzero_rows(self.lengths, "B")
        if self.fast:
            self.largest = float(self.lengths.max())
            least = float(self.lengths.min()) if metric == "cosine" else 1.0
            self.fast = least > 1e-15 and 1e-15 < self.largest < 1e15

    def _moved(self, x: np.ndarray) -> np.ndarray:
        return x - self.mean if self.metric == "euclidean" else x

    def _single(self, x: np.ndarray) -> np.ndarray:
        """Rows as a product takes them: float32. Rounding float64 to it costs one unit more, which the bound has room for."""
        return self._moved(x).astype(np.float32, copy=False)

    def queries(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return queries ready for ``tile`` and, for each, how far off a score in a tile can be; None if unknown."""
        length = norms(self._moved(a))
        if length.max(initial=0) > 1e15 or length[length > 0].min(initial=1) < 1e-15:
            return None
        a = self._single(a)
        # |error of a float32 inner product| <= d u |a||b|, in any order of summation (Higham 2002, section 3.1).
        u = (a.shape[1] + 16) * UNIT
        if self.metric == "cosine":
            return a / length[:, None].astype(np.float32), np.full(len(a), u, np.float32)
        u *= self.largest
        if self.metric == "dot":
            return a, (u * length).astype(np.float32)
        ones = np.ones((len(a), 1), np.float32)
        return np.hstack([a, ones]), (u * (length + self.largest)).astype(np.float32)

    def tile(self, q: np.ndarray, start: int, stop: int, out: np.ndarray) -> None:
        """Fill ``out (stop - start, len(q))`` with the scores by which the rows are ranked."""
        b, length = self._single(self.rows[start:stop]), self.lengths[start:stop, None]
        if self.metric == "cosine" and np.abs(length - 1).max() > 4 * UNIT:
            b = b * (1 / length).astype(np.float32)
        elif self.metric == "euclidean":
            b = np.hstack([b, (length**2 / -2).astype(np.float32)])
        np.matmul(b, q.T, out=out)


class Queries:
    """One block of queries against a gallery, a tile at a time."""

    def __init__(self, a: Any, g: Gallery, exact: bool = False) -> None:
        self.a, self.g, self.n = a, g, a.shape[0]
        ready = g.queries(a) if g.fast and isinstance(a, np.ndarray) and not exact else None
        self.exact = ready is None
        self.q: Any
        self.slack: np.ndarray
        self.q, self.slack = ready if ready is not None else (a, np.zeros(self.n, np.float32))

    def tile(self, start: int, stop: int, buffer: np.ndarray, group: int) -> np.ndarray:
        """Scores of the rows ``start … stop`` in whole groups, ``(groups, group, n)``; -inf fills the last group up."""
        rows = -(-(stop - start) // group) * group
        out = buffer[: rows * self.n].reshape(rows, self.n)
        out[stop - start :] = -np.inf
        if self.exact:
            out[: stop - start] = score_block(self.g.rows[start:stop], self.a, self.g.metric)
        else:
            self.g.tile(self.q, start, stop, out[: stop - start])
        return out.reshape(-1, group, self.n)

    def pairs(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Exact scores of some pairs of a query and a row of the gallery."""
        known = (norms(self.a), self.g.lengths) if self.g.metric == "cosine" else None
        return score_pairs(self.a, self.g.rows, i, j, self.g.metric, known)


def inside(tile: np.ndarray, hits: np.ndarray, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What reaches the cut in the groups that are hit: (query, row, score)."""
    at, q = np.divmod(hits, tile.shape[2])
    scores = tile[at, :, q]
    h, offset = np.nonzero(scores >= cut[q][:, None])
    return q[h], at[h] * tile.shape[1] + offset, scores[h, offset]

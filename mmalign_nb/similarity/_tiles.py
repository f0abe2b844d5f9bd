"""Tiles of scores that stay in the cache: how they are multiplied, how far off they can be, and on which threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from .._check import check_nonzero_rows
from ._rows import norms
from ._scores import score_block, score_pairs

__all__ = ["UNIT", "Gallery", "Part", "Queries", "in_threads", "inside", "parts", "spans", "threads"]

FLOAT = np.finfo(np.float32)
LARGEST = float(FLOAT.max)
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
    count = min(n, count + count % 2 if count > 1 else count)
    return list(pairwise(n * i // count for i in range(count + 1))) if n else []


class Gallery:
    """One side of a search, prepared once: what a tile needs to know of the rows, but no copy of them.

    Ranks by an inner product in every case. cosine: of unit rows. euclidean: ``a·b - |b|²/2``, around the mean of
    the gallery, so that data far from the origin doesn't cancel. Rows that are ``gone``, bool ``(m,)``, keep their
    numbers and are never found (``Rivals`` don't know of them).
    """

    def __init__(self, rows: Any, metric: str, gone: np.ndarray | None = None) -> None:
        self.rows, self.metric, self.gone = rows, metric, gone
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
            self.fast = self.fast and _invertible(self.lengths)
        if self.fast:
            self.largest = float(self.lengths.max())

    def _moved(self, x: np.ndarray) -> np.ndarray:
        return x - self.mean if self.metric == "euclidean" else x

    def _ready(self, start: int, stop: int) -> np.ndarray:
        """Some rows as the product takes them, float32: of unit length, or moved and with ``-|b|²/2`` as a last column."""
        b, length = self._moved(self.rows[start:stop]), self.lengths[start:stop]
        if self.metric == "cosine":
            return _unit(b, length)
        if self.metric == "dot":
            return b.astype(np.float32, copy=False)
        out = np.empty((stop - start, b.shape[1] + 1), np.float32)
        out[:, :-1], out[:, -1] = b, length**2 / -2
        return out

    def _queries(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Queries as the product takes them, their lengths, and how far off their scores in a tile can be.

        None where float32 can bound no error, because products would overflow, or underflow as a whole.
        """
        a = self._moved(a)
        length, d = norms(a), a.shape[1]
        # |error of a float32 inner product| <= d u / (1 - d u) |a||b|, in any order of summation (Higham 2002, section 3.1). Room
        # for 16 more: lengths of 1, rounding of the rows themselves (from float64 too), of |b|²/2, of the final score.
        u = d * UNIT / (1 - d * UNIT) + 16 * UNIT
        if self.metric == "cosine":
            if not _invertible(length):
                return None
            return _unit(a, length), length, np.full(len(a), u, np.float32)
        size = self.largest * (length + (self.largest if self.metric == "euclidean" else 0))
        # Each of the d products may be off by the smallest number there is, which must be little beside u times size.
        least = d * float(FLOAT.smallest_subnormal) / UNIT
        if size.max(initial=0) > LARGEST / 4 or size.min(initial=LARGEST, where=size > 0) < least:
            return None
        if self.metric == "euclidean":
            a = np.hstack([a, np.ones((len(a), 1), a.dtype)])
        return a.astype(np.float32, copy=False), length, (u * size).astype(np.float32)


def _unit(x: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Rows of unit length, float32; those that have it but for rounding stay as they are."""
    if np.abs(length - 1).max(initial=0) > 4 * UNIT:
        x = x * (1 / length)[:, None].astype(x.dtype)
    return x.astype(np.float32, copy=False)


def _invertible(lengths: np.ndarray) -> bool:
    """Whether 1 / length is a normal float32 number for all of them."""
    tiny = float(FLOAT.tiny)
    return bool(lengths.min(initial=1.0) >= tiny and lengths.max(initial=1.0) <= 1 / tiny)


class Part:
    """Some rows of a gallery; made ready for products once, for all blocks of queries that need it."""

    def __init__(self, g: Gallery, start: int, stop: int) -> None:
        self.g, self.start, self.stop = g, start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    @cached_property
    def ready(self) -> np.ndarray:
        return self.g._ready(self.start, self.stop)


def parts(g: Gallery, lo: int, hi: int, step: int) -> Iterator[Part]:
    """The rows ``lo … hi`` of a gallery, ``step`` at a time."""
    return (Part(g, s, min(s + step, hi)) for s in range(lo, hi, step))


class Queries:
    """One block of queries against a gallery, a tile at a time."""

    def __init__(self, a: Any, g: Gallery, exact: bool = False) -> None:
        self.a, self.g, self.n = a, g, a.shape[0]
        ready = g._queries(a) if g.fast and isinstance(a, np.ndarray) and not exact else None
        self.exact = ready is None
        self.q: Any
        self.length: np.ndarray
        self.slack: np.ndarray
        self.q, self.length, self.slack = ready or (a, np.empty(0), np.zeros(self.n, np.float32))

    def tile(self, part: Part, buffer: np.ndarray, group: int) -> np.ndarray:
        """Scores of some rows in whole groups, ``(groups, group, n)``; -inf fills the last group up."""
        rows = -(-len(part) // group) * group
        out = buffer[: rows * self.n].reshape(rows, self.n)
        out[len(part) :] = -np.inf
        if self.exact:
            out[: len(part)] = self.whole(part)
        else:
            np.matmul(part.ready, self.q.T, out=out[: len(part)])
            self._hide(part, out)
        return out.reshape(-1, group, self.n)

    def line(self, least: Any) -> np.ndarray:
        """From where a score of a tile on it may be a true one of at least ``least``, (n,) or one number: float32 (n,)."""
        t = np.clip(np.asarray(least, np.float64), -LARGEST, LARGEST)  # no score is infinite, but padding is
        if self.exact:
            return np.broadcast_to(t, self.n).astype(np.float32)
        if self.g.metric == "euclidean":  # a distance t means an inner product of (|a|² - t²) / 2
            square = self.length**2
            t = np.where(t > 0, LARGEST, (square - t * t) / 2 - 2 * UNIT * (square + t * t))
        return np.clip(t - self.slack - 4 * UNIT * np.abs(t), -LARGEST, LARGEST).astype(np.float32)

    def whole(self, part: Part) -> np.ndarray:
        """Exact scores of some rows, ``(rows, n)``, made in pieces, because they are float64 on the way."""
        rows = range(part.start, part.stop, 512)
        pieces = [self.g.rows[s : min(s + 512, part.stop)] for s in rows]
        out = np.concatenate([score_block(x, self.a, self.g.metric) for x in pieces])
        self._hide(part, out)
        return out

    def _hide(self, part: Part, out: np.ndarray) -> None:
        """No score is infinite, so -inf is never a candidate."""
        if self.g.gone is not None:
            out[: len(part)][self.g.gone[part.start : part.stop]] = -np.inf

    def pairs(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Exact scores of some pairs of a query and a row of the gallery."""
        known = (self.length, self.g.lengths) if self.g.metric == "cosine" else None
        return score_pairs(self.a, self.g.rows, i, j, self.g.metric, known)


def inside(tile: np.ndarray, hits: np.ndarray, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What reaches the cut in the groups that are hit: (query, row, score)."""
    _, group, n = tile.shape
    at = hits // n
    q = hits - at * n
    scores = tile.ravel().take((hits + at * ((group - 1) * n))[:, None] + np.arange(0, group * n, n))
    found = np.flatnonzero(scores >= cut.take(q)[:, None])
    h = found // group
    return q.take(h), at.take(h) * group + (found - h * group), scores.ravel().take(found)

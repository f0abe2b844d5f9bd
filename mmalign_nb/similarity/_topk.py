"""Exact search in blocks: multiply a tile that stays in the cache, and look only where a score can still win.

Selection, not the product, is where a search spends its time. So per tile of scores

1. reduce groups of 16 rows to their maxima (a vectorised ``max`` that reads each score once);
2. keep the groups whose maximum reaches ``cut``, the k-th best score known so far minus a bound on rounding;
3. look inside those groups only, and raise ``cut`` after 3, 9, 27, … tiles.

Tiles are float32 products. The few candidates that survive are scored again by ``score_pairs``, so ids and scores are
those of a brute-force float64 search rounded to float32, whatever the tile, the threads or the machine. Where rounding
could not be bounded, or where so many scores tie that looking inside would cost more, tiles come from ``score_block``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._check import as_count
from ._rows import as_sides, check_directions, norms
from ._scores import score_block
from ._tiles import UNIT, Gallery, Queries, in_threads, inside, spans, threads

__all__ = ["Gallery", "above", "best_first", "top_k", "top_k_of"]

QUERIES, ITEMS, GROUP = 512, 2048, 16  # a tile: 2048 × 512 float32 = 4 MB


def _group_size(items: int, k: int) -> int:
    """Rows per group: small enough that a tile has more than 2k groups, so that their maxima bound the k-th best."""
    size = GROUP
    while size > 1 and items < 2 * k * size:
        size //= 2
    return size


def _kth(x: np.ndarray, k: int, axis: int) -> np.ndarray:
    """The k-th largest along an axis; -inf where there are fewer."""
    n = x.shape[axis]
    if n < k:
        return np.full(x.shape[1 - axis], -np.inf, np.float32)
    return np.asarray(np.partition(x, n - k, axis=axis).take(n - k, axis=axis))


class _Best(Queries):
    """The candidates (query, item, score) for the k best of each query, and the cut below which none can win."""

    def __init__(self, a: Any, g: Gallery, k: int, exact: bool = False) -> None:
        super().__init__(a, g, exact)
        self.k = k
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.size, self.limit, self.tiles = 0, self.n * (3 * k + 64), 0
        self.cut = np.full(self.n, -np.inf, np.float32)

    def raise_cut(self, kth: np.ndarray) -> None:
        """Use that at least k scores reach ``kth`` (as computed)."""
        np.maximum(self.cut, kth - np.float32(2) * self.slack, out=self.cut, dtype=np.float32)

    def look(self, start: int, stop: int, buffer: np.ndarray, group: int) -> None:
        """Add those of the rows ``start … stop`` of the gallery that reach the cut."""
        tile = self.tile(start, stop, buffer, group)
        top = tile.max(axis=1)
        hits = np.flatnonzero(top >= self.cut) if self.tiles else np.empty(0)
        if not self.tiles or len(hits) > 2 * self.k * self.n:  # the latter: much better than those before
            self.raise_cut(_kth(top, self.k, axis=0))
            hits = np.flatnonzero(top >= self.cut)
        q, rows, scores = inside(tile, hits, self.cut)
        self.parts.append((q, start + rows, scores))
        self.size += len(q)
        self.tiles += 1
        if self.size > self.limit or self.tiles in (3, 9, 27, 81, 243, 729):
            self.tighten()

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """The candidates as (ids, scores), one row per query in ascending order of id; -1, -inf where there are none."""
        q, ids, scores = (np.concatenate(x) for x in zip(*self.parts, strict=True))
        order = np.argsort(q.astype(np.uint16), kind="stable")  # radix; keeps the ascending ids
        count = np.bincount(q, minlength=self.n)
        column = np.arange(len(q)) - np.repeat(np.cumsum(count) - count, count)
        shape = (self.n, max(int(count.max(initial=0)), self.k))
        out_ids, out_scores = np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32)
        out_ids[q[order], column], out_scores[q[order], column] = ids[order], scores[order]
        return out_ids, out_scores

    def tighten(self) -> None:
        """Raise the cut to what the candidates allow, and drop those below it."""
        ids, scores = self.table()
        kth = _kth(scores, self.k, axis=1)
        if self.exact:  # whatever comes later and ties with the k-th best loses: ask for more than the k-th
            ids, scores = best_first(ids, scores, self.k)
            np.maximum(self.cut, np.nextafter(kth, np.float32(np.inf)), out=self.cut, where=kth > -np.inf)
            keep = ids >= 0
        else:
            self.raise_cut(kth)
            keep = (scores >= self.cut[:, None]) & (ids >= 0)
        self.parts = [(np.nonzero(keep)[0], ids[keep], scores[keep])]
        self.size = int(keep.sum())

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The k best, scored exactly."""
        ids, scores = self.table()
        if not self.exact:
            self.raise_cut(_kth(scores, self.k, axis=1))
            at = np.nonzero((scores >= self.cut[:, None]) & (ids >= 0))
            exact = self.pairs(at[0], ids[at])
            scores.fill(-np.inf)
            scores[at] = exact
        return best_first(ids, scores, self.k)


def best_first(ids: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row, best first; equal scores in the order in which they stand."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)


def _search(a: Any, g: Gallery, k: int, lo: int, hi: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best rows ``lo … hi`` of the gallery; a tile of the gallery serves several blocks of queries."""
    blocks = [_Best(a[s:e], g, k) for s, e in spans(a.shape[0], min(QUERIES, max(32, 2**17 // k)))]
    step = max(ITEMS, 1 << (2 * k - 1).bit_length())
    group = _group_size(min(step, hi - lo), k) if blocks[0].n >= 16 else 1
    buffer = np.empty(step * max(b.n for b in blocks), np.float32)
    for start in range(lo, hi, step):
        for i, block in enumerate(blocks):
            block.look(start, min(start + step, hi), buffer, group)
            if block.size > block.limit and not block.exact:
                # So many ties, or an outlier so large, that rounding can't tell them apart: once more, exactly.
                blocks[i] = block = _Best(block.a, g, k, exact=True)
                for again in range(lo, start + 1, step):
                    block.look(again, min(again + step, hi), buffer, group)
    found = [block.best() for block in blocks]
    return np.concatenate([x[0] for x in found]), np.concatenate([x[1] for x in found])


def top_k(A: Any, B: Any, k: int, metric: str = "cosine") -> tuple[np.ndarray, np.ndarray]:
    """Find for each row of A the k rows of B with the highest similarity, without building the (n, m) matrix.

    Parameters
    ----------
    A : (n, d) queries
    B : (m, d) gallery, or a ``Gallery`` of rows that ``as_sides`` has checked (then A is taken as checked too)
    k : int
        How many; no more than m are returned.
    metric : str
        As in ``similarity``; scores are its scores.

    Returns
    -------
    ids : int64 (n, min(k, m))
        Best first; equal scores in the order of the gallery, lowest row first.
    scores : float32 (n, min(k, m))

    Raises
    ------
    TypeError, ValueError
        As ``similarity``, or if k is no whole number of at least 1.

    References
    ----------
    J. Johnson, M. Douze, H. Jégou, *Billion-scale similarity search with GPUs*, IEEE Trans. Big Data 7(3), 2021.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.similarity import top_k
    >>> ids, scores = top_k([[3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0], [6.0, 8.0]], k=2)
    >>> ids, scores.round(2)
    (array([[2, 1]]), array([[1. , 0.8]], dtype=float32))
    """
    k = as_count(k, "k")
    if isinstance(B, Gallery):
        a, g = A, B
    else:
        a, rows = as_sides(A, B, metric, allow_empty=True)
        g = Gallery(rows, metric)
    if metric == "cosine":
        check_directions(a, "A")
    n, m = a.shape[0], g.rows.shape[0]
    k = min(k, m)
    if n == 0 or m == 0:
        return np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    # A thread gets queries of its own, or, if they are few, its own part of the gallery.
    groups = max(1, min(threads(), n // 128))
    parts = -(-threads() // groups) if m >= 4 * ITEMS else 1
    spans_a, spans_b = spans(n, min(4 * QUERIES, -(-n // groups))), spans(m, -(-m // parts))
    parts = len(spans_b)
    found = in_threads(_search, [(a[s:e], g, k, lo, hi) for s, e in spans_a for lo, hi in spans_b])
    blocks = [found[i : i + parts] for i in range(0, len(found), parts)]
    merged = [best_first(np.hstack([x[0] for x in b]), np.hstack([x[1] for x in b]), k) for b in blocks]
    ids, scores = (np.concatenate(x) for x in zip(*merged, strict=True))
    return ids, scores


def top_k_of(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the k highest entries of each row of a score matrix ``(n, m)``: as ``top_k``, ids and scores."""
    n, m = scores.shape
    k = min(k, m)
    if k == 0 or n == 0:
        return np.empty((n, k), np.int64), np.empty((n, k), scores.dtype)
    out_ids, out_scores = np.empty((n, k), np.int64), np.empty((n, k), scores.dtype)
    step = max(1, 2**20 // m)
    for s in range(0, n, step):
        block = scores[s : s + step]
        kth = np.partition(block, m - k, axis=1)[:, m - k, None]
        above_kth = block > kth
        # Of those that tie with the k-th best the first ones fill up the row.
        level = block == kth
        room = k - above_kth.sum(axis=1, keepdims=True)
        chosen = above_kth | (level & (np.cumsum(level, axis=1) <= room))
        ids = np.nonzero(chosen)[1].reshape(len(block), k)
        out_ids[s : s + step], out_scores[s : s + step] = best_first(
            ids, np.take_along_axis(block, ids, 1), k
        )
    return out_ids, out_scores


def _above(
    a: Any, g: Gallery, threshold: np.float32, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of one block of queries at or above the threshold, ordered by (i, j)."""
    block = Queries(a, g)
    cut, t = np.full(block.n, threshold, np.float64), float(threshold)
    if not block.exact:
        if g.metric == "euclidean" and t <= 0:  # a distance t means an inner product of (|a|² - t²) / 2
            square = norms(block.q[:, :-1]) ** 2
            cut = (square - t * t) / 2 - 2 * UNIT * (square + t * t)
        elif g.metric == "euclidean":
            cut += np.inf
        cut = np.clip(cut, -1e38, 1e38)
        cut = cut - block.slack - 4 * UNIT * np.abs(cut)
    cut = cut.astype(np.float32)
    found = []
    buffer = np.empty(ITEMS * block.n, np.float32)
    for start in range(0, g.rows.shape[0], ITEMS):
        stop = min(start + ITEMS, g.rows.shape[0])
        tile = block.tile(start, stop, buffer, GROUP)
        hits = np.flatnonzero(tile.max(axis=1) >= cut)
        if block.exact:
            i, j, scores = inside(tile, hits, cut)
        elif len(hits) > tile.size // (4 * GROUP):  # so many that pair by pair would take longer
            scores = score_block(a, g.rows[start:stop], g.metric)
            i, j = np.nonzero(scores >= threshold)
            scores = scores[i, j]
        else:
            i, j, _ = inside(tile, hits, cut)
            scores = block.pairs(i, start + j)
            keep = scores >= threshold
            i, j, scores = i[keep], j[keep], scores[keep]
        found.append((i, start + j, scores))
    i, j, scores = (np.concatenate(x) for x in zip(*found, strict=True))
    order = np.argsort(i.astype(np.uint16), kind="stable")  # radix; within a query, j ascends already
    return first + i[order], j[order], scores[order]


def above(
    A: Any, B: Any, threshold: float, metric: str = "cosine"
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield all pairs whose similarity is at least ``threshold``, block by block: ``(i, j, score)``, sorted by i, then j.

    ``score >= float32(threshold)`` decides, with the scores of ``similarity``. The (n, m) matrix never exists; what
    is held is one tile per thread and the pairs of the current rows of A. A and B as in ``top_k``.

    Examples
    --------
    >>> from mmalign_nb.similarity import above
    >>> for i, j, score in above([[3.0, 4.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], threshold=0.7):
    ...     print(i, j, score.round(2))
    [0 1] [1 0] [0.8 1. ]
    """
    if np.isnan(threshold):
        raise ValueError("threshold is NaN; want a number")
    if isinstance(B, Gallery):
        a, g = A, B
    else:
        a, rows = as_sides(A, B, metric, allow_empty=True)
        g = Gallery(rows, metric)
    if metric == "cosine":
        check_directions(a, "A")
    if g.rows.shape[0] == 0:
        return
    # No score is infinite, but the padding of a tile is.
    least = np.float32(max(float(threshold), -3e38)) if threshold < 3e38 else np.float32(np.inf)
    blocks = [(a[s:e], g, least, s) for s, e in spans(a.shape[0], QUERIES)]
    wave = 2 * threads()  # BLAS has one thread only while we compute, not while the caller holds a block
    for w in range(0, len(blocks), wave):
        yield from in_threads(_above, blocks[w : w + wave])

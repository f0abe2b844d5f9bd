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
from threading import Lock
from typing import Any

import numpy as np

from .._check import as_count
from ._rows import as_sides, check_directions, norms
from ._scores import score_pairs
from ._tiles import LARGEST, UNIT, Gallery, Part, Queries, in_threads, inside, parts, spans, threads

__all__ = ["Gallery", "Rivals", "above", "best_first", "best_of", "top_k", "top_k_of"]

# A tile: about 4096 × 1000 float32 = 16 MB. Not 1024 queries: rows a power of two apart share their places in a cache.
QUERIES, ITEMS, GROUP = 1000, 4096, 16


def _group_size(items: int, k: int) -> int:
    """Rows per group: small enough that a tile has more than 2k groups, so that their maxima bound the k-th best."""
    size = GROUP
    while size > 1 and items < 2 * k * size:
        size //= 2
    return size


def _step(items: int, k: int) -> int:
    """Rows per tile, in whole groups: about ITEMS (more for a large k), so that no tile is much smaller than others."""
    count = max(1, round(items / max(ITEMS, 1 << (2 * k - 1).bit_length())))
    return -(-items // (count * GROUP)) * GROUP


def _kth(x: np.ndarray, k: int, axis: int) -> np.ndarray:
    """The k-th largest along an axis; -inf where there are fewer."""
    n = x.shape[axis]
    if n < k:
        return np.full(x.shape[1 - axis], -np.inf, np.float32)
    return np.asarray(np.partition(x, n - k, axis=axis).take(n - k, axis=axis))


def _bound(top: np.ndarray, k: int) -> np.ndarray:
    """What at least k scores of each column reach, from the maxima of their groups; a few groups are taken as one."""
    fold = len(top) // (8 * k)
    if fold > 1:
        top = top[: len(top) // fold * fold].reshape(fold, -1, top.shape[1]).max(axis=0)
    return _kth(top, k, axis=0)


class _Best(Queries):
    """The candidates (query, item, score) for the k best of each query, and the cut below which none can win."""

    def __init__(self, a: Any, g: Gallery, k: int, exact: bool = False) -> None:
        super().__init__(a, g, exact)
        self.k = k
        self.found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.size, self.limit, self.tiles = 0, self.n * (3 * k + 64), 0
        self.cut = np.full(self.n, -LARGEST, np.float32)

    def raise_cut(self, kth: np.ndarray) -> None:
        """Use that at least k scores reach ``kth`` (as computed)."""
        np.maximum(self.cut, kth - np.float32(2) * self.slack, out=self.cut, dtype=np.float32)

    def look(self, part: Part, buffer: np.ndarray, group: int) -> None:
        """Add those of some rows of the gallery that reach the cut."""
        tile = self.tile(part, buffer, group)
        top = tile.max(axis=1)
        hits = np.flatnonzero(top >= self.cut) if self.tiles else np.empty(0)
        if not self.tiles or len(hits) > 2 * self.k * self.n:  # the latter: much better than those before
            self.raise_cut(_bound(top, self.k))
            hits = np.flatnonzero(top >= self.cut)
        q, rows, scores = inside(tile, hits, self.cut)
        self.found.append((q, part.start + rows, scores))
        self.size += len(q)
        self.tiles += 1
        if self.size > self.limit or self.tiles in (3, 9, 27, 81, 243, 729):
            self.tighten()

    def candidates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Query, id and score of all candidates, ordered by query and then by id."""
        q, ids, scores = (np.concatenate(x) for x in zip(*self.found, strict=True))
        order = np.argsort(q.astype(np.uint16), kind="stable")  # radix; keeps the ascending ids
        return q[order], ids[order], scores[order]

    def table(self, q: np.ndarray, values: np.ndarray, empty: float) -> np.ndarray:
        """Ordered candidates as one row per query, in at least k columns."""
        count = np.bincount(q, minlength=self.n)
        width = max(int(count.max(initial=0)), self.k)
        out = np.full((self.n, width), empty, values.dtype)
        # Row q starts at q * width in the table and after the counts of all before it in the list.
        out.ravel()[np.arange(len(q)) + (np.arange(self.n) * width - np.cumsum(count) + count).take(q)] = (
            values
        )
        return out

    def best_table(self, q: np.ndarray, ids: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return best_first(self.table(q, ids, -1), self.table(q, scores, -np.inf), self.k)

    def tighten(self) -> None:
        """Raise the cut to what the candidates allow, and drop those below it."""
        q, ids, scores = self.candidates()
        kth = _kth(self.table(q, scores, -np.inf), self.k, axis=1)
        if self.exact:  # whatever comes later and ties with the k-th best loses: ask for more than the k-th
            table_ids, table = self.best_table(q, ids, scores)
            np.maximum(self.cut, np.nextafter(kth, np.float32(np.inf)), out=self.cut, where=kth > -np.inf)
            keep = table_ids >= 0
            self.found = [(np.nonzero(keep)[0], table_ids[keep], table[keep])]
        else:
            self.raise_cut(kth)
            at = np.flatnonzero(scores >= self.cut.take(q))
            self.found = [(q.take(at), ids.take(at), scores.take(at))]
        self.size = len(self.found[0][0])

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The k best, scored exactly."""
        if not self.exact:
            self.tighten()
        q, ids, scores = self.candidates()
        return self.best_table(q, ids, scores if self.exact else self.pairs(q, ids))


def best_first(ids: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row, best first; equal scores in the order in which they stand."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)


def _search(a: Any, g: Gallery, k: int, lo: int, hi: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best rows ``lo … hi`` of the gallery; a tile of the gallery serves several blocks of queries."""
    blocks = [_Best(a[s:e], g, k) for s, e in spans(a.shape[0], min(QUERIES, max(32, 2**17 // k)))]
    step = _step(hi - lo, k)
    group = _group_size(min(step, hi - lo), k) if blocks[0].n >= 16 else 1
    buffer = np.empty(step * max(b.n for b in blocks), np.float32)
    for part in parts(g, lo, hi, step):
        for i, block in enumerate(blocks):
            block.look(part, buffer, group)
            if block.size > block.limit and not block.exact:
                # So many ties, or an outlier so large, that rounding can't tell them apart: once more, exactly.
                blocks[i] = block = _Best(block.a, g, k, exact=True)
                for again in parts(g, lo, part.stop, step):
                    block.look(again, buffer, group)
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
        For what ``similarity`` refuses (a side may be empty), and a k that is no whole number of at least 1.

    References
    ----------
    N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., SIAM 2002, section 3.1: the bound on rounding.

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
    shares = -(-threads() // groups) if m >= 2 * ITEMS else 1
    spans_a, spans_b = spans(n, min(4 * QUERIES, -(-n // groups))), spans(m, -(-m // shares))
    found = in_threads(_search, [(a[s:e], g, k, lo, hi) for s, e in spans_a for lo, hi in spans_b])
    if (shares := len(spans_b)) > 1:
        blocks = [found[i : i + shares] for i in range(0, len(found), shares)]
        found = [best_first(np.hstack([x[0] for x in b]), np.hstack([x[1] for x in b]), k) for b in blocks]
    ids, scores = (np.concatenate(x) for x in zip(*found, strict=True))
    return ids, scores


def best_of(a: Any, g: Gallery, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Score some candidates of each query exactly and keep the k best: ids and scores as ``top_k``.

    ``candidates`` is int64 ``(n, c)`` with c >= k, each row of the gallery once and -1 for none; -1 with a score of
    -inf comes out where there were fewer than k.
    """
    n, count = candidates.shape
    ids, scores = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    step = max(1, 2**16 // max(count, 1))
    for s in range(0, n, step):
        block = np.sort(candidates[s : s + step], axis=1)  # equal scores in the order of the gallery
        row, at = np.nonzero(block >= 0)
        found = np.full(block.shape, -np.inf, np.float32)
        rows = g.rows[chosen := block[row, at]]
        if g.metric == "cosine":
            known = norms(a[s : s + step]), g.lengths[chosen]
            found[row, at] = score_pairs(a[s : s + step], rows, row, np.arange(len(row)), "cosine", known)
        else:
            found[row, at] = score_pairs(a[s : s + step], rows, row, np.arange(len(row)), g.metric)
        ids[s : s + step], scores[s : s + step] = best_first(block, found, k)
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


class _BestTwo:
    """The best score of each line of a matrix, where it stands (the first of several), and the second best."""

    def __init__(self, n: int) -> None:
        self.at = np.full(n, -1, np.int64)
        self.first, self.second = (np.full(n, -np.inf, np.float32) for _ in range(2))
        self.lock = Lock()

    def merge(self, line: np.ndarray, first: np.ndarray, at: np.ndarray, second: np.ndarray) -> None:
        """Take in the best two among entries not seen so far; each line stands once."""
        with self.lock:
            before, where = self.first[line], self.at[line]
            self.at[line] = np.where((first > before) | ((first == before) & (at < where)), at, where)
            self.first[line] = np.maximum(before, first)
            self.second[line] = np.maximum(np.minimum(before, first), np.maximum(self.second[line], second))

    def add(self, line: np.ndarray, at: np.ndarray, scores: np.ndarray) -> None:
        """Take in some entries."""
        order = np.lexsort((at, -scores, line))
        line, at, scores = line[order], at[order], scores[order]
        head = np.flatnonzero(np.diff(line, prepend=-1))
        after = np.append(scores, np.float32(-np.inf))
        after[head] = -np.inf  # what follows a line of one entry is the next line's
        self.merge(line[head], scores[head], at[head], after[head + 1])

    def add_block(self, start: int, first_at: int, scores: np.ndarray) -> None:
        """Take in all entries of a block: lines ``start …``, places ``first_at …``."""
        line = np.flatnonzero(scores.max(axis=1) >= self.second[start : start + len(scores)])
        top, at, second = _best_two(np.ascontiguousarray(scores[line]))
        self.merge(start + line, top, first_at + at, second)

    def other(self, line: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The best score in a line but for that of the entry ``at``."""
        return np.where(self.at[line] == at, self.second[line], self.first[line])


def _best_two(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The maximum of each row, its first place and the second best; ``x`` is used up."""
    row, at = np.arange(len(x)), x.argmax(axis=1)
    top = x[row, at]
    x[row, at] = -np.inf
    return top, at, x.max(axis=1)


class Rivals:
    """Hold of each row and each column its best score, with whom, and its second best: ``above`` finds them on its way.

    Parameters
    ----------
    n, m : int
        Rows of A and rows of B.

    Raises
    ------
    TypeError, ValueError
        By ``above``.

    References
    ----------
    R. J. Bayardo, Y. Ma, R. Srikant, *Scaling up all pairs similarity search*, WWW 2007.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.similarity import Rivals, above
    >>> A, B, rivals = [[3.0, 4.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], Rivals(2, 2)
    >>> [(i, j, _)] = above(A, B, threshold=0.7, rivals=rivals)
    >>> i, j, rivals.of(i, j).round(2)
    (array([0, 1]), array([1, 0]), array([0.6, 0.6], dtype=float32))
    """

    def __init__(self, n: int, m: int) -> None:
        self.rows, self.columns = _BestTwo(n), _BestTwo(m)

    def of(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """The best other score in the row or the column of each pair, float32 ``(k,)``; -inf if there is none."""
        return np.maximum(self.rows.other(i, j), self.columns.other(j, i))


class _Above(Queries):
    """The pairs of one block of queries at or above the threshold."""

    def __init__(self, a: Any, g: Gallery, threshold: np.float32, first: int, rivals: Rivals | None) -> None:
        super().__init__(a, g)
        self.threshold, self.first, self.rivals = threshold, first, rivals
        if rivals is not None and not self.exact and g.metric == "euclidean":
            # A row compares a·b - |b|²/2, but a column compares queries and so needs all of -|a - b|²/2.
            size = (float(self.length.max()) + g.largest) ** 2
            if size > LARGEST:
                super().__init__(a, g, exact=True)
            else:
                self.half_square = (self.length**2 / 2).astype(np.float32)
                self.slack_in_columns = self.slack.max() + np.float32(4 * UNIT * size)
        else:
            self.slack_in_columns = self.slack.max()
        self.cut = self.line(threshold)
        self.found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def look(self, part: Part, buffer: np.ndarray) -> None:
        """Add the pairs with some rows of the gallery, and tell the rivals."""
        candidates = None if self.exact else self.candidates(part, buffer)
        if candidates is None:
            block = self.whole(part)
            j, i = np.nonzero(block >= self.threshold)
            scores = block[j, i]
            if self.rivals is not None:
                self.rivals.rows.add_block(self.first, part.start, block.T)
                self.rivals.columns.add_block(part.start, self.first, block)
        else:
            j, i = np.divmod(candidates, self.n)
            scores = self.pairs(i, part.start + j)
            if self.rivals is not None:
                self.rivals.rows.add(self.first + i, part.start + j, scores)
                self.rivals.columns.add(part.start + j, self.first + i, scores)
            keep = scores >= self.threshold
            i, j, scores = i[keep], j[keep], scores[keep]
        self.found.append((i, part.start + j, scores))

    def candidates(self, part: Part, buffer: np.ndarray) -> np.ndarray | None:
        """Entries of a tile that may be pairs, or the best or second best of a row or column.

        None where they are so many that to score them pair by pair would take longer than to score all.
        """
        tile = self.tile(part, buffer, GROUP)
        top, cut, most = tile.max(axis=1), self.cut, tile.size // (4 * GROUP)
        if self.rivals is not None:
            second = self.line(self.rivals.rows.second[self.first : self.first + self.n])
            if not self.found:
                np.maximum(second, _bound(top, 2) - 2 * self.slack, out=second)
            cut = np.minimum(cut, second)
        hits = np.flatnonzero(top >= cut)
        if len(hits) > most:
            return None
        i, j, _ = inside(tile, hits, cut)
        found = j * self.n + i
        if self.rivals is not None:
            in_columns = self.in_columns(tile.reshape(-1, self.n)[: len(part)], self.rivals.columns, part)
            found = np.sort(np.concatenate([found, in_columns]))
            found = found[np.diff(found, prepend=-1) > 0]  # a pair must not be its own rival
        return found if len(found) <= most else None

    def in_columns(self, tile: np.ndarray, columns: _BestTwo, part: Part) -> np.ndarray:
        """Entries of a tile ``(columns, rows)`` that may be the best or second best of their column."""
        known = columns.second[part.start : part.stop]
        if self.g.metric == "euclidean":
            tile, known = tile - self.half_square, known * (known / np.float32(-2))
        known = known - self.slack_in_columns
        column = np.flatnonzero(tile.max(axis=1) >= known)
        tile, known = tile[column], known[column, None]
        hit = tile >= known
        if np.count_nonzero(hit) > 4 * len(column):  # the first rows, or much better than those before
            first, at, second = _best_two(tile)
            tile[np.arange(len(tile)), at] = first
            hit = tile >= np.maximum(known, second[:, None] - 2 * self.slack_in_columns)
        at, row = np.divmod(np.flatnonzero(hit), self.n)
        return column[at] * self.n + row


def _above(
    blocks: list[tuple[int, int]], a: Any, g: Gallery, threshold: np.float32, rivals: Rivals | None
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pairs of each of some blocks of queries at or above the threshold, ordered by (i, j)."""
    rows = [_Above(a[s:e], g, threshold, s, rivals) for s, e in blocks]
    step = _step(g.rows.shape[0], 1)
    buffer = np.empty(step * max(x.n for x in rows), np.float32)
    for part in parts(g, 0, g.rows.shape[0], step):
        for x in rows:
            x.look(part, buffer)
    out = []
    for x in rows:
        i, j, scores = (np.concatenate(y) for y in zip(*x.found, strict=True))
        order = np.argsort(i.astype(np.uint16), kind="stable")  # radix; within a query, j ascends already
        out.append((x.first + i[order], j[order], scores[order]))
    return out


def above(
    A: Any, B: Any, threshold: float, metric: str = "cosine", *, rivals: Rivals | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield all pairs whose similarity is at least ``threshold``, block by block: ``(i, j, score)``, sorted by i, then j.

    ``score >= float32(threshold)`` decides, with the scores of ``similarity``. The (n, m) matrix never exists; what
    is held is one tile per thread and the pairs of the current rows of A. A, B and ``metric`` as in ``top_k``. ``rivals``, if
    given, know the best two of each row and each column at the end.

    Returns
    -------
    iterator of (int64 (k,), int64 (k,), float32 (k,))

    Raises
    ------
    TypeError, ValueError
        For what ``similarity`` refuses (a side may be empty), and a threshold of NaN.

    References
    ----------
    R. J. Bayardo, Y. Ma, R. Srikant, *Scaling up all pairs similarity search*, WWW 2007.

    Notes
    -----
    Notebook: ``09_scale_and_scarcity``.

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
    with np.errstate(over="ignore"):  # beyond all numbers of float32 there is no pair, or there are all
        least = max(np.float32(threshold), np.float32(-LARGEST))  # no score is infinite
    blocks = spans(a.shape[0], QUERIES)
    size = max(1, min(2, len(blocks) // threads()))  # blocks of a thread, which share what was made ready
    jobs = [(blocks[s : s + size], a, g, least, rivals) for s in range(0, len(blocks), size)]
    for w in range(0, len(jobs), threads()):
        # BLAS has one thread only while we compute, not while the caller holds a block.
        for found in in_threads(_above, jobs[w : w + threads()]):
            yield from found

"""The scores as the matchings ask for them: pairs above a line, best partners, rivals; distances turned round.

Behind them stand a matrix, two tables of vectors, or vectors and a search index (``source_of`` tells them apart).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from .._check import as_matrix, as_scores, as_threshold
from ..search import Index, sides
from ..similarity import Gallery, Rivals, Scores, above
from ._assignment import best_other

__all__ = ["BONUS", "Source", "source_of", "usual_gain"]

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows, columns, scores

# This share of the usual gain decides nothing else: with it a pair exactly at the line adds to the sum, and is kept.
BONUS = 1e-10


class Source(Scores):
    """Scores, or distances turned round, so that inside always higher is more alike.

    For distances ``sign`` is −1: the scores are ``zero − distance``, and ``value`` turns them back.
    """

    def __init__(self, scores: Any, metric: str, name: str = "scores", sign: int = 1) -> None:
        self.sign = sign
        super().__init__(scores, metric, name)
        self._rivals: Rivals | None = None
        self.zero = 1.0 if sign < 0 and self.matrix is None and metric == "cosine" else 0.0

    def _sides(self, a: Any, b: Any, allow_empty: bool) -> tuple[Any, Any]:
        return sides(a, b) if isinstance(b, Index) else super()._sides(a, b, allow_empty)

    def _read(self, scores: Any, name: str) -> np.ndarray:
        return as_scores(scores, name) if self.sign > 0 else -as_scores(scores, name, never=np.inf)

    def value(self, scores: np.ndarray) -> np.ndarray:
        """The scores as the caller wants them back: distances if distances came in."""
        return scores if self.sign > 0 else np.subtract(scores.dtype.type(self.zero), scores)

    def lines(self, side: int) -> Iterator[tuple[int, np.ndarray]]:
        """Rows of the matrix (side 0) or its columns (side 1), some megabytes at a time."""
        assert self.matrix is not None
        step = max(1, 2**20 // max(self.shape[1 - side], 1)) if side == 0 else 64
        for s in range(0, self.shape[side], step):
            x = self.matrix[s : s + step] if side == 0 else self.matrix[:, s : s + step].T
            yield s, np.ascontiguousarray(x)

    def above(self, line: float, rivals: bool = False) -> Pairs:
        """All pairs (i, j, score) at or above the line and not forbidden, in ascending order.

        The line is in the caller's terms: for distances it is the greatest one allowed. With ``rivals`` those of all
        pairs of embeddings come out of the same pass.
        """
        cut = line if self.sign > 0 else self.zero - line
        if self.matrix is None:
            if self.sign < 0 and np.isfinite(cut):  # rounding 1 − cos must not cost a pair: decide below
                cut -= float(np.finfo(np.float32).eps) * (1 + abs(cut))
            found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
            if all(self.shape):
                if rivals:
                    self._rivals = Rivals(*self.shape)
                gallery = Gallery(self.b, self.metric)
                found += above(self.a, gallery, cut, self.metric, rivals=self._rivals if rivals else None)
        else:
            found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, self.matrix.dtype))]
            for s, block in self.blocks():
                flat = np.flatnonzero((block >= cut) & (block > -np.inf))
                i, j = np.divmod(flat, self.shape[1])
                found.append((i + s, j, block.ravel()[flat]))
        i, j, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        if self.matrix is None and self.sign < 0:
            keep = self.value(scores) <= line
            i, j, scores = i[keep], j[keep], scores[keep]
        return i, j, scores

    def gains(self, line: float) -> tuple[np.ndarray, float] | None:
        """What each pair of a matrix has above the line and else 0, float64 (n, m), and the usual gain; None if most are 0."""
        if self.matrix is None:
            return None
        cut = self.sign * line
        above = self.matrix >= cut
        if np.count_nonzero(above) <= above.size // 32:  # then a list of pairs is quicker
            return None
        out = np.subtract(self.matrix, cut, dtype=np.float64)
        size = usual_gain(out.ravel())
        out += BONUS * size
        np.maximum(out, 0, out=out)
        out *= above  # a score may be a rounding below the line
        return out, size

    def strongest(
        self, rows: np.ndarray, cols: np.ndarray, count: int, line: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The ``count`` highest pairs among some rows and columns, with all that tie with the last of them."""
        if not len(rows) or not len(cols):
            return rows[:0], cols[:0], np.empty(0)
        at, top = np.empty(0, np.int64), np.empty(0)
        step = max(1, 2**20 // len(cols))
        for s in range(0, len(rows), step):
            block = self.block(rows[s : s + step], cols).ravel()
            new = np.flatnonzero((block >= line) & (block > -np.inf))
            at, top = np.concatenate([at, new + s * len(cols)]), np.concatenate([top, block[new]])
            if len(top) > count:
                line = max(line, float(np.partition(top, len(top) - count)[len(top) - count]))
                keep = top >= line
                at, top = at[keep], top[keep]
        i, j = np.divmod(at, len(cols))
        return rows[i], cols[j], top

    def best(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best partner of each item of a side (the lowest of several), its score, and whether there are several.

        Score −inf: there is none.
        """
        n, m = self.shape[side], self.shape[1 - side]
        at, top, tied = np.zeros(n, np.int64), np.full(n, -np.inf), np.zeros(n, bool)
        if not n or not m:
            return at, top, tied
        if self.matrix is None:
            rivals = self._found_rivals()
            two = rivals.rows if side == 0 else rivals.columns
            return two.at, two.first, two.first == two.second
        top = top.astype(self.matrix.dtype)
        for s, block in self.lines(side):
            k = slice(s, s + len(block))
            at[k] = block.argmax(axis=1)
            top[k] = block[np.arange(len(block)), at[k]]
            tied[k] = (block == top[k, None]).sum(axis=1) > 1
        return at, top, tied & (top > -np.inf)

    def _found_rivals(self) -> Rivals:
        """The best two of each row and column of embeddings, from one pass over the scores."""
        if self._rivals is None:
            self.above(np.inf * self.sign, rivals=True)
        return self._rivals or Rivals(*self.shape)

    def rivals(self, pairs: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The best other score in the row or the column of each pair; −inf if there is none."""
        if self.matrix is None:
            return (
                (self._found_rivals() if len(pairs) else Rivals(*self.shape)).of(*pairs.T).astype(np.float64)
            )
        best = np.full(len(pairs), -np.inf)
        # Outside the pairs: hide them and take the maxima. Among the pairs: the best or second best of a group.
        row_best, col_best = (np.full(k, -np.inf) for k in self.shape)
        start = 0
        for s, block in self.lines(0) if self.shape[1] else ():
            stop = int(np.searchsorted(pairs[:, 0], s + len(block)))
            block = block.copy()
            block[pairs[start:stop, 0] - s, pairs[start:stop, 1]] = -np.inf
            start = stop
            row_best[s : s + len(block)] = block.max(axis=1)
            np.maximum(col_best, block.max(axis=0), out=col_best)
        for key, hidden in ((pairs[:, 0], row_best), (pairs[:, 1], col_best)):
            np.maximum(best, hidden[key], out=best)
            np.maximum(best, best_other(key, scores, len(hidden), empty=-np.inf), out=best)
        return best

    def line(self, threshold: Any, name: str) -> float | None:
        """A gate as a number in the precision of the scores; None is no gate."""
        if threshold is None:
            return None
        line = as_threshold(threshold, name)
        dtype = np.float32 if self.matrix is None else self.matrix.dtype.type
        return float(dtype(np.clip(line, *_ends(dtype)))) if np.isfinite(line) else line


class _Asked(Source):
    """Queries and an index that does not see every pair: the pairs that it finds are all there are.

    It is asked by the protocol alone (``search``, ``search_range``, ``ids``, ``metric``), so it may be on another machine.
    """

    def __init__(self, queries: Any, index: Any) -> None:
        self.queries = as_matrix(queries, "queries", allow_empty=True)
        self.index, self.metric = index, index.metric
        self.sign, self.zero, self.matrix = 1, 0.0, None
        self.ids = np.asarray(index.ids)
        self.by_id = np.argsort(self.ids, kind="stable")
        self.shape = (len(self.queries), len(self.ids))
        self.found: tuple[float, Pairs] | None = None

    def _columns(self, ids: np.ndarray) -> np.ndarray:
        """Where ids stand in ``index.ids``."""
        return np.asarray(self.by_id[np.searchsorted(self.ids, ids, sorter=self.by_id)])

    def above(self, line: float, rivals: bool = False) -> Pairs:
        if line == -np.inf:
            self.all_pairs()
        if self.found is None or self.found[0] != line:
            if all(self.shape):
                i, ids, scores = self.index.search_range(self.queries, line)
                j = self._columns(ids)
            else:
                i, j, scores = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
            order = np.lexsort((j, i))
            self.found = line, (i[order], j[order], scores[order])
        return self.found[1]

    def strongest(self, rows: np.ndarray, cols: np.ndarray, count: int, line: float) -> Pairs:
        i, j, scores = self.above(line)
        free = np.isin(i, rows) & np.isin(j, cols)
        return i[free], j[free], scores[free].astype(np.float64)

    def best(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = self.shape[0]
        if side == 1:
            self.all_pairs()
        if not all(self.shape):
            return np.zeros(n, np.int64), np.full(n, -np.inf, np.float32), np.zeros(n, bool)
        ids, scores = self.index.search(self.queries, 2)
        at, tied = self._columns(ids), scores[:, 0] == scores[:, -1]
        return np.where(tied, at.min(axis=1), at[:, 0]), scores[:, 0], tied & (ids.shape[1] > 1)

    def pairs(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        assert self.found is not None  # a matching asks for pairs that it was given
        rows, columns, scores = self.found[1]
        key = rows * self.shape[1] + columns
        return np.asarray(scores[np.searchsorted(key, i * self.shape[1] + j)])

    def rivals(self, pairs: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return np.full(len(pairs), np.nan)

    def dense(self) -> np.ndarray:
        self.all_pairs()

    def all_pairs(self) -> NoReturn:
        """What a matching that needs every score is told."""
        raise TypeError(
            f"scores has {self.index!r:.200}, which does not see every pair: threshold_match and nearest_match can ask it, "
            "and with a threshold greedy_match and max_match; for the others want the vectors, or kind='exact'"
        )


def source_of(scores: Any, metric: str, name: str = "scores", sign: int = 1) -> Source:
    """The door of the matchings for what a reader calls scores or distances."""
    index: Any = scores[1] if isinstance(scores, tuple) and len(scores) == 2 else None
    if not all(hasattr(type(index), x) for x in ("search", "search_range", "ids")):
        return Source(scores, metric, name, sign)
    if metric not in ("cosine", index.metric):
        raise ValueError(
            f"metric is {metric!r} and the index has {index.metric!r}; leave it out, or say the same"
        )
    if isinstance(index, Index) and index.kind == "exact":
        return Source(scores, index.metric, name, sign)
    asked = _Asked(scores[0], index)
    if sign < 0:
        asked.all_pairs()
    return asked


def _ends(dtype: Any) -> tuple[float, float]:
    """The least and the greatest number of a dtype."""
    return float(np.finfo(dtype).min), float(np.finfo(dtype).max)


def usual_gain(gains: np.ndarray) -> float:
    """The median of the gains above 0. Not the largest: one outlier would make everybody else's differences vanish."""
    some = gains[:: max(1, len(gains) // 10_000)]
    some = some[some > 0]
    return float(np.median(some)) if len(some) else float(gains.max(initial=0.0)) or 1.0

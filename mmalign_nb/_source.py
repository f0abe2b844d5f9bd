"""Scores for ``align``, from a matrix or from two embeddings: the same questions, answered in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._assignment import best_other
from ._check import as_scores, describe

__all__ = ["Source", "hair"]


class Source:
    """The scores, as a matrix or as two embeddings scored in blocks; inside always higher is more alike.

    For distances ``sign`` is −1: the scores are ``zero − distance``, and ``value`` turns them back.
    """

    def __init__(self, scores: Any, metric: str, name: str = "scores", sign: int = 1) -> None:
        self.sign, self.metric, self.zero = sign, metric, 0.0
        self.matrix: np.ndarray | None = None
        if isinstance(scores, tuple) and len(scores) == 2:
            from ._scores import as_sides

            self.raw, (self.a, self.b) = scores, as_sides(*scores, metric, allow_empty=True)
            self.shape = (self.a.shape[0], self.b.shape[0])
            self.zero = 1.0 if sign < 0 and metric == "cosine" else 0.0
        else:
            self.matrix = _turned(scores, name) if sign < 0 else as_scores(scores, name)
            self.shape = (self.matrix.shape[0], self.matrix.shape[1])

    def value(self, scores: np.ndarray) -> np.ndarray:
        """The scores as the caller wants them back: distances if distances came in."""
        return scores if self.sign > 0 else np.subtract(scores.dtype.type(self.zero), scores)

    def blocks(self, side: int) -> Iterator[tuple[int, np.ndarray]]:
        """Rows of the matrix (side 0) or of its transpose (side 1), some megabytes at a time."""
        assert self.matrix is not None
        step = max(1, 2**20 // max(self.shape[1 - side], 1)) if side == 0 else 64
        for s in range(0, self.shape[side], step):
            x = self.matrix[s : s + step] if side == 0 else self.matrix[:, s : s + step].T
            yield s, np.ascontiguousarray(x)

    def dense(self) -> np.ndarray:
        """The whole (n, m) matrix."""
        if self.matrix is not None:
            return self.matrix
        if not all(self.shape):
            return np.empty(self.shape, np.float32)
        from .similarity import similarity

        return similarity(*self.raw, self.metric)

    def above(self, line: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All pairs (i, j, score) at or above the line and not forbidden, in ascending order.

        The line is in the caller's terms: for distances it is the greatest one allowed.
        """
        cut = line if self.sign > 0 else self.zero - line
        if self.matrix is None:
            from ._topk import Gallery, above

            if self.sign < 0:  # rounding 1 − cos must not cost a pair: look a little lower, decide below
                cut -= 1e-6 * max(1.0, abs(cut)) if np.isfinite(cut) else 0.0
            found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
            if all(self.shape):
                found += above(self.a, Gallery(self.b, self.metric), cut, self.metric)
        else:
            found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, self.matrix.dtype))]
            for s, block in self.blocks(0):
                flat = np.flatnonzero((block >= cut) & (block > -np.inf))
                i, j = np.divmod(flat, self.shape[1])
                found.append((i + s, j, block.ravel()[flat]))
        i, j, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        if self.matrix is None and self.sign < 0:
            keep = self.value(scores) <= line
            i, j, scores = i[keep], j[keep], scores[keep]
        return i, j, scores

    def gains(self, line: float) -> np.ndarray | None:
        """What each pair of a matrix has above the line and else 0, float64 (n, m); None where that is seldom more."""
        if self.matrix is None:
            return None
        cut = self.sign * line
        above = self.matrix >= cut
        if np.count_nonzero(above) <= above.size // 32:  # then a list of pairs is quicker
            return None
        out = np.subtract(self.matrix, cut, dtype=np.float64)
        out += hair(out.ravel())
        np.maximum(out, 0, out=out)
        out *= above  # a score may be less than a hair below the line
        return out

    def block(self, rows: np.ndarray, cols: np.ndarray | slice) -> np.ndarray:
        """The scores of some rows and columns."""
        if self.matrix is not None:
            return self.matrix[rows][:, cols]
        from ._scores import score_block

        return score_block(self.a[rows], self.b[cols], self.metric)

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

    def at(self, pairs: np.ndarray) -> np.ndarray:
        """The scores of some pairs (k, 2)."""
        i, j = pairs[:, 0], pairs[:, 1]
        if self.matrix is not None:
            return self.matrix[i, j]
        from ._scores import score_pairs

        return score_pairs(self.a, self.b, i, j, self.metric)

    def best(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best partner of each item of a side (the lowest of several), its score, and whether there are several.

        Score −inf: there is none.
        """
        n, m = self.shape[side], self.shape[1 - side]
        at, top, tied = np.zeros(n, np.int64), np.full(n, -np.inf), np.zeros(n, bool)
        if not n or not m:
            return at, top, tied
        if self.matrix is None:
            ids, scores = self.best_two(side)
            return ids[:, 0], scores[:, 0], scores[:, 0] == scores[:, -1] if m > 1 else tied
        top = top.astype(self.matrix.dtype)
        for s, block in self.blocks(side):
            k = slice(s, s + len(block))
            at[k] = block.argmax(axis=1)
            top[k] = block[np.arange(len(block)), at[k]]
            tied[k] = (block == top[k, None]).sum(axis=1) > 1
        return at, top, tied & (top > -np.inf)

    def best_two(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids and scores of the two best partners of each item (embeddings only)."""
        from ._topk import Gallery, top_k

        a, b = (self.a, self.b) if side == 0 else (self.b, self.a)
        return top_k(a, Gallery(b, self.metric), 2, self.metric)

    def rivals(self, pairs: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The best other score in the row or the column of each pair; −inf if there is none."""
        best = np.full(len(pairs), -np.inf)
        if self.matrix is None:
            for side in (0, 1) if len(pairs) else ():
                ids, top = self.best_two(side)
                mine, other = pairs[:, side], pairs[:, 1 - side]
                if ids.shape[1] == 2:
                    rival = np.where(ids[mine, 0] == other, top[mine, 1], top[mine, 0])
                    np.maximum(best, rival, out=best)
            return best
        # Outside the pairs: hide them and take the maxima. Among the pairs: the best or second best of a group.
        row_best, col_best = (np.full(k, -np.inf) for k in self.shape)
        start = 0
        for s, block in self.blocks(0) if self.shape[1] else ():
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
        if getattr(threshold, "abstained", False):
            float(threshold)  # says in its own words why there is no line
        try:
            line = float(threshold)
        except (TypeError, ValueError) as err:
            raise TypeError(f"{name} is {describe(threshold)}; want a number or a Threshold") from err
        if np.isnan(line):
            raise ValueError(f"{name} is NaN; want a number")
        dtype = np.float32 if self.matrix is None else self.matrix.dtype.type
        return float(dtype(np.clip(line, -3e38, 3e38))) if np.isfinite(line) else line


def hair(gains: np.ndarray) -> float:
    """Next to nothing beside usual gains: with it a pair exactly at the line adds to the sum, and is kept.

    Not beside the largest gain: one outlier would make everybody else's differences vanish.
    """
    some = gains[:: max(1, len(gains) // 10_000)]
    some = some[some > 0]
    return 1e-10 * (float(np.median(some)) if len(some) else float(gains.max(initial=0.0)) or 1.0)


def _turned(distances: Any, name: str) -> np.ndarray:
    """Check a distance matrix and return its negative, so that higher is more alike."""
    x = np.asarray(distances)
    if x.dtype.kind not in "f":
        return -as_scores(x, name)
    if x.ndim == 2 and (x == -np.inf).any():
        raise ValueError(f"{name} has -inf; a distance must be finite (or +inf for never)")
    return as_scores(-x, name)

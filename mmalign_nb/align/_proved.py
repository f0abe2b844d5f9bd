"""The one-to-one assignment of two large tables of vectors: without the matrix, from candidates, and proved best.

Most pairs can be in no best assignment, so only each item's best few are given to the sparse solver. Its prices are then put to
all other pairs, in blocks: a pair left out that is worth more than its row and its column cost (``W_ij > y_i + z_j``) could
make a better assignment. Such pairs are added, and so on; where there are none the prices prove that there is no better
assignment among *all* pairs (linear programming duality). Prices that prove less still bound what can be missing.

For cosine, dot and euclidean the check is an inner product with two more columns, so it runs on the tiles of a search.

References: Kuhn 1955 as in ``_assignment``; R. E. Gomory, T. C. Hu, *An application of generalized linear programming to
network flows*, SIAM J. 10(2), 1962 (columns added where their reduced cost says so).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from ..similarity import Scores, above, norms, top_k
from ._assignment import priced_pairs
from ._source import Source
from ._ties import TightPairs, rounding, usual

__all__ = ["DENSE", "assign_sides"]

DENSE = 2**26  # up to so many scores a matrix of them (268 MB) is quicker
ROUNDS = 40  # how often pairs are added before it is left unproved
FIRST, MORE = 16, 8  # candidates of an item at first; how many of each are added at a time
MOST = 2**24  # pairs that are worth holding to settle ties


class _Sides:
    """Two tables, not fewer columns than rows, and what their scores are worth after prices."""

    def __init__(self, scores: Scores) -> None:
        self.scores, (self.n, self.m) = scores, scores.shape
        dense = isinstance(scores.a, np.ndarray) and isinstance(scores.b, np.ndarray)
        self.product = dense and scores.metric in ("cosine", "dot", "euclidean")
        if self.product:
            self.u, self.v = scores.a.astype(np.float64), scores.b.astype(np.float64)
            if scores.metric == "cosine":
                self.u, self.v = self.u / norms(scores.a)[:, None], self.v / norms(scores.b)[:, None]
            elif scores.metric == "euclidean":  # distances don't change, but far from 0 less cancels
                mean = self.v.mean(axis=0)
                self.u, self.v = self.u - mean, self.v - mean

    def first(self) -> np.ndarray:
        """The best few columns of each row and rows of each column, as sorted keys ``i · m + j``."""
        columns, rows = self.scores.top_k(FIRST)[0], self.scores.T.top_k(FIRST)[0]
        keys = np.arange(self.n)[:, None] * self.m + columns, rows * self.m + np.arange(self.m)[:, None]
        return np.unique(np.concatenate([x.ravel() for x in keys]))

    def worth(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """What pairs are worth."""
        return self.scores.pairs(i, j).astype(np.float64)

    def priced(self, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Two tables whose inner products are W − y − z, or for euclidean at least have its sign.

        There ``−d >= y + z`` means ``d² <= (y + z)²``, because the right side of the first is no more than 0, and so
        ``a·b − |a|²/2 − |b|²/2 + (y + z)²/2 >= 0``.
        """
        if self.scores.metric == "euclidean":
            p, q = (y**2 - norms(self.u) ** 2) / 2, (z**2 - norms(self.v) ** 2) / 2
            one = np.ones
            return np.c_[self.u, p, one(self.n), y], np.c_[self.v, one(self.m), q, z]
        return np.c_[self.u, y, np.ones(self.n)], np.c_[self.v, np.full(self.m, -1.0), -z]

    def better(self, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Of each row and each column the few pairs that are worth most after prices, as keys; none if none is worth its cost."""
        if self.product:
            p, q = self.priced(y, z)
            of_rows, of_columns = (top_k(a, b, MORE, "dot")[0] for a, b in ((p, q), (q, p)))
        else:
            of_rows, of_columns = _few(self.scores, z), _few(self.scores.T, y)
        i = np.concatenate([np.repeat(np.arange(self.n), of_rows.shape[1]), of_columns.ravel()])
        j = np.concatenate([of_rows.ravel(), np.repeat(np.arange(self.m), of_columns.shape[1])])
        w = self.worth(i, j)
        more = w - y[i] - z[j] > rounding(0.0, y[i], z[j], w)
        return i * self.m + j if more.any() else i[:0]

    def near(self, y: np.ndarray, z: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pairs (i, j) that may be worth what they cost, or more: none but these has to be looked at exactly."""
        if self.product:
            p, q = self.priced(y, z)
            size = norms(p).max() * norms(q).max() + (norms(self.u).max() + norms(self.v).max()) ** 2
            slack = 4 * 2.0**-24 * float(size)  # scores are rounded to float32
            yield from ((i, j) for i, j, _ in above(p, q, -slack, "dot"))
        else:
            for s, x in self.scores.blocks():
                cost = y[s : s + len(x), None] + z
                i, j = np.nonzero(x >= cost - 4 * 2.0**-24 * np.abs(cost))
                yield i + s, j

    def bound(self, y: np.ndarray, z: np.ndarray) -> float:
        """What no assignment is worth more than: the prices, and those of rows raised until no pair is worth more."""
        raised = (
            float(np.maximum((x - z).max(axis=1), y[s : s + len(x)]).sum()) for s, x in self.scores.blocks()
        )
        return sum(raised) + float(z.sum())


def _few(scores: Scores, price: np.ndarray) -> np.ndarray:
    """The columns of each row that are worth most after their prices."""
    k = min(MORE, len(price))
    return np.concatenate([np.argpartition(price - x, k - 1, axis=1)[:, :k] for _, x in scores.blocks()])


def assign_sides(source: Source, *, lowest: bool) -> tuple[np.ndarray, np.ndarray]:
    """Do as ``assign`` for two tables of vectors, the smaller side of which is matched whole: ``col (n,)``, ``tied (n,)``."""
    turned = source.shape[0] > source.shape[1]
    sides = _Sides(source.T if turned else source)
    n, m, key = sides.n, sides.m, sides.first()
    span, alone = 0.0, np.inf
    for _ in range(ROUNDS):
        i, j = np.divmod(key, m)
        w = sides.worth(i, j)
        span = max(span, float(np.ptp(w)), 1e-3 * float(np.abs(w).max())) or 1.0
        alone = min(alone, float(w.min()) - span)  # so little that nobody stays alone who need not
        col, own, y, z = priced_pairs(i, j, w, (n, m), alone)
        more = sides.better(y, z)
        if not len(more):
            more, tight, several = _prove(sides, y, z, own)
            if not len(more) and (col >= 0).all():
                break
            span *= 4  # somebody is alone though all pairs were looked at: not little enough
        key = np.union1d(key, more)
    else:
        return _unproved(sides, col, own, y, z, turned), np.zeros(source.shape[0], bool)
    i, j = np.divmod(tight, m)
    if turned:
        row, col = col, np.full(m, -1)
        col[row] = np.arange(n)
        own, i, j, y, z = np.where(col >= 0, own[np.maximum(col, 0)], 0.0), j, i, z, y
        order = np.lexsort((j, i))
        i, j = i[order], j[order]
    if several is not None:
        warnings.warn(
            f"max_match: more than {MOST:,} pairs are tied; this assignment is one of the best, and not always the first",
            stacklevel=5,
        )
        return col, several if not turned else np.ones(m, bool)
    return TightPairs(i, j, y, z, own, False, usual(own)).settle(col, lowest)


def _prove(
    sides: _Sides, y: np.ndarray, z: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Look at every pair: keys of those that are worth more than they cost, and of those worth exactly that.

    If the latter are too many to hold: instead which rows have more than one.
    """
    size, more, tight, held, count = usual(own), [], [], 0, np.zeros(sides.n, np.int64)
    for i, j in sides.near(y, z):
        w = sides.worth(i, j)
        left, least = w - y[i] - z[j], rounding(size, y[i], z[j], w)
        more.append((i * sides.m + j)[left > least])
        equal = np.abs(left) <= least
        count += np.bincount(i[equal], minlength=sides.n)
        held += int(equal.sum())
        if held <= MOST:
            tight.append((i * sides.m + j)[equal])
    none = np.empty(0, np.int64)
    return (
        np.concatenate([none, *more]),
        np.concatenate([none, *tight]),
        count > 1 if held > MOST else None,
    )


def _unproved(
    sides: _Sides, col: np.ndarray, own: np.ndarray, y: np.ndarray, z: np.ndarray, turned: bool
) -> np.ndarray:
    """The assignment as far as it came, with whoever is alone given what is left, and a word on how far off it can be."""
    rest = np.flatnonzero(col < 0)
    col[rest] = np.setdiff1d(np.arange(sides.m), col[col >= 0])[: len(rest)]
    own[rest] = sides.worth(rest, col[rest])
    total, bound = float(own.sum()), sides.bound(y, z)
    warnings.warn(
        f"max_match: not proved best after {ROUNDS} rounds: the total similarity is {total:.6g}, and no assignment has more "
        f"than {bound:.6g}, which is {bound - total:.3g} more",
        stacklevel=5,
    )
    if not turned:
        return col
    out = np.full(sides.m, -1)
    out[col] = np.arange(sides.n)
    return out

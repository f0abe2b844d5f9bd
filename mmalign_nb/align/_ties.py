"""Ties of an assignment: which pairs another best assignment would make otherwise, and which of them comes first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

TIE = 1e-12  # sums closer than this share of their summands are equal: rounding, not preference
_ROWS = 128  # rows of a block: small enough to stay in cache


def usual(own: np.ndarray) -> float:
    """The size of the weights that prices are made of: of nine pairs in ten none is larger; outliers don't count."""
    return float(np.quantile(np.abs(own), 0.9, method="lower")) if len(own) else 0.0


def rounding(size: float, *values: np.ndarray) -> np.ndarray:
    """How much of a sum of these, among others of that size, may be rounding. One outlier blurs no other pair."""
    return TIE * np.maximum.reduce([np.abs(v) for v in values], initial=size)


def within(
    weights: np.ndarray, y: np.ndarray, z: np.ndarray, radius: float, size: float, positive: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """All (i, j) with ``y_i + z_j − W_ij <= radius``, but for rounding of numbers of ``size``."""
    found = []
    # One comparison, in the precision of the weights, leaves few pairs to be looked at exactly. Of such a pair the
    # weight is about y + z or up to ``radius`` less, which bounds its rounding without a look at all weights.
    least = y - radius + z.min(initial=0.0)
    least -= 2 * TIE * (np.abs(y) + float(np.abs(z).max(initial=0.0)) + radius + size)
    least = np.nextafter(least.astype(weights.dtype), -np.inf, dtype=weights.dtype)
    for s in range(0, len(y), _ROWS):
        block = weights[s : s + _ROWS]
        at = np.flatnonzero(block >= least[s : s + _ROWS, None])
        i, j = np.divmod(at, len(z))
        i += s
        w = block.ravel()[at].astype(np.float64)
        close = y[i] + z[j] - w <= radius + rounding(size, y[i], z[j], w)
        if positive:
            close &= w > 0
        found.append((i[close], j[close]))
    i, j = (np.concatenate(part) for part in zip(*found, strict=True))
    return i, j


class TightPairs:
    """The graph in which best assignments differ: row x points to row x' if x could take the column of x'.

    One more node, ``n``, stands for being free: x points to it if x could take a free column or stay alone,
    and it points to every row that is alone, or whose column may become free. Exchanging columns along a
    cycle keeps the total; hence the rows on cycles are exactly the tied ones.
    """

    def __init__(
        self,
        i: np.ndarray,
        j: np.ndarray,
        y: np.ndarray,
        z: np.ndarray,
        own: np.ndarray,
        optional: bool,
        size: float,
    ) -> None:
        """Take the tight pairs, ordered by (i, j), the prices, the weight of each row's own pair, and their usual size."""
        self.i, self.j, self.n, self.m = i, j, len(y), len(z)
        # A price of 0 means that being free costs nothing; where a whole side must be matched it is no choice.
        self.may_be_alone = (y <= rounding(size, y, own)) & (optional or self.n > self.m)
        self.own, self.z, self.size, self.free_counts = own, z, size, optional or self.m > self.n

    def settle(self, col: np.ndarray, lowest: bool) -> tuple[np.ndarray, np.ndarray]:
        """The assignment, if asked the lexicographically first of the best ones, and which rows are tied."""
        self.owner = np.full(self.m, self.n)
        self.owner[col[col >= 0]] = np.flatnonzero(col >= 0)
        tied = self.tied(col)
        return (self.lowest(col, tied) if lowest and tied.any() else col), tied

    def _from_free(self, col: np.ndarray) -> np.ndarray:
        """Rows that are alone, or whose column may become free."""
        z = self.z[col]
        return np.flatnonzero((col < 0) | (self.free_counts & (z <= rounding(self.size, z, self.own))))

    def tied(self, col: np.ndarray) -> np.ndarray:
        """Rows that some best assignment pairs otherwise: those on a cycle (in a strong component of > 1)."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = self.n
        alone = np.flatnonzero(self.may_be_alone & (col >= 0))
        freed = self._from_free(col)
        tail = np.concatenate([self.i, alone, np.full(len(freed), n)])
        head = np.concatenate([self.owner[self.j], np.full(len(alone), n), freed])
        graph = coo_array((np.ones(len(tail), np.int8), (tail, head)), (n + 1, n + 1))
        _, part = connected_components(graph.tocsr(), directed=True, connection="strong")
        inside = part[self.i] == part[self.owner[self.j]]  # the pairs that some best assignment makes
        self.i, self.j = self.i[inside], self.j[inside]
        return np.asarray((np.bincount(part)[part] > 1)[:n])

    def lowest(self, col: np.ndarray, tied: np.ndarray) -> np.ndarray:
        """The lexicographically first of the best assignments: settle row after row on its lowest column."""
        starts = np.searchsorted(self.i, np.arange(1, self.n))
        self.tight = np.split(self.j, starts)
        self.col = col.copy()
        self.open = np.append(tied, True)  # being free is always possible
        for row in np.flatnonzero(tied).tolist():
            seen: set[int] = set()  # from here there is no way to this row: not worth a second look
            columns = self.tight[row]
            for c in columns[self.open[self.owner[columns]]].tolist():
                if c == self.col[row] or self._exchange(row, c, int(self.owner[c]), seen):
                    break
            self.open[row] = False
        return self.col

    def _exchange(self, row: int, c: int, first: int, seen: set[int]) -> bool:
        """Give column c to ``row`` if its owner ``first`` can be settled at no cost: find a way back to ``row``."""
        n, came, queue = self.n, {first: row}, [first]
        if first < n and (self.tight[first] == self.col[row]).any():  # the two can change places
            came[row] = first
        for x in queue:
            for x2 in () if x in seen or row in came else self._next(x):
                if x2 not in came:
                    came[x2] = x
                    queue.append(x2)
            seen.add(x)
            if row in came:
                break
        else:
            return False
        path = [row, came[row]]
        while path[-1] != row:
            path.append(came[path[-1]])
        # Along the way each takes the column of the next; where the next is "free", a free one or none.
        moves = {row: c}
        for x, after in pairwise(path[-2::-1]):
            if x != n and after != n:
                moves[x] = int(self.col[after])
            elif x != n:
                moves[x] = next((k for k in self.tight[x].tolist() if self.owner[k] == n), -1)
        gone = self.col[list(moves)]
        self.owner[gone[gone >= 0]] = n
        for x, k in moves.items():
            self.col[x] = k
            if k >= 0:
                self.owner[k] = x
        return True

    def _next(self, x: int) -> list[int]:
        """Where x may point to: rows not settled yet, and being free."""
        if x == self.n:
            rows = self._from_free(self.col)
            return rows[self.open[rows]].tolist()
        out = self.owner[self.tight[x]]
        to = out[self.open[out]].tolist()
        return [*to, self.n] if self.may_be_alone[x] and self.col[x] >= 0 else to

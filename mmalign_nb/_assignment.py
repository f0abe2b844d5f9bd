"""The one-to-one assignment under ``align``: greatest total weight, the prices that prove it, and what is tied.

The linear program of a matching has a dual: a price ``y_i`` for each row and ``z_j`` for each column such that
``W_ij <= y_i + z_j`` everywhere, with equality on the chosen pairs. Prices *prove* that no better assignment
exists, and the pairs on which equality holds (the *tight* pairs) are the only ones that any best assignment
can use: so ties are found by looking for cycles among tight pairs, not by luck.

References: Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 2, 1955;
Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES 52(4), 2016 (what SciPy runs).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

__all__ = ["assign", "assign_pairs", "best_other"]

_TIE = 1e-11  # totals closer than this share of the largest weight are equal: rounding, not preference
_ROWS = 128  # rows of a block: small enough to stay in cache


def assign(weights: np.ndarray, *, optional: bool, lowest: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Maximise ``Σ W[i, col[i]]`` over one-to-one pairs of an ``(n, m)`` float64 matrix.

    With ``optional`` any item may stay alone for weight 0 (weights are then ≥ 0, and pairs of weight 0 are not
    made); without it the smaller side is matched whole. Returns ``col (n,)`` (−1: alone) and ``tied (n,)``:
    whether another best assignment would pair this row otherwise. With ``lowest`` the lexicographically first
    of the best assignments is returned: row 0 has the lowest column it can have, then row 1, and so on.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = weights.shape
    col = np.full(n, -1)
    if not weights.size:
        return col, np.zeros(n, bool)
    i, j = linear_sum_assignment(weights, maximize=True)
    if optional:
        keep = weights[i, j] > 0
        i, j = i[keep], j[keep]
    col[i] = j
    if n <= m:
        y, z = _prices(weights, col)
    else:
        row = np.full(m, -1)
        row[j] = i
        z, y = _prices(weights.T, row)
    graph = _TightPairs(weights, col, y, z, optional)
    tied = graph.tied(col)
    if lowest and tied.any():
        col = graph.lowest(col, tied)
    return col, tied


def assign_pairs(
    i: np.ndarray, j: np.ndarray, w: np.ndarray, shape: tuple[int, int], *, lowest: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Do as ``assign(…, optional=True)`` for a matrix of which only the pairs ``W[i, j] = w > 0`` are given.

    Exact, and quick where few pairs are given. First, pairs that no other choice can beat are settled: if
    ``W_ij`` exceeds the best other weight in its row plus the best other in its column, then pairing i with
    something else could never pay. What is left falls into connected components, solved apart.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, m = shape
    col, tied = np.full(n, -1), np.zeros(n, bool)
    while len(w):
        row_rest, col_rest = best_other(i, w, n), best_other(j, w, m)
        sure = w > (row_rest + col_rest) * (1 + _TIE)
        if not sure.any():
            break
        col[i[sure]] = j[sure]
        gone_a, gone_b = np.zeros(n, bool), np.zeros(m, bool)
        gone_a[i[sure]], gone_b[j[sure]] = True, True
        left = ~(gone_a[i] | gone_b[j])
        i, j, w = i[left], j[left], w[left]
    if not len(w):
        return col, tied
    graph = coo_array((np.ones(len(w), np.int8), (i, j + n)), (n + m, n + m))
    part = connected_components(graph, directed=False)[1]
    for rows, cols, edges in _batches(part[i], i, j):
        block = np.zeros((len(rows), len(cols)))
        block[np.searchsorted(rows, i[edges]), np.searchsorted(cols, j[edges])] = w[edges]
        got, shaky = assign(block, optional=True, lowest=lowest)
        col[rows], tied[rows] = np.where(got >= 0, cols[got], -1), shaky
    return col, tied


def best_other(key: np.ndarray, w: np.ndarray, size: int, empty: float = 0.0) -> np.ndarray:
    """For each pair the greatest ``w`` among the other pairs with the same key (``empty`` if there is none)."""
    best, second, count = np.full(size, empty), np.full(size, empty), np.zeros(size, int)
    np.maximum.at(best, key, w)
    top = w == best[key]
    np.maximum.at(second, key[~top], w[~top])
    np.add.at(count, key[top], 1)
    return np.where(top & (count[key] == 1), second[key], best[key])


def _batches(part: np.ndarray, i: np.ndarray, j: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Group pairs by component, small components together: (rows, columns, which pairs) of each group."""
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    begin = 0
    for stop in [*starts[1:], len(order)]:
        # Each call costs about as much as a 100 × 100 problem.
        if stop - begin >= 200 or stop == len(order):
            edges = order[begin:stop]
            yield np.unique(i[edges]), np.unique(j[edges]), edges
            begin = stop


def _prices(weights: np.ndarray, col: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row prices and the least column prices ``z >= 0`` that leave every row content with its column.

    Row i is content if no column offers more than its own: ``W_ij − z_j <= W_i,col(i) − z_col(i)``. All prices
    start at 0; a row that finds a better offer raises that column's price, and the row that owns the column
    looks round anew (Bellman–Ford, looking again only at rows whose own price rose).
    """
    n, m = weights.shape
    matched = np.flatnonzero(col >= 0)
    z, owner, own = np.zeros(m), np.full(m, -1), np.zeros(n)
    owner[col[matched]] = matched
    own[matched] = weights[matched, col[matched]]
    rows = np.arange(n)
    eps = 1e-14 * float(np.abs(own).max(initial=0.0))
    for _ in range(n + 1):  # a cheapest path visits no row twice
        if not len(rows):
            break
        least = np.where(col[rows] >= 0, z[col[rows]], 0.0) - own[rows]
        offer = np.zeros(m)
        for s in range(0, len(rows), _ROWS):
            block = weights[rows[s : s + _ROWS]] + least[s : s + _ROWS, None]
            np.maximum(offer, block.max(axis=0), out=offer)
        rose = np.flatnonzero(offer > z + eps)
        z[rose] = offer[rose]
        rows = owner[rose][owner[rose] >= 0]
    return own - np.where(col >= 0, z[col], 0.0), z


class _TightPairs:
    """The graph in which best assignments differ: row x points to row x' if x could take the column of x'.

    One more node, ``n``, stands for being free: x points to it if x could take a free column or stay alone,
    and it points to every row that is alone, or whose column may become free. Exchanging columns along a
    cycle keeps the total; hence the rows on cycles are exactly the tied ones.
    """

    def __init__(
        self, weights: np.ndarray, col: np.ndarray, y: np.ndarray, z: np.ndarray, optional: bool
    ) -> None:
        self.n, self.m = weights.shape
        tol = _TIE * max(float(np.abs(weights).max()), float(np.abs(y).max()))
        found = []
        for s in range(0, self.n, _ROWS):
            block = weights[s : s + _ROWS]
            tight = block - z >= (y[s : s + _ROWS] - tol)[:, None]
            if optional:
                tight &= block > 0
            i, j = np.nonzero(tight)
            found.append((i + s, j))
        self.i, self.j = (np.concatenate(part) for part in zip(*found, strict=True))
        self.start = np.searchsorted(self.i, np.arange(self.n + 1))
        # A price of 0 means that being free costs nothing; where a whole side must be matched it is no choice.
        self.may_be_alone = (y <= tol) & (optional or self.n > self.m)
        self.may_be_free = (z <= tol) & (optional or self.m > self.n)

    def _from_free(self, col: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.where(col >= 0, self.may_be_free[col], True))

    def tied(self, col: np.ndarray) -> np.ndarray:
        """Rows that some best assignment pairs otherwise: those on a cycle (in a strong component of > 1)."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = self.n
        owner = np.full(self.m, n)
        owner[col[col >= 0]] = np.flatnonzero(col >= 0)
        alone = np.flatnonzero(self.may_be_alone & (col >= 0))
        freed = self._from_free(col)
        tail = np.concatenate([self.i, alone, np.full(len(freed), n)])
        head = np.concatenate([owner[self.j], np.full(len(alone), n), freed])
        graph = coo_array((np.ones(len(tail), np.int8), (tail, head)), (n + 1, n + 1))
        _, part = connected_components(graph.tocsr(), directed=True, connection="strong")
        return np.asarray((np.bincount(part)[part] > 1)[:n])

    def lowest(self, col: np.ndarray, tied: np.ndarray) -> np.ndarray:
        """The lexicographically first of the best assignments: settle row after row on its lowest column."""
        col = col.copy()
        owner = np.full(self.m, self.n)
        owner[col[col >= 0]] = np.flatnonzero(col >= 0)
        open_ = tied.copy()
        for row in np.flatnonzero(tied):
            for c in self.j[self.start[row] : self.start[row + 1]]:
                if c == col[row]:
                    break
                if owner[c] < self.n and not open_[owner[c]]:
                    continue
                if self._exchange(int(row), int(c), col, owner, open_):
                    break
            open_[row] = False
        return col

    def _exchange(self, row: int, c: int, col: np.ndarray, owner: np.ndarray, open_: np.ndarray) -> bool:
        """Give column c to ``row`` if the others can be settled at no cost: find the way back from c's owner."""
        n, first = self.n, int(owner[c])
        came: dict[int, int] = {first: row}
        queue = deque([first])
        while queue and row not in came:
            x = queue.popleft()
            for x2 in self._next(x, col, owner):
                if x2 not in came and (x2 == n or open_[x2]):
                    came[x2] = x
                    queue.append(x2)
        if row not in came:
            return False
        cycle, x = [row], came[row]
        while x != row:
            cycle.append(x)
            x = came[x]
        # cycle[k + 1] -> cycle[k]: each takes the column of the next; after "free", a free column or none
        old = col.copy()
        for taker, giver in zip([*cycle[1:], row], cycle, strict=True):
            if taker == n:
                continue
            if giver == n:
                free = [k for k in self.j[self.start[taker] : self.start[taker + 1]] if owner[k] == n]
                col[taker] = c if taker == row else (free[0] if free else -1)
            else:
                col[taker] = old[giver]
        owner[:] = n
        owner[col[col >= 0]] = np.flatnonzero(col >= 0)
        return True

    def _next(self, x: int, col: np.ndarray, owner: np.ndarray) -> list[int]:
        if x == self.n:
            return [int(r) for r in self._from_free(col)]
        out = [int(owner[k]) for k in self.j[self.start[x] : self.start[x + 1]]]
        return [*out, self.n] if self.may_be_alone[x] and col[x] >= 0 else out

"""The one-to-one assignment under ``align``: greatest total weight, the prices that prove it, and what is tied.

The linear program of a matching has a dual: a price ``y_i`` for each row and ``z_j`` for each column such that
``W_ij <= y_i + z_j`` everywhere, with equality on the chosen pairs. Prices *prove* that no better assignment
exists, and the pairs on which equality holds (the *tight* pairs) are the only ones that any best assignment
can use: so ties are found by looking for cycles among tight pairs, not by luck.

References: Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 2, 1955;
Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES 52(4), 2016 (what SciPy runs).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ._ties import TightPairs, rounding, usual, within

_ROWS = 128  # rows of a block: small enough to stay in cache
_WAITING, _ALONE = -2, -1


def assign(
    weights: np.ndarray, *, optional: bool, lowest: bool = True, size: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise ``Σ W[i, col[i]]`` over one-to-one pairs of a finite ``(n, m)`` matrix.

    With ``optional`` any item may stay alone for weight 0 (weights are then ≥ 0, and pairs of weight 0 are not
    made); without it the smaller side is matched whole. Returns ``col (n,)`` (−1: alone) and ``tied (n,)``:
    whether another best assignment would pair this row otherwise. With ``lowest`` the lexicographically first
    of the best assignments is returned: row 0 has the lowest column it can have, then row 1, and so on. ``size`` is
    that of the numbers whose rounding the weights carry, if they are smaller.
    """
    if not weights.size:
        return np.full(len(weights), _ALONE), np.zeros(len(weights), bool)
    col, y, z = _priced(weights, optional)
    own = np.where(col >= 0, weights[np.arange(len(col)), col], 0.0).astype(np.float64)
    size = max(size, usual(own))
    tight = within(weights, y, z, 0.0, size, positive=optional)
    return TightPairs(*tight, y, z, own, optional, size).settle(col, lowest)


def _priced(weights: np.ndarray, optional: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A best assignment and the prices that prove it: ``col (n,), y (n,), z (m,)``."""
    n, m = weights.shape
    if n <= m:
        col, y, z = _solve(weights)
    else:
        row, z, y = _solve(np.ascontiguousarray(weights.T))
        col = np.full(n, _ALONE)
        col[row] = np.arange(m)
    if optional:
        # To stay alone is worth as much as a pair of weight 0, so a best whole matching without those pairs is one.
        # Once prices start at 0 they prove that too: both sides of a pair of weight 0 then cost 0.
        col[(col >= 0) & (weights[np.arange(n), col] <= 0)] = _ALONE
        y, z = (y + z.min(), z - z.min()) if n <= m else (y - y.min(), z + y.min())
    return col, y, z


def _solve(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A best assignment of all rows for n <= m and its prices: ``col (n,), y (n,), z (m,)``."""
    n, m = weights.shape
    if n < m < 1.25 * n:
        # Square problems are solved faster. Rows of zeros take the columns left over, at the lowest price of all.
        col, y, z = _solve(np.concatenate([weights, np.zeros((m - n, m), weights.dtype)]))
        return col[:n], y[:n] + z.min(), z - z.min()
    col, z = _auction(weights)
    waiting = np.flatnonzero(col == _WAITING)
    if len(waiting) == 0 or _settle_rest(weights, col, z, waiting):
        return col, weights[np.arange(n), col].astype(np.float64) - z[col], z
    from scipy.optimize import linear_sum_assignment

    # Many rows compete for few columns. In a square problem the prices found so far still help the solver: to
    # take the same amount from a whole column changes every full assignment alike.
    col = linear_sum_assignment(z - weights if n == m else -weights.astype(np.float64))[1]
    own = weights[np.arange(n), col].astype(np.float64)
    return (col, *_prices(partial(_dense_offers, weights), own, col, m))


def _auction(weights: np.ndarray, most: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Assign the rows that can be assigned by bidding: each waiting row bids for the column it likes best.

    A bid raises the column's price until the second best column would be as good; the highest bid wins and the
    old owner waits again (Bertsekas, "A distributed algorithm for the assignment problem", 1979, without ε).
    Nothing is approximate: prices only rise, so owners stay content, and a column nobody bid for costs 0.
    Stops after about ``most`` looks at the whole matrix.
    """
    n, m = weights.shape
    col, owner, z = np.full(n, _WAITING), np.full(m, -1), np.zeros(m)
    looks = 0
    while looks < most * n:
        rows = np.flatnonzero(col == _WAITING)
        looks += max(len(rows), n // 20)
        like = np.empty(len(rows), np.int64)
        first, second = np.empty(len(rows)), np.empty(len(rows))
        for s in range(0, len(rows), _ROWS):
            block = weights[rows[s : s + _ROWS]] - z
            at = np.arange(len(block))
            k = slice(s, s + len(block))
            like[k] = block.argmax(axis=1)
            first[k] = block[at, like[k]]
            block[at, like[k]] = -np.inf
            second[k] = block.max(axis=1)
        if m == 1:
            second = first
        order = np.argsort(first - second, kind="stable")
        won = np.full(m, -1)
        won[like[order]] = order  # the last assignment is the highest bid
        sold = np.flatnonzero(won >= 0)
        bid = first[won[sold]] - second[won[sold]]
        sold, bid = sold[real := (bid > 0) | (owner[sold] < 0)], bid[real]
        if not len(sold):
            break  # done, or only ties are left: no bid could raise a price
        before = owner[sold]
        col[before[before >= 0]] = _WAITING
        owner[sold] = rows[won[sold]]
        col[owner[sold]] = sold
        z[sold] += bid
    return col, z


def _settle_rest(weights: np.ndarray, col: np.ndarray, z: np.ndarray, waiting: np.ndarray) -> bool:
    """Assign the waiting rows along cheapest chains of exchanges, each step of which costs ``y_i + z_j − W_ij >= 0``.

    Chains are cheap, so they are looked for among the pairs whose step costs at most ``radius``, and no other pair
    matters until prices have moved by as much. Changes ``col`` and ``z`` in place; returns False if this is no
    quick way: many rows after few columns, or a great many ties.
    """
    n, m = weights.shape
    y = np.where(col >= 0, weights[np.arange(n), np.maximum(col, 0)].astype(np.float64) - z[col], 0.0)
    y[waiting] = (weights[waiting] - z).max(axis=1)
    sample = np.linspace(0, n - 1, min(n, 64)).astype(int)
    near, budget = 16, 8 * n * m  # pairs per row; pairs looked at in all
    for _ in range(16):
        radius = np.inf
        if near < m:
            cost = (y[sample, None] + z - weights[sample]).ravel()
            radius = float(np.partition(cost, near * len(sample))[near * len(sample)])
        i, j = within(weights, y, z, radius, 0.0)
        if near < m and len(i) > 8 * near * n:
            return False
        w, waits = weights[i, j].astype(np.float64), int((col == _WAITING).sum())
        for _ in range(64):
            moved, sweeps = _exchange(i, j, w, col, y, z, radius)
            budget -= sweeps * len(i)
            if moved < 0 or budget < 0 or not (col == _WAITING).any():
                break
            radius -= moved
        if (left := int((col == _WAITING).sum())) == 0:
            return True
        if budget < 0:
            return False
        near *= 4 if left == waits else 1
    return False


def _exchange(
    i: np.ndarray,
    j: np.ndarray,
    w: np.ndarray,
    col: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    radius: float,
) -> tuple[float, int]:
    """Settle some waiting rows along cheapest chains and move the prices.

    Returns by how much prices moved (−1: there was no chain) and how often all pairs were looked at.

    Bellman–Ford from all waiting rows at once grows a tree from each. In a square problem every tree can hand its
    nearest free column to its root; else only the cheapest chain of all may be used, because who stays free must
    end with a price of 0.
    """
    m = len(z)
    all_in = len(y) == m
    owner = np.full(m, -1)
    owner[col[col >= 0]] = np.flatnonzero(col >= 0)
    cost = np.maximum(y[i] + z[j] - w, 0.0)  # less than 0 is rounding
    sweeps = 0
    far, way, source = np.where(col == _WAITING, 0.0, np.inf), np.full(m, np.inf), np.full(m, -1)
    while True:
        sweeps += 1
        new = far[i] + cost
        up = np.flatnonzero((new < way[j]) & (new <= radius))
        if not len(up):
            break
        up = up[np.argsort(-new[up], kind="stable")]  # the last assignment is the smallest
        way[j[up]], source[j[up]] = new[up], i[up]
        taken = j[up][owner[j[up]] >= 0]
        far[owner[taken]] = way[taken]
    settled: set[int] = set()
    chosen: list[tuple[int, int]] = []
    length = -1.0
    free = np.flatnonzero((way < np.inf) & (owner < 0))
    for j_k in free[np.argsort(way[free], kind="stable")].tolist():
        if settled and not all_in and way[j_k] > length:
            break
        end, moves = float(way[j_k]), []
        while j_k >= 0:  # back to the root: each row takes the column that the one before it gives up
            i_k = int(source[j_k])
            moves.append((i_k, j_k))
            j_k = int(col[i_k])
        if i_k not in settled:
            settled.add(i_k)
            length, chosen = end, [*chosen, *moves]
    for i_k, j_k in chosen:
        col[i_k] = j_k
    if settled:
        y -= np.maximum(length - far, 0.0)
        z += np.maximum(length - way, 0.0)
    return length, sweeps


def assign_pairs(
    i: np.ndarray,
    j: np.ndarray,
    w: np.ndarray,
    shape: tuple[int, int],
    *,
    lowest: bool = True,
    size: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Do as ``assign(…, optional=True)`` for a matrix of which only the pairs ``W[i, j] = w > 0`` are given.

    Pairs come ordered by (i, j).
    """
    if not len(w):
        return np.full(shape[0], _ALONE), np.zeros(shape[0], bool)
    col, own, y, z = priced_pairs(i, j, w, shape, 0.0)
    size = max(size, usual(own))
    tight = y[i] + z[j] - w <= rounding(size, y[i], z[j], w)
    return TightPairs(i[tight], j[tight], y, z, own, True, size).settle(col, lowest)


def priced_pairs(
    i: np.ndarray, j: np.ndarray, w: np.ndarray, shape: tuple[int, int], alone: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A best assignment of the rows to the pairs given, each worth w or for staying alone ``alone``, and its prices.

    Returns ``col (n,)`` (−1: alone), what each row has ``own (n,)``, and the prices ``y (n,), z (m,) >= 0``. SciPy's sparse
    solver matches every row, so each row gets one more column, of its own, for staying alone.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    n, m = shape
    col, rows = np.full(n, _ALONE), np.arange(n)
    top = max(float(np.abs(w).max(initial=0)), abs(alone)) or 1.0
    cost = np.concatenate(
        [2 - w / top, np.full(n, 2 - alone / top)]
    )  # all above 0: an entry of 0 would be no pair
    ends = (np.concatenate([i, rows]), np.concatenate([j, m + rows]))
    row, partner = min_weight_full_bipartite_matching(csr_array((cost, ends), (n, m + n)))
    col[row] = np.where(partner < m, partner, _ALONE)
    own = np.full(n, alone)
    own[i[col[i] == j]] = w[col[i] == j]
    return (col, own, *_prices(partial(_sparse_offers, i, j, w, m), own, col, m))


def best_other(key: np.ndarray, w: np.ndarray, size: int, empty: float = 0.0) -> np.ndarray:
    """For each pair the greatest ``w`` among the other pairs with the same key (``empty`` if there is none)."""
    best, second, count = np.full(size, empty), np.full(size, empty), np.zeros(size, int)
    np.maximum.at(best, key, w)
    top = w == best[key]
    np.maximum.at(second, key[~top], w[~top])
    np.add.at(count, key[top], 1)
    return np.where(top & (count[key] == 1), second[key], best[key])


def _prices(
    offers: Callable[[np.ndarray, np.ndarray], np.ndarray], own: np.ndarray, col: np.ndarray, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """Row prices and the least column prices ``z >= 0`` that leave every row content with its column.

    Row i is content if no column offers more than its own: ``W_ij − z_j <= W_i,col(i) − z_col(i)``. All prices
    start at 0; a row that finds a better offer raises that column's price, and the row that owns the column
    looks round anew (Bellman–Ford, looking again only at rows whose own price rose). ``offers(rows, least)`` gives
    for each column the greatest ``W_ij + least_i`` of these rows, and at least 0.
    """
    n, z, owner, rows = len(col), np.zeros(m), np.full(m, -1), np.arange(len(col))
    owner[col[col >= 0]] = np.flatnonzero(col >= 0)
    for _ in range(n + 1):  # a cheapest path visits no row twice
        offer = offers(rows, np.where(col >= 0, z[col], 0.0) - own)
        rose = np.flatnonzero(
            offer > z + 1e-2 * rounding(usual(own), z, offer)
        )  # a hundredth of what makes a tie
        z[rose] = offer[rose]
        rows = owner[rose][owner[rose] >= 0]
        if not len(rows):
            break
    return own - np.where(col >= 0, z[col], 0.0), z


def _dense_offers(weights: np.ndarray, rows: np.ndarray, least: np.ndarray) -> np.ndarray:
    offer = np.zeros(weights.shape[1])
    for s in range(0, len(rows), _ROWS):
        k = rows[s : s + _ROWS]
        np.maximum(offer, (weights[k] + least[k, None]).max(axis=0), out=offer)
    return offer


def _sparse_offers(
    i: np.ndarray, j: np.ndarray, w: np.ndarray, m: int, rows: np.ndarray, least: np.ndarray
) -> np.ndarray:
    offer, now = np.zeros(m), np.isin(i, rows)
    np.maximum.at(offer, j[now], w[now] + least[i[now]])
    return offer

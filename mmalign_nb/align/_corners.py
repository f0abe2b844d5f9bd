"""The best one-to-one matching at every line, under ``matching_path``: one more pair at a time, along the best chain of exchanges."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ._ties import TIE, TightPairs, usual, within


def optima(scores: np.ndarray) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """The best matchings from the highest line down: the highest line where it is best, its columns, the tied rows.

    Prices at the line t: ``z_j >= 0``, and ``y_i = S_ij − t − z_j`` for a pair (i, j); rows and columns that are alone cost 0.
    ``reach_j`` is the line down at which a row that is alone could take column j, along the best chain of exchanges: while
    the line falls from there, the price of j rises. The highest of a free column is the next corner.
    """
    n, m = scores.shape
    peak = float(np.abs(scores).max(where=scores > -np.inf, initial=0))
    big = 2.0**60 if peak > 2.0**960 else 1.0  # so that no sum overflows
    S = scores / np.float64(big)
    col, owner, z = np.full(n, -1), np.full(m, -1), np.zeros(m)
    alone, upper, real = np.array(S.T, order="C"), np.inf, True
    while True:
        # Who could take each column, at first only those that are alone, then along chains: a row leaves its own column.
        came = alone.argmax(axis=1) if n else np.zeros(m, np.int64)
        reach = alone[np.arange(m), came] - z if n else np.full(m, -np.inf)
        seen, free = np.zeros(m, bool), owner < 0
        owned = np.where(free, -np.inf, reach)
        best = float(reach.max(where=free, initial=-np.inf))
        while m and owned[j := int(owned.argmax())] > best:
            row, seen[j], owned[j] = owner[j], True, -np.inf
            chain = S[row] - z + (reach[j] - (S[row, j] - z[j]))
            better = np.flatnonzero((chain > reach) & ~seen)
            reach[better], came[better] = chain[better], row
            taken = better[~free[better]]
            owned[taken] = chain[taken]
            best = float(reach.max(where=free, initial=-np.inf))
        # Half-way to the next corner the present matching is the only best one, but for what is tied on the whole way.
        if (rows := np.flatnonzero(col >= 0)).size:
            t = (upper + best) / 2
            if best == -np.inf:
                t = upper - (usual(S[rows, col[rows]] - upper) or abs(upper) or 1.0)
            own = np.zeros(n)
            own[rows] = S[rows, col[rows]] - t
            size = max(usual(own), float(np.quantile(own[rows], 0.25, method="lower")))
            if (
                real := upper - t > 5 * TIE * size
            ):  # else it is only passed through, at a corner of several pairs
                prices = z + np.maximum(reach - t, 0)
                y = np.zeros(n)
                y[rows] = own[rows] - prices[col[rows]]
                tight = within(S - t, y, prices, 0.0, size, positive=True)
                lowest, tied = TightPairs(*tight, y, prices, own, True, size).settle(col, True)
                made = np.flatnonzero(lowest >= 0)
                yield min(upper, float(S[made, lowest[made]].min())) * big, lowest.copy(), tied
        if best == -np.inf:
            return
        # One pair more: from the free column back to a row that is alone, each takes what the one before it gives up.
        z[seen] += reach[seen] - best
        j = int(np.where(free, reach, -np.inf).argmax())
        change = list[float]()
        while j >= 0:
            row = int(came[j])
            before = int(col[row])
            change += [float(S[row, j])] + [-float(S[row, before])] * (before >= 0)
            col[row], owner[j] = j, row
            j = before
        alone[:, row] = -np.inf
        upper = min(upper, math.fsum(change)) if real else upper  # exact: often this is one score

"""The six matchings: one to one by greatest or least total, best first, nearest, mutual, or all above a line."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np

from .._check import one_of
from ._assignment import assign, assign_pairs
from ._matches import Matches
from ._proved import DENSE, assign_sides
from ._source import BONUS, Source, source_of, usual_gain

TIES = ("lowest", "drop", "error")

# Pairs (k, 2), their scores, and which of them order alone has chosen.
Chosen = tuple[np.ndarray, np.ndarray, np.ndarray]


def as_matches(
    source: Source, pairs: np.ndarray, scores: np.ndarray, tied: np.ndarray, margins: bool = True
) -> Matches:
    """Put pairs in order, add their margins, and say who is left over."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    pairs, scores = np.ascontiguousarray(pairs[order], np.int64), scores[order]
    margin = scores - source.rivals(pairs, scores) if margins else np.full(len(pairs), np.nan)
    margin, alone = margin.astype(scores.dtype), left_over(pairs, source.shape)
    measure = "score" if source.sign > 0 else "distance"
    return Matches(pairs, source.value(scores), margin, *alone, source.shape, measure, int(tied.sum()))


def left_over(pairs: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns that are in no pair."""
    # np.setdiff1d takes seconds for millions.
    alone_a, alone_b = np.ones(shape[0], bool), np.ones(shape[1], bool)
    alone_a[pairs[:, 0]] = alone_b[pairs[:, 1]] = False
    return np.flatnonzero(alone_a), np.flatnonzero(alone_b)


def apply_ties(ties: str, tied: np.ndarray, where: str = "") -> np.ndarray:
    """Which rows the policy for ties keeps; ``ties="error"`` says where the first tie is."""
    one_of(ties, "ties", TIES)
    if ties == "error" and tied.any():
        raise ValueError(
            f"ties='error', and {int(tied.sum())} of {len(tied)} rows are tied{where} (first: row "
            f"{int(np.flatnonzero(tied)[0])}): other partners are exactly as good"
        )
    return ~tied if ties == "drop" else np.ones(len(tied), bool)


def whole_weights(scores: np.ndarray, most: int) -> tuple[np.ndarray, bool]:
    """Weights whose best matching has as many pairs as can be and then the greatest total; whether any is forbidden.

    What is added to all scores changes no choice among whole matchings. A forbidden pair weighs 0 and any other so
    much that one pair outweighs all differences.
    """
    low, high = float(scores.min(initial=np.inf)), float(scores.max(initial=-np.inf))
    if low > -np.inf:
        # Far from 0 the digits in which scores differ would be lost in sums.
        far = max(abs(low), abs(high)) > 1e3 * (high - low)
        return (np.subtract(scores, low, dtype=np.float64) if far else scores), False
    finite = scores > -np.inf
    low = float(scores.min(where=finite, initial=np.inf))
    span = high - low
    lifted = np.subtract(scores, low, dtype=np.float64, where=finite, out=np.zeros(scores.shape))
    lifted /= span if np.isfinite(span) and span > 0 else 1.0
    return np.add(lifted, most + 1.0, where=finite, out=lifted), True


def warn_of_pool(threshold: Any, stacklevel: int) -> None:
    """Say that a one-to-one matching gated at a line voids what the line promises of one pool."""
    if getattr(threshold, "pool", False):
        warnings.warn(
            "a Labelling threshold promises something about the best matches of one pool, and a one-to-one matching at another "
            "line is another pool: the promise is void here. Cut the pool itself: Labelling.kept",
            stacklevel=stacklevel,
        )


def _assigned(source: Source, threshold: Any, name: str, ties: str) -> Matches:
    """One-to-one pairs of greatest total, gated inside the assignment."""
    line = source.line(threshold, name)
    warn_of_pool(threshold, 4)
    n, m = source.shape
    lowest = one_of(ties, "ties", TIES) == "lowest"
    if line is None or line == -np.inf * source.sign:
        if source.matrix is None and n * m > DENSE:
            col, tied = assign_sides(source, lowest=lowest)
        else:
            weights, never = whole_weights(source.dense(), min(n, m))
            col, tied = assign(weights, optional=never, lowest=lowest)
            del weights
    elif (gains := source.gains(line)) is not None:
        col, tied = assign(gains[0], optional=True, lowest=lowest, size=gains[1])
        del gains
    else:
        i, j, scores = source.above(line)
        w = source.sign * (source.value(scores).astype(np.float64) - line)
        w += BONUS * (size := usual_gain(w))
        if len(w) <= n * m // 8:
            col, tied = assign_pairs(i, j, w, source.shape, lowest=lowest, size=size)
        else:
            weights = np.zeros(source.shape)
            weights[i, j] = w
            col, tied = assign(weights, optional=True, lowest=lowest, size=size)
    keep = apply_ties(ties, tied & (col >= 0)) & (col >= 0)
    pairs = np.stack([np.flatnonzero(keep), col[keep]], axis=1)
    return as_matches(source, pairs, source.pairs(*pairs.T), tied[keep])


def min_match(
    distances: Any, max_distance: Any = None, *, metric: str = "cosine", ties: str = "lowest"
) -> Matches:
    """Pair items one to one with the least total distance (minimum-weight bipartite matching).

    Without ``max_distance``: ``min Σ D_ij`` over matchings of min(n, m) pairs. With it, a pair must be worth
    making: ``max Σ max(max_distance − D_ij, 0)``, and whoever has no partner near enough stays alone.

    Parameters
    ----------
    distances : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        Lower is more alike; ``+inf`` is "never pair these".
    max_distance : float, optional
        The gate, inside the assignment.
    metric : str
        The distance between embeddings, as in ``similarity.distance``; not used for a matrix.
    ties : {"lowest", "drop", "error"}
        As in ``max_match``.

    Returns
    -------
    Matches
        Its ``scores`` are the distances.

    Raises
    ------
    TypeError, ValueError
        If the distances are not a numeric matrix, have NaN or −inf, or the policy for ties is unknown.

    References
    ----------
    As for ``max_match``.

    Notes
    -----
    ``min_match(D)`` and ``max_match(S)`` make the same pairs if S is an affine function of D, as cosine is of
    squared Euclidean distance for unit vectors; it isn't of Euclidean distance.

    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import min_match
    >>> found = min_match([[1.0, 2.0], [2.0, 9.0]])
    >>> found.pairs.tolist(), float(found.scores.sum())
    ([[0, 1], [1, 0]], 4.0)
    """
    return _assigned(source_of(distances, metric, "distances", sign=-1), max_distance, "max_distance", ties)


def max_match(scores: Any, threshold: Any = None, *, metric: str = "cosine", ties: str = "lowest") -> Matches:
    """Pair items one to one with the greatest total similarity (maximum-weight bipartite matching).

    Without ``threshold``: ``max Σ S_ij`` over matchings of min(n, m) pairs (of as many as can be, if some are
    forbidden). With it, the gate is *inside* the assignment: ``max Σ max(S_ij − threshold, 0)``, so a pair
    below the line never takes a partner away from one above it. A pair exactly at the line counts as above.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        Higher is more alike; ``-inf`` is "never pair these". In the place of B a search index may stand, as in
        ``threshold_match``; an approximate one needs a threshold.
    threshold : float or Threshold, optional
        The gate; a ``Threshold`` of ``Labelling`` comes with a warning, since its promise is about another pool. The number of pairs never rises with it, unless ``ties="drop"`` drops more of them at a lower line.
    metric : str
        The similarity of embeddings; not used for a matrix. With a threshold only the pairs above it are held in memory. Without
        one the (n, m) matrix is, up to 67 million scores; beyond, each item's best candidates, and prices prove for all other
        pairs that none of them makes a better assignment. Where that fails a warning says how far off the total can be.
    ties : {"lowest", "drop", "error"}
        What to do where several assignments share the greatest total. ``"lowest"``: take the first in
        lexicographic order (row 0 gets the lowest column it can have, then row 1, …), whatever the solver
        came upon. ``"drop"``: keep only the pairs that all of them contain, which doesn't depend on the order
        of rows or columns. ``"error"``: say so.

    Returns
    -------
    Matches

    Raises
    ------
    TypeError, ValueError
        If the scores are not a numeric matrix, have NaN or +inf, or the policy for ties is unknown.

    References
    ----------
    H. W. Kuhn, The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2:83–97, 1955.
    D. F. Crouse, On implementing 2D rectangular assignment algorithms, IEEE TAES 52(4):1679–1696, 2016.

    Notes
    -----
    In a square matrix of finite scores and without a threshold, a number added to a row or column changes no pair, and so
    neither does CSLS. With a threshold, with ``-inf`` or in a rectangle it may.

    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import max_match
    >>> S = [[0.9, 0.8, 0.0], [0.8, 0.3, 0.1], [0.3, 0.2, 0.1]]
    >>> max_match(S).pairs.tolist()
    [[0, 1], [1, 0], [2, 2]]
    >>> max_match(S, threshold=0.5).pairs.tolist()
    [[0, 1], [1, 0]]
    """
    return _assigned(source_of(scores, metric), threshold, "threshold", ties)


def threshold_match(scores: Any, threshold: Any, *, metric: str = "cosine", margins: bool = True) -> Matches:
    """Pair everything at or above the threshold, many to many: all (i, j) with ``S_ij >= threshold``.

    Raising the threshold keeps fewer pairs: precision tends to rise and recall can only fall.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        Of embeddings the (n, m) matrix never exists: only the pairs found are held in memory. In the place of B a search index
        may stand (``search.Index`` of any kind, or one with the same methods); column j is then the item ``index.ids[j]``.
    threshold : float or Threshold
        Must be given: no number is right for all data.
    metric : str
        The similarity of embeddings; not used for a matrix, and an index has its own.
    margins : bool
        Whether to look for each pair's best rival, in the same pass over the scores; else they are NaN, and so they are for an
        approximate index, which doesn't see all rivals.

    Returns
    -------
    Matches

    Raises
    ------
    TypeError, ValueError
        If the scores are not a numeric matrix, have NaN or +inf, or the threshold is not a number.

    References
    ----------
    R. J. Bayardo, Y. Ma, R. Srikant, *Scaling up all pairs similarity search*, WWW 2007.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import threshold_match
    >>> threshold_match([[0.9, 0.8], [0.1, 0.8]], 0.8).pairs.tolist()
    [[0, 0], [0, 1], [1, 1]]
    >>> threshold_match(([[1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]]), 0.5).scores.round(3)
    array([0.707], dtype=float32)
    """
    source = source_of(scores, metric)
    line = source.line(threshold, "threshold")
    if line is None:
        raise TypeError("threshold is None; want a number or a Threshold: there is no default")
    return as_matches(source, *_above(source, line, rivals=margins), margins=margins)


def _above(source: Source, line: float, ties: str = "lowest", rivals: bool = False) -> Chosen:
    i, j, found = source.above(line, rivals=rivals)
    return np.stack([i, j], axis=1), found, np.zeros(len(i), bool)


def nearest_match(
    scores: Any, threshold: Any = None, *, metric: str = "cosine", ties: str = "lowest"
) -> Matches:
    """Pair each row with its best column: ``j = argmax_j S_ij``; a column may serve several rows.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        In the place of B a search index may stand, as in ``threshold_match``.
    threshold : float or Threshold, optional
        Rows whose best score is below stay alone.
    metric : str
        The similarity of embeddings; not used for a matrix.
    ties : {"lowest", "drop", "error"}
        Where a row has several best columns: take the lowest, leave the row alone, or say so.

    Returns
    -------
    Matches

    Raises
    ------
    TypeError, ValueError
        As ``max_match``.

    References
    ----------
    T. Cover, P. Hart, *Nearest neighbor pattern classification*, IEEE Trans. Information Theory 13(1), 1967.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import nearest_match
    >>> nearest_match([[0.9, 0.8], [0.7, 0.1]]).pairs.tolist()
    [[0, 0], [1, 0]]
    """
    source = source_of(scores, metric)
    return as_matches(source, *_nearest(source, _line(source, threshold), ties))


def _line(source: Source, threshold: Any) -> float:
    """A gate of which None says that there is none."""
    line = source.line(threshold, "threshold")
    return -np.inf if line is None else line


def _nearest(source: Source, line: float, ties: str) -> Chosen:
    at, top, tied = source.best(0)
    return _chosen(at, top, tied, np.ones(len(at), bool), line, ties)


def mutual_match(
    scores: Any, threshold: Any = None, *, metric: str = "cosine", ties: str = "lowest"
) -> Matches:
    """Pair i and j if each is the other's best: ``j = argmax_j S_ij`` and ``i = argmax_i S_ij``.

    Parameters
    ----------
    scores, threshold, metric
        As in ``nearest_match``.
    ties : {"lowest", "drop", "error"}
        Where an item has several best partners: take the lowest, leave the item alone, or say so.

    Returns
    -------
    Matches

    Raises
    ------
    TypeError, ValueError
        As ``max_match``.

    References
    ----------
    A. Conneau and others, *Word translation without parallel data*, ICLR 2018: mutual nearest neighbours.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import mutual_match
    >>> mutual_match([[0.9, 0.8], [0.7, 0.1]]).pairs.tolist()
    [[0, 0]]
    """
    source = source_of(scores, metric)
    return as_matches(source, *_mutual(source, _line(source, threshold), ties))


def _mutual(source: Source, line: float, ties: str) -> Chosen:
    at, top, tied = source.best(0)
    back, top_b, tied_b = source.best(1)
    if not all(source.shape):
        return _chosen(at, top, tied, tied, line, ties)
    # A tie matters if two are among each other's best and one of them has others as good: this, unlike ``at`` and
    # ``back``, doesn't depend on the order of items.
    contested = ~tied & tied_b[at] & (top_b[at] == top)
    several, step = np.flatnonzero(tied), max(1, 2**20 // source.shape[1])
    for s in range(0, len(several), step):
        k = several[s : s + step]
        best = top[k, None]
        contested[k] = ((source.block(k, slice(None)) == best) & (top_b == best)).any(axis=1)
    return _chosen(at, top, contested, back[at] == np.arange(len(at)), line, ties)


def _chosen(
    at: np.ndarray, top: np.ndarray, tied: np.ndarray, wanted: np.ndarray, line: float, ties: str
) -> Chosen:
    """Pairs (i, at[i]) of the wanted rows that reach the line, ties settled."""
    reach = (top > -np.inf) & (top >= line)
    keep = np.flatnonzero(apply_ties(ties, tied & reach) & reach & wanted)
    return np.stack([keep, at[keep]], axis=1), top[keep], tied[keep]


def greedy_match(
    scores: Any, threshold: Any = None, *, metric: str = "cosine", ties: str = "lowest"
) -> Matches:
    """Pair one to one, best first: take the highest score left, remove its row and column, and so on.

    Quick to explain, and at least half of the greatest possible total if no score is negative (Avis 1983).

    Parameters
    ----------
    scores, threshold, metric
        As in ``nearest_match``.
    ties : {"lowest", "drop", "error"}
        Where several pairs share the highest score left and an item: take the one of the lowest row, then of
        the lowest column; leave the items that have several such partners alone; or say so.

    Returns
    -------
    Matches

    Raises
    ------
    TypeError, ValueError
        As ``max_match``.

    References
    ----------
    D. Avis, A survey of heuristics for the weighted matching problem, Networks 13:475–493, 1983.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import greedy_match
    >>> greedy_match([[0.9, 0.8], [0.8, 0.1]]).pairs.tolist()
    [[0, 0], [1, 1]]
    """
    source = source_of(scores, metric)
    return as_matches(source, *_greedy(source, _line(source, threshold), ties))


def _greedy(source: Source, line: float, ties: str) -> Chosen:
    one_of(ties, "ties", TIES)
    free_a, free_b = (np.ones(k, bool) for k in source.shape)
    made: list[tuple[int, int, bool]] = []
    while True:
        # The strongest pairs left are enough for some time; what they leave over is asked for again.
        rows, cols = np.flatnonzero(free_a), np.flatnonzero(free_b)
        i, j, s = source.strongest(rows, cols, 16 * (len(rows) + len(cols)), line)
        if not len(s):
            break
        order = np.lexsort((j, i, -s))
        level = np.flatnonzero(np.diff(s[order], prepend=np.inf))
        i, j = i[order], j[order]
        for lo, hi in zip(level, [*level[1:], len(i)], strict=True):
            level_pairs = list(zip(i[lo:hi].tolist(), j[lo:hi].tolist(), strict=True))
            _take(level_pairs, free_a, free_b, ties, made)
    *pairs, tied = np.array(made, np.int64).reshape(-1, 3).T
    return np.stack(pairs, axis=1), source.pairs(*pairs), tied.astype(bool)


def _take(
    level: list[tuple[int, int]],
    free_a: np.ndarray,
    free_b: np.ndarray,
    ties: str,
    made: list[tuple[int, int, bool]],
) -> None:
    """Make the pairs of one level of equal scores that are still possible, by the policy for ties.

    With each goes whether order alone has chosen it.
    """
    left = [(i, j) for i, j in level if free_a[i] and free_b[j]]
    rows, cols, contested = Counter[int](), Counter[int](), set[tuple[int, int]]()
    if len(left) > 1:
        rows, cols = Counter(i for i, _ in left), Counter(j for _, j in left)
        contested = {(i, j) for i, j in left if rows[i] > 1 or cols[j] > 1}
    if contested and ties == "error":
        raise ValueError(
            f"ties='error', and {len(contested)} pairs that share an item are tied (first: {min(contested)}): "
            "other partners are exactly as good"
        )
    for i, j in contested if ties == "drop" else ():
        free_a[i] &= rows[i] == 1
        free_b[j] &= cols[j] == 1
    for i, j in left:
        if free_a[i] and free_b[j]:
            free_a[i] = free_b[j] = False
            made.append((i, j, (i, j) in contested))


# The matchings of which a lower line keeps all pairs and adds some.
PREFIX = {"threshold": _above, "nearest": _nearest, "mutual": _mutual, "greedy": _greedy}

"""The matching at every line: which pairs come and go as a threshold moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._check import as_threshold, one_of
from .._truth import Truth
from ._assignment import assign
from ._corners import optima
from ._matches import Matches
from ._matchings import PREFIX, TIES, apply_ties, as_matches, left_over, warn_of_pool, whole_weights
from ._source import Source, source_of

MODES = ("max", "min", *PREFIX)


class PathCurve(NamedTuple):
    """Precision and recall of the matching at every line of a path, lowest line first; NaN where that is 0 / 0."""

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class MatchingPath:
    """Hold the matching at every threshold: each pair with the stretch of thresholds at which it is kept.

    Pair k is kept at threshold t exactly if ``lower[k] < t <= upper[k]``, compared as float64. In mode ``"min"``, where t is
    the greatest distance allowed, exactly if ``upper[k] <= t < lower[k]``. A pair that goes and comes back has a row for
    each of its stretches.

    Parameters
    ----------
    pairs : int64 (p, 2)
        Row and column. Stretches stand in the order in which they begin when the line is loosened: by ``upper`` from the highest
        (distances: from the least), then by row and column.
    upper, lower : float64 (p,)
        Where the stretch begins and ends. ``lower`` is −inf (distances: +inf) where the pair stays for good, as all do in
        the modes other than ``"max"`` and ``"min"``; the matching without a threshold is that of −inf (+inf).
    scores, margins : (p,)
        The pair's score (or distance) and margin, as in ``Matches``; no threshold changes them.
    lines : float64 (r,)
        The thresholds at which the matching changes, ascending. It is the same for all t with
        ``lines[k-1] < t <= lines[k]`` (distances: ``lines[k-1] <= t < lines[k]``).
    tied : int64 (r,)
        How many pairs of the matching at each line were chosen by the order of items alone, as in ``Matches``.
    shape : (n, m)
        Sizes of the two sides.
    mode : str
        The matching.

    Raises
    ------
    TypeError, ValueError
        By the methods: if the threshold is not a number, or truth does not fit the two sides.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import matching_path
    >>> path = matching_path([[0.75, 0.5], [0.625, 0.0]])
    >>> path
    MatchingPath('max' of 2 × 2: 2 lines from 0.375 to 0.75, 3 stretches of pairs)
    >>> path.pairs.tolist(), path.upper.tolist(), path.lower.tolist()
    ([[0, 0], [0, 1], [1, 0]], [0.75, 0.375, 0.375], [0.375, -inf, -inf])
    >>> path.at(0.5).pairs.tolist(), path.at(0.25).pairs.tolist()
    ([[0, 0]], [[0, 1], [1, 0]])
    >>> path.curve("diagonal").precision.tolist()
    [0.0, 1.0]
    """

    pairs: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    scores: np.ndarray
    margins: np.ndarray
    lines: np.ndarray
    tied: np.ndarray
    shape: tuple[int, int]
    mode: str

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        n, p = len(self), len(self.pairs)
        ends = f" from {self.lines[0]:g} to {self.lines[-1]:g}" if n else ""
        return (
            f"MatchingPath({self.mode!r} of {self.shape[0]} × {self.shape[1]}: {n} line{'s' * (n != 1)}{ends}, "
            f"{p} stretch{'es' * (p != 1)} of pairs)"
        )

    def at(self, threshold: Any) -> Matches:
        """Return the matching at a threshold: a number, a ``Threshold``, or None where the matching itself takes None."""
        if threshold is None and self.mode == "threshold":
            raise TypeError("threshold is None; want a number or a Threshold: there is no default")
        if self.mode not in PREFIX:
            warn_of_pool(threshold, 3)
        sign = -1 if self.mode == "min" else 1
        t = -math.inf if threshold is None else sign * as_threshold(threshold)
        keep = np.flatnonzero((t <= sign * self.upper) & ((sign * self.lower < t) | np.isinf(self.lower)))
        keep = keep[np.lexsort(self.pairs[keep].T[::-1])]
        which = int(np.searchsorted(sign * self.lines[::sign], t))
        tied = int(self.tied[::sign][which]) if which < len(self) else 0
        pairs, measure = self.pairs[keep], "distance" if sign < 0 else "score"
        alone = left_over(pairs, self.shape)
        return Matches(pairs, self.scores[keep], self.margins[keep], *alone, self.shape, measure, tied)

    def curve(self, truth: Any) -> PathCurve:
        """Return the exact precision and recall of the matching at each of ``lines``, and so at every threshold.

        ``precision = tp / (tp + fp)``, ``recall = tp / (tp + fn)``. With a lower line the recall of a one-to-one matching
        may fall: a new pair takes partners from others. ``truth`` is as in ``Matches.evaluate``.
        """
        known = Truth(truth, self.shape)
        right = known.of(*self.pairs.T)
        sign = -1 if self.mode == "min" else 1
        lines = sign * self.lines[::sign]
        counts = np.zeros((2, len(lines) + 1), np.int64)  # of right pairs, of all
        # Kept from its upper line down to the last line above its lower one.
        first = np.searchsorted(lines, sign * self.lower, "right")
        beyond = np.searchsorted(lines, sign * self.upper, "right")
        for where, step in ((first, 1), (beyond, -1)):
            np.add.at(counts[0], where, step * right)
            np.add.at(counts[1], where, step)
        tp, kept = np.cumsum(counts, axis=1)[:, :-1][:, ::sign].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return PathCurve(self.lines, tp / kept, tp / np.float64(known.total))


def matching_path(
    scores: Any, mode: str = "max", *, metric: str = "cosine", ties: str = "lowest"
) -> MatchingPath:
    """Find the matching at every threshold at once, and the exact lines at which it changes.

    For ``"max"`` and ``"min"`` the gated value ``V(t) = max Σ max(S_ij − t, 0)`` is convex and piecewise linear in t, its slope
    is minus the number of pairs, and between two corners the best pairs are the same. Corners are found from the
    highest down: with one more pair the total changes along the best chain of exchanges, and that change is the line.
    The other modes add pairs and never take one away.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        As the matching takes them. For ``mode="min"`` these are **distances**, as for ``min_match``; the threshold is its
        ``max_distance``, and all comparisons turn round.
    mode : {"max", "min", "threshold", "nearest", "mutual", "greedy"}
        Which matching: ``max_match``, ``min_match``, …
    metric : str
        Of embeddings; not used for a matrix.
    ties : {"lowest", "drop", "error"}
        As in the matching. ``"error"`` raises if there is a tie at any line; ``"threshold"`` has no ties.

    Returns
    -------
    MatchingPath
        ``path.at(t)`` has the pairs of ``max_match(scores, t, ties=ties)``, and so for the other modes.

    Raises
    ------
    TypeError, ValueError
        As the matching; also if the mode is unknown, or the scores are too many: ``n · m · min(n, m)`` above 500³ for ``"max"``
        and ``"min"``, ``n · m`` above 4 million for ``"threshold"`` and above 25 million for the others.

    References
    ----------
    M. J. Eisner, D. G. Severance, Mathematical techniques for efficient record segmentation in large shared databases,
    J. ACM 23(4):619–635, 1976 (corners of a parametric optimum).
    J. Edmonds, R. M. Karp, Theoretical improvements in algorithmic efficiency for network flow problems,
    J. ACM 19(2):248–264, 1972 (cheapest chains one after another).

    Notes
    -----
    The matchings round a threshold to the precision of the scores, half to even, before they compare. So for float32 scores
    ``upper`` and ``lower`` are not the scores themselves but the greatest float64 that rounds to them, up to half a
    step of float32 higher. At a corner, where few and many pairs have the same total, the many are kept, as ``max_match``
    does. Within about 1e-10 of the usual gain around a corner ``max_match`` itself takes the two for equal and may
    choose the other; the totals are then equal up to rounding.

    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb.align import matching_path
    >>> D = [[1.0, 2.0], [1.5, 4.0]]
    >>> path = matching_path(D, "min")
    >>> path.lines.tolist()
    [1.0, 2.5]
    >>> path.at(2.0).pairs.tolist(), path.at(2.5).pairs.tolist()
    ([[0, 0]], [[0, 1], [1, 0]])
    """
    one_of(mode, "mode", MODES)
    one_of(ties, "ties", TIES)
    sign = -1 if mode == "min" else 1
    source = source_of(scores, metric, "scores", sign)
    _refuse_slow(mode, *source.shape)
    if source.matrix is None:
        source = Source(source.value(source.dense()), metric, "scores", sign)
    assert source.matrix is not None
    if mode in PREFIX:
        pairs, own, by_order = PREFIX[mode](source, -np.inf, ties)
        made = as_matches(source, pairs, own, by_order)
        begin = _edge(made.scores, own.dtype)
        which = np.argsort(-begin, kind="stable")
        begin, end = begin[which], np.full(len(which), -np.inf)
        last = np.flatnonzero(np.diff(begin, append=-np.inf))[::-1]  # of the pairs that share a line
        lines, tied = begin[last], by_order[np.lexsort(pairs.T[::-1])][which].cumsum()[last]
    else:
        i, j, begin, end, lines, tied = _stretches(source.matrix, ties)
        key, which = np.unique(i * source.shape[1] + j, return_inverse=True)
        pairs = np.stack(np.divmod(key, max(source.shape[1], 1)), axis=1)
        made = as_matches(source, pairs, source.pairs(*pairs.T), np.zeros(len(key), bool))
        order = np.lexsort((which, -begin))
        which, begin, end = which[order], begin[order], end[order]
    if sign < 0:
        begin, end, lines, tied = 0.0 - begin, 0.0 - end, 0.0 - lines[::-1], tied[::-1]
    pairs, own, margins = made.pairs[which], made.scores[which], made.margins[which]
    return MatchingPath(pairs, begin, end, own, margins, lines, tied, source.shape, mode)


def _refuse_slow(mode: str, n: int, m: int) -> None:
    """Say where all thresholds at once would take many seconds or gigabytes, and what to call instead."""
    what, count, most = "n · m", n * m, 4_000_000 if mode == "threshold" else 25_000_000
    if mode not in PREFIX:
        what, count, most = "n · m · min(n, m)", n * m * min(n, m), 500**3
    if count > most:
        raise ValueError(
            f"scores is {n} × {m}, and {what} = {count:.3g}; want at most {most:.3g} for the {mode!r} matching at every "
            f"threshold: call {mode}_match(scores, t) at the lines of interest instead"
        )


def _stretches(matrix: np.ndarray, ties: str) -> tuple[np.ndarray, ...]:
    """Rows, columns, upper and lower lines of all stretches; the lines, ascending, and how many pairs are tied there."""
    uppers, chosen, counts = [np.empty(0)], [np.empty((0, len(matrix)), np.int64)], list[int]()
    found = list(optima(matrix))
    if (
        found and float(np.abs(matrix).max()) < 2.0**960
    ):  # none is forbidden: below the last line there is no gate to lose digits by
        weights, _ = whole_weights(matrix, min(matrix.shape))
        found[-1] = (found[-1][0], *assign(weights, optional=False))
    for upper, col, tied in found:
        tied &= col >= 0
        keep = apply_ties(ties, tied, f" at the line {upper:g}")
        uppers.append(np.array([upper]))
        chosen.append(np.where(keep, col, -1)[None])
        counts.append(int((tied & keep).sum()))
    begin, cols = _edge(np.concatenate(uppers), matrix.dtype), np.concatenate(chosen)
    end = np.append(begin[1:], -np.inf)
    real = end < begin  # float32 may have no number between two corners
    begin, end, cols, tied = begin[real], end[real], cols[real], np.array(counts, np.int64)[real]
    edge = np.full((1, len(matrix)), -1)
    before, after = np.concatenate([edge, cols[:-1]]), np.concatenate([cols[1:], edge])
    i, first = np.nonzero(((cols != before) & (cols >= 0)).T)
    _, last = np.nonzero(((cols != after) & (cols >= 0)).T)
    return i, cols[first, i], begin[first], end[last], begin[::-1], tied[::-1]


def _edge(lines: np.ndarray, dtype: Any) -> np.ndarray:
    """The greatest float64 that, rounded to the precision of the scores, is at most the line."""
    ends = np.finfo(np.float64)
    if dtype != np.float32:
        return np.clip(lines, ends.min, None)
    low, high = float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)
    with np.errstate(over="ignore"):
        near = np.clip(lines, low, high).astype(np.float32)
        near = np.where(near > lines, np.nextafter(near, np.float32(-np.inf)), near)
        after = np.nextafter(near, np.float32(np.inf)).astype(np.float64)
    middle = (near + after) / 2  # is rounded to the one that ends in an even bit
    out = np.where(
        np.clip(middle, low, high).astype(np.float32) <= near, middle, np.nextafter(middle, -np.inf)
    )
    return np.where(np.isinf(after), ends.max, np.where(np.isinf(near), ends.min, out))

"""What labels that come in random order, without replacement, show of the best m candidates."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

__all__ = ["Line", "labels_to_show", "lines_at"]


def lines_at(scores: np.ndarray, first: int = 40, ratio: float = 1.35) -> list[int]:
    """How many of the candidates, best first, each line keeps: 40, 54, 73, … and all; tied scores stay together."""
    n, kept, size = len(scores), list[int](), float(first)
    while n and (not kept or kept[-1] < n):
        # A line is a score: every candidate that reaches it is kept.
        kept.append(int(np.searchsorted(-scores, -scores[min(round(size), n) - 1], side="right")))
        size = max(size * ratio, kept[-1] + 1)
    return kept


class Line:
    """The m best candidates, and which numbers of right ones their labels refute.

    After n labels in random order, s of them right, the chance of just these labels if K of the m are right is
    ``p_K = K(K-1)…(K-s+1) (m-K)…(m-K-n+s+1) / m(m-1)…(m-n+1)``. The bet against "at most k are right" is worth
    ``W_k = Σ_{K>k} p_K / ((m - k) p_k)``, the mean likelihood ratio of all larger numbers. It starts at 1. If at most k are right
    it cannot be expected to grow: a right label multiplies every ratio by more than a wrong one does, and right labels
    are then rarer than under k. So with chance at most δ does it ever reach 1/δ (Ville), whenever one stops.

    Only k from ``lowest`` on are followed.
    """

    def __init__(self, m: int, lowest: int = 0) -> None:
        self.m, self.seen, self.right = m, 0, 0
        self.counts = np.arange(lowest, m + 1)
        self.log_p = np.zeros(len(self.counts))
        self.best = np.zeros(len(self.counts))  # ln of the largest W_k so far
        self.best[-1] = -np.inf  # no number is larger than m

    def add(self, right: bool) -> None:
        """Take the label of the next candidate of the random order."""
        left = self.counts - self.right if right else self.m - self.counts - (self.seen - self.right)
        with np.errstate(divide="ignore"):
            self.log_p += np.log(np.maximum(left, 0) / (self.m - self.seen))
        self.seen, self.right = self.seen + 1, self.right + right
        np.maximum(self.best, _log_wealth(self.log_p, self.m - self.counts), out=self.best)

    def at_least(self, delta: float) -> int:
        """The least number of right ones that is not refuted at risk δ."""
        return int(self.counts[np.argmax(self.best < -np.log(delta))])

    def shows(self, number: int, delta: float) -> bool:
        """Whether "fewer than ``number`` are right" has ever been refuted at risk δ."""
        return number == 0 or bool(self.best[number - 1 - self.counts[0]] >= -np.log(delta))

    def may_show(self, number: int) -> bool:
        """Whether so many can still be right."""
        return self.m - (self.seen - self.right) >= number


def _log_wealth(log_p: np.ndarray, larger_counts: np.ndarray) -> np.ndarray:
    """``ln W_k``: ∞ where the labels rule k out, −∞ where they rule out all larger numbers."""
    if (top := log_p.max()) == -np.inf:
        return np.full(len(log_p), -np.inf)  # fewer are right than any number followed
    p = np.exp(log_p - top)
    beyond = np.append(np.cumsum(p[:0:-1])[::-1], 0.0)
    out = np.full(len(p), -np.inf)
    some = beyond > 0
    with np.errstate(divide="ignore"):
        out[some] = np.log(beyond[some]) - np.log(p[some]) - np.log(larger_counts[some])
    return out


def labels_to_show(line: Line, number: int, share: float, delta: float) -> int | None:
    """How many more candidates of a line's order it takes to show a number, if that share of them is right; None: too many."""
    m, n, s = line.m, line.seen, line.right
    counts = np.arange(max(number - 1, 0), m + 1)

    def shown(more: int) -> bool:
        right, wrong = s + share * more, n - s + (1 - share) * more
        possible = (counts >= right) & (m - counts >= wrong)
        log_p = np.full(len(counts), -np.inf)
        K = counts[possible]
        log_p[possible] = (
            gammaln(K + 1) - gammaln(K - right + 1) + gammaln(m - K + 1) - gammaln(m - K - wrong + 1)
        )
        return bool(_log_wealth(log_p, m - counts)[0] >= -np.log(delta))

    low, high = 0, m - n
    if not shown(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle + 1, high)
    return low

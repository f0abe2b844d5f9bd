"""What labels that come in random order, without replacement, show of the best m candidates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

__all__ = ["at_least", "evidence", "lines_at"]


def lines_at(scores: np.ndarray, first: int) -> np.ndarray:
    """How many of the candidates, best first, each line keeps: ``first``, then √m more than the last, at last all."""
    n, kept, size = len(scores), list[int](), float(first)
    while n and (not kept or kept[-1] < n):
        # A line is a score: every candidate that reaches it is kept, so tied scores stay together.
        kept.append(int(np.searchsorted(-scores, -scores[min(round(size), n) - 1], side="right")))
        size = max(size, kept[-1]) + math.sqrt(kept[-1])
    return np.array(kept, np.int64)


def evidence(k: Any, m: Any, n: Any, s: Any, target: float) -> np.ndarray:
    """How strongly s right labels among n, drawn from m, speak against "k of the m are right" and for more: ``ln W_k``.

    The chance of just these labels, in their order, is ``p_k = k(k-1)…(k-s+1) (m-k)…(m-k-n+s+1) / m(m-1)…(m-n+1)``.
    ``W_k = q / p_k``, where ``q = B(a + s, 1 + n - s) / B(a, 1)`` is their mean chance if a share of right ones was drawn from
    Beta(a, 1), ``a = 5 / (1 - target)``: a mixture of the p_K of all K. So W_k starts at 1, and if k are right it is a martingale:
    with chance at most δ does it ever reach 1/δ (Ville). −∞ where the labels do not speak for more than k; where they do,
    W_j ≥ W_k for every j < k, since p_j rises up to the most likely number: who refutes k refutes all smaller numbers.
    """
    a, wrong = 5 / (1 - target), n - s
    more = s * m > k * n
    k = np.where(more, k, s)  # elsewhere p_k may be no chance
    log_p = gammaln(k + 1) - gammaln(np.maximum(k - s, 0) + 1)
    log_p += gammaln(m - k + 1) - gammaln(m - k - wrong + 1) - gammaln(m + 1) + gammaln(m - n + 1)
    log_w = np.where(s > k, np.inf, betaln(a + s, 1 + wrong) - betaln(a, 1) - log_p)
    return np.where(more, log_w, -np.inf)


def at_least(m: np.ndarray, n: np.ndarray, s: np.ndarray, target: float, delta: float) -> np.ndarray:
    """The least number of right ones among m that is not refuted at risk δ, for arrays of n labels with s right."""
    low, high = s, -(-s * m // np.maximum(n, 1))
    while (low < high).any():
        middle = (low + high) // 2
        refuted = evidence(middle, m, n, s, target) >= -math.log(delta)
        low, high = np.where(refuted, middle + 1, low), np.where(refuted, high, middle)
    return low

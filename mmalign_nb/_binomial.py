"""Bounds that hold for samples of any size: on a share that was counted, and on a mean of shares."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["clopper_pearson", "mean_bounds"]


def clopper_pearson(k: Any, n: Any, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact two-sided interval for a share of which ``k`` in ``n`` were seen.

    ``lower = B⁻¹(α/2; k, n − k + 1)``, ``upper = B⁻¹(1 − α/2; k + 1, n − k)`` with ``α = 1 − confidence`` and B the beta
    distribution; (0, 1) where n = 0.

    References
    ----------
    C. J. Clopper, E. S. Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial*,
    Biometrika 26(4):404–413, 1934.

    Examples
    --------
    >>> from mmalign_nb._binomial import clopper_pearson
    >>> low, high = clopper_pearson(9, 10)
    >>> float(low.round(3)), float(high.round(3))
    (0.555, 0.997)
    """
    from scipy.special import betaincinv

    k, n = np.asarray(k, float), np.asarray(n, float)
    half = (1 - confidence) / 2
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, half), 0.0)
    high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - half), 1.0)
    return low, high


def mean_bounds(mean: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the two-sided Chernoff interval for the mean of numbers between 0 and 1, of which n had this mean.

    All μ with ``n · kl(mean, μ) <= ln(2 / α)``, ``kl(p, q) = p ln(p/q) + (1 − p) ln((1 − p)/(1 − q))``: it holds whatever the
    numbers' distribution is, and never ends where the sample does. (0, 1) where n = 0.

    References
    ----------
    W. Hoeffding, *Probability inequalities for sums of bounded random variables*, JASA 58(301):13–30, 1963, theorem 1.

    Examples
    --------
    >>> from mmalign_nb._binomial import mean_bounds
    >>> [round(x, 3) for x in mean_bounds(1.0, 200)], [round(x, 3) for x in mean_bounds(0.9, 200)]
    ([0.982, 1.0], [0.833, 0.948])
    """
    from scipy.optimize import brentq
    from scipy.special import rel_entr

    if n == 0:
        return 0.0, 1.0
    room = np.log(2 / (1 - confidence)) / n

    def over(q: float) -> float:
        return float(min(rel_entr(mean, q) + rel_entr(1 - mean, 1 - q), 1e9) - room)

    low = 0.0 if mean <= 0 else float(brentq(over, 0.0, mean))
    high = 1.0 if mean >= 1 else float(brentq(over, mean, 1.0))
    return low, high

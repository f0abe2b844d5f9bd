"""Exact bounds on a share that was counted in a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["clopper_pearson"]


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

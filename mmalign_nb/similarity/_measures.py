"""The measures of how alike two vectors are, and what prepares vectors for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check import as_count, as_matrix, as_seed, as_vector, fit_into, one_of
from ._scores import Scores

__all__ = ["binarize", "center", "distance", "similarity"]


def similarity(A: Any, B: Any, metric: str = "cosine") -> np.ndarray:
    """Score every row of A against every row of B; higher is more alike.

    ========== ============================= ================= ==============================
    metric     similarity                    range             distance
    ========== ============================= ================= ==============================
    cosine     a·b / (|a| |b|)               -1 … 1            1 - similarity
    dot        a·b                           all               -similarity
    euclidean  -√Σ(aᵢ - bᵢ)²                 ≤ 0               -similarity
    manhattan  -Σ|aᵢ - bᵢ|                   ≤ 0               -similarity
    hamming    -(number of places where      ≤ 0               -similarity: how many bits
               the bits differ)                                differ
    ========== ============================= ================= ==============================

    In each row of the table similarity falls by one where distance rises by one, so pairs of least total distance and
    pairs of greatest total similarity are the same pairs.

    Parameters
    ----------
    A : (n, d)
        Side a, one item per row: a dense array or, for cosine, dot and euclidean, a scipy sparse matrix, which stays
        sparse. For hamming: bool, {0, 1}, {-1, 1}, or bits packed into uint8 as ``binarize(…, packed=True)`` does.
    B : (m, d)
        Side b, likewise.
    metric : {"cosine", "euclidean", "manhattan", "hamming", "dot"}

    Returns
    -------
    float32 (n, m)
        Computed in float64 and then rounded: the cosine of a vector with itself is 1.0 and its distance 0.0.

    Raises
    ------
    TypeError, ValueError
        For text, NaN, empty or 1-D input, different numbers of columns, zero vectors (cosine), real numbers (hamming)
        and unknown metrics.

    References
    ----------
    R. W. Hamming, *Error detecting and error correcting codes*, Bell System Technical Journal 29(2):147–160, 1950.

    Notes
    -----
    Hamming is a count, where ``scipy.spatial.distance.cdist(…, "hamming")`` gives the fraction count / d, and gives
    1.0 for almost any two real vectors. On {0, 1} it equals manhattan and squared euclidean; on {-1, 1} it is
    (d - a·b) / 2.

    Notebook: ``02_similarity``.

    Examples
    --------
    >>> from mmalign_nb.similarity import similarity
    >>> A, B = [[1.0, 0.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]
    >>> similarity(A, B).round(3)
    array([[ 1.   ,  0.   , -1.   ],
           [ 0.707,  0.707, -0.707]], dtype=float32)
    >>> similarity(A, B, "euclidean").round(3)
    array([[-1.   , -3.162, -2.   ],
           [-1.414, -2.236, -2.236]], dtype=float32)
    """
    return Scores((A, B), metric, allow_empty=False).dense()


def distance(A: Any, B: Any, metric: str = "cosine") -> np.ndarray:
    """Measure how far every row of A is from every row of B; lower is more alike.

    cosine: 1 - cos, in 0 … 2; euclidean: √Σ(aᵢ - bᵢ)²; manhattan: Σ|aᵢ - bᵢ|; hamming: the **number** of bits that
    differ (SciPy gives the fraction); dot: -a·b, which is no distance in the strict sense.

    Parameters
    ----------
    A : (n, d)
    B : (m, d)
    metric : {"cosine", "euclidean", "manhattan", "hamming", "dot"}
        All as in ``similarity``.

    Returns
    -------
    float32 (n, m)

    Raises
    ------
    TypeError, ValueError
        As ``similarity``.

    References
    ----------
    M. M. Deza, E. Deza, *Encyclopedia of Distances*, 2009; R. W. Hamming, Bell System Technical Journal 29(2), 1950.

    Notes
    -----
    The article's third distance (哈米尔顿距离) is most plausibly Hamming (汉明距离); a similar name elsewhere mostly
    means Manhattan (曼哈顿距离). On bits the two are equal.

    Notebook: ``02_similarity``.

    Examples
    --------
    >>> from mmalign_nb.similarity import distance
    >>> distance([[1, 0, 1, 1]], [[1, 1, 1, 0], [1, 0, 1, 1]], "hamming")
    array([[2., 0.]], dtype=float32)
    """
    out = similarity(A, B, metric)
    return np.subtract(1 if metric == "cosine" else 0, out, out=out)


def center(A: Any, mean: Any = None) -> np.ndarray:
    """Subtract the mean vector: ``A - mean``.

    Centring each modality by its own mean removes the constant part of the modality gap. For queries pass the mean of
    the set on which it was measured, not of the queries.

    Parameters
    ----------
    A : (n, d)
    mean : (d,), optional
        What to subtract; the mean of A if not given.

    Returns
    -------
    float32 (n, d)

    Raises
    ------
    TypeError, ValueError
        If A is no matrix of finite numbers or ``mean`` has not d entries.

    References
    ----------
    J. Mu, P. Viswanath, *All-but-the-top*, ICLR 2018: what all vectors share tells them apart the least.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.similarity import center
    >>> gallery = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> center(gallery)
    array([[-1., -2.],
           [ 1.,  2.]], dtype=float32)
    >>> center([[2.0, 5.0]], mean=gallery.mean(axis=0))
    array([[0., 1.]], dtype=float32)
    """
    a: np.ndarray = as_matrix(A, "A")
    mu = a.mean(axis=0, dtype=np.float64) if mean is None else as_vector(mean, "mean", a.shape[1])
    out: np.ndarray = fit_into(a - mu, "A - mean", np.float32)
    return out


def binarize(
    X: Any,
    method: str = "sign",
    *,
    n_bits: int | None = None,
    seed: int = 0,
    cut: Any = None,
    packed: bool = False,
) -> np.ndarray:
    """Turn real vectors into bits for Hamming: a bit is 1 where its number is greater than a cut.

    * ``"sign"``: bit i is xᵢ > 0.
    * ``"median"``: bit i is xᵢ > cutᵢ, by default the median of column i, which splits a gallery in halves.
    * ``"hyperplanes"``: bit i is x·uᵢ > 0 for ``n_bits`` random directions uᵢ, the same ones for the same seed. Two
      vectors at an angle θ differ in a share of θ/π of the bits, so Hamming estimates the angle.

    Parameters
    ----------
    X : (n, d)
        Dense, or scipy sparse for ``"hyperplanes"``.
    method : {"sign", "median", "hyperplanes"}
    n_bits : int, optional
        For ``"hyperplanes"``: how many bits; d if not given.
    seed : int
        For ``"hyperplanes"``: use the same for gallery and queries.
    cut : (d,), optional
        For ``"median"``: the medians of the gallery, ``np.median(gallery, axis=0)``. Queries need them, because their
        own medians would give the same vector other bits.
    packed : bool
        Eight bits to a byte, padded with zeros (``np.packbits``).

    Returns
    -------
    bool (n, n_bits), or uint8 (n, ceil(n_bits / 8)) if packed

    Raises
    ------
    TypeError, ValueError
        If X is no matrix of finite numbers, the method is unknown, or an option doesn't belong to the method.

    References
    ----------
    M. S. Charikar, *Similarity estimation techniques from rounding algorithms*, STOC 2002.

    Notes
    -----
    Notebook: ``02_similarity``, ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.similarity import binarize, distance
    >>> gallery = np.array([[1.0, 10.0], [2.0, 30.0], [3.0, 20.0]])
    >>> medians = np.median(gallery, axis=0)
    >>> binarize(gallery, "median").astype(int).tolist()
    [[0, 0], [0, 1], [1, 0]]
    >>> binarize([[2.5, 25.0]], "median", cut=medians).astype(int).tolist()
    [[1, 1]]
    >>> binarize(gallery, "median", packed=True).tolist()
    [[0], [64], [128]]
    """
    one_of(method, "method", ("sign", "median", "hyperplanes"))
    if n_bits is not None and method != "hyperplanes":
        raise ValueError(f"n_bits is {n_bits} but method={method!r} gives one bit per column; want None")
    if cut is not None and method != "median":
        raise ValueError(f"cut is given but method={method!r} cuts at 0; want None, or method='median'")
    x = as_matrix(X, "X", sparse=method == "hyperplanes", allow_empty=True)
    if method == "hyperplanes":
        size = (x.shape[1], as_count(n_bits, "n_bits", none=True) or x.shape[1])
        bits = (
            np.asarray(x @ np.random.default_rng(as_seed(seed)).standard_normal(size, dtype=np.float32)) > 0
        )
    elif method == "median":
        if cut is None and len(x) == 0:
            raise ValueError(f"X is empty (shape {x.shape}); want at least one row, or cut")
        bits = x > (np.median(x, axis=0) if cut is None else as_vector(cut, "cut", x.shape[1]))
    else:
        bits = x > 0
    return np.packbits(bits, axis=1) if packed else bits

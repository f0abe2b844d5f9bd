"""When two recordings belong together: by how many frames are they apart, and which frame goes with which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ._check import as_matrix, as_scores

__all__ = ["DtwPath", "Offset", "best_offset", "dtw_path"]


class Offset(NamedTuple):
    """Where b fits a best. ``offset`` > 0: what happens at frame t of a happens at frame t + offset of b.

    Fields: ``offset`` in frames; ``seconds`` (None without a rate); ``score`` in [-1, 1], ``p_value`` (NaN where there
    is no null) and ``margin`` of that offset; ``offsets`` and ``scores`` of the whole curve, to plot.
    """

    offset: int
    seconds: float | None
    score: float
    p_value: float
    margin: float
    offsets: np.ndarray
    scores: np.ndarray


class DtwPath(NamedTuple):
    """A warping path: ``path`` (k, 2) int64, the cost of each of its ``steps`` (k,), and their sum ``total``."""

    path: np.ndarray
    steps: np.ndarray
    total: float


def best_offset(
    a: Any,
    b: Any,
    *,
    rate: float | None = None,
    max_offset: int | None = None,
    min_overlap: int | float = 0.5,
    tolerance: int = 1,
    shifts: int = 199,
    null: Sequence[Any] | None = None,
) -> Offset:
    r"""Find the offset at which two sequences of frames agree best, and say how sure that is.

    At offset k only the frames that both have, t of a and t + k of b, are compared, by Pearson's correlation over
    these frames and all features, each feature centred on these frames:
    :math:`r(k) = \sum_t \langle a_t-\bar a,\; b_{t+k}-\bar b\rangle \,/\, \sqrt{\sum_t \lVert a_t-\bar a\rVert^2
    \sum_t \lVert b_{t+k}-\bar b\rVert^2}`. Padding with zeros instead would favour small offsets.

    Parameters
    ----------
    a, b : (T_a, d) and (T_b, d), or (T_a,) and (T_b,)
        Features per frame, in one space and at one frame rate: motion and loudness, or two columns of embeddings.
    rate : float, optional
        Frames per second; gives ``seconds``.
    max_offset : int, optional
        Search -max_offset … max_offset. None searches every offset with enough overlap.
    min_overlap : int or float in (0, 1], default 0.5
        Least number of common frames, or share of the shorter sequence.
    tolerance : int, default 1
        Offsets this near to the best are the same answer, not a rival.
    shifts : int, default 199
        At most this many circular shifts for the null.
    null : sequence of arrays like b, optional
        Sequences that do not belong to a, to compare with instead of shifted copies of b.

    Returns
    -------
    Offset
        ``p_value``: share of the null, with one added above and below, whose best score in the same search reaches
        this one; below 0.05 the two are hardly unrelated. The null is b shifted circularly so far that its true
        place is outside the search, which takes a b more than twice as long as the search is wide; without such
        shifts it is NaN (reduce ``max_offset``, or give ``null``). ``margin``: the score less that of the best rival;
        near 0, e.g. for a regular beat, the offset is ambiguous however small the p-value.

    Raises
    ------
    TypeError, ValueError
        For NaN, different numbers of features, constant sequences, or no offset with enough overlap.

    References
    ----------
    Padfield, Masked object registration in the Fourier domain, IEEE Trans. Image Processing 2012.

    Notes
    -----
    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.sync import best_offset
    >>> steps = np.random.default_rng(0).normal(size=200)
    >>> found = best_offset(steps[:150], steps[10:], rate=25, max_offset=20)
    >>> found.offset, found.seconds, round(found.score, 3), round(found.p_value, 3)
    (-10, -0.4, 1.0, 0.009)
    """
    A, B = _frames(a, "a"), _frames(b, "b")
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"a has {A.shape[1]} features per frame and b has {B.shape[1]}; want the same features"
        )
    lags = _lags(len(A), len(B), max_offset, min_overlap)
    scores = _overlap_correlation(A, B, lags)
    best = int(scores.argmax())
    rivals = scores[np.abs(lags - lags[best]) > tolerance]
    margin = float(scores[best] - rivals.max()) if len(rivals) else np.nan
    if null is None:
        span = int(lags[-1] - lags[0])
        places = np.arange(span + 1, len(B) - span)
        if len(places) > shifts:
            places = places[np.linspace(0, len(places) - 1, shifts).round().astype(int)]
        others = (np.roll(B, int(s), axis=0) for s in places)
    else:
        others = (_frames(x, "null", A.shape[1]) for x in null)
    maxima = [
        _overlap_correlation(A, x, _lags(len(A), len(x), max_offset, min_overlap)).max() for x in others
    ]
    reached = sum(bool(m >= scores[best] - 1e-12) for m in maxima)
    p = (1 + reached) / (1 + len(maxima)) if maxima else np.nan
    offset = int(lags[best])
    return Offset(
        offset, None if rate is None else offset / rate, float(scores[best]), p, margin, lags, scores
    )


def _frames(x: Any, name: str, dim: int | None = None) -> np.ndarray:
    """Return per-frame features as float64 (T, d), centred as a whole so that sums of squares keep their digits."""
    x = np.asarray(x)
    out = as_matrix(x[:, None] if x.ndim == 1 else x, name, dim=dim).astype(np.float64)
    out -= out.mean(axis=0)
    if not (np.abs(out).max() > 0):
        raise ValueError(
            f"{name} is constant over its {len(out)} frames; nothing in it can be placed in time"
        )
    return out


def _lags(n: int, m: int, max_offset: int | None, min_overlap: int | float) -> np.ndarray:
    """Return the offsets k at which at least ``min_overlap`` frames t, 0 ≤ t < n and 0 ≤ t + k < m, are common."""
    share = isinstance(min_overlap, (float, np.floating))
    need = max(2, int(np.ceil(min_overlap * min(n, m)))) if share else int(min_overlap)
    if need < 2 or (share and not 0 < min_overlap <= 1):
        raise ValueError(f"min_overlap is {min_overlap!r}; want a share in (0, 1] or at least 2 frames")
    lags = np.arange(need - n, m - need + 1)
    lags = lags[(np.minimum(n, m - lags) - np.maximum(0, -lags)) >= need]
    if max_offset is not None:
        lags = lags[np.abs(lags) <= max_offset]
    if not len(lags):
        raise ValueError(
            f"a has {n} frames and b has {m}: no offset up to {max_offset} leaves {need} common frames; "
            f"reduce min_overlap"
        )
    return lags


def _overlap_correlation(A: np.ndarray, B: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of the common frames at every offset; 0 where one of them is constant there."""
    n, m = len(A), len(B)
    size = 1 << (n + m - 2).bit_length()  # long enough that the FFT's wrap-around is never read
    cross = np.fft.irfft(
        (np.fft.rfft(A, size, axis=0).conj() * np.fft.rfft(B, size, axis=0)).sum(axis=1), size
    )
    start, stop = np.maximum(0, -lags), np.minimum(n, m - lags)
    count = stop - start

    def sums(X: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total = np.concatenate([np.zeros((1, X.shape[1])), X.cumsum(axis=0)])
        square = np.concatenate([[0.0], (X * X).sum(axis=1).cumsum()])
        return total[hi] - total[lo], square[hi] - square[lo]

    sum_a, square_a = sums(A, start, stop)
    sum_b, square_b = sums(B, start + lags, stop + lags)
    covariance = cross[lags % size] - (sum_a * sum_b).sum(axis=1) / count
    rest_a = square_a - (sum_a**2).sum(axis=1) / count
    rest_b = square_b - (sum_b**2).sum(axis=1) / count
    varies = (rest_a > 1e-10 * (A * A).sum()) & (rest_b > 1e-10 * (B * B).sum())
    r = np.zeros(len(lags))
    r[varies] = covariance[varies] / np.sqrt(rest_a[varies] * rest_b[varies])
    return r.clip(-1, 1)


def dtw_path(cost: Any) -> DtwPath:
    r"""Find the cheapest way to walk through two sequences together: dynamic time warping.

    :math:`D_{ij} = c_{ij} + \min(D_{i-1,j-1}, D_{i-1,j}, D_{i,j-1})`; the path goes from (0, 0) to (n-1, m-1), never
    back, and visits every frame of both. Among equally cheap steps the diagonal one is taken, then the one in a.

    Parameters
    ----------
    cost : (n, m)
        What it costs to put frame i of a beside frame j of b, e.g. ``similarity.distance(A, B)``. Finite.

    Returns
    -------
    DtwPath
        ``steps[s]`` is ``cost`` at ``path[s]``, so that a bad stretch can be seen; ``total`` is their sum.

    Raises
    ------
    TypeError, ValueError
        If the costs are not a finite, non-empty matrix.

    References
    ----------
    Sakoe, Chiba, Dynamic programming algorithm optimization for spoken word recognition, IEEE Trans. ASSP 1978.

    Notes
    -----
    One anti-diagonal at a time, since its cells do not depend on each other: O(nm) time and memory.

    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.sync import dtw_path
    >>> a, b = np.array([1, 2, 5]), np.array([1, 1, 2, 5])
    >>> walk = dtw_path(abs(a[:, None] - b[None, :]))
    >>> walk.path.tolist(), walk.total
    ([[0, 0], [0, 1], [1, 2], [2, 3]], 0.0)
    """
    cost = as_scores(cost, "cost").astype(np.float64)
    n, m = cost.shape
    if not cost.size:
        raise ValueError(f"cost is empty (shape {cost.shape}); want at least one frame on each side")
    if not np.isfinite(cost).all():
        raise ValueError("cost has -inf; want finite costs (lower is better: pass distances, not scores)")
    # Row d + 2 holds the anti-diagonal i + j = d, cell i at column i + 1; the rest is a wall of infinity.
    D = np.full((n + m + 1, n + 1), np.inf)
    D[0, 0] = 0.0  # the step into (0, 0) costs nothing
    flipped = cost[:, ::-1]
    for d in range(n + m - 1):
        lo, hi = max(0, d - m + 1), min(n, d + 1)
        here = flipped.diagonal(m - 1 - d)
        back = np.minimum(D[d, lo:hi], np.minimum(D[d + 1, lo:hi], D[d + 1, lo + 1 : hi + 1]))
        D[d + 2, lo + 1 : hi + 1] = here + back
    i, j = n - 1, m - 1
    path = [(i, j)]
    while i or j:
        d = i + j
        # the diagonal step, the step in a, the step in b: the first of the cheapest
        step = int(np.argmin((D[d, i], D[d + 1, i], D[d + 1, i + 1])))
        i, j = i - (step < 2), j - (step != 1)
        path.append((i, j))
    out = np.array(path[::-1], dtype=np.int64)
    steps = cost[out[:, 0], out[:, 1]]
    return DtwPath(out, steps, float(steps.sum()))

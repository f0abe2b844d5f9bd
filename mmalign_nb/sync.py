"""When two recordings belong together: by how many frames are they apart, and which frame goes with which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._check import as_array, as_count, as_matrix, as_number, as_seed

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
    shuffles: int = 199,
    null: Sequence[Any] | None = None,
    seed: int = 0,
) -> Offset:
    r"""Find the offset at which two sequences of frames agree best, and say how sure that is.

    At offset k only the frames that both have, t of a and t + k of b, are compared, by Pearson's correlation over
    these frames and all features, each feature centred on these frames:
    :math:`r(k) = \sum_t \langle a_t-\bar a,\; b_{t+k}-\bar b\rangle \,/\, \sqrt{\sum_t \lVert a_t-\bar a\rVert^2
    \sum_t \lVert b_{t+k}-\bar b\rVert^2}`. Padding with zeros instead would favour small offsets. Among equal
    offsets the one nearest to 0 is returned.

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
    shuffles : int, default 199
        How many copies of each of two kinds make the null; 0 makes none.
    null : sequence of arrays like b, optional
        Sequences that do not belong to a, to compare with instead of copies: better where you have them.
    seed : int, default 0

    Returns
    -------
    Offset
        ``p_value``: share of the null, with one added above and below, whose best score in the same search reaches
        this one, for the kind of copies that reaches it more often; below 0.05 the two are hardly unrelated. NaN without a
        null (fewer than 8 frames in common).
        ``margin``: the score less that of the best rival; near 0, e.g. for a regular beat, the offset is ambiguous
        however small the p-value; a single clap has a clear offset, but fits any other clap, and so a large p-value.

    Raises
    ------
    TypeError, ValueError
        For NaN, different numbers of features, constant sequences, no offset with enough overlap, a rate that is not
        above 0, or a negative number of shuffles.

    References
    ----------
    Padfield, Masked object registration in the Fourier domain, IEEE Trans. Image Processing 2012.
    Theiler, Eubank, Longtin, Galdrikian, Farmer, Testing for nonlinearity in time series: the method of surrogate data,
    Physica D 58, 1992 (random phases).

    Notes
    -----
    The null has copies of two kinds, of the longer sequence, and ``p_value`` is the larger of their two p-values.
    *Pieces*: shifted circularly by a random amount, cut into pieces (as long as the search is wide, at least four to
    the shorter sequence) and put together so that no two neighbours stay neighbours: what happens keeps its shape, its
    place is lost. That forgets what a slow drift remembers. *Phases*: the spectrum stays and its phases become random, the
    same for all features: a drift stays a drift, but a clap is smeared out. The sequence and its reverse are taken together,
    so that end and beginning meet without a jump.

    On unrelated pairs p <= 0.05 came in at most 5 % of runs, as far as 300 of them can tell, for white noise, slow drift with
    and without noise, random walks and smoothed noise; for a clap or two in silence in 5 to 9 %. A short
    excerpt of a slow drift is seldom found: there a ``null`` of real strangers serves better. Identical sequences have the least p-value there is (``benchmarks/SYNC.md``).

    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.sync import best_offset
    >>> steps = np.random.default_rng(0).normal(size=200)
    >>> found = best_offset(steps[:150], steps[10:], rate=25, max_offset=20)
    >>> found.offset, found.seconds, round(found.score, 3), found.p_value
    (-10, -0.4, 1.0, 0.005)
    """
    if rate is not None:
        rate = as_number(rate, "rate", 0, above=True, what="frames per second, a number")
    shuffles, seed = as_count(shuffles, "shuffles", 0), as_seed(seed)
    A, B = _frames(a, "a"), _frames(b, "b")
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"a has {A.shape[1]} features per frame and b has {B.shape[1]}; want the same features"
        )
    lags = _lags(len(A), len(B), max_offset, min_overlap)
    scores = _overlap_correlation(A)(B, lags)
    tolerance = as_count(tolerance, "tolerance", 0)
    equal = np.flatnonzero(scores >= scores.max() - 1e-9)
    best = int(equal[np.abs(lags[equal]).argmin()])
    offset = int(lags[best])
    rivals = scores[np.abs(lags - offset) > tolerance]
    margin = float(scores[best] - rivals.max()) if len(rivals) else np.nan
    # r of a and b at k is r of b and a at -k: the longer one is copied, since it has more to put elsewhere.
    still, moved = (A, B) if null is not None or len(A) <= len(B) else (B, A)
    correlate = _overlap_correlation(still)

    def p_value(others: Iterable[np.ndarray]) -> float:
        maxima = [
            correlate(x, _lags(len(still), len(x), max_offset, min_overlap)).max(initial=-1) for x in others
        ]
        reached = sum(m >= scores[best] - 1e-12 for m in maxima)
        return float(1 + reached) / (1 + len(maxima)) if maxima else np.nan

    if null is not None:
        p = p_value([_frames(x, "null", A.shape[1]) for x in null])
    elif len(still) < 8:
        p = np.nan
    else:
        rng = np.random.default_rng(seed)
        pieces = _pieces(moved, min(len(lags), len(still) / 4), shuffles, rng)
        p = max(p_value(pieces), p_value(_phases(moved, shuffles, rng)))
    return Offset(
        offset, None if rate is None else offset / rate, float(scores[best]), p, margin, lags, scores
    )


def _pieces(X: np.ndarray, length: float, copies: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield copies of X, shifted circularly, cut and put together so that no two neighbours stay neighbours."""
    count = max(4, round(len(X) / length))
    for _ in range(copies):
        pieces = np.array_split(np.roll(X, rng.integers(len(X)), axis=0), count)
        order = rng.permutation(count)
        while (np.diff(order) % count == 1).any():  # a piece and its successor would be one long piece
            order = rng.permutation(count)
        yield np.concatenate([pieces[i] for i in order])


def _phases(X: np.ndarray, copies: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield sequences with the spectrum of X and random phases, the same for all features."""
    from scipy import fft

    n = len(X)
    spectrum = fft.rfft(np.concatenate([X, X[::-1]]), axis=0)
    for _ in range(copies):
        turned = spectrum * np.exp(2j * np.pi * rng.random(len(spectrum)))[:, None]
        yield np.roll(fft.irfft(turned, 2 * n, axis=0), rng.integers(2 * n), axis=0)[:n]


def _frames(x: Any, name: str, dim: int | None = None) -> np.ndarray:
    """Return per-frame features as float64 (T, d), centred as a whole so that sums of squares keep their digits."""
    array = as_array(x, name, "features per frame, (T, d) or (T,)")
    out: np.ndarray = as_matrix(array[:, None] if array.ndim == 1 else array, name, dim=dim).astype(
        np.float64
    )
    # A correlation has no unit. A power of two takes it away without rounding, so that no square leaves float64.
    out = np.ldexp(out, -int(np.frexp(np.abs(out).max())[1]))
    out -= out.mean(axis=0)
    if not (np.abs(out).max() > 0):
        raise ValueError(
            f"{name} is constant over its {len(out)} frames; nothing in it can be placed in time"
        )
    return out


def _lags(n: int, m: int, max_offset: int | None, min_overlap: int | float) -> np.ndarray:
    """Return the offsets k at which at least ``min_overlap`` frames t, 0 ≤ t < n and 0 ≤ t + k < m, are common."""
    share = isinstance(min_overlap, (float, np.floating))
    if share:
        need = max(2, int(np.ceil(as_number(min_overlap, "min_overlap", 0, 1, above=True) * min(n, m))))
    else:
        need = as_count(min_overlap, "min_overlap", 2)
    lags = np.arange(need - n, m - need + 1)
    lags = lags[(np.minimum(n, m - lags) - np.maximum(0, -lags)) >= need]
    if max_offset is not None:
        lags = lags[np.abs(lags) <= as_count(max_offset, "max_offset", 0)]
    if not len(lags):
        raise ValueError(
            f"a has {n} frames and b has {m}: no offset up to {max_offset} leaves {need} common frames; "
            f"reduce min_overlap"
        )
    return lags


def _overlap_correlation(A: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function of B and offsets: Pearson's correlation of the common frames, 0 where one is constant there."""
    from scipy import fft

    spectra: dict[int, np.ndarray] = {}  # A's, by length: the null asks for the same one again and again
    sums_a = _running_sums(A)

    def correlate(B: np.ndarray, lags: np.ndarray) -> np.ndarray:
        n, m = len(A), len(B)
        size = fft.next_fast_len(n + m - 1, real=True)  # long enough that the wrap-around is never read
        if size not in spectra:
            spectra[size] = fft.rfft(A, size, axis=0).conj()
        cross = fft.irfft((spectra[size] * fft.rfft(B, size, axis=0)).sum(axis=1), size)
        start, stop = np.maximum(0, -lags), np.minimum(n, m - lags)
        sums_b = _running_sums(B)
        sum_a, square_a = (x[stop] - x[start] for x in sums_a)
        sum_b, square_b = (x[stop + lags] - x[start + lags] for x in sums_b)
        count = stop - start
        covariance = cross[lags % size] - (sum_a * sum_b).sum(axis=1) / count
        rest_a = square_a - (sum_a**2).sum(axis=1) / count
        rest_b = square_b - (sum_b**2).sum(axis=1) / count
        varies = (rest_a > 1e-10 * sums_a[1][-1]) & (rest_b > 1e-10 * sums_b[1][-1])
        r = np.zeros(len(lags))
        r[varies] = covariance[varies] / np.sqrt(rest_a[varies] * rest_b[varies])
        return r.clip(-1, 1)

    return correlate


def _running_sums(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the first t frames and of their squares, for t = 0 … T."""
    start = np.zeros((1, X.shape[1]))
    return np.concatenate([start, X.cumsum(axis=0)]), np.concatenate([[0.0], (X * X).sum(axis=1).cumsum()])


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
    hint = "want finite costs (lower is better: pass distances, not scores; for never, a large cost)"
    cost = as_matrix(cost, "cost", hint=hint).astype(np.float64)
    n, m = cost.shape
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

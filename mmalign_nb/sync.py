"""When two recordings belong together: by how many frames are they apart, and which frame goes with which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._check import as_array, as_count, as_matrix, as_number, as_seed, as_vector

__all__ = [
    "Break",
    "DtwPath",
    "Offset",
    "Segment",
    "Synchronization",
    "best_offset",
    "dtw_path",
    "synchronize",
]


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


class Break(NamedTuple):
    """A place where b lacks a piece (``jump`` < 0: its frames of a begin at ``frame``) or has one more (``jump`` > 0)."""

    frame: int
    jump: float


class Segment(NamedTuple):
    """Frames ``start`` … ``stop`` - 1 of a, which b has without a break, and the ``offset`` in frames at ``start``."""

    start: int
    stop: int
    offset: float


class Synchronization(NamedTuple):
    """How the clocks of two recordings go together: ``offset``, drift in ``ppm``, ``breaks``, and whether they do at all.

    Fields: ``synchronous``, by the rule of :func:`synchronize`, from ``p_value`` and ``ambiguous``; ``offset`` in frames at
    frame 0 of a, and in ``seconds``; ``ppm``, how many parts per million b's clock runs ahead of a's; ``breaks`` and ``segments``; ``score``, the mean correlation of the windows along the line found. To plot:
    ``windows`` (their centres, frames of a), ``window_offsets`` (where each fits best by itself, smoothed over three frames), ``agree`` (which of these
    are within 1.5 frames of the line), and ``curves`` (windows × ``offsets``, NaN where a window leaves b).
    """

    synchronous: bool
    ambiguous: bool
    p_value: float
    offset: float
    seconds: float
    ppm: float
    breaks: tuple[Break, ...]
    segments: tuple[Segment, ...]
    score: float
    windows: np.ndarray
    window_offsets: np.ndarray
    agree: np.ndarray
    offsets: np.ndarray
    curves: np.ndarray

    def at(self, frames: Any) -> np.ndarray:
        """Return where these frames of a are in b, in frames with fractions; NaN in a piece that b lacks."""
        t = as_vector(frames, "frames", want="frames of a").astype(np.float64)
        start, stop, offset = np.array(self.segments).T
        of = (np.searchsorted(start, t, "right") - 1).clip(0)
        stop[-1] = np.inf
        return np.where(t < stop[of], t + offset[of] + self.ppm * 1e-6 * (t - start[of]), np.nan)


def synchronize(
    a: Any,
    b: Any,
    *,
    rate: float,
    max_offset: int,
    alpha: float,
    window: int | None = None,
    copies: int = 199,
    seed: int = 0,
) -> Synchronization:
    r"""Find how the clocks of two long recordings go together, by the agreement of many short windows, or say that they do not.

    Frame t of a is frame :math:`t + o_s + \delta\, t` of b: one drift :math:`\delta` for all, and an offset :math:`o_s` for each
    segment s between two breaks. a is cut into windows; the curve of window i, :math:`r_i(k)`, is Pearson's correlation with
    b at each offset k (as in :func:`best_offset`), smoothed over three frames (¼, ½, ¼). Its evidence for k is how few
    offsets do as well, :math:`e_i(k) = -\ln \operatorname{share}_{j}[r_i(j) \ge r_i(k)]`, so that no single loud event outvotes
    the other windows. Of all ways through the N windows and K offsets, the one with the largest :math:`\sum_i e_i(k_i)` less
    its prices is taken: :math:`\ln N` for a step of one frame (drift), :math:`\ln (NK/\alpha)` for any other (a break), which
    covers its place, its offset and chance. On each of its segments the offset, and for all of them the drift, is then fitted to
    the curves, between the frames.

    Parameters
    ----------
    a, b : (T_a, d) and (T_b, d), or (T_a,) and (T_b,)
        Features per frame at one frame rate, e.g. what begins to move and what begins to sound.
    rate : float
        Frames per second.
    max_offset : int
        Search -max_offset … max_offset frames, for all segments: also what a break may lead to.
    alpha : float in (0, 1)
        The share of strangers that you put up with being called synchronous; it enters the price of a break, too. There is
        no default.
    window : int, optional
        Frames in a window; None: 4 seconds. It should hold a few events, and fewer frames than lie between two breaks.
    copies : int, default 199
        How many copies of each of three kinds make the null.
    seed : int, default 0

    Returns
    -------
    Synchronization
        ``synchronous`` is ``p_value <= alpha and not ambiguous``; where it is False, the other fields say what was best, and
        mean nothing. ``p_value``: the share of copies, with one added above and below, whose best way is worth as much. In
        a copy each window's evidence is rolled along the offsets by a random amount, which keeps all that a window says and
        destroys that they agree. But neighbours share what lies on their border, and a rhythm goes on; so in copies of the second
        kind three windows in a row are rolled together, and in those of the third seven (at most half of them). The largest of the
        three p-values counts. ``ambiguous``: at m other offsets, too, the n
        windows of the longest segment have evidence that chance gives in less than half of all cases (Fisher's method:
        Gamma(n), times K), and they do not prefer the one found to the best of these (Wilcoxon's signed-rank test, at
        ``alpha`` / (m + 1)), as with a regular beat.

    Raises
    ------
    TypeError, ValueError
        For NaN, different numbers of features, constant sequences, fewer than 8 windows in a or in reach of b (for short
        clips there is :func:`best_offset`), or too few copies to reach ``alpha``.

    References
    ----------
    Fischler, Bolles, Random sample consensus, Communications of the ACM 24(6), 1981 (a line by the consensus of many).
    Fisher, Statistical Methods for Research Workers, 4th ed., 1932 (adding up logarithms of p-values).
    Viterbi, Error bounds for convolutional codes, IEEE Trans. Information Theory 13(2), 1967 (the best way).
    Davis, Lee, Rodriguez-Yam, Structural break estimation for nonstationary time series models, JASA 101, 2006 (a break
    costs what it takes to write it down).

    Notes
    -----
    Swapping a and b turns the signs round, but not to the last digit, since the windows are a's. A break of less than two
    frames counts as drift. A break is placed between the events that it separates, and no better, and
    with few windows on one side, or much noise, it is missed. Drift adds up: two minutes
    at 12 frames per second tell it to some 200 ppm, ten minutes to some 20. What stands out by orders, as a cut from scene to scene does,
    should be capped before: ``np.minimum(x, np.quantile(x, 0.95))``. How often all this is right is measured in ``benchmarks/SYNC.md``.

    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.sync import synchronize
    >>> scene = np.random.default_rng(0).normal(size=900)
    >>> a, b = scene[:800], np.delete(scene, slice(500, 530))[20:]  # b begins 20 frames later and lacks 30 of them
    >>> found = synchronize(a, b, rate=12, max_offset=100, alpha=0.01)
    >>> found.synchronous, round(found.offset), [(x.frame, round(x.jump)) for x in found.breaks]
    (True, -20, [(502, -30)])
    >>> found.at([100, 600]).round().tolist()
    [80.0, 550.0]
    """
    from scipy import ndimage
    from scipy.stats import gamma

    rate = as_number(rate, "rate", 0, above=True, what="frames per second, a number")
    alpha = as_number(alpha, "alpha", 0, 1, above=True, below=True)
    copies, rng = as_count(copies, "copies", 1), np.random.default_rng(as_seed(seed))
    if 1 / (1 + copies) > alpha:
        raise ValueError(
            f"copies is {copies}, so that no p-value is below {1 / (1 + copies):.3g}; want 1 / alpha or more"
        )
    A, B = _frames(a, "a"), _frames(b, "b")
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"a has {A.shape[1]} features per frame and b has {B.shape[1]}; want the same features"
        )
    reach = min(as_count(max_offset, "max_offset"), max(len(A), len(B)))
    width = as_count(window, "window", 4) if window is not None else max(4, round(4 * rate))
    starts = np.arange(len(A) % width // 2, len(A) - width + 1, width)
    curves = _window_curves(A, B, starts, width, reach)
    heard = np.isfinite(curves)
    if heard.any(axis=1).sum() < 8:
        raise ValueError(
            f"a has {len(A)} frames and b has {len(B)}: {heard.any(axis=1).sum()} windows of {width} frames fit into both; "
            "want at least 8: give a shorter window, or take best_offset for short clips"
        )
    # What lies between two frames is heard in both: smoothed, the top of a curve is where their weights say, not at one of them.
    soft = ndimage.convolve1d(np.nan_to_num(curves), [0.25, 0.5, 0.25], axis=1)
    evidence, centres, rows = (
        _evidence(np.where(heard, soft, np.nan)),
        starts + (width - 1) / 2,
        np.arange(len(starts)),
    )
    prices = float(np.log(len(starts))), float(np.log(len(starts)) + np.log(2 * reach + 1) - np.log(alpha))
    way, worth = _best_way(evidence, prices)
    # How far windows hang together with their neighbours is not known. Longer blocks, as long as what lies between two breaks,
    # would keep the segments of a true pair, and be worth as much as it.
    blocks = (1, 3, min(7, int(heard.any(axis=1).sum()) // 2))
    null = [_rolled_worths(evidence, heard, prices, block, copies, rng) for block in blocks]
    p = float(max((1 + (x >= worth - 1e-9).sum()) / (1 + copies) for x in null))

    k = way - reach
    part = np.concatenate([[0], np.cumsum(np.abs(np.diff(k)) > 1)])
    # The longest segment's line, moved: everything outside the peak that the found offset stands in is a rival.
    longest = rows[part == np.bincount(part).argmax(), None]
    to = way[longest] + np.arange(-2 * reach, 2 * reach + 1)
    moved = np.where((to >= 0) & (to <= 2 * reach), evidence[longest, to.clip(0, 2 * reach)], 0)
    sums = moved.sum(axis=0)
    low = np.flatnonzero(sums < sums[2 * reach] / 2)
    before, after = low[low < 2 * reach], low[low > 2 * reach]
    rivals = np.concatenate(
        [np.arange(before.max(initial=-1) + 1), np.arange(after.min(initial=len(sums)), len(sums))]
    )
    # Fisher's method: by chance, the evidence of n windows adds up to Gamma(n).
    strong = rivals[gamma.sf(sums[rivals], len(longest)) * (2 * reach + 1) <= 0.5]
    ambiguous = False
    if len(
        strong
    ):  # the line found is the best of so many, and has to be preferred by more than the luck in that
        rival = strong[sums[strong].argmax()]
        ambiguous = not _prefers(moved[:, 2 * reach], moved[:, rival]) <= alpha / (1 + len(strong))
    line, slope = _fitted_line(soft, k, part, centres, reach)
    at_zero = np.array([(line - slope * centres)[part == s].mean() for s in range(part[-1] + 1)])
    ends = np.append(np.flatnonzero(np.diff(part)), len(part) - 1)  # the last window of each segment
    edges = _edges(A, B, at_zero, slope, [*(starts[ends] + width)[:-1], len(A)], width)
    offset = at_zero + slope * np.array(edges[::2])
    own = np.where(heard, soft, -2).argmax(axis=1) - reach
    return Synchronization(
        p <= alpha and not ambiguous,
        bool(ambiguous),
        p,
        float(offset[0]),
        float(offset[0]) / rate,
        1e6 * slope,
        tuple(Break(t, float(jump)) for t, jump in zip(edges[1:-1:2], np.diff(at_zero), strict=True)),
        tuple(Segment(*x) for x in zip(edges[::2], edges[1::2], offset.tolist(), strict=True)),
        float(np.nan_to_num(curves)[rows, way].mean()),
        centres,
        own,
        np.abs(own - line) <= 1.5,
        np.arange(-reach, reach + 1),
        curves,
    )


def _window_curves(A: np.ndarray, B: np.ndarray, starts: np.ndarray, width: int, reach: int) -> np.ndarray:
    """Return the correlation of each window of A with B, (windows, 2 reach + 1); NaN where the window is not whole in B."""
    out = np.full((len(starts), 2 * reach + 1), np.nan)
    for row, s in zip(out, starts.tolist(), strict=True):
        lo, hi = max(0, s - reach), min(len(B), s + width + reach)
        if hi - lo >= width:
            lags = np.arange(hi - lo - width + 1)
            row[lo - s + reach + lags] = _overlap_correlation(A[s : s + width])(B[lo:hi], lags)
    return out


def _evidence(curves: np.ndarray) -> np.ndarray:
    """Return -ln of the share of a window's offsets that fit as well; 0 where there is nothing to compare, or no difference."""
    from scipy.stats import rankdata

    out = np.zeros_like(curves)
    for row, r in zip(out, curves, strict=True):
        heard = np.isfinite(r)
        if heard.any():
            row[heard] = np.log(heard.sum() / rankdata(-r[heard].round(9), "max"))
    return out


def _best_way(evidence: np.ndarray, prices: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Return the column of each row on the most valuable way down, and what it is worth; of equal ends the most central."""
    worths = [evidence[0]]
    for row in evidence[1:]:
        worths.append(row + _reached(worths[-1], prices))
    top, middle = worths[-1].max(), evidence.shape[1] // 2
    equal = np.flatnonzero(worths[-1] >= top - 1e-9)
    way = [int(equal[np.abs(equal - middle).argmin()])]
    for worth in worths[-2::-1]:
        k = way[-1]
        steps = [(worth[k], k), *((worth[j] - prices[0], j) for j in (k - 1, k + 1) if 0 <= j < len(worth))]
        leap = int(worth.argmax())
        way.append(max([*steps, (worth[leap] - prices[1], leap)], key=lambda step: step[0])[1])
    return np.array(way[::-1]), float(top)


def _reached(worth: np.ndarray, prices: tuple[float, float]) -> np.ndarray:
    """Return the most with which each column can be reached from the row above: straight, by one step, by a leap."""
    out = np.maximum(worth, worth.max(axis=-1, keepdims=True) - prices[1])
    out[..., 1:] = np.maximum(out[..., 1:], worth[..., :-1] - prices[0])
    out[..., :-1] = np.maximum(out[..., :-1], worth[..., 1:] - prices[0])
    return out


def _rolled_worths(
    evidence: np.ndarray,
    heard: np.ndarray,
    prices: tuple[float, float],
    block: int,
    copies: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return what the best way is worth in copies in which each ``block`` of rows is rolled by an amount of its own."""
    phase, roll = rng.integers(block, size=copies), rng.integers(evidence.shape[1], size=copies)
    worth = np.zeros((copies, evidence.shape[1]))
    for i, (row, inside) in enumerate(zip(evidence, heard, strict=True)):
        roll = np.where((i + phase) % block == 0, rng.integers(evidence.shape[1], size=copies), roll)
        columns = np.flatnonzero(inside)
        worth = _reached(worth, prices) if i else worth
        if len(columns):
            worth[:, columns] += row[columns[(np.arange(len(columns)) + roll[:, None]) % len(columns)]]
    return np.asarray(worth.max(axis=1))


def _prefers(one: np.ndarray, other: np.ndarray) -> float:
    """Return the p-value of Wilcoxon's signed-rank test that windows say more for one offset than for the other."""
    from scipy.stats import wilcoxon

    if not (one != other).any():
        return 1.0
    return float(wilcoxon(one, other, alternative="greater", zero_method="zsplit", method="approx").pvalue)


def _fitted_line(
    curves: np.ndarray, k: np.ndarray, part: np.ndarray, centres: np.ndarray, reach: int
) -> tuple[np.ndarray, float]:
    """Return the offset at each window and the drift in frames per frame, fitted to the curves around the way k."""
    from scipy import ndimage

    segments = [part == s for s in range(part[-1] + 1)]
    base = np.array([np.median(k[s]) for s in segments])[part]
    along = centres - np.array([centres[s].mean() for s in segments])[part]
    spread = float(np.sqrt((along**2).mean()))
    if not spread:  # no segment is longer than a window
        return base, 0.0
    spline, fine = ndimage.spline_filter1d(curves, 3, axis=1), np.linspace(-2, 2, 41)

    def sums(slopes: np.ndarray) -> np.ndarray:
        """Sum up the windows of each segment: (segments, slopes, fine)."""
        at = base[:, None] + fine + slopes[:, None, None] * along[:, None] + reach
        rows = np.broadcast_to(np.arange(len(k))[:, None], at.shape)
        values = ndimage.map_coordinates(spline, [rows, at], order=3, prefilter=False, mode="nearest")
        return np.stack([values[:, s].sum(axis=1) for s in segments])

    # The drift by least squares through the way, then by what the curves say between the frames.
    slope = float((along * (k - base)).sum() / (along**2).sum())
    for half in (1.5, 0.15):
        slopes = slope + np.linspace(-half, half, 61) / spread
        slope = float(slopes[sums(slopes).max(axis=2).sum(axis=0).argmax()])
    offset = fine[sums(np.array([slope]))[:, 0].argmax(axis=1)]
    return base + offset[part] + slope * along, slope


def _edges(
    A: np.ndarray, B: np.ndarray, at_zero: np.ndarray, slope: float, stops: Sequence[int], width: int
) -> list[int]:
    """Return where the segments start and stop: where the products of frames that one offset pairs give way to the next one's."""
    from scipy import ndimage

    a, b = (x / x.std() - ndimage.uniform_filter1d(x / x.std(), width, axis=0) for x in (A, B))
    b = ndimage.convolve1d(b, [0.25, 0.5, 0.25], axis=0)  # a frame beside the right one counts half

    def together(t: np.ndarray, segment: int) -> np.ndarray:
        to = np.rint(t * (1 + slope) + at_zero[segment]).astype(np.int64)
        inside = (to >= 0) & (to < len(b))
        return np.where(inside, (a[t] * b[to.clip(0, len(b) - 1)]).sum(axis=1), 0)

    edges = [0]
    for s, stop in enumerate(stops[1:]):
        t = np.arange(edges[-1], stop)
        # What b lacks has no partner: so many frames of a belong to neither segment.
        lacks = min(max(0, round(at_zero[s] - at_zero[s + 1])), len(t) - 2)
        one, other = (np.cumsum(together(t, x)) for x in (s, s + 1))
        gain = (one[: len(t) - lacks] - other[lacks:])[:-1]
        cut = int(t[1:][np.flatnonzero(gain >= gain.max() - 1e-9)].mean())  # of equal places the middle
        edges += [cut, cut + lacks]
    return [*edges, len(A)]


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

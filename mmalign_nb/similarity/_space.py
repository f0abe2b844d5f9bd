"""What is wrong with a shared space, and what mends its scores: hubs and the modality gap."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._check import as_count, as_number
from ._rows import as_sides, check_directions, norms
from ._scores import Scores

__all__ = ["Hubness", "csls", "hubness", "inverted_softmax", "modality_gap"]


def _finite_scores(scores: Any, what: str) -> Scores:
    out = Scores(scores, allow_empty=False)
    if out.matrix is not None and not np.isfinite(out.matrix).all():
        raise ValueError(f"scores has -inf; {what} needs finite scores: forbid pairs afterwards")
    return out


def csls(scores: Any, k: int = 10) -> np.ndarray:
    """Correct scores for hubs by cross-domain similarity local scaling: ``2 S[i, j] - r(i) - r(j)``.

    r(i) is the mean of the k highest scores of row i and r(j) that of column j, so an item that is near to everything
    loses. Where a side has fewer than k items, all are taken.

    Parameters
    ----------
    scores : (n, m) matrix of similarities, or a tuple ``(A, B)`` of vectors (then their cosine)
    k : int
        Number of neighbours.

    Returns
    -------
    float32 (n, m)

    Raises
    ------
    TypeError, ValueError
        If scores are not finite or k < 1.

    References
    ----------
    A. Conneau, G. Lample, M. Ranzato, L. Denoyer, H. Jégou, *Word translation without parallel data*, ICLR 2018.

    Notes
    -----
    It changes nearest neighbours and rectangular problems. It cannot change a full one-to-one assignment of a square
    matrix: there every r(i) and r(j) is counted exactly once. Measure whether it helps.

    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> from mmalign_nb.similarity import csls
    >>> S = [[0.9, 0.8], [0.9, 0.1]]     # column 0 is everybody's neighbour
    >>> csls(S, k=1).round(2)
    array([[ 0. , -0.1],
           [ 0. , -1.5]], dtype=float32)
    """
    k = as_count(k, "k")
    S = _finite_scores(scores, "csls")
    row, column = (x.top_k(k)[1].mean(axis=1, dtype=np.float64) for x in (S, S.T))
    out = np.empty(S.shape, np.float32)
    with np.errstate(over="ignore"):  # what float32 cannot hold is said at the end
        for i, block in S.blocks():
            out[i : i + len(block)] = 2.0 * block - row[i : i + len(block), None] - column
    if not np.isfinite(out).all():
        raise ValueError(
            "scores are so large that csls leaves float32, which ends at 3.4e38: scale them down first"
        )
    return out


def inverted_softmax(scores: Any, beta: float = 30.0) -> np.ndarray:
    """Correct scores for hubs by a softmax over the queries: ``exp(β S[i, j]) / Σᵢ exp(β S[i, j])``.

    A column that scores high with every query shares its mass among them all; each column sums to 1.

    Parameters
    ----------
    scores : (n, m) matrix of similarities, or a tuple ``(A, B)`` of vectors (then their cosine)
    beta : float
        Inverse temperature, in 1 / (units of score); 30 suits cosines.

    Returns
    -------
    float32 (n, m)

    Raises
    ------
    TypeError, ValueError
        If scores are not finite or ``beta`` is not positive.

    References
    ----------
    S. L. Smith, D. H. P. Turban, S. Hamblin, N. Y. Hammerla, *Offline bilingual word vectors, orthogonal
    transformations and the inverted softmax*, ICLR 2017.

    Notes
    -----
    It depends on which queries are asked together. Notebook: ``10_faq``.

    Examples
    --------
    >>> from mmalign_nb.similarity import inverted_softmax
    >>> inverted_softmax([[0.9, 0.8], [0.9, 0.1]], beta=10).round(3)
    array([[0.5  , 0.999],
           [0.5  , 0.001]], dtype=float32)
    """
    beta = as_number(beta, "beta", 0, above=True)
    out = _finite_scores(scores, "inverted_softmax").dense().astype(np.float64)
    with np.errstate(
        over="ignore"
    ):  # differences beyond float64 become -inf, and exp of it 0, as they should
        out -= out.max(axis=0)
        out *= beta
    np.exp(out, out=out)
    return (out / out.sum(axis=0)).astype(np.float32)


class Hubness(NamedTuple):
    """Skewness of the k-occurrence counts, and the counts: ``counts[j]`` queries have item j among their k nearest."""

    skewness: float
    counts: np.ndarray


def hubness(scores: Any, k: int = 10, metric: str = "cosine") -> Hubness:
    """Measure how unevenly items occur among the k nearest neighbours: the skewness of N_k.

    N_k(j) is the number of queries that have item j among their k nearest; its mean is n k / m whatever the data. The
    skewness E[(N_k - mean)³] / std³ is near 0 where all items are found equally often, and above about 1 where a few
    hubs are found everywhere and many items never.

    Parameters
    ----------
    scores : (n, m) matrix of similarities, or a tuple ``(A, B)`` of vectors, compared in blocks
    k : int
        Number of neighbours; all m if there are fewer.
    metric : str
        The similarity of vectors; not used for a matrix.

    Returns
    -------
    Hubness(skewness, counts)
        ``counts`` is int64 (m,).

    Raises
    ------
    TypeError, ValueError
        If scores are no matrix of numbers or k < 1.

    References
    ----------
    M. Radovanović, A. Nanopoulos, M. Ivanović, *Hubs in space*, JMLR 11:2487–2531, 2010.

    Notes
    -----
    Notebook: ``02_similarity``, ``03_shared_space``.

    Examples
    --------
    >>> from mmalign_nb.similarity import hubness
    >>> h = hubness([[0.9, 0.8, 0.1], [0.9, 0.1, 0.2], [0.7, 0.3, 0.1]], k=1)
    >>> h.counts.tolist(), round(h.skewness, 3)
    ([3, 0, 0], 0.707)
    """
    k = as_count(k, "k")
    S = scores if isinstance(scores, Scores) else Scores(scores, metric, allow_empty=False)
    counts = np.bincount(S.top_k(k)[0].ravel(), minlength=S.shape[1])
    deviation = counts - counts.mean()
    std = deviation.std()
    return Hubness(float((deviation**3).mean() / std**3) if std else 0.0, counts)


def modality_gap(A: Any, B: Any) -> float:
    """Measure how far apart two modalities lie in one space: ``|mean(a / |a|) - mean(b / |b|)|``, in 0 … 2.

    0 means that the two clouds have the same centre.

    Parameters
    ----------
    A : (n, d)
    B : (m, d)
        Vectors in the shared space; n and m may differ.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As ``similarity``.

    References
    ----------
    W. Liang, Y. Zhang, Y. Kwon, S. Yeung, J. Zou, *Mind the gap*, NeurIPS 2022, arXiv 2203.02053.

    Notes
    -----
    A large gap doesn't mean that retrieval is bad, and closing it (see ``center``) brings little or nothing there
    (Grassucci et al., arXiv 2601.18525). It does spoil one threshold for scores within and across modalities.

    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> from mmalign_nb.similarity import modality_gap
    >>> round(modality_gap([[1.0, 0.0], [2.0, 0.0]], [[0.0, 5.0]]), 3)
    1.414
    """
    a, b = as_sides(A, B, "cosine")
    check_directions(a, "A")
    check_directions(b, "B")
    means = [(x.T @ (1 / norms(x))) / x.shape[0] for x in (a, b)]
    return float(np.linalg.norm(np.asarray(means[0] - means[1]).ravel()))

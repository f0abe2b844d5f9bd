"""Pairs without a single known pair: by what is near what inside each side."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check import as_count, as_matrix, as_number, need
from ..similarity import similarity
from ._matches import Matches
from ._matchings import as_matches, max_match
from ._source import Source

_LARGEST = 3000  # items of a side: each step multiplies matrices of this size


def structure_match(A: Any, B: Any, *, alpha: float = 0.5, max_iter: int = 100) -> Matches:
    r"""Pair two sides that share no space and no known pair, by the similarities *inside* each side.

    If i belongs to j and i' to j', then i should be as near to i' as j is to j'. With :math:`K^a, K^b` the cosines of the centred
    rows of each side, a plan T with equal row sums and equal column sums minimises :math:`(1-\alpha) \sum_{ij} M_{ij} T_{ij} +
    \alpha \sum_{ii'jj'} (K^a_{ii'} - K^b_{jj'})^2\, T_{ij} T_{i'j'}`. :math:`M_{ij}` compares the *sorted* rows of both, which
    need no partners to be compared: it is where the search starts. The pairs are the best assignment of T.

    Parameters
    ----------
    A : (n, d)
    B : (m, e)
        Features of any kind: the columns of the two sides need have nothing in common.
    alpha : float in (0, 1)
        How much the pairs of pairs count beside the sorted rows.
    max_iter : int
        Steps of the conditional gradient.

    Returns
    -------
    Matches
        ``scores`` in [-1, 1]: how the two items' similarities to all *other* pairs correlate. High scores everywhere are no
        proof: two sides may look alike inside and yet be turned against each other, as a ring is. Label some of
        the pairs (:class:`mmalign_nb.threshold.Labelling`) before you believe any.

    Raises
    ------
    ImportError
        Without POT, which the extra ``scale`` brings.
    TypeError, ValueError
        If a side is no numeric matrix, has fewer than 3 or more than 3,000 rows, or all its rows are equal.

    References
    ----------
    D. Alvarez-Melis, T. Jaakkola, *Gromov–Wasserstein alignment of word embedding spaces*, EMNLP 2018. T. Vayer, L. Chapel, R.
    Flamary, R. Tavenard, N. Courty, *Fused Gromov–Wasserstein distance for structured objects*, Algorithms 13(9), 2020. M. Artetxe,
    G. Labaka, E. Agirre, *A robust self-learning method for fully unsupervised cross-lingual mappings of word embeddings*, ACL 2018
    (sorted similarities as a start).

    Notes
    -----
    The search finds a local minimum. It wants two sides with the same items and a similar geometry: the same symbols in two
    typefaces, say. Words and pictures of one world seldom have it.

    Notebook: ``09_scale_and_scarcity``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.align import structure_match
    >>> rng = np.random.default_rng(0)
    >>> A = rng.normal(size=(50, 4))
    >>> turned = A @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    >>> found = structure_match(A, turned[::-1])  # nobody says that the last one is the first
    >>> found.pairs[:3].tolist(), found.scores.min().round(3)
    ([[0, 49], [1, 48], [2, 47]], np.float32(1.0))
    """
    sides = [_centred(x, name) for x, name in ((A, "A"), (B, "B"))]
    alpha = as_number(alpha, "alpha", 0, 1, above=True)
    steps = as_count(max_iter, "max_iter")
    ot = need("ot", "structure_match", "scale", "POT")
    inner = [similarity(x, x) for x in sides]
    at = np.linspace(0, 1, min(100, *(len(x) for x in inner)))
    profiles = [np.quantile(K, at, axis=1).T for K in inner]
    start = ot.dist(*profiles)
    start /= max(float(start.mean()), 1e-12)
    weights = [np.full(len(K), 1 / len(K)) for K in inner]
    plan = ot.gromov.fused_gromov_wasserstein(
        start, *(K.astype(np.float64) for K in inner), *weights, alpha=alpha, max_iter=steps
    )
    pairs = max_match(plan).pairs
    rows = []
    for side, K in enumerate(inner):
        np.fill_diagonal(K, (K.sum(axis=1) - 1) / (len(K) - 1))  # an item's likeness to itself says nothing
        rows.append(_centred_rows(K[:, pairs[:, side]]))
    scores = np.clip(rows[0] @ rows[1].T, -1, 1)
    return as_matches(Source(scores, "cosine"), pairs, scores[tuple(pairs.T)], np.zeros(len(pairs), bool))


def _centred(X: Any, name: str) -> np.ndarray:
    """A side around its middle, as rows of which none is zero."""
    x = as_matrix(X, name, dtype=np.float64)
    if not 3 <= len(x) <= _LARGEST:
        raise ValueError(f"{name} has {len(x)} rows; want 3 to {_LARGEST:,}: take a sample")
    x = x - x.mean(axis=0)
    if not (size := np.abs(x).max()):
        raise ValueError(f"{name} has equal rows only; want rows that differ")
    out: np.ndarray = x / size
    out[~out.any(axis=1)] = np.finfo(np.float64).tiny ** 0.5  # the very middle: as far from all
    return out


def _centred_rows(K: np.ndarray) -> np.ndarray:
    K = K - K.mean(axis=1, keepdims=True)
    out: np.ndarray = K / np.maximum(np.linalg.norm(K, axis=1, keepdims=True), 1e-12)
    return out

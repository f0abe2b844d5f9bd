"""Pairs that are given, and may be wrong: which captions seem to belong to another picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._truth import Truth
from ..similarity import Scores

if TYPE_CHECKING:
    from ..align import Matches


class Audit(NamedTuple):
    """Given pairs, the most suspicious first: ``pairs`` (k, 2), ``suspicion`` (k,), who fits better, and the pairs as ``matches``.

    ``better_b`` is the column that fits the pair's row best, ``better_a`` the row that fits its column best; −1 where the given
    partner fits best. ``matches`` has the pairs with their suspicion as scores: label them, "right" meaning *really wrong*.
    """

    pairs: np.ndarray
    suspicion: np.ndarray
    better_b: np.ndarray
    better_a: np.ndarray
    matches: Matches


def audit(scores: Any, pairs: Any, *, metric: str = "cosine") -> Audit:
    r"""Rank pairs that are given by how much better others fit: the first are those that seem to be wrong.

    The suspicion of a pair is :math:`\max(\max_{j' \notin P_i} s_{ij'},\ \max_{i' \notin P_j} s_{i'j}) - s_{ij}`, where
    :math:`P_i` and :math:`P_j` are all given partners of the two items. Above 0 somebody else fits better. One wrong
    pair makes no other suspicious, as long as scores do not come from a model that was fitted to these very pairs: score each pair by
    one that has not seen it (cross-validation), or by a frozen encoder.

    Parameters
    ----------
    scores : (n, m) array, or a tuple (A, B) of embeddings (n, d), (m, d)
        Higher is more alike. Embeddings are compared in blocks.
    pairs : "diagonal", (k, 2) pairs, a tuple (labels_a, labels_b) or a boolean matrix
        The pairs that are given.
    metric : str
        The similarity of embeddings; not used for a matrix.

    Returns
    -------
    Audit
        Equal suspicion in the order of the pairs. To know how many of the first ones are really wrong, label some:
        ``Labelling(found.matches, target=0.9)`` keeps those of which at least 0.9 are, with its promise.

    Raises
    ------
    TypeError, ValueError
        If scores have NaN or the wrong shape, or the pairs do not fit them or are none.

    References
    ----------
    C. Northcutt, L. Jiang, I. Chuang, *Confident learning: estimating uncertainty in dataset labels*, JAIR 70:1373–1411, 2021 (labels
    that a model which has not seen them finds less likely than others).

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb.evaluate import audit
    >>> scores = [[0.9, 0.1, 0.2], [0.1, 0.2, 0.8], [0.3, 0.7, 0.1]]
    >>> found = audit(scores, "diagonal")
    >>> found.pairs.tolist(), found.suspicion.round(2).tolist()
    ([[2, 2], [1, 1], [0, 0]], [0.7, 0.6, -0.6])
    """
    S = Scores(scores, metric, allow_empty=False)
    given = Truth(pairs, S.shape)
    n, m = S.shape
    found: list[np.ndarray] = []
    own: list[np.ndarray] = []
    row_best, row_who = np.full(n, -np.inf), np.full(n, -1)
    col_best, col_who = np.full(m, -np.inf), np.full(m, -1)
    for start, block in S.blocks():
        stop = start + len(block)
        marks = given.rows(start, stop)
        i, j = np.nonzero(marks)
        found.append(np.stack([i + start, j], axis=1))
        own.append(np.asarray(block, np.float64)[i, j])
        others = np.where(marks, -np.inf, block)
        row_best[start:stop], row_who[start:stop] = others.max(axis=1), others.argmax(axis=1)
        best, who = others.max(axis=0), others.argmax(axis=0) + start
        col_who = np.where(best > col_best, who, col_who)
        col_best = np.maximum(best, col_best)
    at, score = np.concatenate(found), np.concatenate(own)
    if not len(at):
        raise ValueError("pairs is empty; want at least one given pair")
    i, j = at.T
    with np.errstate(invalid="ignore"):  # forbidden on both sides: nothing is known, nothing is suspicious
        suspicion = np.nan_to_num(
            np.maximum(row_best[i], col_best[j]) - score, nan=0.0, posinf=np.inf, neginf=-np.inf
        )
    order = np.argsort(-suspicion, kind="stable")
    at, score, suspicion = at[order], score[order], suspicion[order]
    i, j = at.T
    better_b = np.where(row_best[i] > score, row_who[i], -1)
    better_a = np.where(col_best[j] > score, col_who[j], -1)
    return Audit(at, suspicion, better_b, better_a, _as_matches(at, suspicion, (n, m)))


def _as_matches(pairs: np.ndarray, suspicion: np.ndarray, shape: tuple[int, int]) -> Matches:
    from ..align import Matches

    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    alone = [np.setdiff1d(np.arange(n), column) for n, column in zip(shape, pairs.T, strict=True)]
    kept = np.isfinite(suspicion[order])
    at = np.ascontiguousarray(pairs[order][kept])
    return Matches(at, suspicion[order][kept], np.full(len(at), np.nan), alone[0], alone[1], shape)

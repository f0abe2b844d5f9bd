"""Why two items match: a score taken apart into terms that sum to it exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._check import as_array, as_count, as_matrix, as_texts, describe, one_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Explanation", "Term", "score_terms"]


class Term(NamedTuple):
    """One reason: its name, the feature's value (or product of two values) and its share of the score."""

    name: str
    value: float
    term: float


@dataclass(frozen=True, repr=False)
class Explanation:
    """Hold the terms of one score: ``terms.sum() + bias == score`` up to rounding.

    Parameters
    ----------
    score : float
        The cosine (or dot product) of the two items in the shared space.
    terms : (k,) or (k_a, k_b) float64
        One per feature, per training pair (``Relative``) or per pair of features.
    bias : float
        What belongs to no single term; 0 for most.
    values : the shape of ``terms``
        The features themselves, less their mean if that was the baseline.
    features : tuple of int64 arrays
        Column (or training pair) of each term, one array per axis of ``terms``.
    names : tuple of lists of str
        Their names, likewise.

    Raises
    ------
    ValueError
        By ``top`` if ``k`` is no count; by ``as_map`` if the terms are pairs of features, or ``shape`` has too few cells.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.explain import Explanation
    >>> e = Explanation(0.7, np.array([0.9, -0.2]), 0.0, np.ones(2), (np.arange(2),), (["red", "blue"],))
    >>> e
    Explanation(score=0.700: red +0.900, blue -0.200)
    >>> e.top(1)
    [Term(name='red', value=1.0, term=0.9)]
    >>> e.as_map((1, 2)).tolist()
    [[0.9, -0.2]]
    """

    score: float
    terms: np.ndarray
    bias: float
    values: np.ndarray
    features: tuple[np.ndarray, ...]
    names: tuple[list[str], ...]

    def top(self, k: int | None = None) -> list[Term]:
        """Return the k terms of largest size, largest first; None returns all. Equal ones keep column order."""
        order = np.argsort(-np.abs(self.terms), axis=None, kind="stable")[: as_count(k, "k", none=True)]
        name = " × ".join
        return [
            Term(
                name(n[i] for n, i in zip(self.names, at, strict=True)),
                float(self.values[at]),
                float(self.terms[at]),
            )
            for at in zip(*np.unravel_index(order, self.terms.shape), strict=True)
        ]

    def to_frame(self, k: int | None = None) -> pd.DataFrame:
        """Return the k largest terms (None: all) as a pandas table: name, value, term, largest first."""
        import pandas as pd

        return pd.DataFrame(self.top(k), columns=list(Term._fields))

    def as_map(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the terms laid out like the item: float64 of ``shape``, 0 where a feature has no term.

        For features that are an image's pixels in reading order, ``shape`` is (H, W) or (H, W, 3).
        """
        if self.terms.ndim != 1:
            raise ValueError(f"terms are pairs of features {self.terms.shape}; want pairs=False for a map")
        if not isinstance(shape, (tuple, list)):
            raise ValueError(f"shape is {describe(shape)}; want (H, W) or (H, W, 3)")
        out = np.zeros(math.prod(as_count(length, "shape") for length in shape))
        if len(self.features[0]) and self.features[0].max() >= out.size:
            raise ValueError(f"shape {shape} has {out.size} cells; want one for each of the features")
        out[self.features[0]] = self.terms
        return out.reshape(shape)

    def __repr__(self) -> str:
        more = self.terms.size - 5
        parts = [f"{t.name} {t.term:+.3f}" for t in self.top(5)]
        parts += [f"… {more} more"] * (more > 0) + [f"bias {self.bias:+.3f}"] * (abs(self.bias) > 5e-4)
        return f"Explanation(score={self.score:.3f}: {', '.join(parts)})"


def score_terms(
    projection: Any,
    x_a: Any,
    x_b: Any,
    *,
    metric: str = "cosine",
    side: str = "a",
    pairs: bool = False,
    baseline: str | tuple[str, str] = "mean",
    names_a: Sequence[str] | None = None,
    names_b: Sequence[str] | None = None,
) -> Explanation:
    r"""Say which features make two items match: the terms of their score in a projection's shared space.

    A linear projection has :math:`z = (x-\bar x) W + c` on each side, so with :math:`N = \lVert z_a\rVert
    \lVert z_b\rVert` the cosine is :math:`\sum_i (x_i-\bar x_i)\,(W_a z_b)_i / N + c_a \cdot z_b / N`: one term per feature
    and a bias, and nothing is approximated. With ``pairs`` it is taken apart on both sides,
    :math:`(x_i-\bar x_i)\,(W_a W_b^\top)_{ij}\,(y_j-\bar y_j) / N`. For ``Relative``, with r the similarities to the
    anchors, :math:`\cos(r_a, r_b) = \sum_k r_{a,k} r_{b,k} / N`: "because both resemble training pair k".

    Parameters
    ----------
    projection : CCA, RidgeMap, Procrustes, Contrastive with linear heads, or Relative
        Fitted.
    x_a, x_b : (p,) and (q,), or (1, p) and (1, q), dense or CSR
        The features of one item of either side.
    metric : "cosine" or "dot"
    side : "a" or "b"
        Whose features the terms belong to (without ``pairs``).
    pairs : bool
        One term per pair of features. What depends on only one of them goes to ``bias``.
    baseline : "mean" or "zero", or one for each side
        "mean" counts a feature by how it differs from the average training item, and the bias is what the average
        item gets (0 for the closed forms). "zero" counts it as it is: for TF-IDF, only words that are there have terms.
    names_a, names_b : sequence of str, optional
        The columns' names, e.g. ``tfidf.get_feature_names_out()`` or a column of a table, by position; for ``Relative``,
        ``names_a`` names the training pairs.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError
        If the projection is neither linear nor ``Relative``.
    ValueError
        If a vector or the names have the wrong length, a number or a name is missing, or an item's vector is zero in the
        shared space or beyond float64.

    References
    ----------
    Ribeiro, Singh, Guestrin, "Why should I trust you?", KDD 2016, fit such terms to any model; here they are exact.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.explain import score_terms
    >>> from mmalign_nb.project import RidgeMap
    >>> A = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> score_terms(RidgeMap(alpha=0).fit(A, A), [1.0, 1.0], [1.0, 0.5], names_a=["red", "round"])
    Explanation(score=0.707: red +0.707, round +0.000)
    """
    one_of(metric, "metric", ("cosine", "dot"))
    one_of(side, "side", ("a", "b"))
    both = (baseline, baseline) if isinstance(baseline, str) else baseline
    if not isinstance(both, (tuple, list)) or len(both) != 2:
        raise ValueError(f"baseline is {describe(baseline)}; want 'mean' or 'zero', or one for each side")
    for name in both:
        one_of(name, "baseline", ("mean", "zero"))
    rows = x_a, x_b
    if hasattr(projection, "anchor_rows_"):
        return _anchor_terms(projection, rows, metric, names_a)
    if not hasattr(projection, "linear_map"):
        raise TypeError(
            f"projection is {describe(projection)}; want a fitted CCA, RidgeMap, Procrustes, Relative, "
            f"or Contrastive with linear heads"
        )
    with np.errstate(all="ignore"):  # what overflows is refused by _norm
        a, b = (_Side(projection, *one) for one in zip("ab", rows, both, (names_a, names_b), strict=True))
        # heads that end in unit rows have a cosine for a dot product
        norm = _norm(a.z, b.z, "cosine" if projection.unit_rows else metric)
    score = float(a.z @ b.z) / norm
    one, other = (a, b) if side == "a" else (b, a)
    shown = (a, b) if pairs else (one,)
    if pairs:
        values = np.outer(a.values, b.values)
        terms = a.weights @ b.weights.T * values / norm
        bias = float(a.bias @ b.z + (a.z - a.bias) @ b.bias)
    else:
        values = one.values
        terms = values * (one.weights @ other.z) / norm
        bias = float(one.bias @ other.z)
    features, names = (tuple(getattr(s, field) for s in shown) for field in ("features", "names"))
    return Explanation(score, terms, bias / norm, values, features, names)


class _Side:
    """One item seen as ``z = values @ weights + bias``, with only the features that can have a term."""

    def __init__(self, projection: Any, side: str, row: Any, baseline: str, names: Any) -> None:
        mean, weights, bias = projection.linear_map(side)
        x = _one_row(row, f"x_{side}", len(mean))
        x = np.asarray(x.toarray() if hasattr(x, "tocsr") else x).ravel().astype(np.float64)
        if baseline == "mean":
            self.features, values, self.bias = np.arange(len(x)), x - mean, bias
        else:
            self.features, values, self.bias = np.flatnonzero(x), x, bias - mean @ weights
        self.values, self.weights = values[self.features], weights[self.features]
        self.z = self.values @ self.weights + self.bias
        self.names = _names(names, self.features, len(x), f"names_{side}", "feature")


def _anchor_terms(projection: Any, rows: tuple[Any, Any], metric: str, names: Any) -> Explanation:
    ra, rb = (
        np.asarray(projection.transform(_one_row(x, f"x_{s}", projection._columns[s][0]), s))[0].astype(
            np.float64
        )
        for x, s in zip(rows, "ab", strict=True)
    )
    norm = _norm(ra, rb, metric)
    anchors = projection.anchor_rows_
    labels = _names(names, anchors, projection.n_pairs_, "names_a", "pair")
    return Explanation(float(ra @ rb) / norm, ra * rb / norm, 0.0, ra * rb, (anchors,), (labels,))


def _norm(za: np.ndarray, zb: np.ndarray, metric: str) -> float:
    """Return what a score is divided by: 1 for a plain dot product."""
    lengths = {name: float(np.linalg.norm(z)) for name, z in (("x_a", za), ("x_b", zb))}
    for name, length in lengths.items():
        if not np.isfinite(length):
            raise ValueError(f"{name} is beyond float64 in the shared space; scale it down first")
        if metric == "cosine" and not length:
            raise ValueError(
                f"{name} is the zero vector in the shared space; its cosine with anything is undefined"
            )
    return 1.0 if metric == "dot" else math.prod(lengths.values())


def _names(names: Any, features: np.ndarray, n: int, argument: str, kind: str) -> list[str]:
    if names is None:
        return [f"{kind} {i}" for i in features]
    names = as_texts(names, argument, allow_empty=True)
    if len(names) != n:
        raise ValueError(f"{argument} has {len(names)} entries; want {n}, one per {kind}")
    return [names[i] for i in features]


def _one_row(x: Any, name: str, dim: int) -> Any:
    """Return one item as (1, p); a single vector is meant here, so 1-D is welcome."""
    if not hasattr(x, "tocsr"):
        x = as_array(x, name, "one item: (d,) or (1, d)")
        x = x[None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != 1:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; want one item: (d,) or (1, d)")
    return as_matrix(x, name, sparse=True, dim=dim)

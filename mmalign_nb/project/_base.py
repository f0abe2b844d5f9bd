"""What the projections share: checks on pairs, linear maps, and algebra that leaves a sparse side sparse."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._check import as_matrix, check_same_length, one_of

BLOCK = 2048  # rows handled at a time where a whole n×m or a whole dense copy would be wasteful


class LinearMap(NamedTuple):
    """One side of a linear projection: ``z = (x - mean) @ weights + bias``.

    Fields: ``mean`` (p,), ``weights`` (p, dim), ``bias`` (dim,), all float64; what ``explain`` takes apart.
    """

    mean: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, X: Any) -> np.ndarray:
        """Return ``z`` as float32 (n, dim); a sparse X stays sparse, its mean is taken off after the product.

        Float64 inside: the last digits of a float32 product depend on the processor, and would break ties by luck.
        """
        z = np.empty((X.shape[0], self.weights.shape[1]), np.float32)
        sparse = hasattr(X, "tocsr")
        shift = self.bias - self.mean @ self.weights if sparse else self.bias
        for s in range(0, len(z), BLOCK):
            rows = X[s : s + BLOCK]
            if sparse:
                z[s : s + BLOCK] = rows.astype(np.float64) @ self.weights + shift
            else:
                z[s : s + BLOCK] = (rows - self.mean) @ self.weights + shift
        return z


class Projection(TransformerMixin, BaseEstimator):
    """What all projections share: the checks on pairs, one side at a time, and a score for model selection."""

    _sparse = ("A", "B")  # the sides that may be sparse
    _min_pairs = 2
    unit_rows = False  # whether transform gives rows of unit length

    def _check_pairs(self, A: Any, B: Any) -> tuple[Any, Any]:
        if B is None:
            raise ValueError(f"{type(self).__name__} is fitted on pairs: fit(A, B); B is None")
        A = as_matrix(A, "A", sparse="A" in self._sparse)
        B = as_matrix(B, "B", sparse="B" in self._sparse)
        check_same_length(A, B, "A", "B")
        if A.shape[0] < self._min_pairs:
            raise ValueError(
                f"A and B hold {A.shape[0]} pairs; want at least {self._min_pairs} to fit {type(self).__name__}"
            )
        for X, name in ((A, "A"), (B, "B")):
            if (X[1:] != X[:-1]).sum() == 0:
                raise ValueError(
                    f"{name} is constant: all {X.shape[0]} rows are equal, so nothing can be learned from it"
                )
        self.n_features_in_ = A.shape[1]
        self._dims = {"a": A.shape[1], "b": B.shape[1]}
        return A, B

    def _check_side(self, X: Any, side: str) -> Any:
        check_is_fitted(self, "_dims")
        one_of(side, "side", ("a", "b"))
        return as_matrix(X, f"X (side {side!r})", sparse=True, dim=self._dims[side], allow_empty=True)

    def transform(self, X: Any, side: str = "a") -> np.ndarray:
        """Return the rows of one side in the shared space.

        Parameters
        ----------
        X : (n, p) for side "a" or (n, q) for side "b", dense or CSR
        side : "a" or "b"
            Which side's features ``X`` are.

        Returns
        -------
        float32 (n, dim)

        Raises
        ------
        TypeError, ValueError
            If X is no matrix of finite numbers or has not that side's columns, or ``side`` is neither.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Examples
        --------
        >>> from mmalign_nb.project import RidgeMap
        >>> ridge = RidgeMap(alpha=0).fit([[0.0], [1.0], [2.0]], [[5.0], [7.0], [9.0]])
        >>> ridge.transform([[0.0], [2.0]], side="a").round(3).tolist()  # each side by itself, in any number
        [[-2.0], [2.0]]
        >>> ridge.transform([[7.0]], side="b").tolist()
        [[0.0]]
        """
        X = self._check_side(X, side)
        z: np.ndarray = self.linear_map(side)(X)
        return z

    def linear_map(self, side: str) -> LinearMap:
        """Return ``mean``, ``weights`` and ``bias`` of one side: ``transform`` is ``(x - mean) @ weights + bias``.

        Parameters
        ----------
        side : "a" or "b"

        Returns
        -------
        LinearMap

        Raises
        ------
        TypeError, ValueError
            If the fitted projection is not linear, or ``side`` is neither.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Examples
        --------
        >>> from mmalign_nb.project import RidgeMap
        >>> ridge = RidgeMap(alpha=0).fit([[0.0], [1.0], [2.0]], [[5.0], [7.0], [9.0]])
        >>> ridge.linear_map("a").mean, ridge.linear_map("a").weights.round(3)
        (array([1.]), array([[2.]]))
        """
        check_is_fitted(self, "_dims")
        name = f"map_{one_of(side, 'side', ('a', 'b'))}_"
        if not hasattr(self, name):
            raise TypeError(f"{self!r} is not linear in the features, so it has no linear_map")
        fitted: LinearMap = getattr(self, name)
        return fitted

    def score(self, A: Any, B: Any) -> float:
        """Return the mean reciprocal rank of the true partners by cosine, averaged over both directions.

        ``1 / 2n · Σᵢ (1 / rank of bᵢ for aᵢ + 1 / rank of aᵢ for bᵢ)``, in (0, 1], higher is better; equal scores share
        their mean rank. This is what ``GridSearchCV`` maximises.

        Parameters
        ----------
        A : (n, p)
        B : (n, q)
            Pairs, row by row, best ones that ``fit`` has not seen.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            As ``transform``, or if A and B have not equally many rows.

        References
        ----------
        E. M. Voorhees, *The TREC-8 question answering track report*, TREC 1999.

        Examples
        --------
        >>> from mmalign_nb.project import Procrustes
        >>> A = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
        >>> turn = Procrustes().fit(A, A)
        >>> turn.score(A, A), turn.score(A[:2], A[1::-1])  # all first; all second of two
        (1.0, 0.5)
        """
        za, zb = (unit(self.transform(X, side)) for X, side in ((A, "a"), (B, "b")))
        check_same_length(za, zb, "A", "B")
        total = 0.0
        for q, g in ((za, zb), (zb, za)):
            for i in range(0, len(q), BLOCK):
                s = q[i : i + BLOCK] @ g.T
                own = np.take_along_axis(s, np.arange(i, i + len(s))[:, None], axis=1)
                rank = (s > own).sum(1) + ((s == own).sum(1) + 1) / 2
                total += float((1 / rank).sum())
        return total / (2 * len(za))


def unit(x: np.ndarray) -> np.ndarray:
    """Rows at unit length; a zero row stays zero."""
    out: np.ndarray = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    return out


def mean_of(X: Any) -> np.ndarray:
    return np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()


def ahead(X: Any, V: np.ndarray) -> np.ndarray:
    """Return ``(X - mean) V`` in float64; a sparse X is never centred itself, so it stays sparse."""
    if hasattr(X, "tocsr"):
        return np.asarray(X.astype(np.float64) @ V - mean_of(X) @ V)
    return np.asarray((X - mean_of(X)) @ V)


def back(X: Any, U: Any) -> np.ndarray:
    """Return ``(X - mean)ᵀ U`` for U (n, k), dense or sparse, in float64."""
    if hasattr(X, "tocsr") or hasattr(U, "tocsr"):
        product = X.astype(np.float64).T @ U.astype(np.float64)
        dense = product.toarray() if hasattr(product, "tocsr") else product
        return np.asarray(dense - np.outer(mean_of(X), X.shape[0] * mean_of(U)))
    return np.asarray((X - mean_of(X)).T @ U)


def gram(X: Any) -> np.ndarray:
    """Return the inner products (n, n) of the centred rows."""
    X64 = X.astype(np.float64) if hasattr(X, "tocsr") else X - mean_of(X)
    K = X64 @ X64.T
    K = K.toarray() if hasattr(K, "tocsr") else K
    return np.asarray(K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean())


def principal(X: Any, rank: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal directions V (p, r) of X and their singular values (r,), largest first.

    They come from the smaller of the scatter matrix (p×p) and the Gram matrix (n×n), so nothing larger than
    min(n, p)² is built. A rank far below that is found in a random sketch with power iterations instead
    (Halko, Martinsson, Tropp 2011).
    """
    n, p = X.shape
    small = min(n, p)
    if rank is not None and 4 * (rank + 10) < small:
        Q = np.random.default_rng(0).normal(size=(p, rank + 10))
        for _ in range(6):
            Q = np.linalg.qr(back(X, np.linalg.qr(ahead(X, Q))[0]))[0]
        _, s, Vt = np.linalg.svd(ahead(X, Q), full_matrices=False)
        V = Q @ Vt.T
    elif p <= n:
        w, V = np.linalg.eigh(back(X, X))
        s, V = np.sqrt(w.clip(0))[::-1], V[:, ::-1]
    else:
        w, U = np.linalg.eigh(gram(X))
        s, U = np.sqrt(w.clip(0))[::-1], U[:, ::-1]
        V = back(X, U) / np.maximum(s, 1e-300)
    keep = np.flatnonzero(s > 1e-6 * s[0])[:rank]  # below that it is rounding, not data
    return V[:, keep], s[keep]


def centred_norms(X: Any, mean: np.ndarray) -> np.ndarray:
    """Return ``‖x - mean‖`` per row; 0 where only rounding is left of it."""
    X = X.astype(np.float64)
    square = np.asarray((X.multiply(X) if hasattr(X, "tocsr") else X * X).sum(axis=1)).ravel()
    rest = square - 2 * (X @ mean) + mean @ mean
    return np.sqrt(np.where(rest > 1e-12 * (square + mean @ mean), rest, 0))

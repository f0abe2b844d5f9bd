"""Shared spaces learned from pairs: after ``transform`` the two modalities can be compared.

Every projection is fitted on pairs, ``fit(A, B)``: row i of A belongs to row i of B. It then maps **one side at a
time**, ``transform(X, side="a")``, so that a query needs no partner and the two galleries may differ in size.
Neither side is standardised per column here (put a scaler in front if columns have different units); means are
always removed. Side b's features are what scikit-learn calls ``y``, so pipelines, ``clone`` and ``GridSearchCV`` work.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._check import as_matrix, check_same_length, one_of

__all__ = ["CCA", "LinearMap", "Procrustes", "RidgeMap"]

_BLOCK = 2048  # rows handled at a time where a whole n×m or a whole dense copy would be wasteful


class LinearMap(NamedTuple):
    """One side of a linear projection: ``z = (x - mean) @ weights + bias``.

    Fields: ``mean`` (p,), ``weights`` (p, dim), ``bias`` (dim,), all float64; what ``explain`` takes apart.
    """

    mean: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, X: Any) -> np.ndarray:
        """Return ``z`` as float32 (n, dim); a sparse X stays sparse, its mean is taken off after the product."""
        if hasattr(X, "tocsr"):
            z = X @ self.weights.astype(np.float32) + (self.bias - self.mean @ self.weights)
        else:
            z = (X - self.mean.astype(np.float32)) @ self.weights.astype(np.float32) + self.bias
        return np.ascontiguousarray(z, dtype=np.float32)


class _Projection(TransformerMixin, BaseEstimator):
    """What all projections share: the checks on pairs, one side at a time, and a score for model selection."""

    _sparse = ("A", "B")  # the sides that may be sparse
    _min_pairs = 2

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
        """
        X = self._check_side(X, side)
        z: np.ndarray = self.linear_map(side)(X)
        return z

    def linear_map(self, side: str) -> LinearMap:
        """Return ``mean``, ``weights`` and ``bias`` of one side: ``transform`` is ``(x - mean) @ weights + bias``."""
        check_is_fitted(self, "_dims")
        fitted: LinearMap = self.map_a_ if one_of(side, "side", ("a", "b")) == "a" else self.map_b_
        return fitted

    def score(self, A: Any, B: Any) -> float:
        """Return the mean reciprocal rank of the true partners by cosine, averaged over both directions.

        In (0, 1], higher is better; equal scores share their mean rank. This is what ``GridSearchCV`` maximises.
        """
        za, zb = (_unit(self.transform(X, side)) for X, side in ((A, "a"), (B, "b")))
        check_same_length(za, zb, "A", "B")
        total = 0.0
        for q, g in ((za, zb), (zb, za)):
            for i in range(0, len(q), _BLOCK):
                s = q[i : i + _BLOCK] @ g.T
                own = np.take_along_axis(s, np.arange(i, i + len(s))[:, None], axis=1)
                rank = (s > own).sum(1) + ((s == own).sum(1) + 1) / 2
                total += float((1 / rank).sum())
        return total / (2 * len(za))


def _unit(x: np.ndarray) -> np.ndarray:
    """Rows at unit length; a zero row stays zero."""
    out: np.ndarray = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    return out


def _mean(X: Any) -> np.ndarray:
    return np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()


def _ahead(X: Any, V: np.ndarray) -> np.ndarray:
    """Return ``(X - mean) V`` in float64; a sparse X is never centred itself, so it stays sparse."""
    if hasattr(X, "tocsr"):
        return np.asarray(X.astype(np.float64) @ V - _mean(X) @ V)
    return np.asarray((X - _mean(X)) @ V)


def _back(X: Any, U: Any) -> np.ndarray:
    """Return ``(X - mean)ᵀ U`` for U (n, k), dense or sparse, in float64."""
    if hasattr(X, "tocsr") or hasattr(U, "tocsr"):
        product = X.astype(np.float64).T @ U.astype(np.float64)
        dense = product.toarray() if hasattr(product, "tocsr") else product
        return np.asarray(dense - np.outer(_mean(X), X.shape[0] * _mean(U)))
    return np.asarray((X - _mean(X)).T @ U)


def _gram(X: Any) -> np.ndarray:
    """Return the inner products (n, n) of the centred rows."""
    X64 = X.astype(np.float64) if hasattr(X, "tocsr") else X - _mean(X)
    K = X64 @ X64.T
    K = K.toarray() if hasattr(K, "tocsr") else K
    return np.asarray(K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean())


def _principal(X: Any, rank: int | None) -> tuple[np.ndarray, np.ndarray]:
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
            Q = np.linalg.qr(_back(X, np.linalg.qr(_ahead(X, Q))[0]))[0]
        _, s, Vt = np.linalg.svd(_ahead(X, Q), full_matrices=False)
        V = Q @ Vt.T
    elif p <= n:
        w, V = np.linalg.eigh(_back(X, X))
        s, V = np.sqrt(w.clip(0))[::-1], V[:, ::-1]
    else:
        w, U = np.linalg.eigh(_gram(X))
        s, U = np.sqrt(w.clip(0))[::-1], U[:, ::-1]
        V = _back(X, U) / np.maximum(s, 1e-300)
    keep = np.flatnonzero(s > 1e-6 * s[0])[:rank]  # below that it is rounding, not data
    return V[:, keep], s[keep]


def _whitener(X: Any, reg: float, rank: int | None) -> np.ndarray:
    """Return W with ``Wᵀ C W = I`` where ``C = (1 - reg) covariance + reg · mean variance · I``.

    A Cholesky factor gives it in a tenth of the time, but needs a definite C; the eigenvectors always do.
    """
    n, p = X.shape
    r = min(n - 1, p)
    if rank is None and p <= n and reg >= 1e-4:
        from scipy.linalg import cholesky, solve_triangular

        C = _back(X, X) / n
        C = (1 - reg) * C + reg * np.trace(C) / r * np.eye(p)
        return np.asarray(solve_triangular(cholesky(C), np.eye(p)))
    V, s = _principal(X, rank)
    return np.asarray(V / np.sqrt((1 - reg) * s**2 / n + reg * (s**2).sum() / n / r))


def _count(value: Any, name: str) -> None:
    if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
        raise ValueError(f"{name} is {value!r}; want a whole number of at least 1, or None for all")


def _within(value: float, name: str, low: float, high: float = np.inf) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; want a number in [{low:g}, {high:g}]")


class CCA(_Projection):
    r"""Find the directions in which the two sides vary together: regularised canonical correlation analysis.

    Whiten each side, :math:`W_a = V_a\,((1-r)\,\Lambda_a + r\,\bar\lambda_a I)^{-1/2}` with :math:`V_a \Lambda_a
    V_a^\top` its covariance and :math:`\bar\lambda_a` the mean variance of its principal directions, then take
    the singular vectors of :math:`W_a^\top C_{ab} W_b = U D V^\top`. Component k of side a is
    :math:`(x-\bar a)\,W_a u_k`, scaled to unit variance on the training pairs and multiplied by
    :math:`\rho_k^{\text{power}}`, so that a cosine in the shared space listens most to what both sides agree on.

    Parameters
    ----------
    dim : int, optional
        At most this many components; None takes all there are (the smaller rank).
    reg : float in [0, 1], default 0.1
        Shrinkage of each covariance towards a ball. 0 is Hotelling's CCA (unusable with fewer pairs than
        features: every correlation is then 1); 1 maximises covariance instead (PLS by SVD).
    power : float, default 1.0
        Weight of the components: 0 counts all alike, larger values trust the correlated ones more.
    rank : int, optional
        Reduce each side to this many principal directions first. None is exact, in time min(n, p)³ and memory
        min(n, p)² per side (a sparse side is never made dense): give a rank, e.g. 256, where both exceed 3,000.

    Attributes
    ----------
    correlations_ : (dim,) float64
        Correlation of the two sides in each component on the training pairs: optimistic for new ones. All near 1
        means too little ``reg``.
    map_a_, map_b_ : LinearMap

    References
    ----------
    Hotelling, Relations between two sets of variates, Biometrika 1936. Vinod, Canonical ridge, J. Econometrics
    1976. Gong, Ke, Isard, Lazebnik, A multi-view embedding space, IJCV 2014 (weighting by a power).

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.project import CCA
    >>> rng = np.random.default_rng(0)
    >>> shared = rng.normal(size=(300, 3))  # what both sides see, each in its own way
    >>> A = shared @ rng.normal(size=(3, 8)) + 0.1 * rng.normal(size=(300, 8))
    >>> B = shared @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(size=(300, 5))
    >>> cca = CCA(dim=3).fit(A[:200], B[:200])
    >>> cca.transform(A[200:], side="a").shape, cca.transform(B[200:], side="b").shape
    ((100, 3), (100, 3))
    >>> bool(cca.score(A[200:], B[200:]) > 0.8)  # 100 new pairs, 1 is perfect
    True
    """

    def __init__(
        self, dim: int | None = None, reg: float = 0.1, power: float = 1.0, rank: int | None = None
    ) -> None:
        self.dim = dim
        self.reg = reg
        self.power = power
        self.rank = rank

    def fit(self, A: Any, B: Any = None) -> Self:
        """Learn both maps from pairs: A (n, p) and B (n, q), dense or CSR."""
        A, B = self._check_pairs(A, B)
        _count(self.dim, "dim")
        _count(self.rank, "rank")
        _within(self.reg, "reg", 0, 1)
        _within(self.power, "power", 0)
        n = A.shape[0]
        whiten, scores, means = [], [], [_mean(A), _mean(B)]
        for X in (A, B):
            W = _whitener(X, self.reg, self.rank)
            whiten.append(W)
            scores.append(_ahead(X, W))
        U, _, Vt = np.linalg.svd(scores[0].T @ scores[1] / n, full_matrices=False)
        rotations = (U[:, : self.dim], Vt[: self.dim].T)
        za, zb = (z @ R for z, R in zip(scores, rotations, strict=True))
        stds = [np.maximum(z.std(axis=0), 1e-12) for z in (za, zb)]
        self.correlations_ = ((za * zb).mean(axis=0) / (stds[0] * stds[1])).clip(0, 1)
        self.map_a_, self.map_b_ = (
            LinearMap(m, W @ R / s * self.correlations_**self.power, np.zeros(R.shape[1]))
            for m, W, R, s in zip(means, whiten, rotations, stds, strict=True)
        )
        return self


class RidgeMap(_Projection):
    r"""Predict one side's features from the other's by ridge regression, and compare there.

    With centred pairs, :math:`W = (A^\top A + \alpha I)^{-1} A^\top B`; side a becomes :math:`(x-\bar a) W`, side b
    stays as it is but centred: :math:`y-\bar b`.

    Parameters
    ----------
    alpha : float, default 1.0
        Penalty on W, in units of A's squared features (the ``alpha`` of scikit-learn's ``Ridge``).
    direction : "a_to_b" or "b_to_a"
        Which side is mapped into the other's space. The source may be sparse; the target must be dense. Predictions
        shrink towards the mean, so mapping the queries makes hubs of gallery items near it; mapping the gallery
        instead often helps (Shigeto et al. 2015).

    Attributes
    ----------
    map_a_, map_b_ : LinearMap

    References
    ----------
    Hoerl, Kennard, Ridge regression, Technometrics 1970. Shigeto, Suzuki, Hara, Shimbo, Matsumoto, Ridge
    regression, hubness, and zero-shot learning, ECML PKDD 2015.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.project import RidgeMap
    >>> A = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> ridge = RidgeMap(alpha=0).fit(A, 2 * A + 5)
    >>> ridge.transform([[1.0, 1.0]], side="a").round(3).tolist()
    [[1.0, 1.0]]
    >>> ridge.transform([[7.0, 7.0]], side="b").tolist()
    [[1.0, 1.0]]
    """

    def __init__(self, alpha: float = 1.0, direction: str = "a_to_b") -> None:
        self.alpha = alpha
        self.direction = direction

    def fit(self, A: Any, B: Any = None) -> Self:
        """Learn the map from pairs: A (n, p) and B (n, q); the source may be CSR."""
        from scipy.linalg import solve

        one_of(self.direction, "direction", ("a_to_b", "b_to_a"))
        _within(self.alpha, "alpha", 0)
        forward = self.direction == "a_to_b"
        if hasattr(B if forward else A, "tocsr"):
            raise TypeError(
                f"{'B' if forward else 'A'} is sparse and the target of direction={self.direction!r}; want a dense "
                f"target: use direction={'b_to_a' if forward else 'a_to_b'!r}, or reduce it, e.g. TfidfText(dim=128)"
            )
        A, B = self._check_pairs(A, B)
        X, Y = (A, B) if forward else (B, A)
        n, p = X.shape
        if self.alpha == 0:  # least squares of least norm
            V, s = _principal(X, None)
            W = V @ (_ahead(X, V).T @ (Y - _mean(Y)) / s[:, None] ** 2)
        elif p <= n:
            W = solve(_back(X, X) + self.alpha * np.eye(p), _back(X, Y), assume_a="pos")
        else:  # the same W from an n×n system
            W = _back(X, solve(_gram(X) + self.alpha * np.eye(n), Y - _mean(Y), assume_a="pos"))
        source = LinearMap(_mean(X), W, np.zeros(Y.shape[1]))
        target = LinearMap(_mean(Y), np.eye(Y.shape[1]), np.zeros(Y.shape[1]))
        self.map_a_, self.map_b_ = (source, target) if forward else (target, source)
        return self


class Procrustes(_Projection):
    r"""Turn one side onto the other without bending it: orthogonal Procrustes.

    With centred pairs, :math:`R = \arg\min_{R^\top R = I} \lVert A R - B \rVert_F = U V^\top` where
    :math:`A^\top B = U \Sigma V^\top`; side a becomes :math:`s\,(x-\bar a) R` with
    :math:`s = \operatorname{tr}\Sigma / \lVert A \rVert_F^2`, side b :math:`y-\bar b`. Distances within a side keep
    their proportions. If the sides differ in size, or ``dim`` is given, or a side is sparse, each is first
    reduced by PCA to the common size ``min(p, q, dim)``.

    Parameters
    ----------
    dim : int, optional
        At most this many principal components of each side; None keeps as many as the smaller side has.
    scale : bool, default True
        Whether side a is also scaled to side b's size (does not change cosines).

    Attributes
    ----------
    rotation_ : (dim, dim) float64
        R, between the PCA spaces if there are any.
    scale_ : float
    map_a_, map_b_ : LinearMap

    References
    ----------
    Schönemann, A generalized solution of the orthogonal Procrustes problem, Psychometrika 1966.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.project import Procrustes
    >>> A = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -2.0]])
    >>> turned = A @ np.array([[0.0, 3.0], [-3.0, 0.0]])  # by a quarter, and three times as large
    >>> p = Procrustes().fit(A, turned)
    >>> bool(np.allclose(p.transform(A, "a"), p.transform(turned, "b"), atol=1e-5)), round(p.scale_, 3)
    (True, 3.0)
    """

    def __init__(self, dim: int | None = None, scale: bool = True) -> None:
        self.dim = dim
        self.scale = scale

    def fit(self, A: Any, B: Any = None) -> Self:
        """Learn the rotation from pairs: A (n, p) and B (n, q), dense or CSR."""
        A, B = self._check_pairs(A, B)
        _count(self.dim, "dim")
        dim = min(self.dim or A.shape[1], A.shape[1], B.shape[1])
        whole = A.shape[1] == B.shape[1] == dim and not (hasattr(A, "tocsr") or hasattr(B, "tocsr"))
        bases, scores, means = [], [], [_mean(A), _mean(B)]
        for X in (A, B):
            bases.append(np.eye(dim) if whole else _principal(X, dim)[0])
            scores.append(_ahead(X, bases[-1]))
        k = min(V.shape[1] for V in bases)  # fewer pairs than dimensions: no more directions than were seen
        bases, scores = [V[:, :k] for V in bases], [z[:, :k] for z in scores]
        U, sigma, Vt = np.linalg.svd(scores[0].T @ scores[1])
        self.rotation_ = U @ Vt
        self.scale_ = float(sigma.sum() / (scores[0] ** 2).sum()) if self.scale else 1.0
        self.map_a_ = LinearMap(means[0], self.scale_ * bases[0] @ self.rotation_, np.zeros(k))
        self.map_b_ = LinearMap(means[1], bases[1], np.zeros(k))
        return self

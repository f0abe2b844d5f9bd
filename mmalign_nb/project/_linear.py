"""Closed-form linear projections: CCA, ridge regression and Procrustes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._check import as_count, as_number, one_of
from ._base import LinearMap, Projection, ahead, back, gram, mean_of, principal


class CCA(Projection):
    r"""Find the directions in which the two sides vary together: regularised canonical correlation analysis.

    Whiten each side's covariance, shrunk by r = ``reg`` towards a ball of its mean variance :math:`\bar\lambda`:
    :math:`W_a^\top \bigl((1-r)\,C_{aa} + r\,\bar\lambda_a I\bigr) W_a = I`, and take the singular vectors of
    :math:`W_a^\top C_{ab} W_b = U D V^\top`. Component k of side a is :math:`(x-\bar a)\,W_a u_k\,d_k^{\text{power}}`,
    of side b likewise with :math:`W_b v_k`, so that a cosine listens most to what both sides agree on.

    Parameters
    ----------
    dim : int, optional
        At most this many components; None takes all there are (the smaller rank).
    reg : float in [0, 1], default 0.1
        Shrinkage of each covariance towards a ball. 0 is Hotelling's CCA (unusable with fewer pairs than
        features: every correlation is then 1); 1 maximises covariance instead (PLS by SVD).
    power : float, default 4.0
        Weight of the components: 0 counts all alike, larger values trust the correlated ones more. 4 is Gong et
        al.'s choice; with ``reg=0.1`` it found 1.2 to 4 times as many partners as 0.5 on the data sets here.
    rank : int, optional
        Reduce each side to this many principal directions first. None is exact, in time min(n, p)³ and memory
        min(n, p)² per side (a sparse side is never made dense): give a rank, e.g. 256, where both exceed 3,000.

    Attributes
    ----------
    correlations_ : (dim,) float64
        Correlation of the two sides in each component on the training pairs: optimistic for new ones. All near 1
        means too little ``reg``.
    weights_ : (dim,) float64
        :math:`d_k^{\text{power}}`; :math:`d_k` is the canonical correlation where ``reg`` is 0.
    map_a_, map_b_ : LinearMap

    Raises
    ------
    TypeError, ValueError
        If the sides are no numeric matrices of equally many rows (named, with the first bad row), a side is constant, or
        a parameter is out of its range.

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
        self, dim: int | None = None, reg: float = 0.1, power: float = 4.0, rank: int | None = None
    ) -> None:
        self.dim = dim
        self.reg = reg
        self.power = power
        self.rank = rank

    def fit(self, A: Any, B: Any = None) -> Self:
        """Learn both maps from pairs: A (n, p) and B (n, q), dense or CSR."""
        A, B = self._check_pairs(A, B)
        as_count(self.dim, "dim", none=True)
        as_count(self.rank, "rank", none=True)
        as_number(self.reg, "reg", 0, 1)
        as_number(self.power, "power", 0)
        n = A.shape[0]
        whiten, scores, means = [], [], [mean_of(A), mean_of(B)]
        for X in (A, B):
            W = _whitener(X, self.reg, self.rank)
            whiten.append(W)
            scores.append(ahead(X, W))
        U, d, Vt = np.linalg.svd(scores[0].T @ scores[1] / n, full_matrices=False)
        k = min((d > 1e-9 * d[0]).sum(), self.dim or len(d))  # below that there are only rounding errors
        rotations = (U[:, :k], Vt[:k].T)
        stds = [(z @ R).std(axis=0) for z, R in zip(scores, rotations, strict=True)]
        self.correlations_ = (d[:k] / (stds[0] * stds[1])).clip(0, 1)
        self.weights_ = d[:k] ** self.power
        self.map_a_, self.map_b_ = (
            LinearMap(m, W @ R * self.weights_, np.zeros(k))
            for m, W, R in zip(means, whiten, rotations, strict=True)
        )
        return self


class RidgeMap(Projection):
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

    Raises
    ------
    TypeError, ValueError
        If the sides are no numeric matrices of equally many rows (named, with the first bad row), a side is constant, or
        a parameter is out of its range.

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
        as_number(self.alpha, "alpha", 0)
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
            V, s = principal(X, None)
            W = V @ (ahead(X, V).T @ (Y - mean_of(Y)) / s[:, None] ** 2)
        elif p <= n:
            W = solve(back(X, X) + self.alpha * np.eye(p), back(X, Y), assume_a="pos")
        else:  # the same W from an n×n system
            W = back(X, solve(gram(X) + self.alpha * np.eye(n), Y - mean_of(Y), assume_a="pos"))
        source = LinearMap(mean_of(X), W, np.zeros(Y.shape[1]))
        target = LinearMap(mean_of(Y), np.eye(Y.shape[1]), np.zeros(Y.shape[1]))
        self.map_a_, self.map_b_ = (source, target) if forward else (target, source)
        return self


class Procrustes(Projection):
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

    Raises
    ------
    TypeError, ValueError
        If the sides are no numeric matrices of equally many rows (named, with the first bad row), a side is constant, or
        a parameter is out of its range.

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
        as_count(self.dim, "dim", none=True)
        dim = min(self.dim or A.shape[1], A.shape[1], B.shape[1])
        whole = A.shape[1] == B.shape[1] == dim and not (hasattr(A, "tocsr") or hasattr(B, "tocsr"))
        bases, scores, means = [], [], [mean_of(A), mean_of(B)]
        for X in (A, B):
            bases.append(np.eye(dim) if whole else principal(X, dim)[0])
            scores.append(ahead(X, bases[-1]))
        k = min(V.shape[1] for V in bases)  # fewer pairs than dimensions: no more directions than were seen
        bases, scores = [V[:, :k] for V in bases], [z[:, :k] for z in scores]
        U, sigma, Vt = np.linalg.svd(scores[0].T @ scores[1])
        self.rotation_ = U @ Vt
        self.scale_ = float(sigma.sum() / (scores[0] ** 2).sum()) if self.scale else 1.0
        self.map_a_ = LinearMap(means[0], self.scale_ * bases[0] @ self.rotation_, np.zeros(k))
        self.map_b_ = LinearMap(means[1], bases[1], np.zeros(k))
        return self


def _whitener(X: Any, reg: float, rank: int | None) -> np.ndarray:
    """Return W with ``Wᵀ C W = I`` where ``C = (1 - reg) covariance + reg · mean variance · I``.

    A Cholesky factor gives it in a tenth of the time, but needs a definite C; the eigenvectors always do.
    """
    n, p = X.shape
    r = min(n - 1, p)
    if rank is None and p <= n and reg >= 1e-4:
        from scipy.linalg import cholesky, solve_triangular

        C = back(X, X) / n
        C = (1 - reg) * C + reg * np.trace(C) / r * np.eye(p)
        return np.asarray(solve_triangular(cholesky(C), np.eye(p)))
    V, s = principal(X, rank)
    return np.asarray(V / np.sqrt((1 - reg) * s**2 / n + reg * (s**2).sum() / n / r))

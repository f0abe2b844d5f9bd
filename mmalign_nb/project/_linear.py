"""Closed-form linear projections: CCA, ridge regression and Procrustes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check import as_count, as_number, one_of
from ._base import EPS, LinearMap, Projection, Side, check_shared


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
        Shrinkage of each covariance towards a ball. 0 is Hotelling's CCA, which does not depend on the columns' units
        (unusable with fewer pairs than features: every correlation is then 1); 1 maximises covariance instead (PLS by
        SVD).
    power : float, default 4.0
        Weight of the components: 0 counts all alike, larger values trust the correlated ones more. With ``reg=0.1``, 4
        found 1.2 to 4 times as many partners as 0.5 on the data sets here. (Gong et al. take the fourth power of an
        eigenvalue that is :math:`1 + d_k` in these terms, so their weights are much flatter.)
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

    def _learn(self, a: Side, b: Side) -> dict[str, Any]:
        dim, rank = as_count(self.dim, "dim", none=True), as_count(self.rank, "rank", none=True)
        reg, power = as_number(self.reg, "reg", 0, 1), as_number(self.power, "power", 0)
        n = a.shape[0]
        whiten = [_whitener(side, reg, rank) for side in (a, b)]
        scores = [side.ahead(W) for side, W in zip((a, b), whiten, strict=True)]
        U, d, Vt = np.linalg.svd(scores[0].T @ scores[1] / n, full_matrices=False)
        size = np.linalg.norm(scores[0]) * np.linalg.norm(scores[1]) / n
        d = d[d > check_shared(d[0], n, float(size))][:dim]
        rotations = U[:, : len(d)], Vt[: len(d)].T
        stds = [(z @ R).std(axis=0) for z, R in zip(scores, rotations, strict=True)]
        with np.errstate(over="ignore"):
            weights = d**power
        if not 0 < weights[0] < np.inf:
            raise ValueError(
                f"power is {self.power!r}; the weight {d[0]:.3g} ** power leaves float64: reduce it"
            )
        maps = (
            LinearMap(side.mean, W @ R * weights, np.zeros(len(d)))
            for side, W, R in zip((a, b), whiten, rotations, strict=True)
        )
        return {
            "correlations_": (d / (stds[0] * stds[1])).clip(0, 1),
            "weights_": weights,
            **dict(zip(("map_a_", "map_b_"), maps, strict=True)),
        }


class RidgeMap(Projection):
    r"""Predict one side's features from the other's by ridge regression, and compare there.

    With centred pairs, :math:`W = (A^\top A + \alpha I)^{-1} A^\top B`; side a becomes :math:`(x-\bar a) W`, side b
    stays as it is but centred: :math:`y-\bar b`.

    Parameters
    ----------
    alpha : float, default 1.0
        Penalty on W, in units of the source's squared features (the ``alpha`` of scikit-learn's ``Ridge``). 0 is least
        squares, which does not depend on the columns' units: where many W fit equally well, the shortest with every
        column measured in its own range.
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

    def _dense_side(self) -> str:
        return "a" if self.direction == "b_to_a" else "b"

    def _learn(self, a: Side, b: Side) -> dict[str, Any]:
        from scipy.linalg import solve

        forward = one_of(self.direction, "direction", ("a_to_b", "b_to_a")) == "a_to_b"
        alpha = as_number(self.alpha, "alpha", 0, np.finfo(np.float64).max / 2)
        X, Y = (a, b) if forward else (b, a)
        X = X.by_spread() if alpha == 0 else X
        n, p = X.shape
        products, cross = X.scatter() if p <= n else X.gram(), X.back(Y.rest)
        total = float(np.trace(products))
        check_shared(float(np.linalg.norm(cross)), n, total**0.5 * float(np.linalg.norm(Y.rest)))
        if alpha <= EPS**0.5 * total:  # a penalty so small is below the rounding of squares
            V, s = X.principal(None, exact=True)
            W = V @ (X.ahead(V).T @ Y.rest / (s**2 + alpha)[:, None])
        elif p <= n:
            W = solve(products + alpha * np.eye(p), cross, assume_a="pos")
        else:  # the same W from an n×n system
            W = X.back(solve(products + alpha * np.eye(n), Y.rest, assume_a="pos"))
        zero = np.zeros(Y.shape[1])
        maps = LinearMap(X.mean, W / X.unit[:, None], zero), LinearMap(Y.mean, np.eye(len(zero)), zero)
        return dict(zip(("map_a_", "map_b_"), maps if forward else maps[::-1], strict=True))


class Procrustes(Projection):
    r"""Turn one side onto the other, mirrored if that fits better, without bending it: orthogonal Procrustes.

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
        R, between the PCA spaces if there are any. Its determinant is 1 for a rotation and -1 if it also mirrors.
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

    def _learn(self, a: Side, b: Side) -> dict[str, Any]:
        dim = min(as_count(self.dim, "dim", none=True) or a.shape[1], a.shape[1], b.shape[1])
        whole = a.shape[1] == b.shape[1] == dim and not any(hasattr(side.rest, "tocsr") for side in (a, b))
        bases = [np.eye(dim) if whole else side.principal(dim)[0] for side in (a, b)]
        k = min(V.shape[1] for V in bases)  # fewer pairs than dimensions: no more directions than were seen
        bases = [V[:, :k] for V in bases]
        za, zb = (side.ahead(V) for side, V in zip((a, b), bases, strict=True))
        U, sigma, Vt = np.linalg.svd(za.T @ zb)
        size = float(np.linalg.norm(za))
        check_shared(sigma[0], a.shape[0], size * float(np.linalg.norm(zb)))
        rotation, scale = U @ Vt, float(sigma.sum() / size**2) if self.scale else 1.0
        return {
            "rotation_": rotation,
            "scale_": scale,
            "map_a_": LinearMap(a.mean, scale * bases[0] @ rotation, np.zeros(k)),
            "map_b_": LinearMap(b.mean, bases[1], np.zeros(k)),
        }


def _whitener(side: Side, reg: float, rank: int | None) -> np.ndarray:
    """Return W with ``Wᵀ C W = I`` where ``C = (1 - reg) covariance + reg · mean variance · I``.

    A Cholesky factor gives it in a tenth of the time, but needs a C that rounding leaves definite.
    """
    n, p = side.shape
    r = min(n - 1, p)
    squares = reg > p * EPS**0.5  # so round a ball is not lost in the rounding of squares
    if rank is None and p <= n and squares:
        from scipy.linalg import cholesky, solve_triangular

        C = side.scatter() / n
        C = (1 - reg) * C + reg * np.trace(C) / r * np.eye(p)
        return np.asarray(solve_triangular(cholesky(C), np.eye(p)))
    side = side.by_spread() if rank is None and reg == 0 else side
    V, s = side.principal(rank, exact=not squares)
    return np.asarray(V / np.sqrt((1 - reg) * s**2 / n + reg * (s**2).sum() / n / r) / side.unit[:, None])

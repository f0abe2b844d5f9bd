"""What the projections share: the door for pairs, one side at a time, and algebra that leaves a sparse side sparse."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._check import as_matrix, bad_rows, check_same_length, describe, one_of

BLOCK = 2048  # rows handled at a time where a whole n×m or a whole dense copy would be wasteful
EPS = float(np.finfo(np.float64).eps)


class LinearMap(NamedTuple):
    """One side of a linear projection: ``z = (x - mean) @ weights + bias``.

    Fields: ``mean`` (p,), ``weights`` (p, dim), ``bias`` (dim,), all float64; what ``explain`` takes apart.
    """

    mean: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, X: Any) -> np.ndarray:
        """Return ``z`` as float64 (n, dim); a sparse X stays sparse, its mean is taken off after the product."""
        if hasattr(X, "tocsr"):
            return np.asarray(X.astype(np.float64) @ self.weights + (self.bias - self.mean @ self.weights))
        return np.asarray((X - self.mean) @ self.weights + self.bias)

    def in_c_order(self) -> LinearMap:
        """Return it with its numbers laid out as a file has them: the last bits of a product depend on the layout."""
        return LinearMap(*map(np.ascontiguousarray, self))


class Side:
    """One side of the training pairs less its mean; a sparse side is never centred itself, so it stays sparse.

    Refuses what has no variation, or numbers whose squares float64 cannot hold. With ``center=False`` the mean is 0.
    """

    def __init__(self, X: Any, name: str, center: bool = True) -> None:
        self.X, self.name, self.shape = X, name, X.shape
        self.eps = float(np.finfo(X.dtype).eps)
        low, high = (_dense(end).ravel().astype(np.float64) for end in (X.min(axis=0), X.max(axis=0)))
        self.reach = np.maximum(-low, high)  # the largest size in each column
        check_squares(self.reach.max(), X.shape[0] * X.shape[1], name)
        self.spread = high - low
        if self.spread.max() < np.sqrt(np.finfo(np.float64).tiny / EPS):
            small = f"varies by {self.spread.max():.3g} only, whose squares float64 cannot hold: scale {name} up first"
            none = f"is constant: all {X.shape[0]} rows are equal, so nothing can be learned from it"
            raise ValueError(f"{name} {small if self.spread.any() else none}")
        self.unit = np.ones(X.shape[1])  # what a column is measured in
        self.mean = np.zeros(X.shape[1])
        if center:
            self.mean += np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
        if hasattr(X, "tocsr"):
            # A column without a zero may be far from 0 and vary by little: products would lose that, so its mean
            # comes off where it stands. Any other column varies by about its size.
            self.rest = X.astype(np.float64)
            full = np.bincount(self.rest.indices, minlength=X.shape[1]) == X.shape[0]
            self.rest.data -= np.where(full, self.mean, 0)[self.rest.indices]
            self.left = np.where(full, 0, self.mean)
        else:
            self.rest = X - self.mean
            self.left = np.zeros(X.shape[1])
            if center:  # a second look takes off what rounding left
                self.mean += (missed := self.rest.mean(axis=0))
                self.rest -= missed

    def by_spread(self) -> Side:
        """Return this side with every column measured in its own range, so that no unit matters; a constant one is 0."""
        scaled = copy.copy(self)
        scaled.unit = unit = np.where(self.spread > 0, self.spread, np.inf)
        scaled.reach, scaled.left, scaled.rest = self.reach / unit, self.left / unit, self.rest.copy()
        if hasattr(scaled.rest, "tocsr"):
            scaled.rest.data /= unit[scaled.rest.indices]
        else:
            scaled.rest /= unit
        return scaled

    def rows(self, at: np.ndarray) -> Side:
        """Return some of the rows, less the mean of all."""
        part = copy.copy(self)
        part.X, part.rest = None, self.rest[at]
        return part

    def dense(self, at: np.ndarray) -> np.ndarray:
        """Return some of the centred rows, dense: float64 (k, p)."""
        return np.asarray(_dense(self.rest[at]) - self.left)

    def ahead(self, V: Any) -> np.ndarray:
        """Return ``(X - mean) V`` for V (p, k) or (p,), dense or sparse."""
        return np.asarray(_dense(self.rest @ V) - self.left @ V)

    def back(self, U: np.ndarray) -> np.ndarray:
        """Return ``(X - mean)ᵀ U`` for U (n, k)."""
        return np.asarray(self.rest.T @ U - np.outer(self.left, U.sum(axis=0)))

    def scatter(self) -> np.ndarray:
        """Return ``(X - mean)ᵀ (X - mean)``: (p, p)."""
        return np.asarray(_dense(self.rest.T @ self.rest) - self.shape[0] * np.outer(self.left, self.left))

    def gram(self) -> np.ndarray:
        """Return the inner products of the centred rows: (n, n)."""
        shift = self.rest @ self.left
        return np.asarray(_dense(self.rest @ self.rest.T) - shift - shift[:, None] + self.left @ self.left)

    def principal(self, rank: int | None, *, exact: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the principal directions V (p, r) and their singular values (r,), largest first.

        They come from the smaller of the scatter matrix (p×p) and the Gram matrix (n×n), so nothing larger than
        min(n, p)² is built; squares keep half the digits of small ones, all are kept where ``exact`` asks for it of a
        dense side. A rank far below that is found in a random sketch with power iterations instead (Halko,
        Martinsson, Tropp 2011). A direction no longer than the rounding of the numbers that came is left out.
        """
        n, p = self.shape
        small, floor = min(n, p), EPS * max(n, p)
        if rank is not None and 4 * (rank + 10) < small:
            Q = np.random.default_rng(0).normal(size=(p, rank + 10))
            for _ in range(6):
                Q = np.linalg.qr(self.back(np.linalg.qr(self.ahead(Q))[0]))[0]
            _, s, Vt = np.linalg.svd(self.ahead(Q), full_matrices=False)
            V = Q @ Vt.T
        elif exact and not hasattr(self.rest, "tocsr"):
            _, s, Vt = np.linalg.svd(self.rest, full_matrices=False)
            V = Vt.T
        else:
            floor = floor**0.5
            w, V = np.linalg.eigh(self.scatter() if p <= n else self.gram())
            s, V = np.sqrt(w.clip(0))[::-1], V[:, ::-1]
            if p > n:
                V = self.back(V) / np.where(s > floor * s[0], s, 1)
        rounding = self.eps * np.sqrt(n) * np.linalg.norm(V * self.reach[:, None], axis=0)
        keep = np.flatnonzero(s > np.maximum(floor * s[0], rounding))[:rank]
        if not len(keep):
            raise ValueError(
                f"{self.name} varies by no more than the rounding of its numbers, up to {self.reach.max():.3g}: "
                f"subtract what they have in common before they are rounded"
            )
        return V[:, keep], s[keep]


class Projection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What all projections share: the door for pairs, one side at a time, and a score for model selection."""

    _min_pairs = 2
    unit_rows = False  # whether transform gives rows of unit length

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.input_tags.sparse = self._dense_side() != "a"
        tags.transformer_tags.preserves_dtype = []  # float32 whatever came
        return tags

    def _learn(self, a: Side, b: Side) -> dict[str, Any]:
        """Check the parameters and return what is learned from pairs, by the attributes' names."""
        raise NotImplementedError

    def _encode(self, X: Any, side: str) -> np.ndarray:
        """Return some rows of one side in the shared space, float64."""
        return self.linear_map(side)(X)

    def _dense_side(self) -> str | None:
        """Return the side that must be dense, if one must."""
        return None

    def fit(self, A: Any, B: Any = None) -> Self:
        """Learn both maps from pairs: A (n, p) and B (n, q), dense or CSR; row i of A belongs to row i of B.

        A fit that fails leaves everything as it was.
        """
        if B is None:
            raise ValueError(
                f"{type(self).__name__} is fitted on pairs, fit(A, B), and B is None (in scikit-learn's words: it "
                f"requires y to be passed, but the target y is None)"
            )
        tables = {s: self._table(X, s, name) for s, X, name in (("a", A, "A"), ("b", B, "B"))}
        check_same_length(tables["a"], tables["b"], "A", "B")
        if (n := tables["a"].shape[0]) < self._min_pairs:
            raise ValueError(
                f"A and B have {n} sample{'s' * (n > 1)} each; want at least {self._min_pairs} pairs to fit "
                f"{type(self).__name__}"
            )
        learned = self._learn(Side(tables["a"], "A"), Side(tables["b"], "B"))
        learned = {k: v.in_c_order() if isinstance(v, LinearMap) else v for k, v in learned.items()}
        for name in getattr(self, "_learned", ()):  # an earlier fit may have had more of them
            self.__dict__.pop(name, None)
        names = {s: _column_names(X) for s, X in (("a", A), ("b", B))}
        learned |= {
            "_columns": {s: (X.shape[1], names[s]) for s, X in tables.items()},
            "n_features_in_": tables["a"].shape[1],
        }
        if names["a"] is not None:
            learned["feature_names_in_"] = np.array(names["a"], dtype=object)
        self._learned = list(learned)
        self.__dict__.update(learned)
        self._n_features_out = self._encode(tables["a"][:0], "a").shape[1]
        return self

    def _table(self, X: Any, side: str, name: str, *, allow_empty: bool = False) -> Any:
        if hasattr(X, "tocsr") and side == self._dense_side():
            raise TypeError(
                f"{name} is a {describe(X)}, and side {side!r} is the target of {self!r}, whose columns span the shared "
                f"space; want it dense: predict the other way, or reduce it, e.g. TfidfText(dim=128)"
            )
        return as_matrix(X, name, sparse=True, allow_empty=allow_empty)

    def _check_side(self, X: Any, side: str, name: str, *, allow_empty: bool = False) -> Any:
        """Return the rows of one side, checked against what that side was in ``fit``."""
        check_is_fitted(self, "_columns")
        if not isinstance(side, str):
            raise ValueError(
                f"side is {describe(side)}; want 'a' or 'b', one table at a time: transform(A, side='a') and "
                f"transform(B, side='b')"
            )
        p, names = self._columns[one_of(side, "side", ("a", "b"))]
        out = self._table(X, side, name, allow_empty=allow_empty)
        if out.shape[1] != p:
            raise ValueError(
                f"{name} has wrong columns: X has {out.shape[1]} features, but {type(self).__name__} is expecting "
                f"{p} features as input"
            )
        came = _column_names(X)
        if names is not None and came is not None and came != names:
            k = next(k for k in range(p) if came[k] != names[k])
            raise ValueError(
                f"{name} has column {came[k]!r} at place {k}, where fit had {names[k]!r}; want the same columns in the "
                f"same order"
            )
        return out

    def _place(self, X: Any, side: str, name: str, *, allow_empty: bool = False) -> np.ndarray:
        """Check the rows of one side and return them in the shared space, as float32 if it can hold them."""
        X = self._check_side(X, side, name, allow_empty=allow_empty)
        out = np.empty((X.shape[0], self._n_features_out), np.float32)
        size, limits = np.empty(len(out)), np.finfo(np.float32)
        for i in range(0, len(out), BLOCK):
            with np.errstate(all="ignore"):  # what overflows is refused below
                out[i : i + BLOCK] = z = self._encode(X[i : i + BLOCK], side)
                size[i : i + BLOCK] = np.abs(z).max(axis=1, initial=0)
        lost = ~(size <= limits.max) | ((size > 0) & (size < limits.tiny))
        if lost.any():
            what = f"a place in the shared space that float32 cannot hold (of size {size[lost][0]:.3g})"
            hint = f"scale the data before fit, or make {self!r} less extreme"
            raise ValueError(bad_rows(lost, name, what, hint))
        return out

    def transform(self, X: Any, side: str = "a") -> np.ndarray:
        """Return the rows of one side in the shared space.

        Computed in float64: the last digits of a float32 product depend on the processor, and would break ties by luck.
        After ``set_output(transform="pandas")`` they are a table with the rows' names and ``get_feature_names_out()``.

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
            If X is no matrix of finite numbers or has not that side's columns, ``side`` is neither, or float32 cannot
            hold the result.
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
        return self._place(X, side, f"X (side {side!r})", allow_empty=True)

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
        check_is_fitted(self, "_columns")
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
            As ``transform``, or if A and B are empty or have not equally many rows.

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
        za, zb = self._place(A, "a", "A"), self._place(B, "b", "B")
        check_same_length(za, zb, "A", "B")
        return mean_reciprocal_rank(za, zb)


def mean_reciprocal_rank(za: np.ndarray, zb: np.ndarray) -> float:
    """Return the mean of 1 / rank of row i of one side for row i of the other by cosine, over both directions."""
    za, zb = unit(za), unit(zb)
    total = 0.0
    for q, g in ((za, zb), (zb, za)):
        for i in range(0, len(q), BLOCK):
            s = q[i : i + BLOCK] @ g.T
            own = np.take_along_axis(s, np.arange(i, i + len(s))[:, None], axis=1)
            rank = (s > own).sum(1) + ((s == own).sum(1) + 1) / 2
            total += float((1 / rank).sum())
    return total / (2 * len(za))


def unit(x: np.ndarray) -> np.ndarray:
    """Rows at unit length, of any size before; a zero row stays zero."""
    for order in (np.inf, 2):  # by the largest entry first, so that squares neither vanish nor overflow
        length = np.linalg.norm(x, order, axis=1, keepdims=True)
        x = x / np.where(length > 0, length, 1)
    return x


def check_squares(size: float, count: int, name: str) -> None:
    """Refuse numbers whose squares, ``count`` of them added up, float64 cannot hold."""
    if size > np.sqrt(np.finfo(np.float64).max / count) / 2:
        raise ValueError(
            f"{name} has numbers up to {size:.3g}, whose squares float64 cannot hold: scale {name.split()[0]} down first"
        )


def check_shared(strength: float, n: int, size: float) -> float:
    """Refuse sides whose strongest common direction is rounding only; return how strong rounding may look.

    ``size`` is the product of both sides' lengths (Frobenius) over n centred pairs.
    """
    rounding = EPS * n**0.5 * size
    if strength <= rounding:
        raise ValueError(
            "A and B do not vary together on these pairs, so nothing common can be learned from them"
        )
    return rounding


def centred_norms(X: Any, mean: np.ndarray) -> np.ndarray:
    """Return ``‖x - mean‖`` per row; 0 where only rounding is left of it."""
    eps = float(np.finfo(X.dtype).eps)
    length = np.linalg.norm(mean)
    if not hasattr(X, "tocsr"):
        norms = np.linalg.norm(X - mean, axis=1)
        return np.where(norms > eps * (np.linalg.norm(X, axis=1) + length), norms, 0)
    # Σ (x - m)² over the entries that are there, and Σ m² over the others; of a column without a gap there are none
    there, at = X.astype(np.float64), np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    gaps = np.where(np.bincount(X.indices, minlength=X.shape[1]) == X.shape[0], 0, mean) ** 2
    inside, size, covered = (
        np.bincount(at, v, X.shape[0])
        for v in ((there.data - mean[X.indices]) ** 2, there.data**2, gaps[X.indices])
    )
    rest = inside + (gaps.sum() - covered).clip(0)
    rounding = np.maximum(eps**2 * (np.sqrt(size) + length) ** 2, EPS * X.shape[1] ** 0.5 * gaps.sum())
    return np.sqrt(np.where(rest > rounding, rest, 0))


def _dense(x: Any) -> np.ndarray:
    return np.asarray(x.toarray() if hasattr(x, "tocsr") else x)


def _column_names(X: Any) -> list[str] | None:
    """The names of a table's columns, if all are words (as scikit-learn has it)."""
    names = list(getattr(X, "columns", ()))
    return names if names and all(isinstance(v, str) for v in names) else None

"""Relative representations: an item described by its resemblance to known pairs."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._check import as_count, as_number, check_nonzero_rows
from ._base import BLOCK, Projection, centred_norms, mean_of


class Relative(Projection):
    r"""Describe every item by how much it resembles each of the training pairs: relative representations.

    The pairs are anchors :math:`(a_k, b_k)`. An item x of side a becomes the vector of its cosines
    :math:`r_k = \cos(x, a_k)`, an item of side b :math:`\cos(y, b_k)`; both have one entry per anchor, so they can be
    compared though nothing was optimised. With ``top_k`` only the largest entries stay, and each becomes
    :math:`\operatorname{sign}(r_k)\,|r_k|^{\text{power}}`: close anchors then speak, distant ones are silent.

    Parameters
    ----------
    anchors : int, optional
        How many of the pairs to keep, drawn with ``seed``; None keeps all. The shared space has this many dimensions.
    top_k : int, optional
        Entries kept per item, the others are 0; entries equal to the last one kept stay too. Default 100; None keeps
        all, as Moschella et al. do.
    power : float, default 4.0
        Exponent; above 1 it stresses the closest anchors, 1 keeps the plain cosines.
    center : bool, default True
        Whether each side's mean is removed first: raw features usually share a large common part.
    seed : int, default 0

    Attributes
    ----------
    anchor_rows_ : (k,) int64
        Which training pairs are the anchors.

    Raises
    ------
    TypeError, ValueError
        If the sides are no numeric matrices of equally many rows (named, with the first bad row), a side is constant, or
        a parameter is out of its range.

    References
    ----------
    Moschella et al., Relative representations enable zero-shot latent space communication, ICLR 2023.
    Norelli et al., ASIF: coupled data turns unimodal models to multimodal without training, NeurIPS 2023
    (``top_k`` and ``power``).

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.project import Relative
    >>> A, B = np.eye(3), np.array([[0.0, 2.0], [3.0, 0.0], [0.0, -1.0]])
    >>> relative = Relative(power=1, center=False).fit(A, B)
    >>> relative.transform([[4.0, 3.0, 0.0]], side="a").round(2)
    array([[0.8, 0.6, 0. ]], dtype=float32)
    >>> relative.transform([[5.0, 0.0]], side="b").tolist()
    [[0.0, 1.0, 0.0]]
    """

    def __init__(
        self,
        anchors: int | None = None,
        top_k: int | None = 100,
        power: float = 4.0,
        center: bool = True,
        seed: int = 0,
    ) -> None:
        self.anchors = anchors
        self.top_k = top_k
        self.power = power
        self.center = center
        self.seed = seed

    def fit(self, A: Any, B: Any = None) -> Self:
        """Keep the pairs as anchors: A (n, p) and B (n, q), dense or CSR."""
        A, B = self._check_pairs(A, B)
        as_count(self.anchors, "anchors", none=True)
        as_count(self.top_k, "top_k", none=True)
        as_number(self.power, "power", 0)
        n = A.shape[0]
        self.n_pairs_ = n
        k = min(self.anchors or n, n)
        self.anchor_rows_ = np.sort(np.random.default_rng(self.seed).permutation(n)[:k])
        self._means = {s: mean_of(X) * bool(self.center) for s, X in (("a", A), ("b", B))}
        self._anchors = {"a": A[self.anchor_rows_], "b": B[self.anchor_rows_]}
        for side, name in (("a", "A"), ("b", "B")):
            check_nonzero_rows(centred_norms(self._anchors[side], self._means[side]), name)
        return self

    def transform(self, X: Any, side: str = "a") -> np.ndarray:
        """Return the similarities of the rows of one side to that side's anchors: float32 (n, anchors)."""
        X = self._check_side(X, side)
        mean, anchors = self._means[side], self._anchors[side].astype(np.float64)
        norms = centred_norms(X, mean)
        check_nonzero_rows(norms, f"X (side {side!r})")
        anchor_norms = centred_norms(anchors, mean)
        out = np.empty((X.shape[0], anchors.shape[0]), np.float32)
        for i in range(0, len(out), BLOCK):
            block = X[i : i + BLOCK].astype(np.float64)
            product = block @ anchors.T
            product = product.toarray() if hasattr(product, "tocsr") else product
            # (x - m)·(a - m), multiplied out so that a sparse side stays sparse
            r = product - (block @ mean)[:, None] - anchors @ mean + mean @ mean
            r /= norms[i : i + BLOCK, None] * anchor_norms
            if self.top_k is not None and self.top_k < r.shape[1]:
                r[r < np.partition(r, -self.top_k, axis=1)[:, -self.top_k, None]] = 0
            out[i : i + BLOCK] = np.sign(r) * np.abs(r) ** self.power
        return out

"""MapPanel: the shared space in two dimensions, and the items in it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .._check import as_count, as_seed, describe, one_of
from .._truth import Truth
from ..plots import COLORS, embedding_map
from ..plots.style import as_words
from ..similarity import Scores
from ._base import Control, Panel, choice
from .instrument import packed
from .media import two_sides

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("PCA", "t-SNE", "two items")
_SENT = 2**21  # up to so many numbers the vectors are in the page, which then finds directions by itself


class MapPanel(Panel):
    """Look at a shared space: both modalities as points, true pairs joined by a line, and the selected item itself.

    Rows are scaled to unit length first, so that near in the space means a high cosine. Neighbours are those of the
    *original* space: on a map of two dimensions other points may look nearer. Three maps:

    * ``"PCA"``: the two directions in which the points of both sides differ most, with their share of the variance;
    * ``"t-SNE"``: keeps neighbours together (scikit-learn; started from PCA, seeded); computed when it is first chosen, or
      when a page without Python is made;
    * ``"two items"``: each axis is an item, and a point stands at its cosines with the two.

    Parameters
    ----------
    A, B : (n, d), (m, d) arrays
        Embeddings of both sides in one space.
    a, b : items of both sides
        As in :class:`ThresholdPanel`.
    truth : optional
        What belongs together, as in :func:`mmalign_nb.evaluate.retrieval_report`.
    method : {"PCA", "t-SNE", "two items"}
    k : int
        How many nearest items of the other side to show.
    sides : (str, str)
        What the two sides are.
    seed : int
        For t-SNE.
    captions : (sequence of str or None, sequence of str or None), optional
        Names of the items.

    Attributes
    ----------
    side, point : Control
        Which item is selected: 0 or 1 for the side, and its number there.
    method : Control
    axes : Control
        The two items of the map "two items", such as ``((0, 3), (1, 7))``: number 3 of the first side, number 7 of the second.

    Raises
    ------
    TypeError, ValueError
        For bad or empty embeddings, zero vectors, items that do not fit, or an unknown method.

    Notes
    -----
    Notebook: ``03_shared_space``.

    References
    ----------
    van der Maaten, Hinton, *Visualizing Data using t-SNE*, JMLR 9:2579–2605, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.panels import MapPanel
    >>> A, B = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> panel = MapPanel(A, B, ["cat", "dog"], ["Katze", "Hund"], truth="diagonal")
    >>> panel
    MapPanel(method='PCA', side='side a', point=0): nearest in side b 0 (0.994), its own partner at rank 1 of 2
    >>> panel.nearest()[0].tolist(), panel.partners().tolist(), panel.coordinates()[0].shape
    ([0, 1], [0], (2, 2))
    """

    _kind = traitlets.Unicode("map").tag(sync=True)
    _side, _point = (traitlets.Int().tag(sync=True) for _ in range(2))
    _method = traitlets.Unicode().tag(sync=True)
    _axes = traitlets.List().tag(sync=True)
    _maps, _fresh = (traitlets.Dict().tag(sync=True) for _ in range(2))

    def __init__(
        self,
        A: Any,
        B: Any,
        a: Any,
        b: Any,
        truth: Any = None,
        *,
        method: str = "PCA",
        k: int = 3,
        sides: tuple[str, str] = ("side a", "side b"),
        seed: int = 0,
        captions: tuple[Any, Any] = (None, None),
    ) -> None:
        one_of(method, "method", METHODS)
        scores = Scores((A, B), "cosine", allow_empty=False)
        n, m = self._shape = scores.shape
        self._media = two_sides(a, b, (n, m), captions)
        self._truth = None if truth is None else Truth(truth, (n, m))
        self._sides, self._seed, self._k = as_words(sides, "sides", 2), as_seed(seed), as_count(k, "k")
        self._scores = scores, scores.T
        self._units = np.vstack([_unit(scores.a), _unit(scores.b)])
        self._map = functools.cache(self._flatten)
        super().__init__()
        self._axes = [[0, 0], [0, 1] if n > 1 else [1, 0]]
        self._method = method
        self.method = choice(self, "_method", "method", METHODS)
        self.side = Control(self, "_side", self._move_to)
        self.point = Control(self, "_point", lambda i: as_count(i, "point", 0, self._shape[self._side] - 1))
        self.axes = Control(self, "_axes", self._read_axes)
        self._maps = {name: self._sent_map(name) for name in {"PCA", method} - {"two items"}}
        pairs = self._pairs()
        self._data = {
            "media": [x.sent() for x in self._media], "shape": [n, m], "sides": self._sides, "methods": METHODS, "size": 56,
            "judged": self._truth is not None, "pairs": None if pairs is None else packed(pairs.astype(np.int32)),
            "near": [self._send_nearest(s) for s in (0, 1)], "vectors": self._sent_vectors(),
        }  # fmt: skip

    # ---- what is computed

    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Both sides on the chosen map: ``(n, 2)`` and ``(m, 2)``."""
        flat = self._now()[0]
        return flat[: self._shape[0]], flat[self._shape[0] :]

    def nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """All items of the other side by cosine with the selected one, nearest first, and their cosines."""
        cosines = self._scores[self._side].block([self._point], slice(None))[0]
        order = np.argsort(-cosines, kind="stable")
        return order, cosines[order]

    def partners(self) -> np.ndarray:
        """The true partners of the selected item on the other side."""
        if self._truth is None:
            return np.empty(0, np.int64)
        return np.flatnonzero(self._known(self._side).rows(self._point, self._point + 1)[0])

    def _known(self, side: int) -> Truth:
        assert self._truth is not None
        return self._truth.swap() if side else self._truth

    def _pairs(self) -> np.ndarray | None:
        """True pairs to join; none if an item has many, as with classes: the lines would hide the points."""
        if self._truth is None or self._truth.total > 2 * max(self._shape):
            return None
        return np.argwhere(self._truth.rows(0, self._shape[0]))

    def _now(self) -> tuple[np.ndarray, list[str]]:
        return self._map(self._method, *map(tuple, self._axes if self._method == "two items" else ()))

    def _flatten(self, method: str, *axes: Any) -> tuple[np.ndarray, list[str]]:
        """Bring all points to two dimensions, and name these."""
        if method == "two items":
            ends = self._units[[side * self._shape[0] + i for side, i in axes]]
            names = [f"cosine with {self._sides[s]} {i}: {self._media[s].words(i)}" for s, i in axes]
            return self._units @ ends.T, names
        if method == "PCA":
            flat, shares = _pca(self._units)
            return flat, [f"component {k} ({share:.0%} of the variance)" for k, share in enumerate(shares, 1)]
        from sklearn.manifold import TSNE

        start = self._map("PCA")[0]
        start = (start / (start[:, 0].std() or 1) * 1e-4).astype(np.float32)
        perplexity = min(30.0, max(1.0, (len(start) - 1) / 3))
        flat = TSNE(2, perplexity=perplexity, init=start, random_state=self._seed).fit_transform(self._units)
        return np.asarray(flat), ["t-SNE 1 (no unit)", "t-SNE 2 (no unit)"]

    # ---- what is chosen

    def _move_to(self, side: Any) -> int:
        """Change the side from Python; its last item is selected if it has fewer than the other."""
        side = as_count(side, "side", 0, 1)
        self._point = min(self._point, self._shape[side] - 1)
        return side

    def _read_axes(self, axes: Any) -> list[list[int]]:
        want = "two items as (side, number), such as ((0, 3), (1, 7))"
        if not (
            isinstance(axes, (list, tuple))
            and [isinstance(x, (list, tuple)) and len(x) for x in axes] == [2, 2]
        ):
            raise TypeError(f"axes is {describe(axes)}; want {want}")
        sides = [as_count(s, "a side in axes", 0, 1) for s, _ in axes]
        return [
            [s, as_count(i, "a number in axes", 0, self._shape[s] - 1)]
            for s, (_, i) in zip(sides, axes, strict=True)
        ]

    # ---- what the page gets

    def _sent_map(self, method: str, *axes: Any) -> dict[str, Any]:
        flat, names = self._map(method, *axes)
        return {"xy": packed(flat.astype(np.float32)), "names": names}

    def _sent_vectors(self) -> dict[str, Any] | None:
        """The directions of all items, rounded to 1 / 32767: enough to place a point."""
        if self._units.size > _SENT:
            return None
        return packed(np.round(self._units * 32767).astype(np.int16))

    def _send_nearest(self, side: int) -> dict[str, Any]:
        """Of each item of a side: the k nearest of the other one, and which partner is nearest, how near, at which rank."""
        scores = self._scores[side]
        ids, cosines = scores.top_k(self._k)
        out = {"k": ids.shape[1], "ids": packed(ids.astype(np.int32)), "cosines": packed(cosines)}
        if self._truth is None:
            return out
        known, (n, m) = self._known(side), scores.shape
        own, rank, best = np.full(n, -1, np.int32), np.zeros(n, np.int32), np.zeros(n, np.float32)
        for start, block in scores.blocks():
            right = known.rows(start, start + len(block))
            j = np.where(right, block, -np.inf).argmax(axis=1)[:, None]
            c = np.take_along_axis(block, j, 1)
            before = (block > c) | ((block == c) & (np.arange(m) < j))
            rows = start + np.flatnonzero(right.any(axis=1))
            own[rows], best[rows], rank[rows] = (
                x[rows - start] for x in (j[:, 0], c[:, 0], before.sum(axis=1) + 1)
            )
        right = known.of(np.arange(n)[:, None], ids).astype(np.uint8)
        return out | {"right": packed(right), "own": packed(own), "rank": packed(rank), "best": packed(best)}

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        method, axes = one_of(asked["map"], "method", METHODS), self._read_axes(asked["axes"])
        self._fresh = self._sent_map(method, *map(tuple, axes if method == "two items" else ()))
        return {}

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"_maps": {name: self._sent_map(name) for name in ("PCA", "t-SNE")}}

    # ---- what is said

    def _rank_of_partner(self) -> str:
        order, _ = self.nearest()
        partners = self.partners()
        if not len(partners):
            return "" if self._truth is None else ", without a partner"
        rank = int(np.flatnonzero(np.isin(order, partners))[0]) + 1
        return f", its own partner at rank {rank} of {len(order)}"

    def _line(self) -> str:
        s, (order, cosines) = self._side, self.nearest()
        return (
            f"(method={self._method!r}, side={self._sides[s]!r}, point={self._point}): nearest in "
            f"{self._sides[1 - s]} {order[0]} ({cosines[0]:.3f}){self._rank_of_partner()}"
        )

    @property
    def alt(self) -> str:
        """What the map shows now, in words."""
        s, i, (n, m) = self._side, self._point, self._shape
        order, cosines = self.nearest()
        head = f"{self._method} map" if self._method != "two items" else "Map of the cosines with two items,"
        return (
            f"{head} of {n} points of {self._sides[0]} (discs) and {m} of {self._sides[1]} (triangles); "
            f"selected: {self._sides[s]} {i}, {self._media[s].words(i)}; nearest: {self._media[1 - s].words(int(order[0]))} "
            f"(cosine {cosines[0]:.2f}){self._rank_of_partner()}."
        )

    def figure(self) -> Figure:
        """The map with the selected point ringed."""
        flat, s, names = self.coordinates(), self._side, self._now()[1]
        figure = embedding_map(
            *flat, self._pairs(), sides=self._sides, title=f"{self._method} of the shared space"
        )
        ax, at = figure.axes[0], flat[s][self._point]
        for j in self.partners()[:50]:
            ax.plot(*zip(at, flat[1 - s][j], strict=True), color="black", linewidth=2, zorder=3)
        ax.scatter(
            at[0], at[1], s=260, facecolors="none", edgecolors=COLORS["vermilion"], linewidths=3, zorder=4
        )
        ax.set(xlabel=names[0], ylabel=names[1])
        ax.get_legend().set_bbox_to_anchor((0.5, -0.1))  # type: ignore[union-attr]  # below the name of the axis
        return figure


def _unit(x: Any) -> np.ndarray:
    x = np.asarray(x.toarray() if hasattr(x, "tocsr") else x, np.float64)
    x = x / np.abs(x).max(axis=1, keepdims=True)  # so that no square overflows or vanishes
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _pca(points: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """The first two principal components, and their shares of the variance; what one dimension lacks is 0."""
    centred = points - points.mean(axis=0)
    _, size, directions = np.linalg.svd(centred, full_matrices=False)
    axes, shares = np.zeros((2, points.shape[1])), np.zeros(2)
    axes[: len(directions[:2])] = directions[:2]
    shares[: len(size[:2])] = size[:2] ** 2 / ((size**2).sum() or 1)
    axes *= np.sign(axes[[0, 1], np.abs(axes).argmax(axis=1)])[
        :, None
    ]  # a direction has no sign: the same one each time
    return centred @ axes.T, shares.tolist()

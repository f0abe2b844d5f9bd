"""MapPanel: the shared space in two dimensions, and the items in it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from .._check import as_count, as_matrix, as_seed, check_nonzero_rows, one_of
from .._truth import Truth
from ..plots import COLORS, embedding_map
from ..plots.style import as_words
from ._base import Panel, card
from ._layers import Canvas, Layers
from ._media import Media, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("PCA", "t-SNE")


class MapPanel(Panel):
    """Look at a shared space: both modalities as points, true pairs joined by a line, and the selected item itself.

    Rows are scaled to unit length first, so that near on the map means a high cosine. Both sides go into one PCA, or
    one t-SNE (scikit-learn; started from PCA, seeded), which is computed when it is first chosen.

    Parameters
    ----------
    A, B : (n, d), (m, d) arrays
        Embeddings of both sides in one space.
    a, b : items of both sides
        As in :class:`ThresholdPanel`.
    truth : optional
        What belongs together, as in :func:`mmalign_nb.evaluate.retrieval_report`.
    method : {"PCA", "t-SNE"}
    k : int
        How many nearest items of the other side to show.
    sides : (str, str)
        What the two sides are.
    seed : int
        For t-SNE.

    Attributes
    ----------
    point : IntSlider
        Which item is selected.
    side, method : Dropdown

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
    ) -> None:
        one_of(method, "method", METHODS)
        A = as_matrix(A, "A", dtype=np.float32)
        self._units = _unit(A, "A"), _unit(as_matrix(B, "B", dim=A.shape[1], dtype=np.float32), "B")
        n, m = (len(x) for x in self._units)
        self._media = Media(a, "a", n), Media(b, "b", m)
        self._truth = None if truth is None else Truth(truth, (n, m))
        self._sides, self._seed, self._k = as_words(sides, "sides", 2), as_seed(seed), as_count(k, "k")
        # Each map is computed and drawn when it is first chosen, and kept.
        self._flat = functools.cache(lambda name: _flatten(np.vstack(self._units), name, self._seed))
        self._canvas = functools.cache(lambda name: Canvas(self._draw()))
        style = {"description_width": "70px"}
        self.method = widgets.Dropdown(options=METHODS, value=method, description="map", style=style,
                                       layout={"width": "220px"}, tooltip="How the space is brought to two dimensions")  # fmt: skip
        self.side = widgets.Dropdown(options=list(zip(self._sides, (0, 1), strict=True)), description="select from",
                                     style={"description_width": "90px"}, layout={"width": "260px"},
                                     tooltip="Which side's item is selected")  # fmt: skip
        self.point = widgets.IntSlider(max=max(n, m) - 1, description="point", style=style, layout={"flex": "1 1 420px"},
                                       tooltip="Which item is selected")  # fmt: skip
        self.number = widgets.BoundedIntText(max=max(n, m) - 1, description="number", style=style, layout={"width": "180px"},
                                             tooltip="The item's number, typed")  # fmt: skip
        widgets.link((self.point, "value"), (self.number, "value"))
        self._picture, self._items = Layers(), widgets.HTML(layout={"flex": "1 1 280px"})
        self._picture.layout.flex = "0 1 680px"
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        super().__init__(
            [
                widgets.HBox([self.method, self.side], layout=wrap),
                widgets.HBox([self.point, self.number], layout=wrap),
                widgets.HBox([self._picture, self._items], layout={"flex_flow": "row wrap"}),
            ]
        )
        self._change_side()
        self._change_map()
        self.point.observe(self._guard(lambda _: self._refresh()), "value")
        self.side.observe(self._guard(lambda _: self._change_side()), "value")
        self.method.observe(self._guard(lambda _: self._change_map()), "value")

    # ---- what is computed

    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Both sides on the chosen map: ``(n, 2)`` and ``(m, 2)``."""
        flat, n = self._flat(self.method.value), len(self._units[0])
        return flat[:n], flat[n:]

    def nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """All items of the other side by cosine with the selected one, nearest first, and their cosines."""
        s = self.side.value
        cosines = self._units[1 - s] @ self._units[s][self.point.value]
        order = np.argsort(-cosines, kind="stable")
        return order, cosines[order]

    def partners(self) -> np.ndarray:
        """The true partners of the selected item on the other side."""
        if self._truth is None:
            return np.empty(0, np.int64)
        truth = self._truth if self.side.value == 0 else self._truth.swap()
        return np.flatnonzero(truth.rows(self.point.value, self.point.value + 1)[0])

    # ---- what is shown

    def _change_side(self) -> None:
        """Let slider and number box run over the items of the chosen side."""
        size = len(self._units[self.side.value])
        for widget in (self.point, self.number):
            widget.max = size - 1
        self._refresh()

    def _pairs(self) -> np.ndarray | None:
        """True pairs to join; none if an item has many, as with classes: the lines would hide the points."""
        if self._truth is None or self._truth.total > 2 * max(self._truth.shape):
            return None
        n = self._truth.shape[0]
        return np.argwhere(self._truth.rows(0, n))

    def _draw(self) -> Figure:
        a, b = self.coordinates()
        return embedding_map(
            a, b, self._pairs(), sides=self._sides, title=f"{self.method.value} of the shared space"
        )

    def _change_map(self) -> None:
        """Send the chosen map."""
        self._picture.lower(self._canvas(self.method.value).png)
        self._refresh()

    def _refresh(self) -> None:
        canvas = self._canvas(self.method.value)
        flat, s = self.coordinates(), self.side.value
        (at,) = canvas.pixels(0, *flat[s][self.point.value])
        partners = canvas.pixels(0, *flat[1 - s][self.partners()[:50]].T)
        parts = [
            f'<path d="M{at[0]:g} {at[1]:g}L{x:g} {y:g}" stroke="#000" stroke-width="2.5"/>'
            f'<circle cx="{x:g}" cy="{y:g}" r="8" fill="none" stroke="#000" stroke-width="2.5"/>'
            for x, y in partners
        ]
        parts.append(
            f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="13" fill="none" stroke="#fff" stroke-width="7"/>'
            f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="13" fill="none" stroke="{COLORS["vermilion"]}" stroke-width="4"/>'
        )
        self._picture.upper.value = canvas.svg("".join(parts), self.alt)
        self._items.value = self._cards()
        self._say("")

    def _cards(self) -> str:
        s, i = self.side.value, self.point.value
        order, cosines = self.nearest()
        partners = set(self.partners().tolist())

        def shown(side: int, j: int, told: str = "", right: bool | None = None) -> str:
            inside = f'<div class="mm-pair">{self._media[side].html(j)}</div>'
            return card(f"{escape(self._sides[side])} {j}{told}", inside, right)

        parts = [
            f'<div class="mm-head">selected</div>{shown(s, i)}',
            f'<div class="mm-head">nearest in {escape(self._sides[1 - s])}</div>',
            *(
                shown(1 - s, j, f", cosine {c:.3f}", None if self._truth is None else j in partners)
                for j, c in zip(order[: self._k].tolist(), cosines, strict=False)
            ),
        ]
        return f'<div class="mm-stack" role="status">{"".join(parts)}</div>'

    def _rank_of_partner(self) -> str:
        order, _ = self.nearest()
        partners = self.partners()
        if not len(partners):
            return "" if self._truth is None else ", without a partner"
        rank = int(np.flatnonzero(np.isin(order, partners))[0]) + 1
        return f", its own partner at rank {rank} of {len(order)}"

    def _line(self) -> str:
        s = self.side.value
        order, cosines = self.nearest()
        return (
            f"(method={self.method.value!r}, side={self._sides[s]!r}, point={self.point.value}): nearest in "
            f"{self._sides[1 - s]} {order[0]} ({cosines[0]:.3f}){self._rank_of_partner()}"
        )

    @property
    def alt(self) -> str:
        """What the map shows now, in words."""
        s, i = self.side.value, self.point.value
        order, cosines = self.nearest()
        n, m = (len(x) for x in self._units)
        return (
            f"{self.method.value} map of {n} points of {self._sides[0]} (discs) and {m} of {self._sides[1]} (triangles); "
            f"selected: {self._sides[s]} {i}, {self._media[s].words(i)}; nearest: {self._media[1 - s].words(int(order[0]))} "
            f"(cosine {cosines[0]:.2f}){self._rank_of_partner()}."
        )

    def figure(self) -> Figure:
        """The map with the selected point ringed."""
        figure = self._draw()
        ax, flat, s = figure.axes[0], self.coordinates(), self.side.value
        at = flat[s][self.point.value]
        for j in self.partners()[:50]:
            ax.plot(*zip(at, flat[1 - s][j], strict=True), color="black", linewidth=2, zorder=3)
        ax.scatter(
            at[0], at[1], s=260, facecolors="none", edgecolors=COLORS["vermilion"], linewidths=3, zorder=4
        )
        return figure


def _unit(x: np.ndarray, name: str) -> np.ndarray:
    norms = np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    check_nonzero_rows(norms.ravel(), name)
    return np.asarray(x / norms, np.float32)


def _flatten(points: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Bring points to two dimensions."""
    if points.shape[1] == 1:
        return np.column_stack([points[:, 0], np.zeros(len(points))])
    if method == "PCA":
        from sklearn.decomposition import PCA

        return np.asarray(PCA(2, svd_solver="full").fit_transform(points))
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(1.0, (len(points) - 1) / 3))
    return np.asarray(TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(points))

"""A picture in two layers: what a knob cannot change, and what it can.

The lower layer (axes, heat map, clouds of points) is drawn once by matplotlib and sent to the browser once. The upper
layer (chosen pairs, a threshold's line, the selected point) is a few kilobytes of SVG in the same coordinates: nothing
is encoded, decoded or blanked while a slider moves, and it is sharp on any screen. Where there is no browser the panel
draws both as one figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from ..plots.style import figure_png
from ._media import escape, uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Layers(widgets.GridBox):
    """Show an SVG (``upper.value``) over a PNG: both in the one cell of a grid, both as wide as the panel."""

    def __init__(self) -> None:
        self._lower, self.upper = (
            widgets.HTML(layout={"grid_area": "1 / 1", "margin": "0"}) for _ in range(2)
        )
        super().__init__([self._lower, self.upper], layout={"grid_template_columns": "minmax(0, 1fr)"})

    def lower(self, png: bytes) -> None:
        """Send the lower layer; its words are in the upper one."""
        self._lower.value = f'<img class="mm-picture" alt="" src="{uri("image/png", png)}">'


class Canvas:
    """A drawn figure as a lower layer: its PNG, and where its axes put data in SVG coordinates (100 to an inch).

    It is drawn once, sharper than the page so that it stands up to a projector.
    """

    def __init__(self, figure: Figure, scale: float = 1.5) -> None:
        figure.set_dpi(100 * scale)
        self.png = figure_png(figure, optimize=False)
        self._scale = scale
        self.width, self.height = (round(v / scale) for v in figure.canvas.get_width_height())
        self._to_pixel: list[Any] = [ax.transData.frozen() for ax in figure.axes]
        self.boxes = [np.asarray(ax.get_window_extent().extents) / scale for ax in figure.axes]

    def pixels(self, axes: int, x: Any, y: Any) -> np.ndarray:
        """Data coordinates as SVG coordinates: y grows downwards, one decimal is enough."""
        xy = (
            self._to_pixel[axes].transform(np.column_stack([np.atleast_1d(x), np.atleast_1d(y)]))
            / self._scale
        )
        xy[:, 1] = self.height - xy[:, 1]
        return np.round(xy, 1)

    def svg(self, parts: str, alt: str) -> str:
        """The upper layer, named ``alt`` for who does not see it."""
        return (
            f'<svg role="img" aria-label="{escape(alt, quote=True)}" viewBox="0 0 {self.width} {self.height}" '
            f'style="width:100%;height:auto;display:block" font-family="sans-serif" font-size="16">{parts}</svg>'
        )

"""The threshold panel's picture: scores drawn once, and what a threshold makes of them drawn as often as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._truth import Truth
from ..plots import new_figure, styled
from ..plots.scores import (
    draw_heatmap,
    draw_histogram,
    draw_precision_recall,
    histogram_edges,
    legend_below,
    mark_pairs,
    marker_size,
    right_and_wrong,
)
from ..plots.style import COLORS, LINE, RIGHT
from ._layers import Canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_MANY = 1500  # more dots than this are a cloud: cells are painted instead
_WIDTH, _HEIGHT = 10.6, 4.15
_BOXES = (
    (0.8, 1.2, 2.65, 2.65),
    (4.45, 1.2, 2.75, 2.65),
    (8.0, 1.2, 2.45, 2.65),
)  # inches: left, bottom, w, h
_BOXES_WITHOUT_TRUTH = ((0.8, 1.2, 2.65, 2.65), (4.6, 1.2, 5.8, 2.65))


@dataclass(frozen=True)
class Marks:
    """What a threshold makes of the scores: everything the upper layer shows."""

    threshold: float
    label: str
    pairs: np.ndarray
    right: np.ndarray | None = None
    curve: np.ndarray | None = None  # (points, 2): recall, precision of the chosen mode
    point: tuple[float, float] | None = None  # recall, precision at the threshold


class Scene:
    """Draw scores once, and marks on them as often as wanted.

    Parameters
    ----------
    scores : (n, m) array
    truth : Truth, optional
        With it the histogram has two parts, and precision over recall gets axes of its own.
    sweep : (recall, precision), optional
        The curve of keeping every pair above the line.
    sides : (str, str)
        What rows and columns are.
    """

    def __init__(
        self,
        scores: np.ndarray,
        truth: Truth | None,
        sweep: tuple[np.ndarray, np.ndarray] | None,
        sides: tuple[str, str],
    ) -> None:
        self.scores, self.truth, self.sweep, self.sides = scores, truth, sweep, sides
        self.canvas = Canvas(self._background())
        self._size = marker_size((max(scores.shape[0], 1), max(scores.shape[1], 1)), _BOXES[0][2])

    @styled
    def _background(self) -> Figure:
        figure = new_figure(_WIDTH, _HEIGHT)
        figure.set_layout_engine("none")
        boxes = _BOXES if self.truth is not None else _BOXES_WITHOUT_TRUTH
        axes = [figure.add_axes((x / _WIDTH, y / _HEIGHT, w / _WIDTH, h / _HEIGHT)) for x, y, w, h in boxes]
        draw_heatmap(axes[0], self.scores, self.sides)
        axes[0].set_title("chosen pairs")
        finite = np.isfinite(self.scores)
        right = None if self.truth is None else self.truth.rows(0, len(self.scores))[finite]
        values = self.scores[finite]
        draw_histogram(axes[1], values, right, histogram_edges(values))
        axes[1].set_title("scores")
        legend_below(axes[1], columns=1, drop=0.22)
        if self.truth is not None:
            draw_precision_recall(axes[2], {})
            axes[2].plot([], [], color=RIGHT, label="chosen matching")
            if self.sweep is not None:
                axes[2].plot(*self.sweep, "--", color=COLORS["grey"], linewidth=1.6, label="every pair above")
            axes[2].set_title("precision over recall")
            legend_below(axes[2], columns=1, drop=0.22)
        return figure

    @styled
    def figure(self, marks: Marks) -> Figure:
        """Both layers as one figure."""
        figure = self._background()
        heat, hist = figure.axes[:2]
        mark_pairs(heat, marks.pairs, marks.right, self._size if len(marks.pairs) <= _MANY else 1.5)
        legend_below(heat, drop=0.22)
        hist.axvline(marks.threshold, color=LINE, linestyle="--")
        hist.set_title(f"threshold {marks.label}", loc="right", color=LINE)
        if marks.curve is not None and marks.point is not None:
            quality = figure.axes[2]
            quality.plot(marks.curve[:, 0], marks.curve[:, 1], color=RIGHT)
            quality.plot(
                [marks.point[0]],
                [marks.point[1]],
                "o",
                color=LINE,
                markersize=12,
                markeredgecolor="white",
                clip_on=False,
            )
        return figure

    def svg(self, marks: Marks, alt: str) -> str:
        """The upper layer."""
        parts = [self._svg_pairs(marks), self._svg_line(marks)]
        if marks.curve is not None and marks.point is not None:
            parts.append(self._svg_curve(marks.curve, marks.point))
        return self.canvas.svg("".join(parts), alt)

    def _svg_pairs(self, marks: Marks) -> str:
        x0, y0, _, _ = self.canvas.boxes[0]
        at, legend_y = x0, self.canvas.height - y0 + 70
        size = self._size * 100 / 72
        parts = []
        for name, cells, color, cross in right_and_wrong(marks.pairs, marks.right):
            if len(marks.pairs) > _MANY:
                parts.append(self._svg_cells(cells, color))
            else:
                parts.append(_stamps(self.canvas.pixels(0, cells[:, 1], cells[:, 0]), size, color, cross))
            parts.append(_stamps(np.array([[at + 8, legend_y - 5]]), 12.0, color, cross))
            parts.append(f'<text x="{at + 22:.0f}" y="{legend_y:.0f}">{name} ({len(cells):,})</text>')
            at += 130
        return "".join(parts)

    def _svg_cells(self, cells: np.ndarray, color: str) -> str:
        """Paint very many cells, neighbours in a row as one stroke."""
        cells = cells[np.lexsort((cells[:, 1], cells[:, 0]))]
        new = np.ones(len(cells), bool)
        new[1:] = (np.diff(cells[:, 0]) != 0) | (np.diff(cells[:, 1]) != 1)
        first = np.flatnonzero(new)
        last = np.append(first[1:], len(cells)) - 1
        start = self.canvas.pixels(0, cells[first, 1] - 0.5, cells[first, 0])
        stop = self.canvas.pixels(0, cells[last, 1] + 0.5, cells[last, 0])
        path = "".join(f"M{x:g} {y:g}H{e:g}" for (x, y), e in zip(start, stop[:, 0], strict=True))
        (_, top), (_, below) = self.canvas.pixels(0, [0, 0], [0, 1])
        return (
            f'<path d="{path}" stroke="{color}" stroke-width="{abs(below - top):g}" opacity="0.8"/>'
            if path
            else ""
        )

    def _svg_line(self, marks: Marks) -> str:
        left, y0, right, y1 = self.canvas.boxes[1]
        x = float(self.canvas.pixels(1, marks.threshold, 0)[0, 0])
        x = min(max(x, left), right)
        anchor = "end" if x > (left + right) / 2 else "start"
        text_x = x - 6 if anchor == "end" else x + 6
        return (
            f'<path d="M{x:g} {self.canvas.height - y1:g}V{self.canvas.height - y0:g}" stroke="{LINE}" stroke-width="3" '
            f'stroke-dasharray="8 4"/><text x="{text_x:g}" y="{self.canvas.height - y1 + 14:g}" text-anchor="{anchor}" '
            f'fill="{LINE}" font-weight="600" paint-order="stroke" stroke="#fff" stroke-width="4">{marks.label}</text>'
        )

    def _svg_curve(self, curve: np.ndarray, point: tuple[float, float]) -> str:
        path = " ".join(f"{x:g},{y:g}" for x, y in self.canvas.pixels(2, curve[:, 0], curve[:, 1]))
        drawn = f'<polyline points="{path}" fill="none" stroke="{RIGHT}" stroke-width="2.5"/>'
        (x, y), *_ = self.canvas.pixels(2, *point)
        if not np.isfinite([x, y]).all():  # nothing kept: there is no precision
            return drawn
        return f'{drawn}<circle cx="{x:g}" cy="{y:g}" r="8" fill="{LINE}" stroke="#fff" stroke-width="2"/>'


def _stamps(xy: np.ndarray, size: float, color: str, cross: bool) -> str:
    """Discs or crosses with a white rim, each kind as one path."""
    if not len(xy):
        return ""
    h = size * 0.34
    if cross:
        path = "".join(
            f"M{x - h:.1f} {y - h:.1f}l{2 * h:.1f} {2 * h:.1f}m0 {-2 * h:.1f}l{-2 * h:.1f} {2 * h:.1f}"
            for x, y in xy
        )
        rim, ink = size * 0.32 + 2, size * 0.32
    else:
        path = "".join(f"M{x:g} {y:g}h0" for x, y in xy)  # a point with a round cap is a disc
        rim, ink = size + 1.5, size
    cap = "butt" if cross else "round"
    return (
        f'<path d="{path}" stroke="#fff" stroke-width="{rim:.1f}" stroke-linecap="round" fill="none"/>'
        f'<path d="{path}" stroke="{color}" stroke-width="{ink:.1f}" stroke-linecap="{cap}" fill="none"/>'
    )

"""One number, two ways to change it: a slider in round steps, and a box that takes any number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import traitlets


class Knob(widgets.HBox):
    """Hold a number exactly, and show it with a slider and a number box.

    A slider in the browser snaps to its steps and sends the snapped number back; a threshold that a rule chose must
    not be changed by being shown. So the number lives here: the slider moves it only when it is really moved.

    Parameters
    ----------
    name, box_name : str
        What slider and box are called.
    tooltip : str

    Attributes
    ----------
    value : float
        The number, always within ``min`` and ``max``.
    slider : FloatSlider
    box : BoundedFloatText
    """

    value = traitlets.Float()

    def __init__(self, name: str, box_name: str, tooltip: str) -> None:
        style = {"description_width": "88px"}
        self.min, self.max, self.step, self.decimals = 0.0, 1.0, 0.01, 2
        self.slider = widgets.FloatSlider(
            description=name, tooltip=tooltip, style=style, layout={"flex": "1 1 420px", "width": "auto"},
            readout=False,  # it would show the nearest step; the box shows the number
        )  # fmt: skip
        self.box = widgets.BoundedFloatText(
            description=box_name, tooltip=f"{tooltip} (typed)", style=style, layout={"width": "220px"}
        )
        super().__init__([self.slider, self.box], layout={"flex_flow": "row wrap", "align_items": "center"})
        self._showing = False
        self.slider.observe(self._dragged, "value")
        self.box.observe(self._typed, "value")
        self.observe(lambda _: self._show(), "value")

    @traitlets.validate("value")
    def _within(self, proposal: Any) -> float:
        return min(max(float(proposal["value"]), self.min), self.max)

    def fit(self, low: float, high: float) -> None:
        """Range from ``low`` to just above ``high`` in about 200 round steps; the value goes to the lower end."""
        self.step = _round_step((high - low) / 200)
        self.decimals = max(0, -math.floor(math.log10(self.step)))
        self.min = round(math.floor(low / self.step) * self.step, self.decimals)
        self.max = round((math.ceil(high / self.step) + 1) * self.step, self.decimals)
        with self._quietly():
            for widget in (self.slider, self.box):
                with widget.hold_trait_notifications():
                    widget.min, widget.max, widget.step, widget.value = (
                        self.min,
                        self.max,
                        self.step,
                        self.min,
                    )
        self.value = self.min
        self._show()

    def words(self, value: float) -> str:
        """A number with as many decimals as the slider's steps have."""
        return f"{value + 0.0:.{self.decimals}f}"

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Change slider and box without taking it for the reader's wish."""
        before, self._showing = self._showing, True
        try:
            yield
        finally:
            self._showing = before

    def _show(self) -> None:
        with self._quietly():
            if abs(self.slider.value - self.value) > 1e-9 * self.step:
                self.slider.value = self.value
            self.box.value = round(self.value, 6)

    def _dragged(self, change: Any) -> None:
        """Move to the slider's step; coming back from the browser snapped to the nearest step is no move."""
        if not self._showing and abs(change["new"] - self.value) > (0.5 + 1e-6) * self.step:
            self.value = round(change["new"], self.decimals)

    def _typed(self, change: Any) -> None:
        if not self._showing and change["new"] != round(self.value, 6):
            self.value = change["new"]


def _round_step(size: float) -> float:
    """The smallest of 1, 2, 5 × 10^k that is at least ``size``."""
    if size <= 0:
        return 0.01
    ten = 10.0 ** math.floor(math.log10(size))
    return float(next(f * ten for f in (1, 2, 5, 10) if f * ten >= size * 0.999))

"""DrawPad and SoundPad: a drawing or a recording, made on the page, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from .._check import as_count, as_number
from ._base import Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DrawPad(Panel):
    """Draw with mouse, pen, finger or keys; the strokes come as lines, and drawn again as a small picture.

    The picture does not show where on the pad the strokes are: their box gets 0.55 of its side, in its middle, as the symbols of
    a font have it.

    Parameters
    ----------
    size : int
        Height and width of the picture in pixels.

    Attributes
    ----------
    strokes : list of float64 (n, 2)
        Points of each stroke in the unit square: x to the right, y down.
    picture : uint8 (size, size), or None
        Dark on white; None before anything is drawn.

    Raises
    ------
    ValueError
        If the size is no whole number of at least 8.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    Examples
    --------
    >>> from mmalign_nb.panels import DrawPad
    >>> pad = DrawPad()
    >>> pad, pad.picture is None
    (DrawPad(0 strokes), True)
    """

    _kind = traitlets.Unicode("draw_pad").tag(sync=True)
    _strokes = traitlets.List().tag(sync=True)

    def __init__(self, size: int = 32) -> None:
        self._picture: np.ndarray | None = None
        super().__init__()
        side = as_count(size, "size", 8)
        self._data = {"height": side, "width": side, "channels": 1, "ink": 0.55, "center": [0.5, 0.5], "paper": 255}  # fmt: skip

    @property
    def strokes(self) -> list[np.ndarray]:
        """Points of each stroke in the unit square."""
        return [np.array(stroke, float).reshape(-1, 2) for stroke in self._strokes]

    @property
    def picture(self) -> np.ndarray | None:
        """The strokes drawn again, dark on white."""
        return None if self._picture is None else self._picture.copy()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._picture = read_views(asked["buffers"], self._data)[0] if asked["views"] else None
        return {}

    def _line(self) -> str:
        n = len(self._strokes)
        return f"({n} stroke{'' if n == 1 else 's'})"

    @property
    def alt(self) -> str:
        """What the pad shows now, in words."""
        return f"A drawing of {self._line()[1:-1]}." if self._strokes else "An empty pad to draw on."

    def figure(self) -> Figure:
        """The strokes."""
        from ..plots import new_figure

        figure = new_figure(2, 2)
        ax = figure.subplots()
        ax.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0))
        for stroke in self.strokes:
            ax.plot(*stroke.T, color="black", linewidth=4, solid_capstyle="round")
        return figure


class SoundPad(Panel):
    """Record from the microphone, or choose a sound file; see the wave, play it, and have it as samples.

    Parameters
    ----------
    seconds : float
        How long a recording may be, up to 60.
    sample_rate : int
        In Hz, 3,000 to 768,000; what was recorded or chosen is brought to it, in one channel.

    Attributes
    ----------
    recording : float32 (samples,), or None
        None before anything is recorded.

    Raises
    ------
    ValueError
        If seconds or sample_rate is out of range.

    Notes
    -----
    The browser asks whether the page may use the microphone; without one, or without leave, a file can be chosen.
    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> from mmalign_nb.panels import SoundPad
    >>> SoundPad(seconds=3)
    SoundPad(no recording)
    """

    _kind = traitlets.Unicode("sound_pad").tag(sync=True)

    def __init__(self, seconds: float = 5.0, sample_rate: int = 16000) -> None:
        self._sound: np.ndarray | None = None
        super().__init__()
        longest = as_number(seconds, "seconds", 0, 60, above=True)
        self._data = {"seconds": longest, "rate": as_count(sample_rate, "sample_rate", 3000, 768_000)}

    @property
    def recording(self) -> np.ndarray | None:
        """What was recorded or chosen last: one channel."""
        return None if self._sound is None else self._sound.copy()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._sound = read_sound(asked["buffers"]) if asked["sound"] else None
        return {}

    def _line(self) -> str:
        if self._sound is None:
            return "(no recording)"
        return f"({len(self._sound) / self._data['rate']:.2f} s at {self._data['rate']} Hz)"

    @property
    def alt(self) -> str:
        """What the pad shows now, in words."""
        return (
            "No recording yet." if self._sound is None else f"The wave of a recording: {self._line()[1:-1]}."
        )

    def figure(self) -> Figure:
        """The wave."""
        from ..plots import new_figure

        figure = new_figure(5, 1.5)
        ax = figure.subplots()
        ax.set(yticks=[], ylim=(-1, 1), xlabel="seconds")
        if self._sound is not None:
            ax.plot(np.arange(len(self._sound)) / self._data["rate"], self._sound, linewidth=0.8)
        return figure


def read_views(buffers: Sequence[Any], wanted: dict[str, Any]) -> np.ndarray:
    """Views of a picture as the page sends them: uint8 ``(n, H, W)`` or ``(n, H, W, 3)``."""
    colour = () if wanted["channels"] == 1 else (wanted["channels"],)
    shape = (wanted["height"], wanted["width"], *colour)
    return np.stack([np.frombuffer(view, np.uint8).reshape(shape) for view in buffers])


def read_sound(buffers: Sequence[Any]) -> np.ndarray:
    """Samples as the page sends them."""
    return np.frombuffer(buffers[0], np.float32).copy()

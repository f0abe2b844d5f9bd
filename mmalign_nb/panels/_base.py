"""What all panels share: values that both sides turn, items as bytes, a picture and a line that stand in, a page of their own."""

from __future__ import annotations

import base64
import functools
import html
import math
import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from .._check import as_number, as_scores, describe, one_of
from .._files import as_path, replacing
from ..plots.style import as_drawn, as_words, figure_png
from . import instrument

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Control:
    """A value of a panel that the next cell can read, set and observe, as one that is turned on the page."""

    def __init__(self, panel: Panel, trait: str, read: Callable[[Any], Any]) -> None:
        self._panel, self._trait, self._read = panel, trait, read

    @property
    def value(self) -> Any:
        """The value now, here and on the page."""
        return getattr(self._panel, self._trait)

    @value.setter
    def value(self, value: Any) -> None:
        setattr(self._panel, self._trait, self._read(value))

    def observe(self, handler: Callable[[Any], None], names: str = "value") -> None:
        """Call ``handler`` with each change, whoever made it."""
        self._panel.observe(self._panel._guard(handler), self._trait)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self.value!r})"


@dataclass(frozen=True)
class Range:
    """What a slider runs over, in round steps, and with how many decimals its numbers are written."""

    min: float
    max: float
    step: float
    decimals: int

    @classmethod
    def over(cls, low: float, high: float, also: float = math.nan) -> Range:
        """From ``low``, or ``also`` if it is lower, to just above both, in about 200 steps."""
        low, high = np.nanmin([low, also]), np.nanmax([high, also])
        step = _round_step((high - low) / 200)
        decimals = max(0, -math.floor(math.log10(step)))
        ends = math.floor(low / step) * step, (math.ceil(high / step) + 1) * step
        first, last = (round(float(x), decimals) for x in ends)
        return cls(first, last, step, decimals)

    def words(self, value: float) -> str:
        """A number with as many decimals as the steps have; very small steps are written with an exponent."""
        return f"{value + 0.0:.3e}" if self.decimals > 6 else f"{value + 0.0:.{self.decimals}f}"

    def read(self, value: Any, name: str) -> float:
        """A number in this range."""
        return as_number(value, name, self.min, self.max)


def _round_step(size: float) -> float:
    """The smallest of 1, 2, 5 × 10^k that is at least ``size``."""
    if size <= 0:
        return 0.01
    ten = 10.0 ** math.floor(math.log10(size))
    return float(next(f * ten for f in (1, 2, 5, 10) if f * ten >= size * 0.999))


class Panel(anywidget.AnyWidget):
    """A panel that lives in the browser, and can also be read without a kernel and without a browser.

    The browser gets the data once (``_data``), and turns knobs by itself; the traits of a subclass say what is turned.
    Subclasses say what they show: ``_line()`` in one line of text (compared by the notebook tests, so it must be the same
    every time), ``alt`` in words for who does not see the picture, and ``figure()`` as a matplotlib figure.
    """

    _esm = instrument.module()
    _css = instrument.style()
    _kind = traitlets.Unicode().tag(sync=True)
    _data = traitlets.Dict().tag(sync=True)
    _said = traitlets.Dict({"words": "", "error": False, "number": 0}).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._hear)

    def close(self) -> None:
        """End the panel, on the page and here; its layout too, which ipywidgets would keep."""
        if self.layout is not None:
            self.layout.close()
        super().close()

    @property
    @abstractmethod
    def alt(self) -> str:
        """What the panel shows now, in words."""

    @abstractmethod
    def figure(self) -> Figure:
        """What the panel shows now, as a figure of its own."""

    @abstractmethod
    def _line(self) -> str:
        """What the panel shows now, in one line."""

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the page asks Python for; arrays of the page are in ``asked["buffers"]``. Ours go by a trait, which is there when the answer is."""
        raise ValueError(f"the page asks for {asked}, which this panel does not know")

    def _state(self) -> dict[str, Any]:
        """All that the panel needs in a page without Python."""
        kept = [k for k in self.trait_names(sync=True) if k.startswith("_") and not k.startswith(("_view", "_model", "_esm", "_css", "_dom", "_anywidget"))]  # fmt: skip
        return {name: getattr(self, name) for name in kept}

    def _hear(self, _: Any, asked: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Answer a message of the page; an error is an answer too, and is read in the panel."""

        def answer(content: dict[str, Any]) -> None:
            self.send({**self._answer(content), "id": content["id"]})

        self._guard(answer)(asked | {"buffers": buffers} if buffers else asked)

    def _say(self, words: str, error: bool = False) -> None:
        """Put a sentence into the panel's own line; an error stands in the text form of the panel as well."""
        self._said = {
            "words": words,
            "error": error,
            "number": self._said["number"] + 1,
        }  # said twice is news, too

    def _guard(self, callback: Callable[[Any], Any]) -> Callable[[Any], None]:
        """Wrap a callback so that its error is read in the panel: Jupyter would hide it in a log."""

        @functools.wraps(callback)
        def run(change: Any) -> None:
            before = self._said["number"]
            try:
                callback(change)
            except Exception as err:
                self._say(f"{type(err).__name__}: {err}", error=True)
            else:
                if self._said["error"] and self._said["number"] == before:  # of an earlier one
                    self._say("")

        return run

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(error: {self._said['words']})" if self._said["error"] else f"{name}{self._line()}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data = dict(super()._repr_mimebundle_(**kwargs)[0])
        data["text/plain"] = repr(self)
        data["image/png"] = base64.b64encode(figure_png(self.figure())).decode("ascii")
        if os.environ.get(instrument.LIVE):
            data[instrument.FRAGMENT] = self._living()
        return data, {"image/png": {"alt": self.alt}}

    def _living(self) -> str:
        """The panel as a part of a page: the data that bring it to life."""
        return instrument.living(self._state())

    def _still(self) -> str:
        """A picture that stands in where the panel does not live."""
        png = base64.b64encode(figure_png(self.figure())).decode("ascii")
        return f'<img class="mm-still" alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}">'

    def save_html(self, path: str | os.PathLike[str], title: str | None = None) -> None:
        """Write a page of its own, UTF-8, in which the panel lives without Python and without a network.

        What needs Python, such as a new query, says so there. The page is written in one act.

        Parameters
        ----------
        path : str or path
        title : str, optional
            By default the panel's name.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from mmalign_nb.panels import ThresholdPanel
        >>> panel = ThresholdPanel([[0.9, 0.1], [0.3, 0.4]], ["cat", "dog"], ["Katze", "Hund"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     panel.save_html(path := pathlib.Path(folder, "panel.html"))
        ...     text = path.read_text(encoding="utf-8")
        >>> "http://" in text or "https://" in text, "Katze" in text
        (False, True)
        """
        title = type(self).__name__ if title is None else as_words(title, "title")
        inside = f"<h1>{html.escape(title)}</h1>\n{self._living()}{self._still()}"
        page = instrument.page(title, inside)
        with replacing(as_path(path)) as file:
            file.write(page.encode("utf-8"))


def read_measures(scores: Any, n: int = 1) -> tuple[dict[str, np.ndarray], tuple[int, int]]:
    """Return at least n score matrices of one shape by their names, and that shape; one alone is called "score"."""
    named = dict(scores) if isinstance(scores, Mapping) else {"score": scores}
    if len(named) < n:
        raise ValueError(
            f"scores is {describe(scores)}; want a mapping of at least {'two names' if n == 2 else 'one name'} to matrices, "
            "such as {'cosine': S, 'dot': D}"
        )
    out = {
        as_words(k, "a name of scores"): as_drawn(
            as_scores(v, what := f"scores[{k!r}]" if len(named) > 1 else "scores"), what
        )
        for k, v in named.items()
    }
    shapes = {S.shape for S in out.values()}
    if len(shapes) > 1:
        raise ValueError(f"scores has matrices of different shapes {sorted(shapes)}; want one shape")
    return out, shapes.pop()


def choice(panel: Panel, trait: str, name: str, options: Sequence[str]) -> Control:
    """A control that takes one of some words."""
    return Control(panel, trait, lambda value: one_of(value, name, options))

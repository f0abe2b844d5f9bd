"""What all panels share: a status line for errors, the look, and the picture and the line that stand in for them."""

from __future__ import annotations

import base64
import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from .._check import as_scores, describe
from ..plots.style import RIGHT, WRONG, as_drawn, as_words, figure_png
from ._media import Media, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Set once per panel; JupyterLab's own variables keep text readable in its dark theme.
CSS = f"""<style>
.mm-panel {{ max-width: 1080px; }}
.mm-panel .widget-label, .mm-panel select, .mm-panel input, .mm-panel button {{ font-size: 15px; }}
.mm-panel .widget-html, .mm-panel .widget-html-content {{ overflow: visible; font-size: 15px; line-height: 1.4; }}
.mm-read {{ font-size: 18px; color: var(--jp-content-font-color1, #111); }}
.mm-read b {{ font-variant-numeric: tabular-nums; }}
.mm-note {{ color: var(--jp-content-font-color2, #444); }}
.mm-status {{ min-height: 1.5em; }}
.mm-error {{ color: {WRONG}; font-weight: 600; }}
.mm-head {{ font-size: 16px; font-weight: 600; margin: 6px 0 4px; color: var(--jp-content-font-color1, #111); }}
.mm-cards {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 10px; }}
.mm-cards.small {{ grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); }}
.mm-cards.list {{ grid-template-columns: 1fr; }}
.mm-two {{ display: grid; grid-template-columns: 1fr 1fr; gap: 28px; margin-bottom: 8px; }}
.mm-ask {{ display: flex; align-items: center; gap: 14px; }}
.mm-ask .mm-text {{ font-size: 18px; text-align: left; }}
.mm-stack {{ display: flex; flex-direction: column; gap: 6px; padding-left: 12px; }}
.mm-card {{ border: 2px solid #c4c4c4; border-radius: 6px; padding: 6px 8px; background: #fff; color: #111;
  min-width: 0; }}
.mm-card.right {{ border-color: {RIGHT}; }}
.mm-card.wrong {{ border: 2px dashed {WRONG}; }}
.mm-card .mm-top {{ display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: 8px;
  white-space: nowrap; font-size: 14px; margin-bottom: 4px; }}
.mm-card.right .mm-mark {{ color: {RIGHT}; font-weight: 600; }}
.mm-card.wrong .mm-mark {{ color: {WRONG}; font-weight: 600; }}
.mm-pair {{ display: flex; align-items: center; justify-content: center; gap: 8px; min-height: 76px; }}
.mm-pair.tall {{ flex-direction: column; }}
.mm-cards.list .mm-pair {{ min-height: 0; }}
.mm-text {{ font-size: 15px; line-height: 1.25; overflow-wrap: anywhere; text-align: center; }}
.mm-item {{ width: 72px; height: 72px; object-fit: contain; margin: 0; background: #fff; }}
.mm-card audio {{ width: 100%; min-width: 130px; height: 34px; }}
.mm-picture {{ width: 100%; display: block; background: #fff; }}
</style>"""


class Panel(widgets.VBox):
    """A ``VBox`` that can also be read without a kernel and without a browser.

    Subclasses say what they show: ``_line()`` in one line of text (compared by the notebook tests, so it must be
    the same every time), ``alt`` in words for who does not see the picture, and ``figure()`` as a matplotlib figure.
    """

    def __init__(self, children: list[widgets.Widget], status_at: int | None = None) -> None:
        self._error = ""
        self._status = widgets.HTML()
        self._status.add_class("mm-status")
        at = len(children) if status_at is None else status_at
        style = widgets.HTML(CSS, layout={"margin": "0", "height": "0"})
        super().__init__([style, *children[:at], self._status, *children[at:]])
        self.add_class("mm-panel")

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

    def _say(self, words: str, error: bool = False) -> None:
        """Put a sentence into the status line; an error is kept for the text form of the panel as well."""
        self._error = words if error else ""
        kind, sign = ("mm-error", "⚠ ") if error else ("mm-note", "")
        self._status.value = f'<div class="{kind}" role="status">{sign}{escape(words)}</div>' if words else ""

    def _guard(self, callback: Callable[[Any], Any]) -> Callable[[Any], None]:
        """Wrap a callback so that its error is read in the panel: Jupyter would hide it in a log."""

        @functools.wraps(callback)
        def run(change: Any) -> None:
            try:
                callback(change)
            except Exception as err:
                self._say(f"{type(err).__name__}: {err}", error=True)

        return run

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(error: {self._error})" if self._error else f"{name}{self._line()}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data = super()._repr_mimebundle_(**kwargs) or {}
        data["text/plain"] = repr(self)
        data["image/png"] = base64.b64encode(figure_png(self.figure())).decode("ascii")
        return data, {"image/png": {"alt": self.alt}}


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


def card(top: str, inside: str, right: bool | None = None) -> str:
    """A frame around an item or a pair: solid with ✓ if right, dashed with ✗ if wrong, grey if nobody knows."""
    kind, mark = {None: ("", ""), True: ("right", "✓ right"), False: ("wrong", "✗ wrong")}[right]
    return (
        f'<div class="mm-card {kind}"><div class="mm-top"><b>{top}</b><span class="mm-mark">{mark}</span></div>'
        f"{inside}</div>"
    )


def pair_card(a: Media, b: Media, i: int, j: int, score: float, right: bool | None) -> str:
    """Two items that are (or are not) a match, with their score."""
    tall = " tall" if "sound" in (a.kind, b.kind) or a.kind == b.kind == "text" else ""
    arrow = "↕" if tall else "↔"
    inside = f'<div class="mm-pair{tall}">{a.html(i)}<span aria-hidden="true">{arrow}</span>{b.html(j)}</div>'
    return card(f"{score:.3f}", inside, right)

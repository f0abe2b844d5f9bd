"""How every figure looks, and how it is shown with words beside it."""

from __future__ import annotations

import base64
import functools
import html
import io
import textwrap
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from .._check import as_number, as_texts, describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito, Color Universal Design (2008): told apart with every common form of colour blindness.
COLORS = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#767676",
}
RIGHT, WRONG, LINE = COLORS["blue"], COLORS["vermilion"], COLORS["vermilion"]
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 3)))
CYCLE = tuple(COLORS[c] for c in ("blue", "vermilion", "green", "purple", "orange", "sky", "black"))

_STYLE: Any = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "lines.linewidth": 2.2,
    "lines.markersize": 7,
    "hatch.linewidth": 0.8,
    "figure.dpi": 100,
    "text.parse_math": False,  # a dollar in a caption is a dollar
}

MISSING = (
    "A box stands for a sign that no typeface on this computer has (for Chinese, install Noto Sans CJK SC)."
)

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under this module's style, and put the reader's own style back afterwards.

    Parameters
    ----------
    draw : function that returns a Figure

    Returns
    -------
    function
        The same, to be used as a decorator.

    Notes
    -----
    Notebook: ``02_similarity``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> @plots.styled
    ... def empty():
    ...     return plots.new_figure(2, 1)
    >>> len(empty().axes)
    0
    """

    @functools.wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib as mpl
        from matplotlib.ticker import LogFormatter

        with mpl.rc_context({**_STYLE, "font.family": families()}):
            figure = draw(*args, **kwargs)
            for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
                if isinstance(axis.get_major_formatter(), LogFormatter):  # its powers of ten are formulas
                    for label in axis.get_ticklabels(which="both"):
                        label.set_parse_math(True)
            return figure

    return run


@functools.cache
def families() -> list[str]:
    """DejaVu Sans (bundled, has the symbols), then whatever Chinese typeface this machine has."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    chinese = (
        "Noto Sans CJK SC",
        "Source Han Sans SC",
        "WenQuanYi Micro Hei",
        "PingFang SC",
        "Microsoft YaHei",
    )
    return ["DejaVu Sans", *(name for name in chinese if name in installed)]


def as_words(x: Any, name: str, n: int | None = None) -> Any:
    """Return what is written into a figure: one str, or n of them as a list."""
    if n is None:
        if not isinstance(x, str):
            raise TypeError(f"{name} is {describe(x)}; want a str")
        return as_texts([x], name)[0]
    texts = as_texts(x, name, allow_empty=True)
    if len(texts) != n:
        raise ValueError(f"{name} has {len(texts)} entries; want {n}")
    return texts


def as_drawn(x: np.ndarray, name: str) -> np.ndarray:
    """Refuse numbers that matplotlib, which multiplies them, cannot place."""
    if np.abs(x[np.isfinite(x)]).max(initial=0) > np.finfo(np.float32).max:
        raise ValueError(
            f"{name} has numbers beyond {np.finfo(np.float32).max:.3g}; scale them down to draw them"
        )
    return x


def new_figure(width: float, height: float) -> Figure:
    """Return an empty off-screen figure, ``width × height`` inches at 100 pixels an inch, that fits its labels.

    Parameters
    ----------
    width, height : float
        In inches, 100 pixels each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a side is no number above 0.

    Notes
    -----
    Notebook: ``02_similarity``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> plots.new_figure(4, 3).get_size_inches().tolist()
    [4.0, 3.0]
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    width, height = (
        as_number(x, name, 0, 655, above=True) for x, name in ((width, "width"), (height, "height"))
    )
    fig = _figure_class()(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.08))
    FigureCanvasAgg(fig)
    return fig


def new_axes(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """A new figure with one pair of axes under a heading."""
    fig = new_figure(width, height)
    return fig, fig.add_subplot(title=as_words(title, "title"))


@functools.cache
def _figure_class() -> type[Figure]:
    """A Figure that says in a line of its own what matplotlib would warn of for each sign: no typeface has it."""
    from matplotlib.figure import Figure

    class NotedFigure(Figure):
        def draw(self, renderer: Any) -> None:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                super().draw(renderer)
            glyph = [w for w in caught if str(w.message).startswith("Glyph ")]
            for w in caught:
                if w not in glyph:
                    warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
            if glyph and not self.get_supxlabel():
                self.supxlabel(
                    textwrap.fill(MISSING, int(13 * self.get_figwidth())), x=0.01, ha="left", fontsize=10
                )
                self.draw(renderer)

    return NotedFigure


def figure_png(figure: Figure, optimize: bool = True) -> bytes:
    """Draw a figure and return it as PNG with at most 256 colours: a third of the bytes of full colour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    out = io.BytesIO()
    Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=optimize)
    return out.getvalue()


class Picture:
    """Show a figure together with the words that replace it.

    A notebook gets two outputs: the picture, and under it a line "in words" that opens. Why not one ``<img alt=…>``: JupyterLab
    drops such pictures from notebooks it does not trust. Why not ``image/png`` with ``alt`` in its metadata alone: JupyterLab 4.6 and
    nbconvert's usual template ignore that, and only its classic template (and this project's book) reads it. The words are
    plain HTML, which all of them keep, and which notebook tests compare.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What the figure shows, for a reader who does not see it: one or two sentences, with the numbers that matter.

    Raises
    ------
    TypeError, ValueError
        If ``figure`` is no figure, or ``alt`` says nothing.

    Notes
    -----
    Notebook: ``00_start_here``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> plots.Picture(plots.similarity_heatmap([[0.9, 0.1], [0.2, 0.8]]), alt="Two items match their own pictures.")
    Picture: Two items match their own pictures.
    """

    def __init__(self, figure: Figure, alt: str) -> None:
        if not hasattr(figure, "savefig"):
            raise TypeError(f"figure is {describe(figure)}; want a matplotlib Figure")
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"alt is {alt!r}; want words that say what the figure shows")
        self.figure, self.alt = figure, " ".join(alt.split())

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"

    @functools.cached_property
    def png(self) -> bytes:
        """The figure as PNG bytes."""
        return figure_png(self.figure)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        data = {"text/plain": repr(self), "image/png": base64.b64encode(self.png).decode("ascii")}
        return data, {"image/png": {"alt": self.alt}}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data, meta = self._repr_mimebundle_()
        display(data, metadata=meta, raw=True)
        words = f"<details><summary>in words</summary>{html.escape(self.alt)}</details>"
        display({"text/plain": "in words: as above", "text/html": words}, raw=True)

"""Figures for the chapters: data in, ``matplotlib.figure.Figure`` out, nothing kept between calls.

No pyplot: every figure is made with ``Figure`` and ``FigureCanvasAgg``, so no global list of open figures grows
while a slider moves. One style for all: type that can be read from the back row, the Okabe-Ito palette (safe for
colour-blind readers) and never colour alone (a marker, a hatch or a word says the same), legends outside the data.

A chapter shows a figure together with its text alternative::

    plots.Picture(plots.score_histogram(S, threshold=0.4), alt="…")
"""

from .items import items_grid, neighbours, spectrograms
from .reasons import score_terms_waterfall
from .scores import (
    embedding_map,
    learning_curves,
    matchings,
    precision_recall,
    score_histogram,
    similarity_heatmap,
)
from .style import COLORS, MARKERS, Picture, new_figure, styled

__all__ = [
    "COLORS",
    "MARKERS",
    "Picture",
    "embedding_map",
    "items_grid",
    "learning_curves",
    "matchings",
    "neighbours",
    "new_figure",
    "precision_recall",
    "score_histogram",
    "score_terms_waterfall",
    "similarity_heatmap",
    "spectrograms",
    "styled",
]

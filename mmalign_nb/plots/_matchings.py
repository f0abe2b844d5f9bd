"""One score matrix, several matchings: the same heat map side by side, each with its own pairs marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import as_scores
from .._truth import Truth
from ._style import new_figure, styled
from .scores import _as_pairs, _frame_cells, draw_heatmap, mark_pairs, marker_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def matchings(
    scores: Any,
    matches: Mapping[str, Any],
    *,
    truth: Any = None,
    sides: tuple[str, str] = ("side a", "side b"),
) -> Figure:
    """Draw the same scores once per matching, its pairs marked; up to 6 × 6 the numbers are in the cells.

    Parameters
    ----------
    scores : (n, m) array
        Higher is more alike, and darker.
    matches : mapping of title to Matches or (k, 2) pairs
        One heat map each, from left to right.
    truth : optional
        What is right, as in :func:`mmalign_nb.evaluate.pair_report`; then right pairs are discs (or solid frames),
        wrong ones crosses (or dashed frames), and each is counted below its heat map.
    sides : (str, str)
        What rows and columns are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If ``matches`` is empty, or an entry holds no ``(k, 2)`` pairs.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb import align, plots
    >>> S = [[0.9, 0.8], [0.8, 0.1]]
    >>> fig = plots.matchings(S, {"greedy": align.greedy_match(S), "optimal": align.max_match(S)})
    >>> [ax.get_title("left") for ax in fig.axes]
    ['greedy', 'optimal']
    """
    if not matches:
        raise ValueError("matches is empty; want at least one matching to draw")
    S = as_scores(scores)
    n, m = S.shape
    small = max(n, m) <= 6
    side = 3.0 if small else 4.0
    height = (side - 0.6) * min(1.0, max(0.4, n / max(m, 1))) + (1.0 if truth is None else 1.4)
    fig, size = new_figure(side * len(matches) + 0.3, height), marker_size((n, m), side)
    for ax, (title, found) in zip(
        fig.subplots(1, len(matches), squeeze=False)[0], matches.items(), strict=True
    ):
        draw_heatmap(ax, S, sides)
        cells = _as_pairs(found)
        right = None if truth is None else Truth(truth, (n, m)).of(cells[:, 0], cells[:, 1])
        if small:
            _write_numbers(ax, S)
            _frame_cells(ax, cells, right)
        else:
            mark_pairs(ax, cells, right, size)
        if right is not None:
            ax.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, columnspacing=0.8,
                markerscale=1.0 if small else max(1.0, 9 / size),
            )  # fmt: skip
        ax.set_title(title)
    return fig


def _write_numbers(ax: Axes, S: np.ndarray) -> None:
    """Put each score into its cell, white on dark and black on light."""
    finite = S[np.isfinite(S)]
    for i, j in np.argwhere(np.isfinite(S)):
        dark = S[i, j] > (finite.min() + finite.max()) / 2
        ax.text(j, i, f"{S[i, j]:.2f}", ha="center", va="center", color="white" if dark else "black",
                fontsize=12, zorder=4)  # fmt: skip

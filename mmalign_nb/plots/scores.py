"""Figures of numbers: score matrices, thresholds, curves and maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._check import (
    as_array,
    as_matrix,
    as_number,
    as_scores,
    as_threshold,
    as_vector,
    check_same_length,
    describe,
)
from .._truth import Truth
from .style import (
    COLORS,
    CYCLE,
    DASHES,
    LINE,
    MARKERS,
    RIGHT,
    WRONG,
    as_drawn,
    as_words,
    new_axes,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# ---- one axes each: the figures below and the panels draw with the same strokes


def draw_heatmap(ax: Axes, scores: np.ndarray, sides: tuple[str, str] = ("side a", "side b")) -> Any:
    """Draw scores in grey, darker = more alike, so that coloured marks stand out; ``-inf`` stays white."""
    import matplotlib as mpl

    n, m = scores.shape
    sides = as_words(sides, "sides", 2)
    if not scores.size:  # an empty side: a blank field of the other side's size
        scores = np.full((max(n, 1), max(m, 1)), np.nan)
    grey = mpl.colors.LinearSegmentedColormap.from_list("paper", ["#ffffff", "#3c3c3c"])
    aspect: Literal["equal", "auto"] = "equal" if 1 / 2.5 <= n / max(m, 1) <= 2.5 else "auto"
    image = ax.imshow(
        np.ma.masked_invalid(scores),
        cmap=grey,
        aspect=aspect,
        interpolation="nearest" if max(n, m) <= 400 else "auto",
    )
    ax.set_xlabel(f"{sides[1]} ({m})")
    ax.set_ylabel(f"{sides[0]} ({n})")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(mpl.ticker.MaxNLocator(5, integer=True))
    ax.spines[["top", "right"]].set_visible(True)
    return image


def right_and_wrong(pairs: np.ndarray, right: np.ndarray | None) -> list[tuple[str, np.ndarray, str, bool]]:
    """Pairs by what is known of them: the name, the pairs, their colour, and whether they are wrong."""
    if right is None:
        return [("chosen", pairs, COLORS["orange"], False)]
    return [("right", pairs[right], RIGHT, False), ("wrong", pairs[~right], WRONG, True)]


def mark_pairs(ax: Axes, pairs: np.ndarray, right: np.ndarray | None, size: float) -> None:
    """Mark chosen cells: a ring, or with ``right`` known a disc for right and a cross for wrong."""
    for name, cells, color, wrong in right_and_wrong(pairs, right):
        size = size * 1.3 if wrong else size  # a cross has less ink than a disc
        ax.scatter(
            cells[:, 1], cells[:, 0], s=size**2, edgecolors="white", linewidths=min(1.0, size / 8), color=color,
            marker="X" if wrong else "o", label=f"{name} ({len(cells)})", zorder=3, clip_on=False,
        )  # fmt: skip


def draw_histogram(ax: Axes, scores: np.ndarray, right: np.ndarray | None, edges: list[float]) -> None:
    """Draw how often each score occurs; with ``right`` known, right pairs beside the others, each as a share."""
    from matplotlib.ticker import MaxNLocator

    grey = {"color": "#bdbdbd", "fill": True}
    parts: list[tuple[np.ndarray, str, Any]] = [(scores, "pairs", grey)]
    if right is not None:
        hatched = {"edgecolor": RIGHT, "facecolor": "none", "hatch": "////", "linewidth": 1.4}
        parts = [(scores[~right], "other pairs", grey), (scores[right], "right pairs", hatched)]
    for values, name, look in parts:
        counts = np.histogram(values, edges)[0]
        heights = counts if right is None else counts / max(len(values), 1)
        ax.stairs(heights, edges, label=f"{name} ({len(values):,})", **look)
    ax.set_ylabel("number of pairs" if right is None else "share of pairs")
    ax.set_ylim(bottom=0)
    ax.set_xlim(edges[0], edges[-1])
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.set_xlabel("score")


def draw_precision_recall(ax: Axes, curves: Mapping[str, tuple[Any, Any]]) -> None:
    """Draw precision over recall, each curve with its own colour and dashes."""
    for (name, (precision, recall)), color, dash in zip(curves.items(), CYCLE, DASHES, strict=False):
        ax.plot(recall, precision, color=color, linestyle=dash, label=name)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04), xlabel="recall", ylabel="precision")
    ax.grid(color="#e4e4e4", linewidth=0.8)
    ax.set_axisbelow(True)


def legend_below(ax: Axes, columns: int = 2, drop: float = 0.17) -> None:
    """Put the legend under the axes, where it can hide nothing."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -drop), ncols=columns, borderaxespad=0, columnspacing=1.2
        )


def marker_size(shape: tuple[int, int], inches: float) -> float:
    """How large, in points, a mark may be in a matrix that is ``inches`` wide."""
    return float(np.clip(0.8 * 72 * inches / max(*shape, 1), 4.5, 14.0))


def histogram_edges(scores: np.ndarray, bins: int = 60) -> list[float]:
    """Equal bins over all finite scores; one bin around a single value."""
    lo, hi = (float(scores.min()), float(scores.max())) if scores.size else (0.0, 1.0)
    pad = 0.5 + 0.01 * abs(lo) if lo == hi else 0.02 * (hi - lo)
    return np.linspace(lo - pad, hi + pad, bins + 1).tolist()


# ---- figures


@styled
def similarity_heatmap(
    scores: Any,
    pairs: Any = None,
    *,
    truth: Any = None,
    labels_a: Sequence[str] | None = None,
    labels_b: Sequence[str] | None = None,
    sides: tuple[str, str] = ("side a", "side b"),
    title: str = "",
) -> Figure:
    """Draw a score matrix in grey, with the chosen pairs marked on it.

    Parameters
    ----------
    scores : (n, m) array
        Higher is more alike; up to 12 × 12 the numbers are written into the cells.
    pairs : (k, 2) array of int, optional
        Chosen cells ``(row, column)``, for example ``matches.pairs``.
    truth : optional
        What is right, as in :func:`mmalign_nb.evaluate.pair_report`; then right pairs are discs, wrong ones crosses.
    labels_a, labels_b : sequences of str, optional
        Names of rows and columns.
    sides : (str, str)
        What rows and columns are.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If labels and scores differ in length, or ``pairs`` is not ``(k, 2)``.

    Notes
    -----
    Notebook: ``00_start_here``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> fig = plots.similarity_heatmap([[0.9, 0.1], [0.2, 0.8]], pairs=[(0, 0), (1, 1)], truth="diagonal")
    >>> fig.axes[0].get_xlabel()
    'side b (2)'
    """
    S = as_drawn(as_scores(scores), "scores")
    n, m = S.shape
    labelled = labels_a is not None or labels_b is not None
    small = max(n, m) <= 12
    side = 1.2 + 0.62 * max(n, m, 3) if small else 4.6
    width = side + 1.5 + (1.4 if labelled else 0)
    fig, ax = new_axes(width, max(2.6, side * min(1.0, max(0.4, n / max(m, 1))) + 1.1), title)
    image = draw_heatmap(ax, S, sides)
    fig.colorbar(image, ax=ax, shrink=0.8, label="score (darker: more alike)")
    if labels_a is not None:
        ax.set_yticks(range(n), as_words(labels_a, "labels_a", n))
    if labels_b is not None:
        labels_b = as_words(labels_b, "labels_b", m)
        ax.set_xticks(range(m), labels_b)
        if max(map(len, labels_b), default=0) > 3:
            ax.tick_params(axis="x", rotation=40)
            for text in ax.get_xticklabels():
                text.set_horizontalalignment("right")
    _fill_cells(ax, S, pairs, truth, 11 if small else 0, marker_size((n, m), side))
    if pairs is not None:
        legend_below(ax)
    return fig


def _fill_cells(ax: Axes, S: np.ndarray, pairs: Any, truth: Any, numbers: int, size: float) -> Any:
    """Mark pairs, ``size`` points large; or with ``numbers`` write each score in type of that size, and frame pairs.

    Returned are the pairs that are right, if that is known.
    """
    finite = np.isfinite(S)
    for i, j in np.argwhere(finite) if numbers else ():
        dark = S[i, j] > (S[finite].min() + S[finite].max()) / 2
        number = f"{S[i, j]:.2f}" if abs(S[i, j]) < 1e4 else f"{S[i, j]:.2g}"
        ax.text(j, i, number, ha="center", va="center", color="white" if dark else "black",
                fontsize=numbers, zorder=4)  # fmt: skip
    if pairs is None:
        return None
    cells = _as_pairs(pairs, S.shape)
    right = None if truth is None else Truth(truth, (len(S), S.shape[1])).of(cells[:, 0], cells[:, 1])
    if numbers:
        _frame_cells(ax, cells, right)
    else:
        mark_pairs(ax, cells, right, size)
    return right


def _as_pairs(pairs: Any, shape: tuple[int, ...]) -> np.ndarray:
    want = "(k, 2): row and column of each chosen cell"
    cells = as_array(getattr(pairs, "pairs", pairs), "pairs", f"whole numbers {want}")
    if cells.size == 0:
        return np.empty((0, 2), np.int64)
    if cells.ndim != 2 or cells.shape[1] != 2 or cells.dtype.kind not in "iu":
        raise ValueError(f"pairs is {describe(cells)}; want whole numbers {want}")
    if cells.min() < 0 or (cells >= shape).any():
        wrong = cells[((cells < 0) | (cells >= shape)).any(axis=1)][0].tolist()
        raise ValueError(f"pairs has {wrong}; want rows and columns within {shape[0]} × {shape[1]}")
    return cells


def _frame_cells(ax: Axes, cells: np.ndarray, right: np.ndarray | None) -> None:
    """In a small matrix with numbers in its cells, frame the chosen ones: solid if right, dashed if wrong."""
    from matplotlib.patches import Rectangle

    for name, framed, color, wrong in right_and_wrong(cells, right):
        for k, (i, j) in enumerate(framed):
            ax.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=color, linewidth=3.5,
                                   linestyle="--" if wrong else "-", zorder=3,
                                   label=None if k else f"{name} ({len(framed)})"))  # fmt: skip


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
    if not isinstance(matches, Mapping) or not matches:
        raise ValueError(f"matches is {describe(matches)}; want a mapping of at least one title to its pairs")
    S = as_drawn(as_scores(scores), "scores")
    n, m = S.shape
    small = max(n, m) <= 6
    side = 3.0 if small else 4.0
    height = (side - 0.6) * min(1.0, max(0.4, n / max(m, 1))) + (1.0 if truth is None else 1.4)
    fig, size = new_figure(side * len(matches) + 0.3, height), marker_size((n, m), side)
    for ax, (title, found) in zip(
        fig.subplots(1, len(matches), squeeze=False)[0], matches.items(), strict=True
    ):
        draw_heatmap(ax, S, sides)
        right = _fill_cells(ax, S, found, truth, 12 if small else 0, size)
        if right is not None:
            ax.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, columnspacing=0.8,
                markerscale=1.0 if small else max(1.0, 9 / size),
            )  # fmt: skip
        ax.set_title(as_words(title, "a title"))
    return fig


@styled
def score_histogram(scores: Any, threshold: Any = None, truth: Any = None, *, title: str = "") -> Figure:
    """Draw the distribution of scores with the threshold as a line.

    Parameters
    ----------
    scores : (n, m) matrix or (k,) scores
    threshold : float or Threshold, optional
        Drawn as a dashed line with its value; an abstaining Threshold draws none.
    truth : optional
        For a matrix what :func:`mmalign_nb.evaluate.pair_report` takes, for 1-D scores a boolean per score. Right pairs
        are hatched, and both kinds are drawn as shares, since there are far more wrong pairs than right ones.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If scores are neither a matrix nor 1-D, or truth does not fit them.

    Notes
    -----
    Notebook: ``11_your_own_data``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> fig = plots.score_histogram([0.1, 0.2, 0.9], threshold=0.5, truth=[False, False, True])
    >>> fig.axes[0].get_ylabel()
    'share of pairs'
    """
    values = as_drawn(as_scores(scores, ndim=(1, 2)), "scores")
    right: np.ndarray | None = None
    if truth is not None and values.ndim == 2:
        right = Truth(truth, (values.shape[0], values.shape[1])).rows(0, len(values)).ravel()
    elif truth is not None:
        right = as_array(truth, "truth", "bool, one per score")
        if right.ndim != 1 or not np.isin(right, (0, 1)).all():
            raise ValueError(f"truth is {describe(right)}; want bool, one per score")
        check_same_length(values, right, "scores", "truth")
        right = right.astype(bool)
    values = values.ravel()
    keep = np.isfinite(values)
    values, right = values[keep], None if right is None else right[keep]
    fig, ax = new_axes(7.2, 3.9, title)
    draw_histogram(ax, values, right, histogram_edges(values))
    if (
        threshold is not None
        and not getattr(threshold, "abstained", False)
        and math.isfinite(t := as_threshold(threshold))
    ):
        ax.axvline(
            t,
            color=LINE,
            linestyle="--",
            label=f"threshold {t:.2f}" if abs(t) < 1e6 else f"threshold {t:.3g}",
        )
    legend_below(ax, 3)
    return fig


@styled
def precision_recall(
    curves: Any, point: tuple[float, float] | None = None, *, point_label: str = "", title: str = ""
) -> Figure:
    """Draw precision over recall for one sweep or several.

    Parameters
    ----------
    curves : Sweep, (precision, recall), or a mapping of name to either
        Anything with ``.precision`` and ``.recall`` counts as a sweep.
    point : (precision, recall), optional
        Where a chosen threshold stands.
    point_label : str
        What the point is, for the legend.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If precision and recall of a curve differ in length.

    Notes
    -----
    Notebook: ``04_alignment``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> fig = plots.precision_recall({"cosine": ([1.0, 0.5], [0.5, 1.0])}, point=(1.0, 0.5))
    >>> fig.axes[0].get_xlabel(), fig.axes[0].get_ylabel()
    ('recall', 'precision')
    """
    named = dict(curves) if isinstance(curves, Mapping) else {"": curves}
    pairs = {}
    for name, curve in named.items():
        both = (curve.precision, curve.recall) if hasattr(curve, "precision") else curve
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise TypeError(
                f"curves is {describe(curve)}; want a Sweep, (precision, recall), or a mapping to either"
            )
        p, r = as_vector(both[0], "precision"), as_vector(both[1], "recall")
        check_same_length(p, r, "precision", "recall")
        pairs[str(name)] = p, r
    if point is not None:
        point = tuple(as_vector(point, "point", 2, want="numbers: precision and recall"))
    fig, ax = new_axes(5.6, 4.6, title)
    draw_precision_recall(ax, pairs)
    if point is not None:
        label = as_words(point_label, "point_label") or f"precision {point[0]:.2f}, recall {point[1]:.2f}"
        ax.plot([point[1]], [point[0]], "o", color=LINE, markersize=12, markeredgecolor="white", label=label)
    legend_below(ax)
    return fig


@styled
def learning_curves(
    curves: Mapping[str, Any],
    *,
    xlabel: str = "training pairs",
    ylabel: str = "hit@1",
    chance: float | None = None,
    log: bool = True,
    title: str = "",
) -> Figure:
    """Draw how something grows with something, one line with its own marker and dashes per name.

    Parameters
    ----------
    curves : mapping of name to (x, y) or (x, y, low, high)
        With ``low`` and ``high`` a band is drawn.
    chance : float, optional
        Drawn as a grey dotted line.
    xlabel : str
        What the x axis shows.
    ylabel : str
        What the y axis shows.
    log : bool
        Whether the x axis is logarithmic.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If a curve is not (x, y) or (x, y, low, high) of finite numbers, named by its key.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> fig = plots.learning_curves({"ridge": ([10, 100], [0.1, 0.4])}, chance=0.01)
    >>> [t.get_text() for t in fig.axes[0].get_legend().get_texts()]
    ['ridge', 'chance']
    """
    if not isinstance(curves, Mapping) or not curves:
        raise TypeError(f"curves is {describe(curves)}; want a mapping of at least one name to (x, y)")
    lines = {as_words(name, "a name of curves"): _as_line(line) for name, line in curves.items()}
    if log and any((line[0] <= 0).any() for line in lines.values()):
        raise ValueError("curves has x of 0 or below; a logarithmic axis has none: want log=False")
    fig, ax = new_axes(8.0, 4.4, title)
    for k, (name, (x, y, *band)) in enumerate(lines.items()):
        color = CYCLE[k % len(CYCLE)]
        ax.plot(
            x, y, color=color, linestyle=DASHES[k % len(DASHES)], marker=MARKERS[k % len(MARKERS)], label=name
        )
        if len(band) == 2:
            ax.fill_between(x, band[0], band[1], color=color, alpha=0.15, linewidth=0)
    if chance is not None:
        ax.axhline(as_number(chance, "chance"), color=COLORS["grey"], linestyle=":", label="chance")
    if log:
        ax.set_xscale("log")
        ticks = sorted({float(v) for line in lines.values() for v in line[0]})
        if len(ticks) <= 8:
            ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
            ax.minorticks_off()
    ax.set(xlabel=as_words(xlabel, "xlabel"), ylabel=as_words(ylabel, "ylabel"))
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig


def _as_line(line: Any) -> list[np.ndarray]:
    """x and y, and perhaps the lower and upper end of a band, all of one length."""
    if not isinstance(line, (tuple, list)) or len(line) not in (2, 4):
        raise ValueError(f"curves has {describe(line)}; want (x, y) or (x, y, low, high)")
    return [
        as_drawn(as_vector(v, name, None if k == 0 else len(line[0])), name)
        for k, (v, name) in enumerate(zip(line, ("x", "y", "low", "high"), strict=False))
    ]


@styled
def embedding_map(
    a: Any, b: Any, pairs: Any = None, *, sides: tuple[str, str] = ("side a", "side b"), title: str = ""
) -> Figure:
    """Draw two sets of 2-D points, one marker per modality, with true pairs joined by a line.

    Parameters
    ----------
    a, b : (n, 2), (m, 2) arrays
        Coordinates, for example by PCA of both sides together.
    pairs : (k, 2) array of int, optional
        Which point of ``a`` belongs to which of ``b``: short lines mean that the modalities are well aligned.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If a or b is not ``(n, 2)`` finite numbers, or ``pairs`` is not ``(k, 2)``.

    Notes
    -----
    Notebook: ``10_faq``.

    Examples
    --------
    >>> from mmalign_nb import plots
    >>> fig = plots.embedding_map([[0, 0], [1, 1]], [[0, 1], [1, 0]], pairs=[(0, 0)], sides=("text", "image"))
    >>> [t.get_text() for t in fig.axes[0].get_legend().get_texts()]
    ['text (2)', 'image (2)']
    """
    A, B = as_matrix(a, "a", dim=2, dtype=np.float32), as_matrix(b, "b", dim=2, dtype=np.float32)
    sides = as_words(sides, "sides", 2)
    fig, ax = new_axes(6.8, 6.0, title)
    if pairs is not None and len(cells := _as_pairs(pairs, (len(A), len(B)))):
        from matplotlib.collections import LineCollection

        ends = np.stack([A[cells[:, 0]], B[cells[:, 1]]], axis=1)
        lines = LineCollection(list(ends), colors="#9a9a9a", linewidths=0.7, zorder=1)
        ax.add_collection(lines, autolim=False)
    size = float(np.clip(9000 / max(len(A) + len(B), 1), 14, 70))
    for points, name, color, marker in (
        (A, sides[0], COLORS["blue"], "o"),
        (B, sides[1], COLORS["orange"], "^"),
    ):
        ax.scatter(points[:, 0], points[:, 1], s=size, c=color, marker=marker, edgecolors="white", linewidths=0.5,
                   label=f"{name} ({len(points)})", zorder=2)  # fmt: skip
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.margins(0.04)
    legend_below(ax, 2, drop=0.02)
    for handle in ax.get_legend().legend_handles:  # type: ignore[union-attr]
        handle.set_sizes([70])  # type: ignore[union-attr]
    return fig

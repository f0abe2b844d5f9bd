"""Figures of reasons: a score as the sum of its terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import as_array, as_count, as_images, describe
from .items import put_image
from .style import COLORS, RIGHT, WRONG, as_words, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def score_terms_waterfall(explanation: Any, *, k: int = 8, image: Any = None, title: str = "") -> Figure:
    """Draw a score as a staircase: the k largest terms, all others together, the bias if there is one, and the sum.

    Each bar begins where the one above it ended, so that the eye can check that the terms add up to the score.

    Parameters
    ----------
    explanation : Explanation
        From :func:`mmalign_nb.explain.score_terms`: has ``top()``, ``terms``, ``bias`` and ``score``.
    k : int
        How many terms get a bar of their own.
    image : uint8 (H, W, 3) or (H, W), optional
        The item that is explained, shown beside the bars.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If ``explanation`` is none, or ``image`` is no single picture.

    Notes
    -----
    Notebook: ``03_shared_space``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb import plots
    >>> from mmalign_nb.explain import Explanation
    >>> terms = np.array([0.9, -0.2, 0.1])
    >>> why = Explanation(0.8, terms, 0.0, terms, (np.arange(3),), (["red", "blue", "round"],))
    >>> fig = plots.score_terms_waterfall(why, k=2)
    >>> [t.get_text() for t in fig.axes[0].get_yticklabels()]
    ['red', 'blue', '1 other', 'score']
    """
    if not all(hasattr(explanation, name) for name in ("top", "terms", "bias", "score")):
        raise TypeError(f"explanation is {describe(explanation)}; want what explain.score_terms returns")
    picture = (
        None
        if image is None
        else as_images(as_array(image, "image", "uint8 (H, W, 3) or (H, W)")[None], "image")[0]
    )
    top = explanation.top(as_count(k, "k"))
    bars = [(t.name, t.term) for t in top]
    if rest := explanation.terms.size - len(top):
        bars.append(
            (f"{rest} other" + "s" * (rest > 1), float(explanation.terms.sum()) - sum(t.term for t in top))
        )
    if abs(explanation.bias) > 5e-4:
        bars.append(("bias", explanation.bias))
    names = [name for name, _ in bars] + ["score"]
    sizes = np.array([size for _, size in bars] + [explanation.score])
    starts = np.append(np.cumsum(sizes[:-1]) - sizes[:-1], 0.0)
    fig = new_figure(7.2 + (2.6 if image is not None else 0), 0.38 * len(bars) + 1.5)
    ax, *side = fig.subplots(1, 2 if image is not None else 1, squeeze=False, width_ratios=[7, 2.6][: 1 + (image is not None)])[0]  # fmt: skip
    rows = np.arange(len(names))
    colors = [RIGHT if s >= 0 else WRONG for s in sizes[:-1]] + [COLORS["grey"]]
    drawn = ax.barh(rows, sizes, left=starts, color=colors, height=0.72, edgecolor="white")
    for bar, size in zip(drawn, sizes, strict=True):
        if size < 0:
            bar.set_hatch("////")
    ends = np.maximum(starts, starts + sizes)
    for row, (end, size) in enumerate(zip(ends, sizes, strict=True)):
        ax.annotate((f"{size:+.3f}" if row < len(bars) else f"{size:.3f}").replace("-", "−"), (end, row), (4, 0),
                    textcoords="offset points", va="center", fontsize=11)  # fmt: skip
    ax.vlines(starts[1:-1], rows[:-2], rows[1:-1], color=COLORS["grey"], linewidth=0.8)
    ax.axvline(0, color=COLORS["black"], linewidth=0.8)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.set_xlim(min(0.0, float((starts + sizes).min())) * 1.05, float(max(ends.max(), 0)) * 1.16 + 1e-9)
    ax.set(xlabel="score, term by term", title=as_words(title, "title"))
    if picture is not None:
        put_image(side[0], picture)
    return fig

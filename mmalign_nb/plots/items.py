"""Figures of the items themselves: galleries, search results, sounds."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import (
    as_array,
    as_audio,
    as_count,
    as_images,
    as_rate,
    as_scores,
    as_texts,
    check_same_length,
    describe,
)
from .style import COLORS, RIGHT, WRONG, as_words, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _fold(text: str, width: int, lines: int) -> str:
    """Break a caption into at most ``lines`` lines of about ``width`` characters; an ellipsis says that it goes on."""
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder=" …"))


def _frame(ax: Axes, color: str = "#c4c4c4", **look: Any) -> None:
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=color, **look)


def put_image(ax: Axes, image: np.ndarray) -> None:
    """Draw one picture, its pixels sharp if it is small."""
    smooth = "nearest" if min(image.shape[:2]) < 100 else "auto"
    ax.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation=smooth)
    _frame(ax)


def _head(figure: Figure, title: str) -> None:
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=14)


def _cells(figure: Figure, n: int, per_row: int, share: bool = False) -> list[Axes]:
    """The first n axes of a grid; the rest of its last row is taken away."""
    axes = list(figure.subplots(-(-n // per_row), per_row, squeeze=False, sharex=share, sharey=share).flat)
    for ax in axes[n:]:
        ax.remove()
    return axes[:n]


def texts_or_images(x: Any, name: str) -> Any:
    """A list of str from whatever holds texts in a row, or uint8 images from whatever has more axes."""
    first = x[0] if isinstance(x, (list, tuple)) and x else None
    rows = getattr(x, "ndim", 1) > 1 or getattr(first, "ndim", 0) or isinstance(first, (list, tuple))
    return as_images(x, name) if rows else as_texts(x, name)


@styled
def items_grid(
    images: np.ndarray, captions: Sequence[str] | None = None, *, columns: int | None = None, title: str = ""
) -> Figure:
    """Draw a gallery: pictures in rows, each with its caption below it.

    Parameters
    ----------
    images : uint8 (n, H, W, 3) or (n, H, W)
    captions : sequence of n str, optional
        Wrapped to the width of a picture, at most three lines.
    columns : int, optional
        Pictures per row; by default up to eight.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If ``images`` is no stack of uint8 pictures or there is not one caption for each.

    Notes
    -----
    Notebook: ``00_start_here``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb import plots
    >>> fig = plots.items_grid(np.zeros((3, 8, 8), np.uint8), ["one", "two", "three"])
    >>> [ax.get_xlabel() for ax in fig.axes]
    ['one', 'two', 'three']
    """
    images, title = as_images(images), as_words(title, "title")
    n = len(images)
    captions = [""] * n if captions is None else as_words(captions, "captions", n)
    per_row = min(n, as_count(columns, "columns", none=True) or (8 if n > 12 else 6))
    cell = min(1.9, 9.6 / per_row)
    words = [_fold(c, max(8, int(cell * 9.2)), 3) for c in captions]
    tallest = max((w.count("\n") + 1 if w else 0) for w in words)
    height = -(-n // per_row) * (cell * images.shape[1] / images.shape[2] + 0.19 * tallest + 0.12)
    fig = new_figure(max(per_row * cell, 3.2), height + (0.4 if title else 0.1))
    for ax, image, below in zip(_cells(fig, n, per_row), images, words, strict=True):
        put_image(ax, image)
        ax.set_xlabel(below, fontsize=11)
    _head(fig, title)
    return fig


@styled
def neighbours(
    queries: Any,
    gallery: Any,
    ids: Any,
    scores: Any = None,
    right: Any = None,
    *,
    gallery_captions: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw one row per query: the query, then its hits with scores; ✓ and a blue frame for right, ✗ and vermilion for wrong.

    Parameters
    ----------
    queries : list of q str, or uint8 images (q, H, W[, 3])
    gallery : list of m str, or uint8 images (m, H, W[, 3])
        Where ``ids`` point to.
    ids : (q, k) array of int
        Hits of each query, best first, for example ``hits.ids``.
    scores : (q, k) array, optional
    right : bool (q, k) array, optional
        Which hits are right.
    gallery_captions : list of m str, optional
        Written under the hits.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If shapes disagree or queries and gallery are neither texts nor images.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb import plots
    >>> gallery = np.zeros((4, 8, 8), np.uint8)
    >>> fig = plots.neighbours(["a star"], gallery, [[2, 0]], [[0.9, 0.4]], [[True, False]])
    >>> [ax.get_title() for ax in fig.axes[1:]]
    ['✓ 0.90', '✗ 0.40']
    """
    title = as_words(title, "title")
    hits = as_array(ids, "ids", "whole numbers (q, k): one row of hits per query")
    if hits.ndim != 2 or hits.dtype.kind not in "iu" or not hits.size:
        raise ValueError(f"ids is {describe(ids)}; want whole numbers (q, k): one row of hits per query")
    queries, gallery = texts_or_images(queries, "queries"), texts_or_images(gallery, "gallery")
    check_same_length(queries, hits, "queries", "ids")
    if hits.min() < 0 or hits.max() >= len(gallery):
        wrong = hits[(hits < 0) | (hits >= len(gallery))][0]
        raise ValueError(f"ids has {wrong}; want rows of the gallery, 0 … {len(gallery) - 1}")
    if scores is not None:
        scores = as_scores(scores)
    if right is not None and not np.isin(right := as_array(right, "right", "bool (q, k)"), (0, 1)).all():
        raise ValueError(f"right is {describe(right)}; want bool (q, k), one entry per hit")
    for extra, name in ((scores, "scores"), (right, "right")):
        if extra is not None and extra.shape != hits.shape:
            raise ValueError(f"{name} has shape {extra.shape}; want {hits.shape}, one entry per hit")
    if gallery_captions is not None:
        gallery_captions = as_words(gallery_captions, "gallery_captions", len(gallery))
    q, k = hits.shape
    words = not isinstance(gallery, np.ndarray)
    cell_w, first = (1.9, 2.3) if words else (1.25, 2.3)
    cell_h = 1.15 if words else 1.55 + (0.4 if gallery_captions is not None else 0)
    fig = new_figure(first + cell_w * k, cell_h * q + (0.45 if title else 0.1))
    grid = fig.subplots(q, k + 1, squeeze=False, width_ratios=[first / cell_w] + [1] * k)
    for i, row in enumerate(grid):
        _put_item(row[0], queries, i, width=20)
        decimals = 2 if scores is None else _decimals(scores[i])
        for j, ax in enumerate(row[1:]):
            item = int(hits[i, j])
            _put_item(ax, gallery, item, width=18)
            mark = "" if right is None else "✓ " if right[i][j] else "✗ "
            score = "" if scores is None else f"{scores[i][j]:.{decimals}f}"
            color = COLORS["black"] if right is None else RIGHT if right[i][j] else WRONG
            ax.set_title((mark + score).strip(), fontsize=13, color=color, loc="center", pad=3)
            if right is not None:
                _frame(ax, color, linewidth=2.5, linestyle="-" if right[i][j] else "--")
            if gallery_captions is not None:
                ax.set_xlabel(_fold(gallery_captions[item], 14, 2), fontsize=10)
    _head(fig, title)
    return fig


def _decimals(scores: np.ndarray) -> int:
    """With how many decimals different scores are told apart: at least 2, at most 7."""
    different = len(set(scores.tolist()))
    return next((d for d in range(2, 7) if len({f"{x:.{d}f}" for x in scores.tolist()}) == different), 7)


def _put_item(ax: Axes, items: Any, i: int, width: int) -> None:
    """Draw a picture, or write a text in the middle of an empty frame."""
    if isinstance(items, np.ndarray):
        put_image(ax, items[i])
        return
    text = _fold(items[i], width, 4)
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, transform=ax.transAxes)
    _frame(ax)


@styled
def spectrograms(
    audio: np.ndarray,
    sample_rate: int,
    captions: Sequence[str] | None = None,
    *,
    columns: int = 3,
    title: str = "",
) -> Figure:
    """Draw sounds as pictures: time to the right (s), pitch upwards (Hz), louder is darker (dB below the loudest).

    The short-time Fourier transform takes frames of 32 ms with a Hann window, every 8 ms.

    Parameters
    ----------
    audio : float32 (n, samples) in [-1, 1]
    sample_rate : int
        Samples per second, in Hz.
    captions : sequence of n str, optional
    columns : int
        How many side by side.
    title : str
        A heading above the figure; none by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If audio is not float sound (n, samples) in [-1, 1], or there is not one caption per sound.

    Notes
    -----
    Notebook: ``07_video_audio_search``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb import plots
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)[None].astype(np.float32)
    >>> fig = plots.spectrograms(tone, 8000, ["440 Hz"])
    >>> fig.axes[0].get_title("left")
    '440 Hz'
    """
    audio, rate, title = as_audio(audio), as_rate(sample_rate), as_words(title, "title")
    n, samples = audio.shape
    captions = [""] * n if captions is None else as_words(captions, "captions", n)
    frame, hop = max(16, int(0.032 * rate)), max(4, int(0.008 * rate))
    padded = np.pad(audio, ((0, 0), (frame // 2, frame // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame, axis=1)[:, ::hop]
    per_row = min(n, as_count(columns, "columns"))
    fig = new_figure(3.1 * per_row + 0.5, 2.2 * -(-n // per_row) + (0.5 if title else 0.2))
    for k, ax in enumerate(_cells(fig, n, per_row, share=True)):
        power = np.abs(np.fft.rfft(frames[k] * np.hanning(frame), axis=1)) ** 2
        level = 10 * np.log10(power.T / max(power.max(), 1e-12) + 1e-8)
        ax.imshow(level, cmap="Greys", vmin=-60, vmax=0, origin="lower", aspect="auto",
                  extent=(0, samples / rate, 0, rate / 2000))  # fmt: skip
        ax.set_title(_fold(captions[k], 30, 2), fontsize=12)
        if k % per_row == 0:
            ax.set_ylabel("kHz")
        if k + per_row >= n:
            ax.set_xlabel("s")
            ax.tick_params(labelbottom=True)
    _head(fig, title)
    return fig

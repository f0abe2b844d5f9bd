"""PairPanel: one pair at a time. Is it right? And see what the answers promise so far."""

from __future__ import annotations

import math
import os
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import traitlets

from .._check import describe
from .._files import as_path
from ..plots import new_figure, styled
from ..plots.items import put_image
from ..plots.style import COLORS, LINE, RIGHT, as_words
from ._base import Panel, Range
from .instrument import packed
from .media import Media

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..threshold import Labelling


class PairPanel(Panel):
    """Answer whether one pair after the other is right, and watch what is promised grow.

    Keys: **y** yes, **n** no, **?** cannot tell, **u** undo. The page asks for the next pair at once, by the same rule as
    :class:`mmalign_nb.threshold.Labelling`; each answer names the pair it is for, and Python refuses one for another pair. The
    score of a pair is not shown while it is asked for: it would sway the answer.

    Parameters
    ----------
    labelling : Labelling
        What is asked, and what is promised. It is the one that answers go to, and stays the reader's own.
    a, b : items of the rows and of the columns of its pool
        A list of str, uint8 images, ``(audio, sample_rate)``, ``(video, fps)``, or ``(items, "image")``. If the labelling is of a
        sequence of scores, candidate k is the pair of ``a[k]`` and ``b[k]``.
    sides : (str, str)
        What rows and columns are.
    captions : (sequence of str or None, sequence of str or None), optional
        Names of the items.
    path : str or path, optional
        A CSV file: every answer is saved there at once (:meth:`mmalign_nb.threshold.Labelling.to_csv`). If it is there, its
        answers are taken first, so that an afternoon's labels survive a restart.

    Attributes
    ----------
    labelling : Labelling
        Its ``threshold``, ``kept``, ``asked`` and ``history`` can be read in the next cell, and follow each answer. Whoever
        calls its ``answer`` or ``undo`` there calls ``panel.refresh()`` too.

    Raises
    ------
    TypeError, ValueError
        If the items do not fit the pool, or ``path`` has answers of another pool, other settings, or other answers.

    References
    ----------
    I. Waudby-Smith, A. Ramdas, *Confidence sequences for sampling without replacement*, NeurIPS 2020.

    Notes
    -----
    Notebook: ``05_what_score_is_a_match``.

    Examples
    --------
    >>> import numpy as np
    >>> from mmalign_nb.align import nearest_match
    >>> from mmalign_nb.panels import PairPanel
    >>> from mmalign_nb.threshold import Labelling
    >>> pool = nearest_match(np.array([[0.9, 0.1], [0.3, 0.4]]))
    >>> panel = PairPanel(Labelling(pool), ["cat", "dog"], ["Katze", "Hund"])
    >>> panel
    PairPanel(0 answers: no promise yet for the 2 matches of the pool); is it right? 'cat' and 'Katze'
    >>> panel.labelling.answer(True)
    >>> panel.refresh()
    >>> panel.labelling.asked
    [((0, 0), True)]
    """

    _kind = traitlets.Unicode("pair").tag(sync=True)
    _told = traitlets.Dict().tag(
        sync=True
    )  # number of changes so far; all answers: place in the pool, and what was said

    def __init__(
        self,
        labelling: Labelling,
        a: Any,
        b: Any,
        *,
        sides: tuple[str, str] = ("side a", "side b"),
        captions: tuple[Any, Any] = (None, None),
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        from ..threshold import Labelling

        if not isinstance(labelling, Labelling):
            raise TypeError(f"labelling is {describe(labelling)}; want a threshold.Labelling")
        self.labelling = labelling
        places = labelling._candidates[labelling._at]  # candidates, best first
        self._pairs = places if places.ndim == 2 else np.column_stack([places, places])
        if labelling._pool is not None:
            n, m = labelling._pool.shape
        else:
            n = m = _length(a, "a", int(places.max(initial=-1)) + 1)
        self._media = Media(a, "a", n, captions[0]), Media(b, "b", m, captions[1])
        self._sides = as_words(sides, "sides", 2)
        self._path = (
            None if path is None else Path(os.path.abspath(as_path(path)))
        )  # wherever the kernel goes
        if self._path is not None:
            self._go_on(self._path)
        self._lock = threading.Lock()
        super().__init__()
        scores = labelling._sign * labelling._scores + 0.0
        ends = (scores.min(), scores.max()) if len(scores) else (0.0, 1.0)
        settings = [repr(labelling.target), repr(labelling.delta), labelling.seed, labelling.first, labelling._fingerprint]  # fmt: skip
        self._data = {
            "a": self._media[0].sent(), "b": self._media[1].sent(), "sides": self._sides, "sign": labelling._sign,
            "plan": {k: packed(v) if isinstance(v, np.ndarray) else v for k, v in plan(labelling).items()},
            "pairs": packed(self._pairs.astype(np.int32)), "single": places.ndim == 1, "scores": packed(scores),
            "range": vars(Range.over(*ends)), "target": labelling.target, "delta": labelling.delta,
            "file": "" if self._path is None else self._path.name, "settings": [str(x) for x in settings],
        }  # fmt: skip
        self._tell()

    def refresh(self) -> None:
        """Show what another cell has done to the labelling, and save it, if there is a path."""
        with self._lock:
            self._tell()
            self._save()

    def _tell(self) -> None:
        """Tell the page all answers; how often they changed tells it which are news."""
        answers, more = [[at, right] for at, right in self.labelling._answers], self.labelling.next_line
        coming = more and {"answers": more.answers, "kept": more.kept_then}
        self._told = {"changes": self._told.get("changes", 0) + 1, "answers": answers, "more": coming}

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """An answer of the page, or an undo, each for the pair that it names."""
        with self._lock:  # JupyterLab gives messages to a thread of their own, and the first ones to another
            return self._take(asked)

    def _take(self, asked: dict[str, Any]) -> dict[str, Any]:
        labelling, undo, words = self.labelling, "undo" in asked, ""
        pair = (labelling.asked[-1][0] if labelling.asked else None) if undo else labelling.ask()
        if pair is None or np.atleast_1d(pair).tolist() != asked["of"]:
            words = "That pair is not the one that Python asks for: it was answered or taken back elsewhere. Nothing was counted."
        elif undo:
            labelling.undo()
        else:
            labelling.answer(asked["answer"])
        self._tell()
        try:
            self._save()
        except OSError as err:
            words = f"The answer counts, but it could not be saved: {err}"
        return {"changes": self._told["changes"], "words": words}

    def _save(self) -> None:
        if self._path is not None and (self.labelling.asked or self._path.exists()):
            self.labelling.to_csv(self._path)

    def _go_on(self, path: Path) -> None:
        """Take the answers of a file, as far as the labelling does not have them."""
        if not path.parent.is_dir():
            raise FileNotFoundError(f"path is {path}; want the name of a file in a folder that is there")
        if not path.exists() or path.read_bytes().count(b"\n") == 1:  # all answers were taken back
            return
        mine, saved = self.labelling, type(self.labelling).resume(path, _pool(self.labelling))
        for name in ("target", "delta", "seed", "first"):
            if (here := getattr(mine, name)) != (there := getattr(saved, name)):
                raise ValueError(f"{path} was labelled with {name} = {there}, and labelling has {name} = {here}; want the same")  # fmt: skip
        given, kept = mine.asked, saved.asked
        if given[: len(kept)] != kept[: len(given)]:
            raise ValueError(f"{path} has other answers than labelling; want another path, or a labelling without answers")  # fmt: skip
        for _, right in kept[len(given) :]:
            mine.answer(right)

    # ---- what is said

    def _words(self) -> tuple[str, str] | None:
        """The two items of the pair that is asked for."""
        at = self.labelling._next()
        if at is None:
            return None
        i, j = self._pairs[at].tolist()
        return self._media[0].words(i), self._media[1].words(j)

    def _line(self) -> str:
        asks = self._words()
        told = repr(self.labelling).removeprefix(type(self.labelling).__name__)
        return told + (
            "; nothing more to ask" if asks is None else f"; is it right? {asks[0]!r} and {asks[1]!r}"
        )

    @property
    def alt(self) -> str:
        """The pair that is asked for, and what is promised, in words."""
        asks, kept = self._words(), self.labelling._kept
        told = "Nothing more to ask." if asks is None else f"Is this pair right: {asks[0]} and {asks[1]}?"
        if n := len(self.labelling.asked):
            told += f" A step curve: after {n} answer{'s' * (n != 1)} {kept:,} of {len(self._pairs):,} matches are kept."
            told += " A band: the precision that is promised at every line."
        return told

    @styled
    def figure(self) -> Figure:
        """The pair that is asked for and, once there are answers, what was kept after each and what is promised at every line."""
        at, told = self.labelling._next(), bool(self.labelling.asked)
        figure = new_figure(11.4 if told else 5.2, 3.4 if told else 2.8)
        stage = figure.subplots(1, 4, width_ratios=[1, 1, 1.6, 1.6]) if told else figure.subplots(1, 2)
        for side, (ax, media) in enumerate(zip(stage, self._media, strict=False)):
            ax.set(xticks=[], yticks=[], box_aspect=1, title=self._sides[side])
            ax.spines[:].set(visible=True, color="#c4c4c4")
            item = "nothing more to ask" if at is None else media.for_figure(self._pairs[at, [side]])[0]
            if isinstance(item, str):
                words = textwrap.fill(item, 14, max_lines=6, placeholder=" …")
                ax.text(0.5, 0.5, words, ha="center", va="center", transform=ax.transAxes)
            else:
                put_image(ax, item)
        if told:
            self._draw_promise(*stage[2:])
        return figure

    def _draw_promise(self, history: Axes, promise: Axes) -> None:
        labelling = self.labelling
        kept = np.r_[0, labelling.history[:, 2]]
        history.step(np.arange(len(kept)), kept, where="post", color=RIGHT)
        history.set(title="matches kept", xlabel="answers", xlim=(0, max(len(kept) - 1, 10)))
        history.set(ylim=(0, max(kept.max() * 1.05, 1)))
        lines = np.unique(labelling._sign * labelling._scores)
        lines = lines[np.unique(np.linspace(0, len(lines) - 1, 300).astype(int))]
        sure = [labelling.bound(t) for t in lines.tolist()]
        step: Literal["pre", "post"] = "pre" if labelling._sign > 0 else "post"
        promise.fill_between(lines, sure, 1, step=step, color=COLORS["green"], alpha=0.25, linewidth=0)
        promise.set(title="promised precision", xlabel="line (score)", ylim=(0, 1.02))
        if labelling._kept:
            promise.axvline(labelling.threshold.value, color=LINE, linestyle="--")


def _pool(labelling: Labelling) -> Any:
    """What a labelling was made of, for another one: its matches, or its scores."""
    if labelling._pool is not None:
        return labelling._pool
    scores = np.full(int(labelling._candidates.max(initial=-1)) + 1, -np.inf)
    scores[labelling._candidates[labelling._at]] = labelling._scores
    return scores


def _length(items: Any, name: str, least: int) -> int:
    """How many items there are, one for each candidate of a sequence of scores."""
    held = (
        items[0] if isinstance(items, tuple) and len(items) == 2 and not isinstance(items[0], str) else items
    )
    n = len(held) if hasattr(held, "__len__") else 0
    if n < least:
        raise ValueError(
            f"{name} has {n} items and the labelling asks for candidate {least - 1}; want one for each candidate"
        )
    return n


def plan(labelling: Labelling) -> dict[str, Any]:
    """What the rule computes once, as ``instrument/walk.js`` takes it: the page then asks, keeps and promises the same."""
    lines = range(len(labelling._sizes))
    bets = labelling._sizes[::-3]
    return {
        "drawn": labelling._drawn.astype(np.int32),
        "sizes": labelling._sizes.tolist(),
        "needed": labelling._needed,
        "start": labelling._start,
        "goals": [[labelling._goal(line, strict) for line in lines] for strict in (0, labelling._start)],
        "bets": bets.tolist(),
        "risk": -math.log(labelling.delta / max(len(bets), 1)),
        "target": labelling.target,
        "prior": 5 / (1 - labelling.target),
    }
